//! Patches in their forms, each made into a merge patch. Pure.

use serde_json::{Map, Value};

/// Why there is no merge patch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It cannot be read.
    Malformed(String),
    /// A form or an operation that is not served.
    Unsupported,
    /// A `test` does not hold, or a path leads nowhere.
    Invalid,
}

/// The merge patch that does what this one does to this object.
pub(super) fn merge_patch(content_type: &str, body: &[u8], object: &Value) -> Result<Value, Unusable> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let patch: Value = match kind.as_str() {
        "application/merge-patch+json" | "application/strategic-merge-patch+json" | "application/json-patch+json" => {
            serde_json::from_slice(body).map_err(|error| Unusable::Malformed(error.to_string()))?
        }
        _ => return Err(Unusable::Unsupported),
    };
    match patch {
        Value::Array(operations) if kind.contains("json-patch") => of_operations(&operations, object),
        Value::Object(_) if !kind.contains("json-patch") => Ok(patch),
        _ => Err(Unusable::Malformed("the patch is of another form than its content type says".to_owned())),
    }
}

fn of_operations(operations: &[Value], object: &Value) -> Result<Value, Unusable> {
    let mut patch = Value::Object(Map::new());
    // What later operations see.
    let mut patched = object.clone();
    for operation in operations {
        let text = |field: &str| operation.get(field).and_then(Value::as_str);
        let malformed = || Unusable::Malformed("an operation needs 'op' and 'path'".to_owned());
        let (name, pointer) = (text("op").ok_or_else(malformed)?, text("path").ok_or_else(malformed)?);
        let value = operation.get("value");
        let change = match name {
            "test" if patched.pointer(pointer) == value => continue,
            "test" => return Err(Unusable::Invalid),
            "remove" | "replace" if patched.pointer(pointer).is_none() => return Err(Unusable::Invalid),
            "remove" => Value::Null,
            // A merge adds to an object where this replaces it.
            "add" | "replace" if patched.pointer(pointer).is_some_and(Value::is_object) => return Err(Unusable::Unsupported),
            "add" | "replace" => value.cloned().ok_or_else(malformed)?,
            _ => return Err(Unusable::Unsupported),
        };
        let step = along(pointer, change, &patched)?;
        merge(&mut patched, &step);
        // Kept with its nulls: they remove.
        overlay(&mut patch, step);
    }
    Ok(patch)
}

/// A merge patch with one value at a pointer, which must lead through objects that are there.
fn along(pointer: &str, value: Value, object: &Value) -> Result<Value, Unusable> {
    let mut keys = pointer.split('/');
    if keys.next() != Some("") {
        return Err(Unusable::Malformed(format!("'{pointer}' is no path")));
    }
    let keys: Vec<String> = keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    let mut place = object;
    let (_, parents) = keys.split_last().ok_or(Unusable::Unsupported)?;
    for key in parents {
        match place {
            Value::Object(members) => place = members.get(key).ok_or(Unusable::Invalid)?,
            _ => return Err(Unusable::Unsupported),
        }
    }
    if !place.is_object() {
        return Err(Unusable::Unsupported);
    }
    Ok(keys.into_iter().rev().fold(value, |value, key| Value::Object(Map::from_iter([(key, value)]))))
}

/// Lays one patch over another, nulls included.
fn overlay(patch: &mut Value, step: Value) {
    match (patch, step) {
        (Value::Object(patch), Value::Object(step)) => {
            for (key, value) in step {
                overlay(patch.entry(key).or_insert(Value::Null), value);
            }
        }
        (patch, step) => *patch = step,
    }
}

/// Applies a merge patch (RFC 7386).
pub(in crate::simulator) fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(members) = object else { return };
    for (key, change) in changes {
        if change.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_become_a_merge() {
        let object = json!({ "spec": { "paused": true, "replicas": 3, "list": [1], "map": {} }, "metadata": { "annotations": { "a/b": "1" } } });
        let merged = |operations: Value| merge_patch("application/json-patch+json", operations.to_string().as_bytes(), &object);
        assert_eq!(
            merged(json!([
                { "op": "test", "path": "/spec/paused", "value": true },
                { "op": "replace", "path": "/spec/paused", "value": false },
                { "op": "remove", "path": "/metadata/annotations/a~1b" },
                { "op": "add", "path": "/spec/new", "value": [2] },
            ])),
            Ok(json!({ "spec": { "paused": false, "new": [2] }, "metadata": { "annotations": { "a/b": null } } }))
        );
        for (operation, error) in [
            (json!({ "op": "test", "path": "/spec/paused", "value": false }), Unusable::Invalid),
            (json!({ "op": "remove", "path": "/spec/no" }), Unusable::Invalid),
            (json!({ "op": "replace", "path": "/spec/list/0", "value": 2 }), Unusable::Unsupported),
            (json!({ "op": "replace", "path": "/spec/map", "value": {} }), Unusable::Unsupported),
            (json!({ "op": "move", "from": "/spec/paused", "path": "/spec/p" }), Unusable::Unsupported),
        ] {
            assert_eq!(merged(json!([operation])), Err(error));
        }
        assert_eq!(merge_patch("application/apply-patch+yaml", b"{}", &object), Err(Unusable::Unsupported));
        assert_eq!(merge_patch("application/merge-patch+json; charset=utf-8", b"{\"a\":null}", &object), Ok(json!({ "a": null })));
    }
}
