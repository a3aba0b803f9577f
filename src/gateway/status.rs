//! Asking whether an order was paid.

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::Object;
use crate::gateway::opaque::Opaque;
use crate::http::{Call, Method, Read, Reply};
use crate::json;

/// Path of the gateway's script, and of our route.
pub const PATH: &str = "/control/payment-status.php";

/// The state of a payment, with the fields of the gateway's document. An unpaid answer has only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentStatus {
    /// `paid` or `unpaid`.
    pub status: String,
    /// What the provider sent, in coins, a decimal text.
    pub value_coin: Option<String>,
    /// The payout's transaction.
    pub txid_out: Option<String>,
    /// The payout's coin.
    pub coin: Option<String>,
}

impl PaymentStatus {
    /// Whether it says that the order was paid, and all there is to say about that: it does not change any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status == "paid" && self.value_coin.is_some() && self.txid_out.is_some() && self.coin.is_some()
    }

    /// The answer as the gateway writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = json::Object::new().text("status", &self.status).optional("value_coin", self.value_coin.as_deref());
        object.optional("txid_out", self.txid_out.as_deref()).optional("coin", self.coin.as_deref()).write()
    }
}

/// The request for the state of the order that `ipn_token` belongs to.
#[must_use]
pub fn request(config: &Config, ipn_token: &Opaque, headers: Vec<(&'static str, String)>) -> Call {
    let url = config.api.url(&format!("{PATH}?ipn_token={}", ipn_token.encoded()));
    Call { method: Method::Get, url, headers, body: None, read: Read::Text }
}

/// Reads the reply.
///
/// # Errors
/// [`GatewayError::InvalidReply`] where there is no status of the two.
pub fn interpret(reply: &Reply) -> Result<PaymentStatus, GatewayError> {
    let object = Object::of_reply(reply)?;
    let status = object.required("status")?;
    if !matches!(status.as_str(), "paid" | "unpaid") {
        return Err(GatewayError::InvalidReply);
    }
    let value_coin = object.digits("value_coin").map(str::to_owned);
    Ok(PaymentStatus { status, value_coin, txid_out: object.text("txid_out"), coin: object.text("coin") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;

    #[test]
    fn both_answers_come_out_as_they_went_in() {
        for text in
            [r#"{"status":"unpaid"}"#, r#"{"status":"paid","value_coin":"117.59","txid_out":"0xe85e","coin":"polygon_usdc"}"#]
        {
            assert_eq!(interpret(&reply(200, text)).unwrap().to_json(), text);
        }
        for (text, is_final) in [
            (r#"{"status":"paid","value_coin":"117.59","txid_out":"0xe85e","coin":"polygon_usdc"}"#, true),
            (r#"{"status":"paid","value_coin":"117.59","coin":"polygon_usdc"}"#, false),
            (r#"{"status":"paid","txid_out":"0xe85e","coin":"polygon_usdc"}"#, false),
            (r#"{"status":"unpaid","value_coin":"117.59","txid_out":"0xe85e","coin":"polygon_usdc"}"#, false),
        ] {
            assert_eq!(interpret(&reply(200, text)).unwrap().is_final(), is_final, "{text}");
        }
        for text in ["", "{}", r#"{"status":"maybe"}"#] {
            assert_eq!(interpret(&reply(200, text)), Err(GatewayError::InvalidReply));
        }
    }
}
