//! Patches in their forms, each made into a merge patch. Pure.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

/// Why there is no merge patch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It cannot be read.
    Malformed(String),
    /// A form that is not served.
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
        Value::Array(operations) if kind.contains("json-patch") => of_operations(operations, object),
        Value::Object(_) if !kind.contains("json-patch") => Ok(patch),
        _ => Err(Unusable::Malformed("the patch is of another form than its content type says".to_owned())),
    }
}

/// Operations (RFC 6902), applied one after the other, as what they change.
fn of_operations(operations: Vec<Value>, object: &Value) -> Result<Value, Unusable> {
    let mut patched = object.clone();
    for operation in operations {
        let operation: PatchOperation = serde_json::from_value(operation).map_err(|error| Unusable::Malformed(error.to_string()))?;
        // The library of the API server takes what is not there for null.
        if let PatchOperation::Test(test) = &operation
            && test.value.is_null()
            && patched.pointer(test.path.as_str()).is_none()
        {
            continue;
        }
        json_patch::patch(&mut patched, &[operation]).map_err(|_a_test_or_a_path| Unusable::Invalid)?;
    }
    Ok(difference(object, &patched).unwrap_or_else(|| Value::Object(Map::new())))
}

/// The merge patch between two values; nothing where they are the same.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null));
            let changed = after.iter().filter_map(|(key, after)| {
                let change = before.get(key).map_or_else(|| Some(after.clone()), |before| difference(before, after));
                Some((key.clone(), change?))
            });
            let patch: Map<String, Value> = gone.chain(changed).collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (before, after) => (before != after).then(|| after.clone()),
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
            (json!({ "op": "replace", "path": "/spec/no", "value": 2 }), Unusable::Invalid),
            (json!({ "op": "add", "path": "/no/where", "value": 2 }), Unusable::Invalid),
        ] {
            assert_eq!(merged(json!([operation])), Err(error));
        }
        assert_eq!(merged(json!([{ "op": "replace", "path": "/spec/list/0", "value": 2 }])), Ok(json!({ "spec": { "list": [2] } })));
        assert_eq!(merged(json!([{ "op": "add", "path": "/spec/map", "value": { "a": 1 } }])), Ok(json!({ "spec": { "map": { "a": 1 } } })));
        assert_eq!(merged(json!([{ "op": "test", "path": "/spec/no", "value": null }])), Ok(json!({})), "nothing is null");
        assert!(matches!(merged(json!([{ "op": "paint", "path": "/spec" }])), Err(Unusable::Malformed(_))));
        assert_eq!(merge_patch("application/apply-patch+yaml", b"{}", &object), Err(Unusable::Unsupported));
        assert_eq!(merge_patch("application/merge-patch+json; charset=utf-8", b"{\"a\":null}", &object), Ok(json!({ "a": null })));
    }
}
