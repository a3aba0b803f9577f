//! Payments held against a real EVM node: what the chain does not show does not count, whatever callback and gateway say.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, pay, stage as open_stage, text};
use livery_sandbox::BotMode;
use serde_json::{Value, json};
use stage::{STRANGER, Stage};
use support::evm::Evm;

const USDC: &str = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";
const USDT: &str = "0xc2132D05D31c914a87C6611C10748AEb04B58e8F";
/// 25, in base units.
const VALUE: u128 = 25_000_000;

fn node() -> Evm {
    let node = Evm::start();
    for token in [USDC, USDT] {
        node.put_token(token);
    }
    node
}

/// A stage that asks this node and waits for so many blocks; its gateway reports nothing by itself.
fn stage(node: &Evm, confirmations: &str) -> Stage {
    let stage = open_stage(&[("POLYGON_RPC_URL", &node.url()), ("POLYGON_CONFIRMATIONS", confirmations)]);
    stage.sandbox.set_bot_mode(BotMode::Silent);
    stage
}

/// A session that the gateway knows to be paid.
fn paid(shop: &Caller<'_>) -> Value {
    let session = shop.started(&json!({"callback": shop.stage.shop_callback("1")}));
    pay(shop.stage, &session, "25");
    session
}

/// Reports the payment of 25 by that transaction, as the gateway would.
fn report(stage: &Stage, session: &Value, txid: &str) {
    let wallet = stage.sandbox.wallet(&text(session, "receiving_address")).expect("a wallet");
    let known = wallet.payments.last().expect("a payment");
    let query = format!(
        "&value_coin=25&coin=polygon_usdc&txid_in={txid}&txid_out={}&address_in={}",
        known.txid_out, wallet.polygon_address_in
    );
    let answer = stage.get(&format!("{}{query}", wallet.callback.replace(&stage.worker.url(), ""))).send();
    assert_eq!((answer.status, answer.text()), (200, "*ok*"));
}

fn received(shop: &Caller<'_>, session: &Value) -> Value {
    shop.get(&format!("checkout-sessions/{}", text(session, "id")))["amount_received_usd"].clone()
}

#[test]
fn what_the_chain_shows_counts() {
    let node = node();
    let stage = stage(&node, "1");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    let txid = node.transfer(USDC, &text(&session, "receiving_address"), VALUE);
    report(&stage, &session, &txid);
    let payment = shop.await_payment(&session, |payment| payment["status"] == "verified");
    assert_eq!(
        (&payment["txid_in"], &payment["value_usd"], received(&shop, &session)),
        (&json!(txid), &json!("25"), json!("25"))
    );
    shop.await_that("callbacks", |list| list["data"][0]["status"] == "delivered");
}

#[test]
fn what_the_chain_shows_otherwise_is_flagged() {
    let node = node();
    let stage = stage(&node, "1");
    let shop = Caller::merchant(&stage);
    for (token, to, amount, reason) in [
        (USDT, None, VALUE, "chain_wrong_token"),
        (USDC, Some(STRANGER), VALUE, "chain_wrong_recipient"),
        (STRANGER, None, VALUE, "chain_no_transfer"),
        (USDC, None, VALUE - 1, "chain_short"),
        (USDC, None, u128::MAX, "chain_failed"),
    ] {
        let session = paid(&shop);
        let receiving = text(&session, "receiving_address");
        report(&stage, &session, &node.transfer(token, to.unwrap_or(&receiving), amount));
        let payment = shop.await_payment(&session, |payment| payment["status"] == "unverified");
        assert_eq!((&payment["reason"], &payment["value_usd"]), (&json!(reason), &json!(null)));
        assert_eq!(received(&shop, &session), "0", "{reason}");
        // The real one still counts.
        report(&stage, &session, &node.transfer(USDC, &receiving, VALUE));
        shop.await_session(&session, |session| session["status"] == "paid");
    }
    assert_eq!(shop.list("transactions?status=verified&limit=100").len(), 5);
}

#[test]
fn what_is_in_no_block_waits_for_one() {
    let node = node();
    let stage = stage(&node, "1");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    node.rpc("evm_setAutomine", &json!([false]));
    report(&stage, &session, &node.transfer_unmined(USDC, &text(&session, "receiving_address"), VALUE));
    let pending = shop.await_payment(&session, |payment| payment["reason"] == "chain_not_mined");
    assert_eq!((&pending["status"], received(&shop, &session)), (&json!("pending"), json!("0")));
    node.mine(1);
    shop.await_payment(&session, |payment| payment["status"] == "verified");
    assert_eq!(received(&shop, &session), "25");
}

#[test]
fn a_payment_waits_for_as_many_blocks_as_the_operator_wants() {
    let node = node();
    let stage = stage(&node, "5");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    report(&stage, &session, &node.transfer(USDC, &text(&session, "receiving_address"), VALUE));
    let pending = shop.await_payment(&session, |payment| payment["reason"] == "chain_unconfirmed");
    assert_eq!((&pending["status"], received(&shop, &session)), (&json!("pending"), json!("0")));
    node.mine(4);
    shop.await_payment(&session, |payment| payment["status"] == "verified");
}

/// The block that held it was replaced by others before it counted.
#[test]
fn a_payment_that_was_taken_back_does_not_count() {
    let node = node();
    let stage = stage(&node, "3");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    let before = node.rpc("evm_snapshot", &json!([]));
    let txid = node.transfer(USDC, &text(&session, "receiving_address"), VALUE);
    report(&stage, &session, &txid);
    shop.await_payment(&session, |payment| payment["reason"] == "chain_unconfirmed");
    assert_eq!(node.rpc("evm_revert", &json!([before])), json!(true));
    node.mine(10);
    let payment = shop.await_payment(&session, |payment| payment["reason"] == "chain_not_mined");
    assert_eq!((&payment["status"], received(&shop, &session)), (&json!("pending"), json!("0")));
}

/// One transfer pays one session once, under however many reports and payouts.
#[test]
fn one_transfer_is_counted_once() {
    let node = node();
    let stage = stage(&node, "1");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    let txid = node.transfer(USDC, &text(&session, "receiving_address"), VALUE);
    report(&stage, &session, &txid);
    shop.await_session(&session, |session| session["status"] == "paid");
    report(&stage, &session, &txid.to_uppercase().replacen("0X", "0x", 1));
    shop.await_that("transactions", |list| list["data"][0]["reason"] == "transaction_known");
    assert_eq!((received(&shop, &session), shop.list("transactions?status=verified").len()), (json!("25"), 1));
}

/// A node that is down, of another chain, or mad holds payments up; it loses none and lets none through.
#[test]
fn a_node_that_is_no_good_holds_a_payment_up() {
    let node = node();
    let stage = stage(&node, "1");
    let shop = Caller::merchant(&stage);
    let session = paid(&shop);
    let txid = node.transfer(USDC, &text(&session, "receiving_address"), VALUE);
    node.rpc("anvil_setChainId", &json!([80_002]));
    report(&stage, &session, &txid);
    shop.await_payment(&session, |payment| payment["reason"] == "chain_other");
    node.rpc("anvil_setChainId", &json!([137]));
    shop.await_payment(&session, |payment| payment["status"] == "verified");
    drop(node);
    let next = paid(&shop);
    report(&stage, &next, &format!("0x{}", "ab".repeat(32)));
    let payment = shop.await_payment(&next, |payment| payment["reason"] == "chain_unavailable");
    assert_eq!((&payment["status"], received(&shop, &next)), (&json!("pending"), json!("0")));
}
