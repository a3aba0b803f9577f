//! The names the real gateway goes by. The stand-in listens on loopback but names these, as the real one does:
//! hiding them is the Worker's task.

/// Host of the control API.
pub const API: &str = "api.anexpay.net";
/// Host of the hosted checkout.
pub const CHECKOUT: &str = "checkout.anexpay.net";
