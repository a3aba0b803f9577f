//! Asking a Polygon node whether the reported transaction really paid the order, in JSON-RPC.
//!
//! What is asked of other chains' coins is nothing: there is no node for them ([`Question::about`]). POL has no logs, so it is
//! seen only where the transaction itself sends it; what a contract sends on is out of reach and is flagged.
//!
//! Confirmations are counted before anything else is looked at: until then a block can be replaced, and neither success nor
//! failure is final. Source: the Ethereum JSON-RPC specification, and ERC-20 for the event.

use serde_json::value::RawValue;

use self::id::{Address, TxId};
use crate::gateway::object::Object;
use crate::ledger::coin::{Chain, Coin};
use crate::ledger::verify::{NotYet, Order, Problem, Report, Wrong};

pub mod id;

/// What the chain says of a report, if it says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It was not asked: no node is configured, or the coin is on another chain.
    NotAsked,
    /// It shows the transfer.
    Transfer,
}

/// What the chain says of a report, or why that is something else.
pub type Outcome = Result<Shown, Problem>;

/// `Transfer(address,address,uint256)`, hashed as logs have it.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// What is asked, in the order of the requests' numbers. The last is asked of native coins alone.
const METHODS: [(&str, bool); 4] =
    [("eth_chainId", false), ("eth_blockNumber", false), ("eth_getTransactionReceipt", true), ("eth_getTransactionByHash", true)];
const CHAIN: usize = 0;
const HEAD: usize = 1;
const RECEIPT: usize = 2;
const TRANSACTION: usize = 3;

/// A report that a Polygon node is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    txid: TxId,
    receiving: Address,
    coin: Coin,
    units: u128,
    confirmations: u64,
}

impl Question {
    /// Whether `report`, of this `coin`, is true by at least so many `confirmations`, the transaction's own block among them;
    /// `None` where the coin is not on Polygon: [`Shown::NotAsked`].
    #[must_use]
    pub fn about(report: &Report, coin: Coin, order: &Order, confirmations: u64) -> Option<Self> {
        let units = report.value.base_units(coin.decimals());
        let question = Self { txid: report.txid_in, receiving: order.receiving, coin, units, confirmations };
        (coin.chain() == Chain::Polygon).then_some(question)
    }

    /// The body to `POST` to the node, as `application/json`: one batch.
    #[must_use]
    pub fn request(&self) -> String {
        let count = if self.coin.is_stable() { TRANSACTION } else { METHODS.len() };
        let calls = METHODS.iter().take(count).enumerate().map(|(number, (method, of_transaction))| {
            let parameters = if *of_transaction { format!("\"{}\"", self.txid) } else { String::new() };
            format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":[{parameters}]}}"#)
        });
        format!("[{}]", calls.collect::<Vec<_>>().join(","))
    }

    /// Reads the body of the node's reply.
    ///
    /// # Errors
    /// The [`Problem`] that it shows, each of them with a code that begins with `chain_`.
    pub fn answer(&self, text: &str) -> Outcome {
        let replies = Replies::read(text)?;
        if replies.number(CHAIN)? != u128::from(Chain::Polygon.id()) {
            return Err(NotYet::OnChain.into());
        }
        let receipt = replies.of_transaction(RECEIPT)?;
        self.check_hash(&receipt, "transactionHash")?;
        self.check_confirmations(&receipt, replies.number(HEAD)?)?;
        match number(&receipt, "status")? {
            1 => {}
            0 => return Err(Wrong::Failed.into()),
            _ => return Err(NotYet::Readable.into()),
        }
        let sent = if self.coin.is_stable() {
            self.sent_by_token(&receipt)?
        } else {
            self.sent_by_itself(&replies.of_transaction(TRANSACTION)?)?
        };
        if sent < self.units { Err(Wrong::Short.into()) } else { Ok(Shown::Transfer) }
    }

    /// The node speaks of the transaction that it was asked for.
    fn check_hash(&self, object: &Object, field: &str) -> Result<(), Problem> {
        let is_asked_for = TxId::parse(&text(object, field)?) == Some(self.txid);
        if is_asked_for { Ok(()) } else { Err(NotYet::Readable.into()) }
    }

    /// Nodes behind one address may be a few blocks apart, so the head can be below the block.
    fn check_confirmations(&self, receipt: &Object, head: u128) -> Result<(), Problem> {
        if receipt.value("blockNumber").is_none_or(is_null) {
            return Err(NotYet::Mined.into());
        }
        let above = head.checked_sub(number(receipt, "blockNumber")?);
        let blocks = above.map_or(0, |above| u64::try_from(above).unwrap_or(u64::MAX).saturating_add(1));
        if blocks < self.confirmations.max(1) { Err(NotYet::Confirmed { blocks }.into()) } else { Ok(()) }
    }

