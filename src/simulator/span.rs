//! Lengths of time as scenarios write them: `500ms`, `90s`, `5m`, `2h`.

use std::time::Duration;

/// Reads a length of time.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_not_a_number| format!("'{text}' is no length of time: use 90s, 5m or 500ms"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(format!("'{text}' has no unit of time: use ms, s, m or h")),
    }
}

/// Writes a length of time, as exactly as needed.
pub(super) fn write(span: Duration) -> String {
    if span.subsec_millis() != 0 { format!("{}ms", span.as_millis()) } else { format!("{}s", span.as_secs()) }
}

/// For fields that may be missing.
pub(super) mod option {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(in crate::simulator) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => serializer.serialize_str(&super::write(*span)),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::simulator) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse(&text).map_err(D::Error::custom)).transpose()
    }
}

/// For fields that must be there.
pub(super) mod required {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    pub(in crate::simulator) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse(&text).map_err(D::Error::custom)
    }
}
