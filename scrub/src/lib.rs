//! Hides host names in a stream of text, whatever their spelling and however the text is cut into chunks.
//!
//! [`symbol`] reads one character in any spelling, [`names`] finds a name, [`scrub`] replaces it as the text streams by. All of
//! it is pure and knows nothing of the Worker.

pub mod names;
pub mod scrub;
pub mod symbol;
