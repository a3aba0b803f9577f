//! The JSON that a caller sends, read field by field: each mistake names its field.

use crate::error::Error;
use crate::gateway::object::Object;
use crate::http::{Request, RequestBody};
use crate::ledger::session::Metadata;
use crate::money::{Amount, Currency};
use crate::query::ParamError;
use crate::wallet::Wallet;
use crate::web_url;

/// Most entries of `metadata`, and the longest key and value, in characters (as Stripe has it).
const METADATA: (usize, usize, usize) = (50, 40, 500);
/// Longest of the texts that only ride along, in characters.
const MAX_TEXT: usize = 500;
/// Longest URL, in bytes.
const MAX_URL: usize = 2048;

/// One JSON object.
#[derive(Debug)]
pub struct Input(Object);

impl Input {
    /// The object that a request's body consists of; an empty body is an object without fields.
    ///
    /// # Errors
    /// [`Error::Json`] for anything but one object, [`Error::UnknownParam`] for a field that is not among `known`.
    pub fn read(request: &Request<'_>, known: &[&str]) -> Result<Self, Error> {
        let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
        let text = core::str::from_utf8(body).map_err(|_| Error::Json)?;
        let text = if text.trim().is_empty() { "{}" } else { text };
        let object: Object = serde_json::from_str(text).map_err(|_| Error::Json)?;
        Self::of(object, known)
    }

    fn of(object: Object, known: &[&str]) -> Result<Self, Error> {
        let unknown = object.names().find(|name| !known.contains(name)).map(|name| name.chars().take(40).collect());
        unknown.map_or(Ok(Self(object)), |name| Err(Error::UnknownParam(name)))
    }

    /// Whether the field is there, `null` or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.value(name).map(serde_json::value::RawValue::get).filter(|json| *json != "null")
    }

    fn read_as<T: serde::de::DeserializeOwned>(&self, name: &'static str, wanted: &'static str) -> Result<Option<T>, Error> {
        self.value(name).map(|json| serde_json::from_str(json).map_err(|_| Error::Value(name, wanted))).transpose()
    }

    /// A text of at most 500 characters, without control characters.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, Error> {
        let text: Option<String> = self.read_as(name, "is not a text")?;
        match text {
            Some(text) if text.chars().count() > MAX_TEXT => Err(Error::Value(name, "is longer than 500 characters")),
            Some(text) if text.chars().any(char::is_control) => Err(Error::Value(name, "contains control characters")),
            text => Ok(text),
        }
    }

    /// The same where the field has to be there.
    ///
    /// # Errors
    /// [`Error::Param`] where it is missing, [`Error::Value`] where it is no such text.
    pub fn required(&self, name: &'static str) -> Result<String, Error> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or(Error::Param(name, ParamError::Missing))
    }

    /// A list of texts.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, Error> {
        self.read_as(name, "is not a list of texts")
    }

    /// An object in the object, which has these fields and no others. Here they are called `name[field]`, as errors call them.
    ///
    /// # Errors
    /// [`Error::Value`] where it is none, [`Error::UnknownParam`] for another field.
    pub fn object(&self, name: &'static str, known: &[&str]) -> Result<Option<Self>, Error> {
        let object: Option<Object> = self.read_as(name, "is not an object")?;
        object.map(|object| Self::of(object.renamed(|field| format!("{name}[{field}]")), known)).transpose()
    }

    /// One of several words.
    ///
    /// # Errors
    /// [`Error::Value`] for any other; `wanted` says which there are.
    pub fn choice<T: serde::de::DeserializeOwned>(&self, name: &'static str, wanted: &'static str) -> Result<Option<T>, Error> {
        self.read_as(name, wanted)
    }

    /// A flag.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        self.read_as(name, "is neither true nor false")
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn number(&self, name: &'static str) -> Result<Option<u64>, Error> {
        self.read_as(name, "is not a whole number")
    }

    /// An amount, written as text or as a number: its digits are kept as they are written.
    ///
    /// # Errors
    /// [`Error::Amount`] for anything else.
    pub fn amount(&self, name: &'static str) -> Result<Option<Amount>, Error> {
        let Some(json) = self.value(name) else { return Ok(None) };
        let text = serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
        Amount::parse(&text).map(Some).map_err(|why| Error::Amount(name, why))
    }

    /// A currency.
    ///
    /// # Errors
    /// [`Error::Currency`] for anything else.
    pub fn currency(&self, name: &'static str) -> Result<Option<Currency>, Error> {
        self.text(name)?.map(|text| text.parse().map_err(|why| Error::Currency(name, why))).transpose()
    }

    /// A wallet.
    ///
    /// # Errors
    /// [`Error::Wallet`] for anything else.
    pub fn wallet(&self, name: &'static str) -> Result<Option<Wallet>, Error> {
        self.text(name)?.map(|text| Wallet::parse(&text).map_err(|why| Error::Wallet(name, why))).transpose()
    }

    /// An absolute http(s) URL.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn url(&self, name: &'static str) -> Result<Option<String>, Error> {
        let text: Option<String> = self.read_as(name, "is not a text")?;
        let is_web = |text: &str| web_url::parse(text).is_some_and(|url| matches!(url.scheme(), "https" | "http"));
        match text {
            Some(text) if text.len() > MAX_URL => Err(Error::Value(name, "is longer than 2048 characters")),
            Some(text) if !is_web(&text) => Err(Error::Value(name, "is not an absolute http(s) URL")),
            Some(text) if text.chars().any(char::is_control) => Err(Error::Value(name, "contains control characters")),
            text => Ok(text),
        }
    }

    /// The merchant's own keys and values.
    ///
    /// # Errors
    /// [`Error::Value`] where they are too many, too long, or no texts.
    pub fn metadata(&self) -> Result<Option<Metadata>, Error> {
        const NAME: &str = "metadata";
        let (most, key, value) = METADATA;
        let map: Option<Metadata> = self.read_as(NAME, "is not an object of texts")?;
        let fits = |(k, v): (&String, &String)| !k.is_empty() && k.chars().count() <= key && v.chars().count() <= value;
        match map {
            Some(map) if map.len() > most || !map.iter().all(fits) => Err(Error::Value(
                NAME,
                "has more than 50 entries, or one whose key is longer than 40 characters or value than 500",
            )),
            map => Ok(map),
        }
    }
}
