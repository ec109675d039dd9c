//! Numbers that tie an answer to its question.
//!
//! Every effect carries a [`RequestId`] and the [`Epoch`] it was asked in; an answer whose numbers no longer match is dropped by the core,
//! so that a late answer can never overwrite a newer one. An [`OperationId`] ties what was done to the world to the plan that it came from.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of one question that the core asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RequestId(pub u64);

impl RequestId {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

/// The generation of one source's connection: it grows when the source is started anew, and observations of an older one are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The id of one operation: a UUID in its canonical form (RFC 9562), version 7 where it was made here, so that ids sort by the time they were made. It
/// stands in commit trailers, in Argo CD's `operation.info` and in the journal: whoever finds it there knows that it was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(Box<str>);

impl OperationId {
    /// Takes an id from outside; `None` where it is none, whatever stands in a trailer.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_right = |(at, byte): (usize, u8)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        (text.len() == 36 && text.bytes().enumerate().all(is_right)).then(|| Self(text.into()))
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last eight characters, which differ where the first ones, the time, do not.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(28..).unwrap_or_default()
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for OperationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OperationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("not the id of an operation"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_canonical_uuid_is_the_id_of_an_operation() {
        let id = OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap();
        assert_eq!((id.as_str().len(), id.short()), (36, "6f1f7c2f"));
        for wrong in
            ["", "0195A3C8-7E2B-7C11-9F6D-2B8F6F1F7C2F", "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2", "0195a3c8x7e2b-7c11-9f6d-2b8f6f1f7c2f", "\u{1b}[2J"]
        {
            assert_eq!(OperationId::read(wrong), None, "{wrong:?}");
        }
    }
}
