//! Readers that make the best of what is there: `null`, a number where a text was expected, a text where a number was. One odd field must not
//! hide a whole list. Knows no type of Kubernetes.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::base::Raw;

/// A text; empty for `null` and for anything that is no scalar. Numbers and booleans are read as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(pub(super) Raw);

impl Text {
    /// The text as it came.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_wire()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A whole number; nothing for `null` and for anything that is no number, in digits or in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Number(pub(super) Option<i64>);

impl Number {
    /// The number, or 0.
    pub(super) fn or_zero(self) -> i64 {
        self.0.unwrap_or_default()
    }

    /// The number as a count: below 0 is 0.
    pub(super) fn count(self) -> u32 {
        self.count_or(0)
    }

    /// The number as a count where there is one.
    pub(super) fn count_or(self, default: u32) -> u32 {
        self.0.map_or(default, |number| u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    }
}

/// `null` read as the default value, for lists and objects that some writers leave empty that way.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Whether a key is there with a value other than `null`, whatever the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Present(pub(super) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(deserializer).map(|value| Self(value.is_some()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Raw::from(text)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
        Ok(Text(Raw::from(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
        Ok(Text(Raw::from(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
        Ok(Text(Raw::from(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
        Ok(Text(Raw::from(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text, A::Error> {
        drain_seq(seq).map(|()| Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        drain_map(map).map(|()| Text::default())
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Number, E> {
        Ok(Number(text.parse().ok()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
        Ok(Number(Some(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
        Ok(Number(Some(i64::try_from(value).unwrap_or(i64::MAX))))
    }

    #[expect(clippy::cast_possible_truncation, reason = "a fraction is dropped on purpose; the cast itself saturates")]
    fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
        Ok(Number(Some(value as i64)))
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Number, A::Error> {
        drain_seq(seq).map(|()| Number(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
        drain_map(map).map(|()| Number(None))
    }
}

fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Odd {
        text: Text,
        number: Number,
        #[serde(deserialize_with = "nullable")]
        list: Vec<Number>,
        there: Present,
    }

    #[test]
    fn odd_fields_are_read_as_well_as_they_can_be() {
        let read = |json: &str| serde_json::from_str::<Odd>(json).unwrap();
        for (json, text, number) in [
            (r#"{"text":"a\n","number":4}"#, "a\n", Some(4)),
            (r#"{"text":4,"number":"4"}"#, "4", Some(4)),
            (r#"{"text":null,"number":null,"list":null,"there":null}"#, "", None),
            (r#"{"text":{"a":[1]},"number":["b",{}]}"#, "", None),
            (r#"{"text":true,"number":"4s"}"#, "true", None),
            (r#"{"text":1.5,"number":1.5}"#, "1.5", Some(1)),
        ] {
            let odd = read(json);
            assert_eq!((odd.text.as_str(), odd.number.0), (text, number), "{json}");
            assert!(odd.list.is_empty() && !odd.there.0);
        }
        assert!(read(r#"{"there":{}}"#).there.0);
        assert_eq!(Number(Some(-3)).count(), 0);
        assert_eq!(Number(Some(i64::MAX)).count(), u32::MAX);
    }
}
