//! The Worker under load, killed at random moments, and its ledger as each kill left it.
pub mod campaign;
pub mod cold;
pub mod load;
