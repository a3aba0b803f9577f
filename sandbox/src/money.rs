//! Rates and sums of the stand-in: a fixed table, decimal arithmetic, no floating point.

use rust_decimal::{Decimal, RoundingStrategy};

/// Dollars for one unit of a currency. The euro's rate is the documented one.
const RATES: [(&str, &str); 14] = [
    ("AED", "0.27229"),
    ("AUD", "0.65120"),
    ("BRL", "0.18350"),
    ("CAD", "0.73105"),
    ("CHF", "1.12940"),
    ("EUR", "1.07427"),
    ("GBP", "1.26510"),
    ("INR", "0.01198"),
    ("JPY", "0.00668"),
    ("MXN", "0.05510"),
    ("PLN", "0.24870"),
    ("SEK", "0.09512"),
    ("TRY", "0.03110"),
    ("USD", "1.00000"),
];

/// Dollars for one coin, under the coin's path in `/crypto/<ticker>/info.php`.
const COINS: [(&str, &str); 9] = [
    ("polygon/usdc", "1.00"),
    ("polygon/usdt", "1.00"),
    ("bep20/usdc", "1.00"),
    ("bep20/usdt", "1.00"),
    ("erc20/usdc", "1.00"),
    ("erc20/usdt", "1.00"),
    ("polygon/pol", "0.25"),
    ("bep20/bnb", "640.00"),
    ("eth", "3200.00"),
];

/// Sums below this multiply without overflow.
const TRILLION: u64 = 1_000_000_000_000;

/// The rate of a currency to the dollar; any letter case.
#[must_use]
pub fn rate(currency: &str) -> Option<Decimal> {
    lookup(&RATES, &currency.to_ascii_uppercase())
}

/// The dollar price of a coin by its ticker path.
#[must_use]
pub fn coin_price(ticker: &str) -> Option<Decimal> {
    lookup(&COINS, &ticker.to_ascii_lowercase())
}

/// An amount in dollars, rounded to cents.
#[must_use]
pub fn in_dollars(amount: Decimal, currency: &str) -> Option<Decimal> {
    amount.checked_mul(rate(currency)?).map(cents)
}

/// Rounds to cents, half away from zero.
#[must_use]
pub fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// A plain positive decimal such as `100.1`, below a trillion: no sign, no exponent, no spaces.
#[must_use]
pub fn positive(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.starts_with('.') && !text.ends_with('.');
    text.parse().ok().filter(|amount: &Decimal| plain && !amount.is_zero() && *amount < TRILLION.into())
}

fn lookup(table: &[(&str, &str)], key: &str) -> Option<Decimal> {
    table.iter().find(|(name, _)| *name == key).and_then(|(_, value)| value.parse().ok())
}
