//! Values of a file as a person may see them: without passwords, and of a command only the program. It knows nothing of keys.

use toml::de::DeValue;

use super::Takes;
use crate::base::Safe;

/// A value for a person; nothing for a table, whose keys are read one by one. Of a command only the program is told: arguments may be secrets.
pub(super) fn shown(value: &DeValue<'_>, takes: &Takes) -> Option<Safe> {
    let text = match value {
        DeValue::Table(_) => return None,
        DeValue::Array(items) if *takes == Takes::Words => {
            let program = items.iter().next().and_then(|item| item.get_ref().as_str()).unwrap_or_default();
            if items.len() > 1 { format!("[{}, …]", quoted(program)) } else { format!("[{}]", quoted(program)) }
        }
        DeValue::Array(items) => {
            // Tables in a list are read one by one as well.
            let items: Vec<String> = items.iter().filter_map(|item| plain(item.get_ref())).collect();
            if items.is_empty() && !matches!(takes, Takes::Texts) {
                return None;
            }
            format!("[{}]", items.join(", "))
        }
        DeValue::String(text) => redacted(text),
        other => plain(other)?,
    };
    Some(Safe::clean(&text))
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    Some(match value {
        DeValue::String(text) => quoted(text),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => return None,
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", redacted(text))
}

/// What stands before the host in an address may be a password.
fn redacted(text: &str) -> String {
    let hidden = text.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let (_, host) = rest.split_at_checked(end)?.0.rsplit_once('@')?;
        Some(format!("{scheme}://[redacted]@{host}{}", rest.split_at_checked(end)?.1))
    });
    hidden.unwrap_or_else(|| text.to_owned())
}
