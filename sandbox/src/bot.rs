//! The callback bot: once money arrived it visits the callback, and again until it is understood.

use std::{error, fmt, sync::Arc, time::Duration};

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::{
    money, opaque,
    options::{Acknowledge, BotMode, Settings},
    records::BotAttempt,
    state::{Payment, Shared, State, Wallet},
    wire::client,
};

const USER_AGENT: &str = "AnexPay-Bot/1.0 (+https://www.anexpay.net/bot)";
/// Some other order's address, for a callback that names the wrong one.
const WRONG_ADDRESS: &str = "0x32e854bD1270670C832634CA87858fFd9F3e2c78";

/// Why a payment cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayError {
    /// No wallet has this address.
    UnknownAddress,
    /// The amount is no positive decimal.
    BadAmount,
}

impl fmt::Display for PayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownAddress => "no wallet has this address",
            Self::BadAmount => "the amount is no positive decimal",
        })
    }
}

impl error::Error for PayError {}

/// Pays dollars to a receiving address and lets the bot loose. The payment stands when this returns.
pub(crate) fn pay(shared: &Arc<Shared>, address: &str, dollars: Decimal) -> Result<(), PayError> {
    let round = shared.update(|state| Round::begin(state, address, dollars)).ok_or(PayError::UnknownAddress)?;
    shared.runtime.spawn(run(Arc::clone(shared), round));
    Ok(())
}

/// A payment and all that is needed to tell of it.
struct Round {
    wallet: Wallet,
    payment: Payment,
    dollars: Decimal,
    settings: Settings,
}

impl Round {
    /// Records the payment.
    fn begin(state: &mut State, address: &str, dollars: Decimal) -> Option<Self> {
        let (settings, serial) = (state.settings.clone(), state.next_serial());
        let wallet = state.wallet_mut(address)?;
        let payment = payment(wallet, dollars, &settings, serial);
        wallet.payments.push(payment.clone());
        Some(Self { wallet: wallet.clone(), payment, dollars, settings })
    }
}

fn payment(wallet: &Wallet, dollars: Decimal, settings: &Settings, serial: u64) -> Payment {
    let (coin, value) = match settings.bot {
        BotMode::NativeCoin => ("polygon_pol", dollars / money::coin_price("polygon/pol").unwrap_or(Decimal::ONE)),
        BotMode::UnknownCoin => ("moonbase_shell", dollars),
        _ => ("polygon_usdc", dollars),
    };
    let seed = format!("{} {serial}", wallet.polygon_address_in);
    Payment {
        coin: coin.to_owned(),
        value_coin: value.normalize(),
        value_forwarded_coin: (value * (Decimal::ONE - settings.fee)).round_dp(6).normalize(),
        txid_in: opaque::transaction_id(&format!("{seed} in")),
        txid_out: opaque::transaction_id(&format!("{seed} out")),
        settled: settings.bot != BotMode::BeforeStatusPaid,
    }
}

/// 1. wait if told to, 2. visit until understood, 3. what the mode adds.
async fn run(shared: Arc<Shared>, round: Round) {
    let mode = round.settings.bot;
    match mode {
        BotMode::Silent => return,
        BotMode::Delayed(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
        BotMode::BeforeStatusPaid => {
            tokio::spawn(settle(Arc::clone(&shared), round.payment.clone(), Duration::from_millis(round.settings.settle_ms)));
        }
        _ => {}
    }
    let url = callback_url(&round.wallet, &round.payment, mode);
    visit(&shared, &round, &url).await;
    match mode {
        BotMode::Duplicate => visit(&shared, &round, &url).await,
        BotMode::TwiceOtherTxid => {
            let address = &round.wallet.polygon_address_in;
            if let Some(second) = shared.update(|state| Round::begin(state, address, round.dollars)) {
                visit(&shared, &second, &callback_url(&second.wallet, &second.payment, second.settings.bot)).await;
            }
        }
        _ => {}
    }
}

/// Visits a callback until it is acknowledged or the schedule ends.
async fn visit(shared: &Shared, round: &Round, url: &str) {
    let pauses = round.settings.resend_ms.iter().copied().map(Some).chain([None]);
    for pause in pauses {
        let attempt = attempt(round, url).await;
        let acknowledged = attempt.acknowledged;
        shared.update(|state| state.bot_log.push(attempt));
        match pause {
            Some(pause) if !acknowledged => sleep(Duration::from_millis(pause)).await,
            _ => return,
        }
    }
}

async fn attempt(round: &Round, url: &str) -> BotAttempt {
    let (status, body) = match client::get(url, USER_AGENT).await {
        Ok(answer) => (Some(answer.status), answer.body),
        Err(reason) => (None, reason),
    };
    let success = status.is_some_and(|status| (200..300).contains(&status));
    let acknowledged = success && (round.settings.acknowledge == Acknowledge::AnySuccess || body == "*ok*");
    BotAttempt { address: round.wallet.polygon_address_in.clone(), url: url.to_owned(), status, body, acknowledged }
}

async fn settle(shared: Arc<Shared>, settled: Payment, lag: Duration) {
    sleep(lag).await;
    shared.update(|state| {
        let mut payments = state.wallets.values_mut().flat_map(|wallet| &mut wallet.payments);
        if let Some(payment) = payments.find(|payment| payment.txid_in == settled.txid_in) {
            payment.settled = true;
        }
    });
}

/// The callback with its own parameters first, then those of the payment in the documented order.
fn callback_url(wallet: &Wallet, payment: &Payment, mode: BotMode) -> String {
    let base = wallet.callback.split('#').next().unwrap_or_default();
    let mut url = format!(
        "{base}&value_coin={}&coin={}&txid_in={}&txid_out={}",
        payment.value_coin, payment.coin, payment.txid_in, payment.txid_out
    );
    if mode != BotMode::MissingLastFields {
        let address = if mode == BotMode::WrongAddress { WRONG_ADDRESS } else { &wallet.polygon_address_in };
        url.extend(["&address_in=", address, "&value_forwarded_coin=", &payment.value_forwarded_coin.to_string()]);
    }
    if mode == BotMode::ExtraAddressOut {
        url.extend(["&address_out=", &opaque::percent_encoded(&address_out(wallet))]);
    }
    url
}

/// Wallets and shares as a JSON text, the shares as numbers.
fn address_out(wallet: &Wallet) -> String {
    let shares = wallet.split.iter().map(|(wallet, share)| {
        let number = share.to_string().parse().map_or(Value::Null, Value::Number);
        (wallet.clone(), number)
    });
    Value::Object(shares.collect::<Map<_, _>>()).to_string()
}
