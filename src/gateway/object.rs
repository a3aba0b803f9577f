//! JSON objects as the gateway writes them, read field by field.
//!
//! One reader serves all replies: a type for each would weigh more than the rest of the protocol. Numbers are kept as
//! they are written and never pass through floating point.

use core::fmt;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::gateway::GatewayError;
use crate::http::Reply;

/// A JSON object, its values still unread.
#[derive(Debug)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Object {
    /// The object that a reply consists of.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReply`] for a redirect, and for anything but one JSON object.
    pub fn of_reply(reply: &Reply) -> Result<Self, GatewayError> {
        let text = reply.text.trim_start_matches('\u{feff}');
        serde_json::from_str(text).ok().filter(|_| reply.status == 200).ok_or(GatewayError::InvalidReply)
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The same fields under other names.
    #[must_use]
    pub fn renamed(self, name: impl Fn(&str) -> String) -> Self {
        Self(self.0.into_iter().map(|(old, value)| (name(&old), value)).collect())
    }

    /// The object that a field holds.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        serde_json::from_str(self.value(name)?.get()).ok()
    }

    /// The objects in the list that a field holds; what is none of that form is left out. `None` without such a list.
    #[must_use]
    pub fn objects(&self, name: &str) -> Option<Vec<Self>> {
        let list: Vec<&RawValue> = serde_json::from_str(self.value(name)?.get()).ok()?;
        Some(list.into_iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect())
    }

    /// A field as it is written; the last of that name, as PHP and browsers have it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value.as_ref())
    }

    /// A field's text; `None` if it is missing or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.value(name)?.get()).ok()
    }

    /// A field's text.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReply`] if it is missing or no text.
    pub fn required(&self, name: &str) -> Result<String, GatewayError> {
        self.text(name).ok_or(GatewayError::InvalidReply)
    }

    /// The digits of a decimal that is written as text here and as a number there.
    #[must_use]
    pub fn digits(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(digits)
    }
}

/// The digits of a plain decimal; `None` for anything else, such as `-1`, `1.` and `1_0`, which [`Decimal`] would read.
#[must_use]
pub fn digits(value: &RawValue) -> Option<&str> {
    let json = value.get();
    let text = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    let is_plain = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    (is_plain && Decimal::from_str_exact(text).is_ok()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        let text = "\u{feff} {\"a\":\"x\\u0041\",\"n\":0.10,\"m\":\"20\",\"a2\":1,\"a\":\"last\",\"list\":[{},1,{\"id\":\"b\"}]}";
        let object = Object::of_reply(&reply(200, text)).unwrap();
        assert_eq!(object.text("a").as_deref(), Some("last"));
        assert_eq!((object.digits("n"), object.digits("m"), object.digits("a")), (Some("0.10"), Some("20"), None));
        assert_eq!((object.text("n"), object.text("none")), (None, None));
        assert_eq!(object.objects("list").map(|list| list.len()), Some(2));
        assert_eq!(object.objects("a").map(|list| list.len()), None);
    }

    #[test]
    fn decimals_are_plain() {
        for text in ["-1", "\"+1\"", "\"1.\"", "\".5\"", "\"1_0\"", "\"1.2.3\"", "1e3", "\"\"", "[]"] {
            let object = Object::of_reply(&reply(200, &format!("{{\"n\":{text}}}"))).unwrap();
            assert_eq!(object.digits("n"), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "null", "{", "{} {}", "<html>", "{\"a\":}", "{\"a\":1e999"] {
            assert_eq!(Object::of_reply(&reply(200, text)).err(), Some(GatewayError::InvalidReply), "{text}");
        }
        assert_eq!(Object::of_reply(&reply(302, "{}")).err(), Some(GatewayError::InvalidReply));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}|[{}\\[\\]\":,a0-9\\\\]{0,40}") {
            if let Ok(object) = Object::of_reply(&reply(200, &text)) {
                let _ = (object.text("a"), object.digits("a"), object.objects("a").map(|list| list.len()));
            }
        }
    }
}
