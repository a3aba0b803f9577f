//! From the gateway's callback to the merchant's.
//!
//! The gateway is given a callback URL of ours, with the merchant's own URL sealed in its token ([`token`]). When money
//! arrives it calls us, and we call the merchant with the same parameters in the same order ([`relay`]). Where a
//! merchant may be is decided in [`target`].

pub mod relay;
pub mod target;
pub mod token;
