use super::*;
use crate::ledger::verify::{Quantity, Tolerance};
use num_bigint::BigUint;
use proptest::prelude::*;

const TXID: &str = "0xa22a82b4aefbc55f6382e1b5c0b4f0e3c034a654df3bcac431f7fed1942e22bc";
const RECEIVING: &str = "0x32e854bd1270670c832634ca87858ffd9f3e2c78";
const OTHER: &str = "0xf977814e90da44bfa03b6295a0616a897441acec";
const USDC: &str = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";

fn question(coin: Coin, value: &str) -> Option<Question> {
    let report = Report {
        value: Quantity::parse(value).unwrap(),
        coin: coin.as_str(),
        txid_in: TxId::parse(TXID).unwrap(),
        txid_out: None,
        address_in: Address::parse(OTHER),
        forwarded: None,
    };
    let receiving = Address::parse(RECEIVING).unwrap();
    let order = Order { receiving, expected: None, tolerance: Tolerance::default() };
    Question::about(&report, coin, &order, 5)
}

fn log(token: &str, to: &str, amount: &BigUint) -> String {
    let to = to.trim_start_matches("0x");
    format!(r#"{{"address":"{token}","topics":["{TRANSFER}","0x{to:0>64}","0x{to:0>64}"],"data":"0x{amount:064x}"}}"#)
}

fn receipt(logs: &[String]) -> String {
    let logs = logs.join(",");
    format!(r#"{{"transactionHash":"{TXID}","blockNumber":"0x10","status":"0x1","logs":[{logs}]}}"#)
}

fn batch(receipt: &str) -> String {
    format!(
        r#"[{{"id":2,"result":{receipt}}},{{"jsonrpc":"2.0","id":0,"result":"0x89"}},{{"id":1,"result":"0x14","error":null}}]"#
    )
}

fn answer(text: &str) -> Outcome {
    question(Coin::PolygonUsdc, "105.6").unwrap().answer(text)
}

#[test]
fn only_coins_of_polygon_are_asked_about() {
    for coin in Coin::ALL {
        assert_eq!(question(coin, "1").is_some(), coin.as_str().starts_with("polygon_"), "{coin:?}");
    }
    let request = question(Coin::PolygonUsdc, "1").unwrap().request();
    assert_eq!(
        request,
        format!(
            r#"[{{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}},{{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}},{{"jsonrpc":"2.0","id":2,"method":"eth_getTransactionReceipt","params":["{TXID}"]}}]"#
        )
    );
    assert!(question(Coin::PolygonPol, "1").unwrap().request().contains("eth_getTransactionByHash"));
}

#[test]
fn transfers_to_the_address_are_added_up() {
    let (part, rest) = (BigUint::from(100_000_000_u32), BigUint::from(5_600_000_u32));
    let noise = [log(USDC, OTHER, &part), log(OTHER, RECEIVING, &part)];
    let parts = [log(USDC, RECEIVING, &part), log(&USDC.to_lowercase(), RECEIVING, &rest)];
    assert_eq!(answer(&batch(&receipt(&[&noise[..], &parts].concat()))), Ok(Shown::Transfer));
    assert_eq!(answer(&batch(&receipt(&[&noise[..], &parts[..1]].concat()))), Err(Wrong::Short.into()));
    assert_eq!(answer(&batch(&receipt(&noise))), Err(Wrong::Recipient.into()));
    assert_eq!(answer(&batch(&receipt(&noise[1..]))), Err(Wrong::Token.into()));
    assert_eq!(answer(&batch(&receipt(&[]))), Err(Wrong::NoTransfer.into()));
}

/// What a contract may emit beside transfers: other events, ones of ERC-721, and ones with unusual topics.
#[test]
fn other_logs_are_passed_over() {
    let good = log(USDC, RECEIVING, &BigUint::from(105_600_000_u32));
    let strange = [
        good.replace("0xddf2", "0xddf3"),
        good.replace(r#""topics":["#, r#""topics":["0x00","#),
        good.replace("\"0x000", "\"0x100"),
        format!(r#"{{"address":"{USDC}","topics":[],"data":"0x"}}"#),
    ];
    for log in &strange {
        assert_eq!(answer(&batch(&receipt(std::slice::from_ref(log)))), Err(Wrong::NoTransfer.into()), "{log}");
    }
    assert_eq!(answer(&batch(&receipt(&[&strange[..], &[good]].concat()))), Ok(Shown::Transfer));
}

#[test]
fn amounts_are_exact_to_the_last_unit_and_bounded() {
    let of = |amounts: &[BigUint]| answer(&batch(&receipt(&amounts.iter().map(|a| log(USDC, RECEIVING, a)).collect::<Vec<_>>())));
    let most = BigUint::from(u128::MAX);
    assert_eq!(of(&[BigUint::from(105_599_999_u32)]), Err(Wrong::Short.into()));
    assert_eq!(of(std::slice::from_ref(&most)), Ok(Shown::Transfer));
    assert_eq!(of(&[&most + 1_u32]), Err(Wrong::Absurd.into()), "2^128 is no zero");
    assert_eq!(of(&[most, BigUint::from(1_u32)]), Err(Wrong::Absurd.into()));
}

#[test]
fn what_a_node_may_say_instead() {
    let good = batch(&receipt(&[log(USDC, RECEIVING, &BigUint::from(105_600_000_u32))]));
    assert_eq!(answer(&good), Ok(Shown::Transfer));
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        answer(&good.replacen(from, to, 1))
    };
    for (from, to, problem) in [
        ("\"0x89\"", "\"0x1\"", NotYet::OnChain),
        ("\"0x14\"", "\"0x13\"", NotYet::Confirmed { blocks: 4 }),
        ("\"0x14\"", "\"0xf\"", NotYet::Confirmed { blocks: 0 }),
        ("\"0x10\"", "null", NotYet::Mined),
        (TXID, "0x00", NotYet::Readable),
        ("\"id\":1", "\"id\":7", NotYet::Readable),
        ("\"status\":\"0x1\"", "\"status\":\"0x2\"", NotYet::Readable),
        ("\"status\":\"0x1\"", "\"root\":\"0x1\"", NotYet::Readable),
        ("\"logs\"", "\"nolog\"", NotYet::Readable),
        ("\"topics\"", "\"notopic\"", NotYet::Readable),
        ("\"data\":\"0x0", "\"data\":\"0x", NotYet::Readable),
    ] {
        assert_eq!(changed(from, to), Err(problem.into()), "{from} {to}");
    }
    assert_eq!(changed("\"status\":\"0x1\"", "\"status\":\"0x0\""), Err(Wrong::Failed.into()));
    assert_eq!(answer(&batch("null")), Err(NotYet::Mined.into()));
    let failing = batch("null").replace("\"result\":null", r#""error":{"code":-32005,"message":"limit"}"#);
    assert_eq!(answer(&failing), Err(NotYet::Served.into()));
    assert_eq!(answer(&failing.replace("\"error\"", "\"result\":null,\"error\"")), Err(NotYet::Served.into()));
    assert_eq!(answer(r#"{"id":null,"error":{"code":-32600}}"#), Err(NotYet::Served.into()));
    for text in ["", "{}", "[]", "null", "<html>", "[1,2,3]", r#"{"result":"0x1"}"#] {
        assert_eq!(answer(text), Err(NotYet::Readable.into()), "{text}");
    }
    assert_eq!(answer(&batch("{}")), Err(NotYet::Readable.into()));
}

/// POL has no logs: the transaction itself is looked at, and it has to be the one that was asked for.
#[test]
fn the_native_coin_is_seen_in_the_transaction_itself() {
    let transaction = format!(r#"{{"hash":"{TXID}","to":"{RECEIVING}","value":"0xde0b6b3a7640000"}}"#);
    let answer = |value: &str, transaction: &str| {
        let receipts = batch(&receipt(&[])).replacen('[', &format!(r#"[{{"id":3,"result":{transaction}}},"#), 1);
        question(Coin::PolygonPol, value).unwrap().answer(&receipts)
    };
    assert_eq!(answer("1", &transaction), Ok(Shown::Transfer));
    assert_eq!(answer("1.000000000000000001", &transaction), Err(Wrong::Short.into()));
    for (from, to, problem) in [
        (TXID, "0x00", NotYet::Readable.into()),
        ("0xa22a", "0xa22b", NotYet::Readable.into()),
        (RECEIVING, OTHER, Wrong::Recipient.into()),
        (&format!("\"{RECEIVING}\""), "null", Problem::from(Wrong::Recipient)),
        ("\"value\"", "\"valeu\"", NotYet::Readable.into()),
    ] {
        assert_eq!(answer("1", &transaction.replace(from, to)), Err(problem), "{from} {to}");
    }
    assert_eq!(answer("1", "null"), Err(NotYet::Mined.into()));
    assert_eq!(question(Coin::PolygonPol, "1").unwrap().answer(&batch(&receipt(&[]))), Err(NotYet::Readable.into()));
}

proptest! {
    #[test]
    fn sums_are_what_bigger_numbers_say(amounts in prop::collection::vec(any::<[u8; 32]>(), 1..4), shift in 0_u64..250, value in 1..10_u64.pow(15)) {
        let amounts: Vec<BigUint> = amounts.iter().map(|bytes| BigUint::from_bytes_be(bytes) >> shift).collect();
        let logs: Vec<String> = amounts.iter().map(|amount| log(USDC, RECEIVING, amount)).collect();
        let text = format!("{}.{:06}", value / 1_000_000, value % 1_000_000);
        let outcome = question(Coin::PolygonUsdc, &text).unwrap().answer(&batch(&receipt(&logs)));
        let sum: BigUint = amounts.iter().sum();
        let expected = match sum {
            sum if sum > BigUint::from(u128::MAX) => Err(Wrong::Absurd.into()),
            sum if sum < BigUint::from(value) => Err(Wrong::Short.into()),
            _ => Ok(Shown::Transfer),
        };
        prop_assert_eq!(outcome, expected);
    }

    /// Neither what is cut off nor one byte that is overwritten makes payments of other transfers.
    #[test]
    fn a_damaged_reply_shows_no_payment(at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let much = BigUint::from(1_u64 << 50);
        let others = batch(&receipt(&[log(USDC, OTHER, &much), log(OTHER, RECEIVING, &much)]));
        let at = at.index(others.len());
        let mut bytes = others.clone().into_bytes();
        bytes[at] = byte;
        prop_assert!(answer(core::str::from_utf8(&bytes).unwrap()).is_err());
        prop_assert!(answer(&others[..at]).is_err());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}|[{}\\[\\]\":,a-z0-9]{0,60}", field in "\\PC{0,20}|\"0x[0-9a-f]{0,40}\"|\\[\\{\\}\\]|null|-1") {
        let _ = answer(&text);
        let _ = answer(&batch(&field));
        for name in ["transactionHash", "blockNumber", "status", "logs"] {
            let _ = answer(&batch(&receipt(&[]).replace("\"logs\":[]", &format!("\"logs\":[],\"{name}\":{field}"))));
        }
        let _ = answer(&batch(&receipt(&[format!(r#"{{"address":{field},"topics":{field},"data":{field}}}"#)])));
    }
}
