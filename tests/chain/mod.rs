//! What a real EVM node says of transactions, and what the check on chain makes of it. A part of the crate's own tests, since
//! the crate is a library for WebAssembly alone and integration tests cannot call it.

use crate::ledger::chain::id::Address;
use crate::ledger::chain::{Outcome, Question, Shown};
use crate::ledger::coin::Coin;
use crate::ledger::verify::{NotYet, Order, Report, Tolerance, Wrong};
use evm::Evm;
use serde_json::json;

#[allow(dead_code, reason = "the Worker's tests use all of it")]
#[path = "../support/evm.rs"]
mod evm;

const USDC: &str = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";
const OLD_USDC: &str = "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174";
const USDT: &str = "0xc2132D05D31c914a87C6611C10748AEb04B58e8F";
const RECEIVING: &str = "0x32e854bD1270670C832634CA87858fFd9F3e2c78";
const SOMEBODY: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
/// 105.6, in base units.
const VALUE: u128 = 105_600_000;

/// What the check makes of the node's words about a report of 105.6 `coin` by `txid`.
fn outcome(node: &Evm, coin: &str, txid: &str, confirmations: u64) -> Outcome {
    let parameters = [("value_coin", "105.6"), ("coin", coin), ("txid_in", txid), ("address_in", RECEIVING)];
    let report = Report::read(&parameters).expect("a report");
    let receiving = Address::parse(&RECEIVING.to_lowercase()).expect("an address");
    let order = Order { receiving, expected: None, tolerance: Tolerance::default() };
    let question =
        Question::about(&report, Coin::parse(coin).expect("a coin"), &order, confirmations).expect("a coin on Polygon");
    question.answer(&node.post(&question.request()))
}

fn node_with_tokens() -> Evm {
    let node = Evm::start();
    for token in [USDC, OLD_USDC, USDT] {
        node.put_token(token);
    }
    node
}

#[test]
fn a_payment_is_seen_whichever_usdc_it_is() {
    let node = node_with_tokens();
    for (token, coin) in [(USDC, "polygon_usdc"), (OLD_USDC, "polygon_usdc"), (USDT, "polygon_usdt")] {
        let txid = node.transfer(token, RECEIVING, VALUE);
        assert_eq!(outcome(&node, coin, &txid, 1), Ok(Shown::Transfer), "{token}");
        assert_eq!(outcome(&node, coin, &txid.to_uppercase().replacen("0X", "0x", 1), 1), Ok(Shown::Transfer));
    }
    let more = node.transfer(USDC, RECEIVING, VALUE + 1);
    assert_eq!(node.owned(USDC, RECEIVING), 2 * VALUE + 1, "the token is an honest one");
    assert_eq!(outcome(&node, "polygon_usdc", &more, 1), Ok(Shown::Transfer));
}

#[test]
fn what_did_not_pay_the_order_is_wrong() {
    let node = node_with_tokens();
    for (token, recipient, amount, wrong) in [
        (USDT, RECEIVING, VALUE, Wrong::Token),
        (SOMEBODY, RECEIVING, VALUE, Wrong::NoTransfer),
        (USDC, SOMEBODY, VALUE, Wrong::Recipient),
        (USDC, RECEIVING, VALUE - 1, Wrong::Short),
        (USDC, RECEIVING, 0, Wrong::Short),
        (USDC, RECEIVING, u128::MAX, Wrong::Failed),
    ] {
        let txid = node.transfer(token, recipient, amount);
        assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Err(wrong.into()), "{token} {recipient} {amount}");
    }
}

/// The event alone proves nothing: anybody's contract can emit it.
#[test]
fn a_token_that_somebody_made_is_wrong() {
    let node = Evm::start();
    node.put_token(SOMEBODY);
    let txid = node.transfer(SOMEBODY, RECEIVING, VALUE);
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Err(Wrong::Token.into()));
}

#[test]
fn what_is_in_no_block_is_not_mined() {
    let node = node_with_tokens();
    node.rpc("evm_setAutomine", &json!([false]));
    let txid = node.transfer_unmined(USDC, RECEIVING, VALUE);
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Err(NotYet::Mined.into()));
    let unknown = format!("0x{}", "ab".repeat(32));
    assert_eq!(outcome(&node, "polygon_usdc", &unknown, 1), Err(NotYet::Mined.into()));
    node.mine(1);
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Ok(Shown::Transfer));
}

/// Failures too have to be confirmed: the block that holds them may be replaced.
#[test]
fn nothing_is_final_before_it_is_confirmed() {
    let node = node_with_tokens();
    let paid = node.transfer(USDC, RECEIVING, VALUE);
    let failed = node.transfer(USDC, RECEIVING, u128::MAX);
    assert_eq!(outcome(&node, "polygon_usdc", &paid, 5), Err(NotYet::Confirmed { blocks: 2 }.into()));
    assert_eq!(outcome(&node, "polygon_usdc", &failed, 5), Err(NotYet::Confirmed { blocks: 1 }.into()));
    node.mine(3);
    assert_eq!(outcome(&node, "polygon_usdc", &paid, 5), Ok(Shown::Transfer));
    assert_eq!(outcome(&node, "polygon_usdc", &failed, 5), Err(NotYet::Confirmed { blocks: 4 }.into()));
    node.mine(1);
    assert_eq!(outcome(&node, "polygon_usdc", &failed, 5), Err(Wrong::Failed.into()));
}

#[test]
fn a_payment_whose_block_was_replaced_is_not_mined_any_more() {
    let node = node_with_tokens();
    let before = node.rpc("evm_snapshot", &json!([]));
    let txid = node.transfer(USDC, RECEIVING, VALUE);
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Ok(Shown::Transfer));
    assert_eq!(node.rpc("evm_revert", &json!([before])), json!(true));
    node.mine(10);
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Err(NotYet::Mined.into()));
}

#[test]
fn the_native_coin_is_seen_where_the_transaction_itself_sends_it() {
    let node = node_with_tokens();
    let value = 105_600_000_000_000_000_000;
    for (recipient, value, expected) in [
        (RECEIVING, value, Ok(Shown::Transfer)),
        (RECEIVING, value - 1, Err(Wrong::Short.into())),
        (SOMEBODY, value, Err(Wrong::Recipient.into())),
    ] {
        assert_eq!(outcome(&node, "polygon_pol", &node.pay(recipient, value), 1), expected);
    }
    let token = node.transfer(USDC, RECEIVING, value);
    assert_eq!(outcome(&node, "polygon_pol", &token, 1), Err(Wrong::Recipient.into()));
    let native = node.pay(RECEIVING, value);
    assert_eq!(outcome(&node, "polygon_usdc", &native, 1), Err(Wrong::NoTransfer.into()));
}

#[test]
fn a_node_of_another_chain_proves_nothing() {
    let node = node_with_tokens();
    let txid = node.transfer(USDC, RECEIVING, VALUE);
    node.rpc("anvil_setChainId", &json!([80_002]));
    assert_eq!(outcome(&node, "polygon_usdc", &txid, 1), Err(NotYet::OnChain.into()));
}
