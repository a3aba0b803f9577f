//! What a caller may set before the stand-in starts, and what may change while it runs.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How to start: where to listen, which Worker the shop talks to, and the first [`Settings`].
///
/// A port of 0 takes any free one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Port of the gateway's control API.
    pub api: u16,
    /// Port of the gateway's hosted checkout.
    pub checkout: u16,
    /// Port of the licensed provider's pages.
    pub provider: u16,
    /// Port of the demo shop.
    pub shop: u16,
    /// Base URL of the Worker under test; empty until known.
    pub livery: String,
    /// What may change while running.
    pub settings: Settings,
}

/// What may change while the stand-in runs. The control endpoint reads the same names from JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How the callback bot behaves.
    pub bot: BotMode,
    /// What the bot takes for success.
    pub acknowledge: Acknowledge,
    /// Milliseconds to wait before each resend; the bot gives up at the end of the list.
    pub resend_ms: Vec<u64>,
    /// With [`BotMode::BeforeStatusPaid`]: how long payment-status lags behind the first callback.
    pub settle_ms: u64,
    /// The share withheld from a payment; the documented sample withholds 1.5 %.
    pub fee: Decimal,
    /// Status checks allowed per token before 429; `None` allows any number.
    pub status_limit: Option<u32>,
    /// How many redirects on the gateway's own hosts precede the one to the provider.
    pub internal_redirects: u32,
    /// Milliseconds that every gateway answer is late.
    pub latency_ms: u64,
    /// Whether text answers are compressed for callers that accept gzip.
    pub gzip: bool,
    /// Whether the checkout pages refuse a link without an e-mail, which the document requires.
    pub require_email: bool,
    /// Whether the provider's signed URL itself names a gateway host in its query.
    pub provider_url_names_gateway: bool,
    /// Wallets that are refused though well formed, as exchange deposit addresses are.
    pub denied_wallets: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot: BotMode::Normal,
            acknowledge: Acknowledge::OkBody,
            resend_ms: vec![250, 500, 1_000, 2_000, 4_000],
            settle_ms: 500,
            fee: Decimal::new(15, 3),
            status_limit: None,
            internal_redirects: 0,
            latency_ms: 0,
            gzip: true,
            require_email: true,
            provider_url_names_gateway: false,
            denied_wallets: Vec::new(),
        }
    }
}

/// What the bot does once a payment arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotMode {
    /// One callback, as documented, resent until acknowledged.
    #[default]
    Normal,
    /// The acknowledged callback comes once more, the same to the byte.
    Duplicate,
    /// The first callback comes this many milliseconds late.
    Delayed(u64),
    /// A second payment with its own transactions follows the first.
    TwiceOtherTxid,
    /// Paid in POL: `value_coin` counts coins, not dollars.
    NativeCoin,
    /// Paid in a coin no document names.
    UnknownCoin,
    /// Without `address_in` and `value_forwarded_coin`.
    MissingLastFields,
    /// With the undocumented `address_out`, a JSON text of wallets and shares.
    ExtraAddressOut,
    /// With the receiving address of some other order.
    WrongAddress,
    /// The callback comes while payment-status still says unpaid.
    BeforeStatusPaid,
    /// Paid, yet no callback comes.
    Silent,
}

/// What the bot takes for success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledge {
    /// A 2xx answer whose body is exactly `*ok*`.
    #[default]
    OkBody,
    /// Any 2xx answer.
    AnySuccess,
}
