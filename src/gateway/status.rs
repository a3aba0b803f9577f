//! Asking whether an order was paid.

use serde::Serialize;

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::Object;
use crate::gateway::opaque::Opaque;
use crate::http::{Call, Method, Read, Reply};

/// Path of the gateway's script, and of our route.
pub const PATH: &str = "/control/payment-status.php";

/// The state of a payment, with the fields of the gateway's document. An unpaid answer has only the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentStatus {
    /// `paid` or `unpaid`.
    pub status: String,
    /// What the provider sent, in coins, a decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_coin: Option<String>,
    /// The payout's transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txid_out: Option<String>,
    /// The payout's coin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coin: Option<String>,
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
            assert_eq!(serde_json::to_string(&interpret(&reply(200, text)).unwrap()).unwrap(), text);
        }
        for text in ["", "{}", r#"{"status":"maybe"}"#] {
            assert_eq!(interpret(&reply(200, text)), Err(GatewayError::InvalidReply));
        }
    }
}
