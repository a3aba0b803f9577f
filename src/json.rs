//! JSON objects that Livery writes, field by field.
//!
//! One writer serves all answers: a derived one for each would weigh a tenth of the Worker. Escaping and everything else
//! about JSON is `serde_json`'s.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

/// An object, its fields in the order they were added.
#[derive(Debug, Default)]
pub struct Object<'a>(Vec<(&'static str, Value<'a>)>);

#[derive(Debug)]
enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Raw(&'a RawValue),
    Object(Object<'a>),
    List(Vec<Object<'a>>),
}

impl<'a> Object<'a> {
    /// An object without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &'static str, value: Value<'a>) -> Self {
        self.0.push((name, value));
        self
    }

    /// The same with a text.
    #[must_use]
    pub fn text(self, name: &'static str, text: &'a str) -> Self {
        self.with(name, Value::Text(text))
    }

    /// The same with a text, if there is one.
    #[must_use]
    pub fn optional(self, name: &'static str, text: Option<&'a str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// The same with a whole number.
    #[must_use]
    pub fn number(self, name: &'static str, number: impl Into<u64>) -> Self {
        self.with(name, Value::Number(number.into()))
    }

    /// The same with a value as it is written already.
    #[must_use]
    pub fn raw(self, name: &'static str, json: &'a RawValue) -> Self {
        self.with(name, Value::Raw(json))
    }

    /// The same with an object in it.
    #[must_use]
    pub fn object(self, name: &'static str, object: Object<'a>) -> Self {
        self.with(name, Value::Object(object))
    }

    /// The same with a list of objects.
    #[must_use]
    pub fn list(self, name: &'static str, list: Vec<Object<'a>>) -> Self {
        self.with(name, Value::List(list))
    }

    /// The object as text. Nothing that it can hold fails to be written.
    #[must_use]
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Raw(json) => json.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|object| sequence.serialize_element(object))?;
                sequence.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_in_order_and_escaped() {
        let raw = RawValue::from_string("0.10".to_owned()).unwrap();
        let inner = Object::new().raw("minimum", &raw);
        let object = Object::new().text("b", "\"<\u{1}ü").optional("a", None).optional("c", Some("")).number("n", 404_u16);
        let object = object.list("list", vec![inner, Object::new()]).object("o", Object::new());
        assert_eq!(object.write(), r#"{"b":"\"<\u0001ü","c":"","n":404,"list":[{"minimum":0.10},{}],"o":{}}"#);
    }
}
