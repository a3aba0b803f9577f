//! The one-link checkout: what a link says ([`link`]) and whether a provider can take the payment ([`eligibility`]).

pub mod eligibility;
pub mod link;
