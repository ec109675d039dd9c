//! The parameter `fields`: on the list of applications a fixed set of names that depends on the server's version, everywhere else any path. Pure.

use super::super::json::Fields;

/// The names that every version lets through on the list. All others vanish without a word.
const EVER: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.annotations",
    "metadata.labels",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "spec",
    "operation.sync",
    "status.summary",
    "status.health",
    "status.resources",
    "status.sync.status",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
    SYNC_RESULT,
];
/// Says the one and shows the other.
const SYNC_RESULT: &str = "status.operationState.operation.sync";
const SINCE_3_2: &[&str] = &["status.sourceHydrator"];
const SINCE_3_5: &[&str] =
    &["spec.destination", "spec.project", "spec.source", "spec.sources", "spec.sourceHydrator", "spec.syncPolicy", "status.sync.revision"];
/// Maps and pointers that are written as `null` where they are missing.
const OR_NULL: &[&str] = &["metadata.annotations", "metadata.labels", "metadata.deletionTimestamp"];

/// The server's version as far as it matters: an unreadable one is old.
fn minor(version: &str) -> (u32, u32) {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// What each application of a list shows; nothing where `fields` is not given: then it is whole. The error is the server's own.
pub(super) fn of_list(fields: Option<&str>, version: &str) -> Result<Option<Fields>, String> {
    let Some(fields) = fields else { return Ok(None) };
    let version = minor(version);
    let (excludes, names) = fields.strip_prefix('-').map_or((false, fields), |names| (true, names));
    let asked: Vec<&str> = names.split(',').filter_map(|name| name.strip_prefix("items.")).collect();
    let later = |least, names: &'static [&'static str]| if version >= least { names } else { &[] };
    let known = EVER.iter().chain(later((3, 2), SINCE_3_2)).chain(later((3, 5), SINCE_3_5)).copied();
    let chosen: Vec<&str> = known.filter(|name| asked.contains(name) != excludes).collect();
    // The real server takes them in random order and fails in most of them; this one fails always.
    if let Some(child) = chosen.iter().find(|name| name.starts_with("spec.")).filter(|_| chosen.contains(&"spec")) {
        return Err(format!("field {child} is not a map"));
    }
    let mut wanted = Fields::default();
    for name in chosen {
        if name == SYNC_RESULT {
            wanted.want_as("status.operationState.syncResult", &["operation", "sync"]);
        } else if OR_NULL.contains(&name) {
            wanted.want_or_null(name);
        } else {
            wanted.want(name);
        }
    }
    Ok(Some(wanted))
}

/// What any other answer shows. The form that leaves fields out is not served.
pub(super) fn of_any(fields: Option<&str>) -> Result<Option<Fields>, String> {
    let Some(fields) = fields else { return Ok(None) };
    if fields.starts_with('-') {
        return Err("the simulated Argo CD knows no fields that are left out".to_owned());
    }
    let mut wanted = Fields::default();
    for name in fields.split(',').filter(|name| !name.is_empty()) {
        wanted.want(name);
    }
    Ok(Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_decides_what_a_list_shows() {
        let application = br#"{"metadata":{"name":"a","uid":"u"},"spec":{"project":"p","destination":{"server":"s"}},"status":{"sync":{"status":"Synced","revision":"r"},"operationState":{"phase":"Succeeded","syncResult":{"revision":"r"}},"history":[1]}}"#;
        let shown = |version: &str, fields: &str| {
            let mut out = Vec::new();
            of_list(Some(fields), version).unwrap().unwrap().cut(application, &mut out);
            String::from_utf8(out).unwrap()
        };
        let asked =
            "items.metadata.name,items.metadata.uid,items.spec.project,items.status.sync.revision,items.status.sync.status,items.status.history";
        assert_eq!(shown("v3.2.11", asked), r#"{"metadata":{"name":"a"},"status":{"sync":{"status":"Synced"}}}"#);
        assert_eq!(
            shown("v3.5.1+x", asked),
            r#"{"metadata":{"name":"a"},"spec":{"project":"p"},"status":{"sync":{"status":"Synced","revision":"r"}}}"#
        );
        assert_eq!(shown("v3.2.11", "items.spec"), r#"{"spec":{"project":"p","destination":{"server":"s"}}}"#);
        assert_eq!(shown("v3.2.11", "items.metadata.labels"), r#"{"metadata":{"labels":null}}"#);
        assert_eq!(
            shown("v3.2.11", "items.status.operationState.operation.sync,items.status.operationState.phase"),
            r#"{"status":{"operationState":{"phase":"Succeeded","operation":{"sync":{"revision":"r"}}}}}"#
        );
        assert!(of_list(Some("items.spec,items.spec.project"), "v3.5.0").is_err());
        assert!(of_list(Some("items.spec,items.spec.project"), "v3.4.9").is_ok());
    }
}
