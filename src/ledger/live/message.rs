//! What a listener says: JSON objects with a `type`.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::gateway::object::Object;
use crate::ledger::{filter, id};

/// What a listener wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Events of these types; see [`filter`].
    pub event_types: Vec<String>,
    /// Of this session; of the whole account, if none.
    pub checkout_session: Option<String>,
}

impl Wish {
    /// Checks it.
    ///
    /// # Errors
    /// [`Error::Value`] for types or a session that cannot be.
    pub fn check(self) -> Result<Self, Error> {
        filter::check("event_types", &self.event_types)?;
        match &self.checkout_session {
            Some(session) if !id::is_id("cs", session) => {
                Err(Error::Value("checkout_session", "is not the id of a checkout session"))
            }
            _ => Ok(self),
        }
    }
}

/// What a listener says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It wants this too, and what happened behind that event.
    Subscribe(Wish, Option<String>),
    /// It does not want this any more; nothing at all, if none.
    Unsubscribe(Option<Wish>),
    /// It has read everything up to the question of that id.
    Pong(String),
}

impl Said {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Error::Json`] for what is no object, [`Error::Value`] and [`Error::UnknownParam`] for what it cannot say.
    pub fn read(text: &str) -> Result<Self, Error> {
        let object: Object = serde_json::from_str(text).map_err(|_| Error::Json)?;
        let known = ["type", "event_types", "checkout_session", "after", "id"];
        if let Some(name) = object.names().find(|name| !known.contains(name)) {
            return Err(Error::UnknownParam(name.chars().take(40).collect()));
        }
        let types = object.value("event_types").map(|json| serde_json::from_str::<Vec<String>>(json.get()));
        let types = types.transpose().map_err(|_| Error::Value("event_types", "is not a list of texts"))?;
        let is_whole = types.is_none() && object.value("checkout_session").is_none();
        let event_types = types.unwrap_or_else(|| vec![filter::ALL.to_owned()]);
        let wish = || Wish { event_types, checkout_session: text_of(&object, "checkout_session")? }.check();
        match object.text("type").as_deref() {
            Some("subscribe") => Ok(Self::Subscribe(wish()?, after(text_of(&object, "after")?)?)),
            Some("unsubscribe") if is_whole => Ok(Self::Unsubscribe(None)),
            Some("unsubscribe") => Ok(Self::Unsubscribe(Some(wish()?))),
            Some("pong") => Ok(Self::Pong(object.text("id").unwrap_or_default())),
            _ => Err(Error::Value("type", "is none of subscribe, unsubscribe, pong")),
        }
    }
}

/// A field's text; none where it is missing or `null`. Were anything else passed over, somebody would hear more than they asked
/// for, or less.
fn text_of(object: &Object, name: &'static str) -> Result<Option<String>, Error> {
    let text = object.value(name).map(|json| serde_json::from_str(json.get()));
    Ok(text.transpose().map_err(|_| Error::Value(name, "is not a text"))?.flatten())
}

/// The event to go on behind.
///
/// # Errors
/// [`Error::Value`] for what is no event's id.
pub fn after(text: Option<String>) -> Result<Option<String>, Error> {
    match text {
        Some(text) if !id::is_id("evt", &text) => Err(Error::Value("after", "is not the id of an event")),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_can_be_said_is_understood() {
        let wish = |types: &[&str], session: Option<&str>| Wish {
            event_types: types.iter().map(|name| (*name).to_owned()).collect(),
            checkout_session: session.map(str::to_owned),
        };
        let session = format!("cs_{}", "a".repeat(32));
        let event = format!("evt_{}", "b".repeat(32));
        for (text, expected) in [
            (r#"{"type":"pong","id":"1f"}"#.to_owned(), Said::Pong("1f".to_owned())),
            (r#"{"type":"subscribe"}"#.to_owned(), Said::Subscribe(wish(&["*"], None), None)),
            (
                r#"{"type":"subscribe","checkout_session":null,"after":null}"#.to_owned(),
                Said::Subscribe(wish(&["*"], None), None),
            ),
            (
                format!(r#"{{"type":"subscribe","event_types":["payment.*"],"checkout_session":"{session}","after":"{event}"}}"#),
                Said::Subscribe(wish(&["payment.*"], Some(&session)), Some(event)),
            ),
            (r#"{"type":"unsubscribe"}"#.to_owned(), Said::Unsubscribe(None)),
            (
                format!(r#"{{"type":"unsubscribe","checkout_session":"{session}"}}"#),
                Said::Unsubscribe(Some(wish(&["*"], Some(&session)))),
            ),
        ] {
            assert_eq!(Said::read(&text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (text, param) in [
            ("", None),
            ("[]", None),
            ("{}", Some("type")),
            (r#"{"type":"shout"}"#, Some("type")),
            (r#"{"type":"subscribe","event_type":"payment.*"}"#, Some("event_type")),
            (r#"{"type":"subscribe","event_types":"payment.*"}"#, Some("event_types")),
            (r#"{"type":"subscribe","event_types":[]}"#, Some("event_types")),
            (r#"{"type":"subscribe","event_types":["nothing"]}"#, Some("event_types")),
            (r#"{"type":"subscribe","checkout_session":"cs_1"}"#, Some("checkout_session")),
            (r#"{"type":"subscribe","after":"evt_1"}"#, Some("after")),
            (r#"{"type":"subscribe","after":1}"#, Some("after")),
            (r#"{"type":"subscribe","checkout_session":["cs_1"]}"#, Some("checkout_session")),
            (r#"{"type":"unsubscribe","checkout_session":7}"#, Some("checkout_session")),
        ] {
            let error = Said::read(text).expect_err(text);
            assert_eq!(error.param(), param, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"(\{"type":"(subscribe|unsubscribe)",)?\PC{0,60}"#) {
            let _ = Said::read(&text);
        }
    }
}