    /// Base units of the token that the transaction sent to the receiving address, in however many transfers.
    fn sent_by_token(&self, receipt: &Object) -> Result<u128, Problem> {
        let logs = receipt.objects("logs").ok_or(NotYet::Readable)?;
        let (mut sent, mut of_other_tokens, mut to_others) = (None, false, false);
        for log in &logs {
            let Some(recipient) = recipient(log)? else { continue };
            let token = text(log, "address")?;
            let is_coin = self.coin.contracts().iter().any(|contract| contract.eq_ignore_ascii_case(&token));
            match (is_coin, recipient == self.receiving) {
                (true, true) => sent = Some(amount(log)?.checked_add(sent.unwrap_or(0)).ok_or(Wrong::Absurd)?),
                (true, false) => to_others = true,
                (false, true) => of_other_tokens = true,
                (false, false) => {}
            }
        }
        let otherwise = match (to_others, of_other_tokens) {
            (true, _) => Wrong::Recipient,
            (false, true) => Wrong::Token,
            (false, false) => Wrong::NoTransfer,
        };
        sent.ok_or(otherwise.into())
    }

    /// Base units of the native coin that the transaction itself sends.
    fn sent_by_itself(&self, transaction: &Object) -> Result<u128, Problem> {
        self.check_hash(transaction, "hash")?;
        let recipient = transaction.text("to").as_deref().and_then(Address::parse);
        if recipient != Some(self.receiving) {
            return Err(Wrong::Recipient.into());
        }
        number(transaction, "value")
    }
}

/// Whom a log says that tokens went to; `None` if it is no log of an ERC-20 transfer. (One of ERC-721 has a fourth topic.)
fn recipient(log: &Object) -> Result<Option<Address>, Problem> {
    let topics: Vec<&str> = log.value("topics").and_then(|list| serde_json::from_str(list.get()).ok()).ok_or(NotYet::Readable)?;
    let [event, _, to] = topics.as_slice() else { return Ok(None) };
    let is_transfer = event.eq_ignore_ascii_case(TRANSFER);
    Ok(Address::of_word(to).filter(|_| is_transfer))
}

/// How many base units a transfer's log says: a word of 32 bytes, of which no real token uses more than the half.
fn amount(log: &Object) -> Result<u128, Problem> {
    let word: [u8; 32] = id::bytes(&text(log, "data")?).ok_or(NotYet::Readable)?;
    let (high, low) = word.split_at(16);
    if high.iter().any(|byte| *byte != 0) {
        return Err(Wrong::Absurd.into());
    }
    low.try_into().map(u128::from_be_bytes).map_err(|_| NotYet::Readable.into())
}

fn text(object: &Object, field: &str) -> Result<String, Problem> {
    object.text(field).ok_or(NotYet::Readable.into())
}

fn number(object: &Object, field: &str) -> Result<u128, Problem> {
    id::number(&text(object, field)?).ok_or(NotYet::Readable.into())
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The node's replies to a batch, which may come in any order.
struct Replies(Vec<Object>);

impl Replies {
    fn read(text: &str) -> Result<Self, Problem> {
        let list = serde_json::from_str::<Vec<&RawValue>>(text);
        let object = |value: &RawValue| serde_json::from_str(value.get()).ok();
        match list {
            Ok(list) => Ok(Self(list.into_iter().filter_map(object).collect())),
            // One error in place of a list: the batch itself was refused.
            Err(_) => Err(serde_json::from_str(text).map_or(NotYet::Readable, |alone: Object| refusal(&alone)).into()),
        }
    }

    fn reply(&self, number: usize) -> Result<&Object, Problem> {
        let is_asked_for = |reply: &&Object| reply.value("id").is_some_and(|id| id.get() == number.to_string());
        self.0.iter().find(is_asked_for).ok_or(NotYet::Readable.into())
    }

    fn number(&self, number: usize) -> Result<u128, Problem> {
        let reply = self.reply(number)?;
        self::number(reply, "result").map_err(|_| refusal(reply).into())
    }

    /// A receipt or a transaction: `null` as long as no block has it.
    fn of_transaction(&self, number: usize) -> Result<Object, Problem> {
        let reply = self.reply(number)?;
        if reply.value("result").is_some_and(is_null) && refusal(reply) == NotYet::Readable {
            return Err(NotYet::Mined.into());
        }
        reply.object("result").ok_or_else(|| refusal(reply).into())
    }
}

/// Why a reply has no result.
fn refusal(reply: &Object) -> NotYet {
    if reply.value("error").is_some_and(|error| !is_null(error)) { NotYet::Served } else { NotYet::Readable }
}

#[cfg(test)]
mod tests;

/// The same with what a node really says.
#[cfg(test)]
#[path = "../../tests/chain/mod.rs"]
mod on_a_node;
