//! What stands between a report and its payment: every check has an error of its own.

use core::fmt;

/// Why a report does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It never will: somebody has to look at it.
    Wrong(Wrong),
    /// It may yet: ask again later.
    NotYet(NotYet),
}

/// What is wrong with a report for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// This parameter is not there.
    Missing(&'static str),
    /// This parameter has not the form that it must have.
    Malformed(&'static str),
    /// `txid_in` and `txid_out` are one transaction.
    SameTransaction,
    /// `address_in` is not where the order is to be paid.
    Address,
    /// The coin is none of those that can be counted.
    Coin,
    /// More dollars than can be counted.
    TooMuch,
    /// `payment-status` names another payout.
    StatusTransaction,
    /// `payment-status` names another value.
    StatusValue,
    /// `payment-status` names another coin.
    StatusCoin,
    /// The transaction counted before.
    Known,
    /// Nobody tells the payment from one that counted before.
    Indistinct,
    /// The transaction failed on chain.
    Failed,
    /// The transaction sent the receiving address something else than the coin.
    Token,
    /// The transaction sent the coin to others only.
    Recipient,
    /// The transaction sent the coin to nobody.
    NoTransfer,
    /// The transaction sent less than was reported.
    Short,
    /// The transaction sent more than there can be of the coin.
    Absurd,
}

/// What is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// The price of the coin. Without it a coin is never taken for a dollar.
    Priced,
    /// `payment-status`: it could not be asked.
    Answered,
    /// Paid, by `payment-status`.
    Paid,
    /// Value and coin, by a `payment-status` that says no more than `paid`.
    Detailed,
    /// The transaction, by the node.
    Mined,
    /// Confirmed by enough blocks.
    Confirmed {
        /// How many blocks there are, the transaction's own among them.
        blocks: u64,
    },
    /// The node: it could not be asked.
    Reached,
    /// The node answered with an error.
    Served,
    /// What the node answered makes no sense.
    Readable,
    /// The node is one of another chain.
    OnChain,
}

impl Problem {
    /// What programs tell it by; never changes.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wrong(wrong) => wrong.code(),
            Self::NotYet(not_yet) => not_yet.code(),
        }
    }

    /// Whether it may be gone later.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::NotYet(_))
    }

    /// Whether `payment-status` speaks of another payment. Where one was counted before, it may be that one still: the gateway
    /// itself may need a moment to know of the next.
    #[must_use]
    pub const fn is_of_status(self) -> bool {
        matches!(self, Self::Wrong(Wrong::StatusTransaction | Wrong::StatusValue | Wrong::StatusCoin))
    }
}

impl Wrong {
    const fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "report_incomplete",
            Self::Malformed(_) => "report_malformed",
            Self::SameTransaction => "txids_equal",
            Self::Address => "address_mismatch",
            Self::Coin => "coin_unknown",
            Self::TooMuch => "value_too_large",
            Self::StatusTransaction => "status_txid_mismatch",
            Self::StatusValue => "status_value_mismatch",
            Self::StatusCoin => "status_coin_mismatch",
            Self::Known => "transaction_known",
            Self::Indistinct => "status_indistinct",
            Self::Failed => "chain_failed",
            Self::Token => "chain_wrong_token",
            Self::Recipient => "chain_wrong_recipient",
            Self::NoTransfer => "chain_no_transfer",
            Self::Short => "chain_short",
            Self::Absurd => "chain_value_too_large",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Missing(_) => "is missing from the report",
            Self::Malformed(_) => "has not the form that it must have",
            Self::SameTransaction => "The report names one transaction both as the customer's payment and as the payout.",
            Self::Address => "The report is about another receiving address than the order's.",
            Self::Coin => "The report names a coin whose value is not known.",
            Self::TooMuch => "The report names more than can be counted.",
            Self::StatusTransaction => "The gateway's payment status names another payout transaction than the report.",
            Self::StatusValue => "The gateway's payment status names another value than the report.",
            Self::StatusCoin => "The gateway's payment status names another coin than the report.",
            Self::Known => "This transaction was counted before: it is not counted again.",
            Self::Indistinct => "The gateway's payment status does not tell this payment from one that was counted before.",
            Self::Failed => "The transaction failed on chain, so it moved nothing.",
            Self::Token => "The transaction sent the receiving address another token than the reported coin.",
            Self::Recipient => "The transaction sent the reported coin to somebody else than the receiving address.",
            Self::NoTransfer => "The transaction did not send the reported coin.",
            Self::Short => "The transaction sent less than was reported.",
            Self::Absurd => "The transaction sent more than there can be of the coin.",
        }
    }
}

