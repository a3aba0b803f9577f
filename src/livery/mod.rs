//! What makes the gateway invisible.
//!
//! Four rules, one file each: what of a request goes up ([`request_headers`]), what of a reply comes down
//! ([`response_headers`]), where a redirect really leads ([`location`]), and how hidden names leave a text, whatever
//! their spelling and however the text is cut into chunks ([`scrub`], a crate of its own).
//!
//! Out of reach: a name that a script puts together while it runs, and names inside images, fonts and other binary
//! bodies, which pass untouched.

pub mod location;
pub mod request_headers;
pub mod response_headers;

pub use livery_scrub::{names, scrub, symbol};
