//! The states of a checkout session, and how it gets from one to another.
//!
//! Total and pure: every state has an answer to everything that can happen. Money counts whenever it arrives, in a session that
//! expired or was cancelled too; that it is late is shown beside the state.

use serde::{Deserialize, Serialize};

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has been sent on to pay.
    Open,
    /// The customer has been given an address to pay to.
    Processing,
    /// The amount has arrived and was verified.
    Paid,
    /// Less than the amount has arrived and was verified.
    Underpaid,
    /// Its time was over before anything arrived.
    Expired,
    /// The merchant or the customer gave it up before anything arrived.
    Canceled,
}

/// What can happen to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The customer was given an address to pay to.
    Started,
    /// A verified payment was added, and altogether this much has arrived now.
    Received(Sum),
    /// Its time is over.
    TimeOver,
    /// The merchant expired it.
    Expired,
    /// The merchant or the customer gave it up.
    Canceled,
}

/// What has arrived, held against what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// Less, by more than the tolerance.
    Short,
    /// Enough.
    Full,
    /// More.
    Over,
}

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays as it is, and nobody need hear of it.
    Same,
    /// It is in this state now, also if it was before: its amounts or its time have changed.
    Now {
        /// The state.
        status: Status,
        /// Whether too much arrived.
        is_over: bool,
    },
    /// It cannot happen any more.
    Refused,
}

impl Outcome {
    const fn at(status: Status) -> Self {
        Self::Now { status, is_over: false }
    }
}

impl Status {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Underpaid => "underpaid",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the customer can still be sent on to pay.
    #[must_use]
    pub const fn is_payable(self) -> bool {
        matches!(self, Self::Open | Self::Processing | Self::Underpaid)
    }

    /// What becomes of a session in this state.
    #[must_use]
    pub const fn after(self, happening: Happening) -> Outcome {
        use Status::{Canceled, Expired, Open, Paid, Processing, Underpaid};
        match (self, happening) {
            (_, Happening::Received(sum)) => Self::after_money(sum),
            (Open, Happening::Started) => Outcome::at(Processing),
            (Paid | Expired | Canceled, Happening::Started) => Outcome::Refused,
            (Open | Processing, Happening::TimeOver | Happening::Expired) => Outcome::at(Expired),
            (Open | Processing, Happening::Canceled) => Outcome::at(Canceled),
            (Processing | Underpaid, Happening::Started) | (Underpaid | Paid | Expired | Canceled, Happening::TimeOver) => {
                Outcome::Same
            }
            (Expired, Happening::Expired) | (Canceled, Happening::Canceled) => Outcome::Same,
            (Underpaid | Paid | Canceled, Happening::Expired) | (Underpaid | Paid | Expired, Happening::Canceled) => {
                Outcome::Refused
            }
        }
    }

    const fn after_money(sum: Sum) -> Outcome {
        let status = match sum {
            Sum::Short => Self::Underpaid,
            Sum::Full | Sum::Over => Self::Paid,
        };
        Outcome::Now { status, is_over: matches!(sum, Sum::Over) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Happening::{Canceled, Expired, Received, Started, TimeOver};

    const ALL: [Status; 6] =
        [Status::Open, Status::Processing, Status::Paid, Status::Underpaid, Status::Expired, Status::Canceled];

    /// `=` stays, `!` is refused, otherwise the new state's name; behind it `over`.
    fn told(status: Status, happening: Happening) -> String {
        match status.after(happening) {
            Outcome::Same => "=".to_owned(),
            Outcome::Refused => "!".to_owned(),
            Outcome::Now { status, is_over } => format!("{}{}", status.as_str(), if is_over { " over" } else { "" }),
        }
    }

    #[test]
    fn every_state_has_an_answer_to_everything() {
        let table = [
            (Started, ["processing", "=", "!", "=", "!", "!"]),
            (TimeOver, ["expired", "expired", "=", "=", "=", "="]),
            (Expired, ["expired", "expired", "!", "!", "=", "!"]),
            (Canceled, ["canceled", "canceled", "!", "!", "!", "="]),
            (Received(Sum::Short), ["underpaid", "underpaid", "underpaid", "underpaid", "underpaid", "underpaid"]),
            (Received(Sum::Full), ["paid", "paid", "paid", "paid", "paid", "paid"]),
            (Received(Sum::Over), ["paid over", "paid over", "paid over", "paid over", "paid over", "paid over"]),
        ];
        for (happening, row) in table {
            for (status, expected) in ALL.into_iter().zip(row) {
                assert_eq!(told(status, happening), expected, "{status:?} {happening:?}");
            }
        }
    }

    #[test]
    fn what_was_paid_stays_paid() {
        for happening in [Started, TimeOver, Expired, Canceled, Received(Sum::Full), Received(Sum::Over)] {
            assert!(
                !matches!(Status::Paid.after(happening), Outcome::Now { status, .. } if status != Status::Paid),
                "{happening:?}"
            );
        }
    }
}