impl NotYet {
    const fn code(self) -> &'static str {
        match self {
            Self::Priced => "price_unknown",
            Self::Answered => "status_unavailable",
            Self::Paid => "status_unpaid",
            Self::Detailed => "status_incomplete",
            Self::Mined => "chain_not_mined",
            Self::Confirmed { .. } => "chain_unconfirmed",
            Self::Reached => "chain_unavailable",
            Self::Served => "chain_rpc_error",
            Self::Readable => "chain_unreadable",
            Self::OnChain => "chain_other",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Priced => "The coin's price is not known at the moment.",
            Self::Answered => "The gateway's payment status is not known at the moment.",
            Self::Paid => "The gateway's payment status is unpaid so far.",
            Self::Detailed => "The gateway's payment status says paid, but neither which value nor which coin.",
            Self::Mined => "The transaction is in no block so far.",
            Self::Confirmed { .. } => "The transaction is not confirmed by enough blocks so far: they are",
            Self::Reached => "The node could not be asked: is POLYGON_RPC_URL right?",
            Self::Served => "The node refused to answer: is POLYGON_RPC_URL right?",
            Self::Readable => "The node's answer cannot be read: is POLYGON_RPC_URL right?",
            Self::OnChain => "The node belongs to another chain: POLYGON_RPC_URL must be a node of Polygon's main chain.",
        }
    }
}

impl fmt::Display for Problem {
    /// What is wrong, for people: a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wrong(wrong @ (Wrong::Missing(name) | Wrong::Malformed(name))) => write!(f, "`{name}` {}.", wrong.text()),
            Self::Wrong(wrong) => f.write_str(wrong.text()),
            Self::NotYet(not_yet @ NotYet::Confirmed { blocks }) => write!(f, "{} {blocks}.", not_yet.text()),
            Self::NotYet(not_yet) => f.write_str(not_yet.text()),
        }
    }
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl From<NotYet> for Problem {
    fn from(not_yet: NotYet) -> Self {
        Self::NotYet(not_yet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_has_a_code_and_a_sentence_of_its_own() {
        let wrongs = [
            Wrong::Missing("coin"),
            Wrong::Malformed("coin"),
            Wrong::SameTransaction,
            Wrong::Address,
            Wrong::Coin,
            Wrong::TooMuch,
            Wrong::StatusTransaction,
            Wrong::StatusValue,
            Wrong::StatusCoin,
            Wrong::Known,
            Wrong::Indistinct,
            Wrong::Failed,
            Wrong::Token,
            Wrong::Recipient,
            Wrong::NoTransfer,
            Wrong::Short,
            Wrong::Absurd,
        ];
        let not_yets = [
            NotYet::Priced,
            NotYet::Answered,
            NotYet::Paid,
            NotYet::Detailed,
            NotYet::Mined,
            NotYet::Confirmed { blocks: 3 },
            NotYet::Reached,
            NotYet::Served,
            NotYet::Readable,
            NotYet::OnChain,
        ];
        let all: Vec<Problem> = wrongs.map(Problem::from).into_iter().chain(not_yets.map(Problem::from)).collect();
        let codes: HashSet<_> = all.iter().map(|problem| problem.code()).collect();
        let texts: HashSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), texts.len()), (all.len(), all.len()));
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        assert!(texts.iter().all(|text| text.ends_with(['.', '?'])), "{texts:?}");
        assert_eq!(Problem::from(Wrong::Missing("coin")).to_string(), "`coin` is missing from the report.");
        assert!(Problem::from(NotYet::Mined).is_temporary() && !Problem::from(Wrong::Short).is_temporary());
    }
}
