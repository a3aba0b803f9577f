//! Amounts keep their text and its exact value; shares and what is left for the merchant make exactly 0.99. All that is
//! checked with whole numbers.

use arbitrary::{Arbitrary, Unstructured};
use livery::config::Config;
use livery::gateway::wallet::Order;
use livery::money::{Amount, AmountError, Currency};
use livery::query;
use livery::split::{Share, Split, SplitError, Stake};
use livery::wallet::Wallet;
use std::sync::LazyLock;

/// Millionths of a payment: what the gateway pays out.
const WHOLE: u64 = 990_000;

const WALLETS: [&str; 3] = [
    "0xF977814e90dA44bFA03b6295A0616a897441aceC",
    "0x3c783c21a0383057D128bae431894a5C19F9Cf06",
    "0x082489A616aB4D46d1947eE3F912e080815b08DA",
];

static CONFIG: LazyLock<Config> = LazyLock::new(|| super::settings::config(&[]));

/// Two shares in millionths, who receives them, and a text.
#[derive(Arbitrary, Debug)]
struct Input<'a> {
    affiliate: u32,
    sub_affiliate: u32,
    receivers: [u8; 3],
    form: u8,
    text: &'a str,
}

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    an_amount_is_exact(&text);
    a_share_is_exact(&text);
    a_currency_is_three_letters(&text);
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    an_amount_is_exact(input.text);
    a_share_is_exact(input.text);
    shares_make_the_whole(&input);
}

fn an_amount_is_exact(text: &str) {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_plain = digits(whole) && fraction.is_none_or(digits);
    let fraction = fraction.unwrap_or_default();
    let is_short = whole.len() <= 15 && fraction.len() <= 18 && whole.len() + fraction.len() <= 28;
    let amount = match (is_plain, is_short, Amount::parse(text)) {
        (false, _, read) => return assert_eq!(read, Err(AmountError::NotPlain), "{text}"),
        (true, false, read) => return assert_eq!(read, Err(AmountError::TooLong), "{text}"),
        (true, true, Err(why)) => {
            assert!(why == AmountError::NotPositive && text.bytes().all(|b| b"0.".contains(&b)), "{text}: {why:?}");
            return;
        }
        (true, true, Ok(amount)) => amount,
    };
    let exact: i128 = format!("{whole}{fraction}").parse().expect("at most 28 digits");
    let value = amount.value();
    assert_eq!((amount.as_str(), value.mantissa(), value.scale() as usize), (text, exact, fraction.len()));
    assert!(exact > 0);
    assert_eq!(Amount::parse(&value.to_string()).map(|again| again.value()), Ok(value), "{text}");
}

fn a_share_is_exact(text: &str) {
    match (Share::parse(text), millionths(text)) {
        (Ok(share), Some(exact)) => {
            assert!((1..WHOLE).contains(&exact), "{text}");
            assert_eq!(millionths(&share.to_string()), Some(exact), "{text}");
            assert_eq!(Share::parse(&share.to_string()), Ok(share));
        }
        (Ok(_), None) => panic!("{text} is no share"),
        // Beyond 28 decimals the decimal type has no room, even for zeros.
        (Err(why), exact) => {
            let is_share = exact.is_some_and(|exact| (1..WHOLE).contains(&exact)) && text.len() <= 30;
            assert!(why == SplitError::NotAShare && !is_share, "{text}: {why:?}");
        }
    }
}

/// `0.` and digits, of which at most the first six are not zero.
fn millionths(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0.").filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    let (kept, rest) = digits.split_at(digits.len().min(6));
    rest.bytes().all(|b| b == b'0').then(|| format!("{kept:0<6}").parse().expect("six digits"))
}

fn a_currency_is_three_letters(text: &str) {
    let is_one = text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let read = text.parse::<Currency>();
    assert_eq!(read.is_ok(), is_one, "{text}");
    assert!(read.is_err() || read.map(|c| c.to_string()) == Ok(text.to_ascii_uppercase()));
}

fn shares_make_the_whole(input: &Input<'_>) {
    let share = |millionths: u32| Share::parse(&format!("0.{:06}", millionths % 1_000_000));
    let wallet = |at: usize| Wallet::parse(WALLETS[usize::from(input.receivers[at]) % WALLETS.len()]).expect("a good wallet");
    let [payout, first, second] = [0, 1, 2].map(wallet);
    let (Ok(affiliate), Ok(sub_affiliate)) = (share(input.affiliate), share(input.sub_affiliate)) else { return };
    let affiliate = Stake { wallet: first, share: affiliate };
    let sub_affiliate = Stake { wallet: second, share: sub_affiliate };
    let split = match input.form % 4 {
        0 => Split::Plain,
        1 => Split::Affiliate(first),
        2 => Split::Custom(affiliate),
        _ => Split::ThreeWay { affiliate, sub_affiliate },
    };
    let taken: u64 = match split {
        Split::Plain | Split::Affiliate(_) => 0,
        Split::Custom(own) => exact(&own),
        Split::ThreeWay { affiliate, sub_affiliate } => exact(&affiliate) + exact(&sub_affiliate),
    };
    let mut receivers = split.wallets();
    receivers.push(payout);
    let distinct = (1..receivers.len()).all(|at| !receivers[..at].contains(&receivers[at]));
    let expected = match (distinct, taken < WHOLE) {
        (false, _) => Err(SplitError::SameWallet),
        (true, false) => Err(SplitError::NothingForMerchant),
        (true, true) => Ok(()),
    };
    assert_eq!(split.check(Some(payout)), expected, "{input:?}");
    the_gateway_is_told_the_whole(split, payout, taken);
}

fn exact(stake: &Stake) -> u64 {
    millionths(&stake.share.to_string()).expect("a share's own text is a share")
}

fn the_gateway_is_told_the_whole(split: Split, payout: Wallet, taken: u64) {
    let order = Order { payout, callback_url: "https://pay.shop.example/callback?token=t".to_owned(), split };
    let Ok(call) = order.request(&CONFIG, Vec::new()) else {
        return assert!(taken >= WHOLE);
    };
    let (_, sent) = call.url.split_once('?').expect("an order has a query");
    let told: Vec<u64> = query::pairs(sent)
        .filter(|pair| pair.name().ends_with("_fee"))
        .map(|pair| millionths(pair.raw_value).expect("each fee is a share"))
        .collect();
    let merchant = split.merchant_share().expect("something is left").to_string();
    assert_eq!(millionths(&merchant), Some(WHOLE - taken));
    match split {
        Split::Plain | Split::Affiliate(_) => assert!(told.is_empty()),
        Split::Custom(_) | Split::ThreeWay { .. } => assert_eq!(told.iter().sum::<u64>(), WHOLE, "{}", call.url),
    }
}
