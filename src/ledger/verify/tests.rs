use super::*;
use crate::ledger::chain::Shown;
use proptest::prelude::*;

const TXID_IN: &str = "0xa22a82b4aefbc55f6382e1b5c0b4f0e3c034a654df3bcac431f7fed1942e22bc";
const TXID_OUT: &str = "0x94c2c3e84c2021e6bf377aebf8abf03b49570611bb0c336e357d7f4516f56244";
const RECEIVING: &str = "0x32e854bD1270670C832634CA87858fFd9F3e2c78";

/// The callback of the gateway's document.
const CALLBACK: [(&str, &str); 7] = [
    ("number", "827746841326"),
    ("value_coin", "105.6"),
    ("coin", "polygon_usdc"),
    ("txid_in", TXID_IN),
    ("txid_out", TXID_OUT),
    ("address_in", RECEIVING),
    ("value_forwarded_coin", "104.016"),
];

fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    CALLBACK.into_iter().map(|(found, old)| (found, if found == name { value } else { old })).collect()
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    CALLBACK.into_iter().filter(|(found, _)| *found != name).collect()
}

fn order() -> Order {
    let receiving = Address::parse(&RECEIVING.to_lowercase()).unwrap();
    Order { receiving, expected: Dollars::from_millionths(105_000_000), tolerance: Tolerance::default() }
}

fn status(value: &str, coin: &str) -> PaymentStatus {
    let text = |text: &str| Some(text.to_owned());
    PaymentStatus { status: "paid".to_owned(), value_coin: text(value), txid_out: text(TXID_OUT), coin: text(coin) }
}

/// What becomes of a callback where the gateway confirms the one of its document, and the chain is not asked.
fn verified(pairs: &[(&str, &str)]) -> Result<Verified, Problem> {
    stated_as(pairs, &status("105.6", "polygon_usdc"))
}

fn stated_as(pairs: &[(&str, &str)], status: &PaymentStatus) -> Result<Verified, Problem> {
    let evidence = Evidence { price: None, status: Some(status), chain: Ok(Shown::NotAsked) };
    verify(&Report::read(pairs)?, &order(), &evidence)
}

#[test]
fn the_documents_callback_counts() {
    let expected = Verified {
        dollars: Dollars::from_millionths(105_600_000).unwrap(),
        coin: Coin::PolygonUsdc,
        txid_in: TxId::parse(TXID_IN).unwrap(),
        txid_out: TxId::parse(TXID_OUT),
    };
    assert_eq!(verified(&CALLBACK), Ok(expected));
    assert_eq!(verified(&without("value_forwarded_coin")), Ok(expected));
    // Sibling brands do not name the address; the status is asked for with the order's own token.
    assert_eq!(verified(&without("address_in")), Ok(expected));
    // The payout that a report leaves away is the one that the status names.
    assert_eq!(verified(&without("txid_out")), Ok(expected));
    assert_eq!(verified(&with("txid_out", "")), Ok(expected));
    assert_eq!(verified(&with("value_coin", "105.600000")), Ok(expected));
    let upper = RECEIVING.to_uppercase().replacen("0X", "0x", 1);
    assert_eq!(verified(&[&CALLBACK[..], &[("address_in", upper.as_str()), ("address_out", "{}")]].concat()), Ok(expected));
    let left = order().judge(expected.dollars);
    assert_eq!(left, Some(Judgement::Over { by: Dollars::from_millionths(600_000).unwrap() }));
    assert_eq!(Order { expected: None, ..order() }.judge(expected.dollars), None);
}

/// The merchant's own parameters come first, and may have the names of the gateway's.
#[test]
fn the_last_of_a_name_counts() {
    let mut pairs = vec![("coin", "eth"), ("txid_in", ""), ("address_in", "nonsense")];
    pairs.extend(CALLBACK);
    assert!(verified(&pairs).is_ok());
    pairs.push(("coin", "eth"));
    assert_eq!(verified(&pairs), Err(NotYet::Priced.into()));
}

