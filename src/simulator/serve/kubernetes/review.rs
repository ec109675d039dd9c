//! The question whether one may do something (`SelfSubjectAccessReview`): as JSON, and as the protobuf that kubectl sends here. Pure.

use serde_json::{Map, Value, json};

/// What protobuf of Kubernetes begins with.
const MAGIC: &[u8] = b"k8s\0";
/// The fields of `ResourceAttributes`, from 1 on (`k8s.io/api/authorization/v1/generated.proto`).
const ATTRIBUTES: &[&str] = &["namespace", "verb", "group", "version", "resource", "subresource", "name"];

/// The review as JSON; nothing where it is none.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let Some(message) = body.strip_prefix(MAGIC) else { return serde_json::from_slice(body).ok().filter(Value::is_object) };
    // An envelope whose second field is the object, of which the second one is `spec`, of which the first one is `resourceAttributes`.
    let spec = field(field(message, 2)?, 2)?;
    let mut attributes = Map::new();
    if let Some(wanted) = field(spec, 1) {
        for (name, number) in ATTRIBUTES.iter().zip(1..) {
            if let Some(text) = field(wanted, number).and_then(|bytes| str::from_utf8(bytes).ok()) {
                attributes.insert((*name).to_owned(), text.into());
            }
        }
    }
    Some(json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": { "resourceAttributes": attributes },
    }))
}

/// The first field of a number among those that have a length.
fn field(mut message: &[u8], wanted: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = number(&mut message)?;
        match key & 7 {
            0 => {
                number(&mut message)?;
            }
            2 => {
                let length = usize::try_from(number(&mut message)?).ok()?;
                let (value, rest) = message.split_at_checked(length)?;
                if key >> 3 == wanted {
                    return Some(value);
                }
                message = rest;
            }
            _ => return None,
        }
    }
    None
}

fn number(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
