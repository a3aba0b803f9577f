//! Creating the wallet of one order.

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::Object;
use crate::gateway::opaque::Opaque;
use crate::http::{Call, Method, Read, Reply};
use crate::query;
use crate::split::{Split, SplitError};
use crate::wallet::Wallet;

/// Where a Livery sends its wallets when the gateway behind it is another Livery.
pub const DOWNLINE_PATH: &str = "/set-affiliate.php";

/// Names and values of a query.
type Parameters = Vec<(&'static str, String)>;

/// Everything that the gateway needs to know, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The merchant.
    pub payout: Wallet,
    /// Where the gateway reports the payment: our own URL with a sealed token.
    pub callback_url: String,
    /// Who shares with the merchant.
    pub split: Split,
}

/// What the gateway made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// For payment links.
    pub address_in: Opaque,
    /// Where the payment arrives on chain.
    pub polygon_address_in: Wallet,
    /// For asking whether it was paid.
    pub ipn_token: Opaque,
}

impl Order {
    /// The request. Which of the gateway's scripts it names follows from the split, and its parameters are these and no
    /// others.
    ///
    /// # Errors
    /// [`SplitError`] where nothing would be left for the merchant.
    pub fn request(&self, config: &Config, headers: Vec<(&'static str, String)>) -> Result<Call, SplitError> {
        let (path, shares) = self.script(config)?;
        let mut parameters = vec![("address", self.payout.to_string()), ("callback", self.callback_url.clone())];
        parameters.extend(shares);
        let query = query::build(parameters.iter().map(|(name, value)| (*name, value.as_str())));
        let url = config.api.url(&format!("{path}?{query}"));
        Ok(Call { method: Method::Get, url, headers, body: None, read: Read::Text })
    }

    fn script(&self, config: &Config) -> Result<(&'static str, Parameters), SplitError> {
        let merchant = self.split.merchant_share()?.to_string();
        Ok(match self.split {
            Split::Plain => ("/control/wallet.php", Vec::new()),
            Split::Affiliate(affiliate) => ("/control/affiliate.php", vec![("affiliate", affiliate.to_string())]),
            Split::Custom(own) if config.upline.is_some() => {
                (DOWNLINE_PATH, vec![("sub_affiliate", own.wallet.to_string()), ("sub_affiliate_fee", own.share.to_string())])
            }
            Split::Custom(affiliate) => (
                "/control/custom-affiliate.php",
                vec![
                    ("affiliate", affiliate.wallet.to_string()),
                    ("affiliate_fee", affiliate.share.to_string()),
                    ("merchant_fee", merchant),
                ],
            ),
            Split::ThreeWay { affiliate, sub_affiliate } => (
                "/control/custom-sub-affiliate.php",
                vec![
                    ("affiliate", affiliate.wallet.to_string()),
                    ("affiliate_fee", affiliate.share.to_string()),
                    ("merchant_fee", merchant),
                    ("sub_affiliate_fee", sub_affiliate.share.to_string()),
                    ("sub_affiliate", sub_affiliate.wallet.to_string()),
                ],
            ),
        })
    }
}

impl Created {
    /// Reads the gateway's reply. Its `callback_url` is not needed: it is the one we sent.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReply`] where one of the three values is missing or malformed.
    pub fn from_reply(reply: &Reply) -> Result<Self, GatewayError> {
        let object = Object::of_reply(reply)?;
        Ok(Self {
            address_in: Opaque::parse(&object.required("address_in")?).map_err(|_| GatewayError::InvalidReply)?,
            polygon_address_in: Wallet::parse(&object.required("polygon_address_in")?).map_err(|_| GatewayError::InvalidReply)?,
            ipn_token: Opaque::parse(&object.required("ipn_token")?).map_err(|_| GatewayError::InvalidReply)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, reply};

    const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
    const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
    const SUB: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";

    fn url(settings: &[(&str, &str)]) -> String {
        let config = config(settings);
        let order = Order {
            payout: Wallet::parse(PAYOUT).unwrap(),
            callback_url: "https://pay.shop.example/callback?token=t".to_owned(),
            split: config.split.unwrap_or(Split::Plain),
        };
        order.request(&config, Vec::new()).unwrap().url
    }

    #[test]
    fn each_split_asks_its_own_script() {
        let common = format!("?address={PAYOUT}&callback=https%3A%2F%2Fpay.shop.example%2Fcallback%3Ftoken%3Dt");
        let one = [("AFFILIATE_WALLET", AFFILIATE)];
        let two = [one[0], ("AFFILIATE_FEE", "0.01")];
        let three = [two[0], two[1], ("SUB_AFFILIATE_WALLET", SUB), ("SUB_AFFILIATE_FEE", "0.01")];
        let control = "https://api.anexpay.net/control";
        assert_eq!(url(&[]), format!("{control}/wallet.php{common}"));
        assert_eq!(url(&one), format!("{control}/affiliate.php{common}&affiliate={AFFILIATE}"));
        assert_eq!(
            url(&two),
            format!("{control}/custom-affiliate.php{common}&affiliate={AFFILIATE}&affiliate_fee=0.01&merchant_fee=0.98")
        );
        assert_eq!(
            url(&three),
            format!(
                "{control}/custom-sub-affiliate.php{common}&affiliate={AFFILIATE}&affiliate_fee=0.01&merchant_fee=0.97&sub_affiliate_fee=0.01&sub_affiliate={SUB}"
            )
        );
        let under = [two[0], two[1], ("UPLINE_KEY", "me=0123456789abcdef0123456789abcdef")];
        assert_eq!(
            url(&under),
            format!("https://api.anexpay.net/set-affiliate.php{common}&sub_affiliate={AFFILIATE}&sub_affiliate_fee=0.01")
        );
    }

    #[test]
    fn the_documents_answer_is_understood() {
        let text = r#"{"address_in":"eE5A43DA%2FYMT%3D%3D","polygon_address_in":"0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B","callback_url":"x","ipn_token":"ZEE2cW8%3D"}"#;
        let created = Created::from_reply(&reply(200, text)).unwrap();
        assert_eq!(created.address_in.encoded(), "eE5A43DA%2FYMT%3D%3D");
        assert_eq!(created.polygon_address_in.to_string(), "0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B");
    }

    #[test]
    fn incomplete_answers_are_refused() {
        let texts = [
            "",
            "{",
            "[]",
            "null",
            r#"{"error":"x"}"#,
            r#"{"address_in":1}"#,
            r#"{"address_in":"a","ipn_token":"b"}"#,
            r#"{"address_in":"a","polygon_address_in":"0x1","ipn_token":"b"}"#,
            "<html>",
        ];
        for text in texts {
            assert_eq!(Created::from_reply(&reply(200, text)), Err(GatewayError::InvalidReply), "{text}");
        }
        assert_eq!(Created::from_reply(&reply(302, "{}")), Err(GatewayError::InvalidReply));
    }
}