#[test]
fn a_report_is_whole_and_well_formed() {
    for name in ["value_coin", "coin", "txid_in"] {
        assert_eq!(verified(&without(name)), Err(Wrong::Missing(name).into()));
        assert_eq!(verified(&with(name, "")), Err(Wrong::Missing(name).into()));
    }
    for (name, values) in [
        ("value_coin", &["0", "-1", "1e3", "105,6", "NaN", "1000000000000000", "0.0000000000000000001"][..]),
        ("coin", &["polygon_usdc_polygon_usdc_polygon_usdc"]),
        ("txid_in", &["a22a82", "0x", "0xa22a82b4aefbc55f6382e1b5c0b4f0e3c034a654df3bcac431f7fed1942e22bg"]),
        ("txid_out", &["0x1", "none"]),
        ("address_in", &["0x32e854bD1270670C832634CA87858fFd9F3e2c7", "32e854bD1270670C832634CA87858fFd9F3e2c78"]),
        ("value_forwarded_coin", &["a lot"]),
    ] {
        for value in values {
            assert_eq!(verified(&with(name, value)), Err(Wrong::Malformed(name).into()), "{value}");
        }
    }
    let same = "0xA22A82B4AEFBC55F6382E1B5C0B4F0E3C034A654DF3BCAC431F7FED1942E22BC";
    assert_eq!(verified(&with("txid_out", same)), Err(Wrong::SameTransaction.into()));
}

#[test]
fn address_and_coin_are_the_orders_and_known() {
    let other = with("address_in", "0xF977814e90dA44bFA03b6295A0616a897441aceC");
    assert_eq!(verified(&other), Err(Wrong::Address.into()));
    for coin in ["polygon_dai", "POLYGON_USDC", "usd"] {
        assert_eq!(verified(&with("coin", coin)), Err(Wrong::Coin.into()));
    }
    assert_eq!(plausible(&Report::read(&CALLBACK).unwrap(), &order()), Ok(Coin::PolygonUsdc));
}

/// Neither counted as something dearer, nor taken out of the chain's sight.
#[test]
fn no_coin_passes_for_another() {
    let (status, price) = (status("105.6", "polygon_usdc"), Quantity::parse("3000").map(Price));
    for coin in Coin::ALL.into_iter().filter(|coin| *coin != Coin::PolygonUsdc) {
        let pairs = [&CALLBACK[..], &[("coin", coin.as_str())]].concat();
        let evidence = Evidence { price, status: Some(&status), chain: Ok(Shown::NotAsked) };
        assert_eq!(verify(&Report::read(&pairs).unwrap(), &order(), &evidence), Err(Wrong::StatusCoin.into()), "{coin:?}");
    }
}

#[test]
fn a_native_coin_is_worth_its_price_and_nothing_without() {
    let half = [&CALLBACK[..], &[("coin", "eth"), ("value_coin", "0.5")]].concat();
    let report = Report::read(&half).unwrap();
    let status = status("0.50", "eth");
    let priced = |price: Option<&str>| {
        let price = price.map(|text| Price(Quantity::parse(text).unwrap()));
        let evidence = Evidence { price, status: Some(&status), chain: Ok(Shown::NotAsked) };
        verify(&report, &order(), &evidence).map(|verified| verified.dollars.millionths())
    };
    assert_eq!(priced(None), Err(NotYet::Priced.into()));
    assert_eq!(priced(Some("3021.4567899")), Ok(1_510_728_394));
    assert_eq!(priced(Some("0.000001999")), Ok(0));
    assert_eq!(priced(Some("999999999999999")), Err(Wrong::TooMuch.into()));
    assert_eq!(verified(&with("value_coin", "999999999999999")), Err(Wrong::TooMuch.into()));
    // A price for a coin that needs none changes nothing.
    let report = Report::read(&CALLBACK).unwrap();
    assert_eq!(worth(report.value, Coin::Bep20Usdt, Quantity::parse("2").map(Price)).map(Dollars::millionths), Ok(105_600_000));
}

