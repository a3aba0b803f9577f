//! Every way a request can fail, and the only place where a failure becomes a status, a code and a text.
//!
//! Codes are part of the interface: they never change their meaning. Texts say what to do. What the gateway said is
//! quoted only where it refused a request, as plain text, shortened, and scrubbed like every other answer.

mod access;
mod refused;

pub use access::Access;
pub use refused::Refused;

use core::fmt;

use crate::callback::target::TargetError;
use crate::checkout::eligibility::Refusal;
use crate::checkout::link::LinkError;
use crate::downline::DownlineError;
use crate::gateway::GatewayError;
use crate::gateway::opaque::OpaqueError;
use crate::http::Fault;
use crate::ledger::state::Status;
use crate::limits::{Exceeded, Subject};
use crate::money::{AmountError, CurrencyError};
use crate::query::ParamError;
use crate::split::SplitError;
use crate::wallet::WalletError;

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A parameter is missing, repeated or unreadable.
    Param(&'static str, ParamError),
    /// A parameter's value is none that it can have; the text says what to write.
    Value(&'static str, &'static str),
    /// A wallet that cannot be paid.
    Wallet(&'static str, WalletError),
    /// The operator has fixed the payout wallet, and the caller named another.
    PayoutFixed,
    /// The operator has fixed the payout wallet: there is one account, and nothing else that it could pay.
    OneAccount,
    /// Shares or wallets that make no split.
    Split(&'static str, SplitError),
    /// An amount that is none.
    Amount(&'static str, AmountError),
    /// A currency that is none.
    Currency(&'static str, CurrencyError),
    /// A callback URL that cannot be called.
    Callback(TargetError),
    /// An encrypted address or a token of the gateway's that is none.
    Opaque(&'static str, OpaqueError),
    /// A provider that cannot take this payment.
    Provider(Refusal),
    /// A checkout link that is not valid.
    Link(LinkError),
    /// A callback token that does not open.
    Token,
    /// A downline that cannot be recognised.
    Downline(DownlineError),
    /// A parameter that only the operator may set.
    OperatorsParameter(&'static str),
    /// No such page.
    NotFound,
    /// The route exists, but not for this method; the allowed ones.
    Method(&'static str),
    /// The URL is too long.
    UrlTooLong,
    /// The body is too long.
    BodyTooLarge,
    /// A form of a kind that is not passed on.
    MediaType,
    /// More requests than the operator allows.
    TooMany(Exceeded),
    /// A body that is no JSON object.
    Json,
    /// A field that nothing is known of.
    UnknownParam(String),
    /// No such object; the kind that was looked for.
    Missing(&'static str),
    /// Whoever asks may not.
    Access(Access),
    /// A checkout session in this state cannot do that any more.
    State(Status),
    /// No money can be paid to a test session.
    TestSession,
    /// No payment to a session for real money is simulated.
    LiveSession,
    /// More different reports about one session than anybody needs.
    TooManyReports,
    /// As many webhook endpoints as an account can have.
    TooManyEndpoints,
    /// As many listeners as an account or a session can have.
    TooManyListeners,
    /// A webhook endpoint that is not to be called.
    EndpointDisabled,
    /// A webhook endpoint is being checked already.
    CheckUnderWay,
    /// An idempotency key that was used for another request.
    Idempotency,
    /// The database failed, and what it says.
    Books(String),
    /// A task of a ledger's failed: which, and why, for the log.
    Task(String),
    /// The account's ledger cannot be reached.
    Ledger,
    /// What the account's ledger refused with, as it says.
    Refused(Refused),
    /// The gateway did not do its part.
    Gateway(GatewayError),
    /// The merchant's server did not take a callback: no answer, or an answer that is not 2xx.
    Merchant(Option<u16>, Fault),
    /// The operator's settings are wrong.
    Misconfigured,
    /// A mistake of ours.
    Internal,
}

/// Stripe's families of errors, by which client libraries sort them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request has to change.
    InvalidRequest,
    /// Nobody has proved who they are.
    Authentication,
    /// Known, but not allowed.
    Permission,
    /// Too many requests.
    RateLimit,
    /// An idempotency key was used twice.
    Idempotency,
    /// The gateway or a merchant failed.
    Gateway,
    /// Livery failed.
    Api,
}

impl Kind {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::RateLimit => "rate_limit_error",
            Self::Idempotency => "idempotency_error",
            Self::Gateway => "gateway_error",
            Self::Api => "api_error",
        }
    }
}

impl Kind {
    fn parse(name: &str) -> Self {
        let all =
            [Self::InvalidRequest, Self::Authentication, Self::Permission, Self::RateLimit, Self::Idempotency, Self::Gateway];
        all.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Api)
    }
}

impl Error {
    /// HTTP status, stable code and family.
    #[must_use]
    pub const fn facts(&self) -> (u16, &'static str, Kind) {
        use Kind::{Api, Authentication, Gateway, InvalidRequest, Permission, RateLimit};
        match self {
            Self::Param(_, ParamError::Missing) => (400, "missing_parameter", InvalidRequest),
            Self::Param(_, ParamError::Duplicate) => (400, "duplicate_parameter", InvalidRequest),
            Self::Param(_, ParamError::Unreadable) | Self::Value(..) => (400, "invalid_parameter", InvalidRequest),
            Self::Wallet(_, WalletError::Malformed) => (400, "invalid_wallet", InvalidRequest),
            Self::Wallet(_, WalletError::Checksum) => (400, "wallet_checksum_mismatch", InvalidRequest),
            Self::Wallet(_, WalletError::Zero) => (400, "wallet_is_zero", InvalidRequest),
            Self::Wallet(_, WalletError::TokenContract) => (400, "wallet_is_token_contract", InvalidRequest),
            Self::PayoutFixed | Self::OneAccount => (403, "payout_wallet_fixed", Permission),
            Self::Split(_, SplitError::SameWallet) => (400, "wallets_not_distinct", InvalidRequest),
            Self::Split(..) => (400, "invalid_split", InvalidRequest),
            Self::Amount(..) => (400, "invalid_amount", InvalidRequest),
            Self::Currency(..) => (400, "invalid_currency", InvalidRequest),
            Self::Callback(TargetError::NotPublic | TargetError::Ours) => (400, "callback_not_public", InvalidRequest),
            Self::Callback(_) => (400, "invalid_callback", InvalidRequest),
            Self::Opaque(_, OpaqueError::IsWallet) => (400, "encrypted_address_required", InvalidRequest),
            Self::Opaque(_, OpaqueError::Malformed) => (400, "invalid_encoding", InvalidRequest),
            Self::Provider(Refusal::Inactive { .. }) => (400, "provider_inactive", InvalidRequest),
            Self::Provider(Refusal::BelowMinimum { .. }) => (400, "amount_below_minimum", InvalidRequest),
            Self::Provider(Refusal::Currency { .. }) => (400, "currency_not_supported", InvalidRequest),
            Self::Link(LinkError::Unsigned) => (403, "link_signature_required", Permission),
            Self::Link(LinkError::BadSignature) => (403, "link_signature_invalid", Permission),
            Self::Link(LinkError::Expired) => (410, "link_expired", InvalidRequest),
            Self::Token => (400, "invalid_token", InvalidRequest),
            Self::Downline(DownlineError::NotAllowed) => (403, "downline_not_allowed", Permission),
            Self::Downline(_) => (401, "downline_signature_invalid", Authentication),
            Self::OperatorsParameter(_) => (400, "parameter_not_allowed", InvalidRequest),
            Self::NotFound => (404, "not_found", InvalidRequest),
            Self::Method(_) => (405, "method_not_allowed", InvalidRequest),
            Self::UrlTooLong => (414, "url_too_long", InvalidRequest),
            Self::BodyTooLarge => (413, "body_too_large", InvalidRequest),
            Self::MediaType => (415, "unsupported_media_type", InvalidRequest),
            Self::TooMany(_) => (429, "too_many_requests", RateLimit),
            Self::Json => (400, "invalid_json", InvalidRequest),
            Self::UnknownParam(_) => (400, "unknown_parameter", InvalidRequest),
            Self::Missing(_) => (404, "resource_missing", InvalidRequest),
            Self::Access(Access::Missing) => (401, "api_key_required", Authentication),
            Self::Access(Access::Wrong) => (401, "invalid_api_key", Authentication),
            Self::Access(Access::Revoked) => (401, "api_key_revoked", Authentication),
            Self::Access(Access::Scope) => (403, "insufficient_scope", Permission),
            Self::Access(Access::NoAccount) => (400, "account_required", InvalidRequest),
            Self::TooManyReports => (429, "too_many_reports", RateLimit),
            Self::State(_) => (409, "session_state", InvalidRequest),
            Self::TestSession => (409, "test_session", InvalidRequest),
            Self::LiveSession => (409, "live_session", InvalidRequest),
            Self::TooManyEndpoints => (409, "too_many_webhooks", InvalidRequest),
            Self::TooManyListeners => (429, "too_many_listeners", RateLimit),
            Self::EndpointDisabled => (409, "webhook_disabled", InvalidRequest),
            Self::CheckUnderWay => (409, "check_under_way", InvalidRequest),
            Self::Idempotency => (422, "idempotency_key_reused", Kind::Idempotency),
            Self::Ledger => (503, "ledger_unavailable", Api),
            Self::Refused(refused) => (refused.status, refused.code, refused.kind),
            Self::Gateway(GatewayError::Rejected { .. }) => (422, "gateway_rejected", Gateway),
            Self::Gateway(GatewayError::RateLimited { .. }) => (429, "rate_limited", RateLimit),
            Self::Gateway(GatewayError::Unavailable) => (502, "gateway_unavailable", Gateway),
            Self::Gateway(GatewayError::InvalidReply) => (502, "gateway_invalid_reply", Gateway),
            Self::Gateway(GatewayError::Timeout) => (504, "gateway_timeout", Gateway),
            Self::Merchant(Some(_), _) => (502, "merchant_rejected", Gateway),
            Self::Merchant(None, Fault::Timeout) => (504, "merchant_timeout", Gateway),
            Self::Merchant(None, _) => (502, "merchant_unreachable", Gateway),
            Self::Misconfigured => (503, "misconfigured", Api),
            Self::Books(_) | Self::Task(_) | Self::Internal => (500, "internal_error", Api),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.facts().0
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.facts().1
    }

    /// The parameter to change, where it is one.
    #[must_use]
    pub const fn param(&self) -> Option<&str> {
        match self {
            Self::Param(param, _)
            | Self::Value(param, _)
            | Self::Wallet(param, _)
            | Self::Split(param, _)
            | Self::Amount(param, _)
            | Self::Currency(param, _)
            | Self::Opaque(param, _)
            | Self::OperatorsParameter(param) => Some(param),
            Self::PayoutFixed => Some("address"),
            Self::OneAccount => Some("payout_wallet"),
            Self::UnknownParam(name) => Some(name.as_str()),
            Self::Callback(_) => Some("callback"),
            Self::Provider(refusal) => Some(refusal.param()),
            Self::Link(LinkError::Expired) => Some("expires"),
            Self::Link(_) => Some("sig"),
            Self::Token => Some("token"),
            _ => None,
        }
    }

    /// How many seconds to wait before the next try, where somebody said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Gateway(GatewayError::RateLimited { retry_after }) => Some(*retry_after),
            Self::TooMany(exceeded) => Some(exceeded.wait),
            Self::Refused(refused) => refused.retry_after,
            Self::Ledger => Some(1),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    /// The text for whoever made the request: what is wrong and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((param, why)) = self.about_value() {
            return write!(f, "`{param}` {why}.");
        }
        match self {
            Self::Provider(refusal) => refusal.fmt(f),
            Self::Method(allowed) => write!(f, "This address does not serve that method: use {allowed}."),
            Self::Gateway(why) => why.fmt(f),
            Self::Merchant(Some(status), _) => write!(
                f,
                "The merchant's callback URL answered {status} instead of 2xx: the callback was not delivered, send it again."
            ),
            Self::UnknownParam(name) => write!(f, "`{name}` is not a parameter here: leave it away, or check its spelling."),
            Self::Missing(kind) => write!(f, "There is no such {kind} here: check its id, and whether it is of the key's mode."),
            Self::State(status) => write!(f, "The checkout session is {}: it cannot do that any more.", status.as_str()),
            Self::Refused(refused) => f.write_str(&refused.message),
            other => f.write_str(other.fixed_text()),
        }
    }
}

impl Error {
    /// What is wrong with the value of one parameter, where that is the mistake.
    const fn about_value(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Param(param, why) => (*param, why.text()),
            Self::Value(param, why) => (*param, *why),
            Self::Wallet(param, why) => (*param, why.text()),
            Self::Split(param, why) => (*param, why.text()),
            Self::Amount(param, why) => (*param, why.text()),
            Self::Currency(param, why) => (*param, why.text()),
            Self::Callback(why) => ("callback", why.text()),
            Self::Opaque(param, why) => (*param, why.text()),
            Self::OperatorsParameter(param) => (*param, "is decided by the operator of this page: leave it away"),
            _ => return None,
        })
    }

    const fn fixed_text(&self) -> &'static str {
        match self {
            Self::Link(why) => why.text(),
            Self::Downline(why) => why.text(),
            Self::Json => "The body is not one JSON object in UTF-8: check its quotes, commas and braces.",
            Self::Access(why) => why.text(),
            Self::Idempotency => "This Idempotency-Key was used for another request: use a new one for each.",
            Self::TestSession => {
                "This checkout session is a test: no money can be paid to it. Its shop simulates the payment with POST /api/v1/checkout-sessions/ID/simulate-payment."
            }
            Self::LiveSession => "Payments are simulated for test sessions alone: make one with a test key.",
            Self::TooManyEndpoints => "There are 16 webhook endpoints already: delete one first, or change it.",
            Self::TooManyListeners => "Too many listen already: close connections that nobody reads.",
            Self::EndpointDisabled => {
                "This webhook endpoint is disabled: enable it first, with PATCH and {\"status\":\"enabled\"}."
            }
            Self::CheckUnderWay => "This webhook endpoint is being checked: wait for that report, a minute at most.",
            Self::TooManyReports => {
                "More different payments were reported for this session than it can have: look at those there are."
            }
            Self::Ledger => {
                "The account's ledger did not answer, so what was asked may have been done or not: ask again, under the same Idempotency-Key."
            }
            Self::PayoutFixed => "`address` is not the wallet that this page pays: leave it away.",
            Self::Token => {
                "`token` is not one that was issued here, has ended, or its key is no longer in force: nothing was done."
            }
            Self::OneAccount => {
                "PAYOUT_WALLET says whom every payment pays, so there is this one account: unset it to have accounts with wallets of their own."
            }
            Self::NotFound => "There is no such page: check the address.",
            Self::UrlTooLong => "The URL has more than 8192 bytes or 900 parameters: shorten it.",
            Self::BodyTooLarge => "The body is larger than 64 KiB: shorten it.",
            Self::MediaType => "Forms are taken as application/x-www-form-urlencoded or application/json only.",
            Self::TooMany(Exceeded { subject: Subject::Client, .. }) => {
                "Too many requests came from your network: wait a moment and try again."
            }
            Self::TooMany(_) => "This payment's state was asked for too often: wait a moment, and rely on the callback instead.",
            Self::Merchant(_, Fault::Timeout) => {
                "The merchant's callback URL did not answer in time: the callback was not delivered, send it again."
            }
            Self::Merchant(..) => {
                "The merchant's callback URL could not be reached: the callback was not delivered, send it again."
            }
            Self::Misconfigured => "This payment page is not set up correctly: its operator finds the reasons at /healthz.",
            _ => "Something went wrong on our side: try again, and tell support the request id if it happens again.",
        }
    }
}

impl From<(&'static str, ParamError)> for Error {
    fn from((param, why): (&'static str, ParamError)) -> Self {
        Self::Param(param, why)
    }
}

impl From<Access> for Error {
    fn from(why: Access) -> Self {
        Self::Access(why)
    }
}

impl From<GatewayError> for Error {
    fn from(error: GatewayError) -> Self {
        Self::Gateway(error)
    }
}

impl From<Exceeded> for Error {
    fn from(error: Exceeded) -> Self {
        Self::TooMany(error)
    }
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        Self::Callback(error)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<DownlineError> for Error {
    fn from(error: DownlineError) -> Self {
        Self::Downline(error)
    }
}

impl From<Refusal> for Error {
    fn from(error: Refusal) -> Self {
        Self::Provider(error)
    }
}
