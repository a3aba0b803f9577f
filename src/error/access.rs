//! Why somebody may not.

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They did not say who they are.
    Missing,
    /// Nobody has that key.
    Wrong,
    /// The key was revoked.
    Revoked,
    /// The key is not for this.
    Scope,
    /// The operator did not say which account is meant.
    NoAccount,
}

impl Access {
    /// What is wrong and what to do.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "No API key was sent: send `Authorization: Bearer lv_live_…`.",
            Self::Wrong => "This API key is not one that was issued here: check that it was copied whole.",
            Self::Revoked => "This API key was revoked: use another.",
            Self::Scope => "This API key may not do that: use one with the scope for it.",
            Self::NoAccount => "Which account is meant is not said: send `Livery-Account: acct_…`.",
        }
    }
}