#[test]
fn payment_status_has_to_say_the_same() {
    let good = status("105.6", "polygon_usdc");
    let stated = |change: fn(&mut PaymentStatus)| {
        let mut status = good.clone();
        change(&mut status);
        stated_as(&CALLBACK, &status).map(|_| ())
    };
    assert_eq!(stated(|_| {}), Ok(()));
    assert_eq!(stated(|s| s.txid_out = None), Ok(()));
    assert_eq!(stated(|s| s.txid_out = Some(String::new())), Ok(()));
    assert_eq!(stated(|s| s.txid_out = Some(TXID_OUT.to_uppercase().replacen("0X", "0x", 1))), Ok(()));
    assert_eq!(stated(|s| s.txid_out = Some(TXID_IN.to_owned())), Err(Wrong::StatusTransaction.into()));
    assert_eq!(stated(|s| s.txid_out = Some("pending".to_owned())), Err(Wrong::StatusTransaction.into()));
    assert_eq!(stated(|s| s.value_coin = Some("105.59".to_owned())), Err(Wrong::StatusValue.into()));
    assert_eq!(stated(|s| s.value_coin = Some("105.600000000000000001".to_owned())), Err(Wrong::StatusValue.into()));
    assert_eq!(stated(|s| s.coin = Some("eth".to_owned())), Err(Wrong::StatusCoin.into()));
    assert_eq!(stated(|s| s.status = "unpaid".to_owned()), Err(NotYet::Paid.into()));
    assert_eq!(stated(|s| s.value_coin = None), Err(NotYet::Detailed.into()));
    assert_eq!(stated(|s| s.coin = None), Err(NotYet::Detailed.into()));
    let evidence = Evidence { price: None, status: None, chain: Ok(Shown::NotAsked) };
    assert_eq!(verify(&Report::read(&CALLBACK).unwrap(), &order(), &evidence), Err(NotYet::Answered.into()));
}

#[test]
fn the_chain_has_to_say_the_same_where_it_was_asked() {
    let (report, status) = (Report::read(&CALLBACK).unwrap(), status("105.6", "polygon_usdc"));
    let shown = |chain| verify(&report, &order(), &Evidence { price: None, status: Some(&status), chain }).map(|_| ());
    assert_eq!(shown(Ok(Shown::Transfer)), Ok(()));
    for problem in [Wrong::Short.into(), NotYet::Mined.into(), NotYet::Reached.into()] {
        assert_eq!(shown(Err(problem)), Err(problem));
    }
}

/// The value of every parameter that is checked against somebody else, and one other character in it.
fn changed_callback() -> impl Strategy<Value = (&'static str, String)> {
    let fields = prop::sample::select(&["value_coin", "coin", "txid_in", "txid_out", "address_in"][..]);
    (fields, any::<prop::sample::Index>(), prop::sample::select(&b"0123456789abcdefgxyz._-e"[..])).prop_map(|(name, at, byte)| {
        let mut value = CALLBACK.iter().find(|(found, _)| *found == name).unwrap().1.as_bytes().to_vec();
        let at = at.index(value.len());
        value[at] = byte;
        (name, String::from_utf8(value).unwrap())
    })
}

proptest! {
    #[test]
    fn a_changed_report_never_counts((name, value) in changed_callback()) {
        let original = CALLBACK.iter().find(|(found, _)| *found == name).unwrap().1;
        prop_assume!(!value.eq_ignore_ascii_case(original));
        let pairs = [&CALLBACK[..], &[(name, value.as_str())]].concat();
        let on_chain = |report: &Report| {
            // A node knows of one transaction, the document's, which paid the order.
            let knows = report.txid_in == TxId::parse(TXID_IN).unwrap();
            if knows { Ok(Shown::Transfer) } else { Err(NotYet::Mined.into()) }
        };
        let status = status("105.6", "polygon_usdc");
        let outcome = Report::read(&pairs).and_then(|report| {
            verify(&report, &order(), &Evidence { price: Quantity::parse("2").map(Price), status: Some(&status), chain: on_chain(&report) })
        });
        prop_assert!(outcome.is_err(), "{outcome:?}");
    }

    #[test]
    fn no_parameters_panic(pairs in prop::collection::vec(("\\PC{0,10}|value_coin|coin|txid_in|txid_out|address_in", "\\PC{0,70}|[0-9.]{0,40}|0x[0-9a-f]{0,64}|eth|polygon_usdc"), 0..9)) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = verified(&pairs);
        let _ = verified(&[&CALLBACK[..], &pairs].concat());
    }
}
