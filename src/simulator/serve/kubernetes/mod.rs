//! A cluster's API server as kubectl and clients see it: who may ask, and which question it is. It reads its store; a patch goes to the world.

mod discovery;
mod list;
mod review;
mod status;
mod user;
mod watch;

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use self::list::{Pages, Scope};
use self::user::User;
use super::answer::{Answer, JSON, Question};
use super::gate::Gate;
use super::patch::{self, Unusable};
use super::{Change, ClusterPlan, Hands, MOVED};
use crate::simulator::store::{KINDS, Kind, Store};

/// The real server compresses bodies from this size on.
const COMPRESSED_FROM: usize = 128 << 10;
/// How often the real server tries a patch on an object that moves under it.
const ATTEMPTS: usize = 5;
const PATCHES_OF_CUSTOM: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
const PATCHES: &str = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

pub(super) struct Server {
    name: String,
    store: Store,
    gate: Arc<Gate>,
    hands: Arc<dyn Hands>,
    pages: Arc<Pages>,
}

/// What a path means.
struct Target<'a> {
    kind: &'static Kind,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn read(parts: &[&'a str]) -> Option<Self> {
        let (group, version, rest) = match parts {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let find = |plural: &str, namespaced: bool| {
            let is_it = |kind: &&&'static Kind| kind.group == group && kind.version == version && kind.plural == plural;
            KINDS.iter().find(is_it).filter(|kind| namespaced || !kind.namespaced).copied()
        };
        let target = |kind, namespace, name, subresource| Some(Self { kind, namespace, name, subresource });
        match rest {
            // All namespaces of a kind with namespaces, too.
            [plural] => target(find(plural, true)?, None, None, None),
            ["namespaces", namespace, plural] if find(plural, true).is_some_and(|kind| kind.namespaced) => {
                target(find(plural, true)?, Some(*namespace), None, None)
            }
            [plural, name] => target(find(plural, false)?, None, Some(*name), None),
            [plural, name, subresource] if *plural != "namespaces" || *subresource == "status" => {
                target(find(plural, false)?, None, Some(*name), Some(*subresource))
            }
            ["namespaces", namespace, plural, name] => target(find(plural, true)?, Some(*namespace), Some(*name), None),
            ["namespaces", namespace, plural, name, subresource] => target(find(plural, true)?, Some(*namespace), Some(*name), Some(*subresource)),
            _ => None,
        }
    }

    /// Where its object is in the store.
    fn place(&self) -> (&str, &str) {
        (self.namespace.unwrap_or_default(), self.name.unwrap_or_default())
    }

    /// `rollouts`, `rollouts/status`.
    fn resource(&self) -> String {
        self.subresource.map_or_else(|| self.kind.plural.to_owned(), |subresource| format!("{}/{subresource}", self.kind.plural))
    }

    fn forbidden(&self, user: User, verb: &str) -> Answer {
        status::forbidden(user.name(), verb, self.kind, self.subresource, user::scope(self.kind, self.namespace, self.name), self.name)
    }
}

impl Server {
    pub(super) fn new(plan: ClusterPlan, gate: Arc<Gate>, hands: Arc<dyn Hands>) -> Self {
        Self { name: plan.name, store: plan.store, gate, hands, pages: Arc::default() }
    }

    pub(super) async fn answer(&self, question: Question) -> Answer {
        let fault = self.gate.fault();
        let user = match User::of(&question) {
            Some(User::Anonymous) => User::Anonymous,
            Some(user) if !fault.expired_token => user,
            _ => return status::unauthorized(),
        };
        let parts = question.parts();
        if question.method == Method::GET {
            // What anybody may read, and what says of itself what it is.
            match parts.as_slice() {
                ["healthz" | "livez" | "readyz", ..] => return Answer::text(StatusCode::OK, "ok"),
                ["version"] => return Answer::ok(&discovery::version()),
                _ => {}
            }
        }
        if user == User::Anonymous {
            return status::unauthorized();
        }
        if let Some(found) = discovered(&question.method, &parts) {
            let verb = question.method.as_str().to_ascii_lowercase();
            return if fault.forbidden { status::forbidden_path(user.name(), &verb, &question.path) } else { found };
        }
        if let (&Method::POST, ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]) = (&question.method, parts.as_slice()) {
            return review(&question, user, fault.forbidden);
        }
        let Some(target) = Target::read(&parts) else { return status::no_such_path() };
        let watches = question.flag("watch");
        let verb = match (&question.method, target.name) {
            (&Method::GET, None) if watches => "watch",
            (&Method::GET, None) => "list",
            (&Method::GET, Some(_)) => "get",
            (&Method::PATCH, Some(_)) => "patch",
            (&Method::PUT, Some(_)) => "update",
            (&Method::POST, None) => "create",
            (&Method::DELETE, _) => "delete",
            _ => return status::method_not_allowed(),
        };
        let asked = target.resource();
        if fault.forbidden || !user.may(verb, (target.kind.group, &asked), user::scope(target.kind, target.namespace, target.name)) {
            return target.forbidden(user, verb);
        }
        if target.subresource.is_some_and(|subresource| subresource != "status" || !target.kind.status) {
            return status::no_such_path();
        }
        match verb {
            "get" => self.one(&target, question.header(&ACCEPT).is_some_and(|accepted| accepted.contains("as=PartialObjectMetadata;"))),
            "patch" => self.patched(&question, &target),
            "list" | "watch" => match Scope::read(&question, target.kind, target.namespace) {
                Err(answer) => answer,
                Ok(scope) if watches => match watch::Wanted::read(&question) {
                    Ok(wanted) => watch::open(self.store.clone(), Arc::clone(&self.gate), scope, wanted),
                    Err(answer) => answer,
                },
                Ok(scope) => self.listed(question, scope).await,
            },
            _ => status::method_not_allowed(),
        }
    }

    /// Lists in a thread of its own: it may be megabytes.
    async fn listed(&self, question: Question, scope: Scope) -> Answer {
        let (store, pages) = (self.store.clone(), Arc::clone(&self.pages));
        let listed = tokio::task::spawn_blocking(move || {
            let limit = question.parameter("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
            let answer = pages.answer(&store, &scope, limit, question.parameter("continue"));
            if question.accepts_gzip() { answer.gzip(COMPRESSED_FROM) } else { answer }
        });
        listed.await.unwrap_or_else(|_panicked| refusal(StatusCode::INTERNAL_SERVER_ERROR, None))
    }

    /// One object, or only its metadata.
    fn one(&self, target: &Target<'_>, only_metadata: bool) -> Answer {
        let (namespace, name) = target.place();
        match self.store.get(target.kind, namespace, name) {
            Some(object) if only_metadata => {
                let whole: Value = serde_json::from_slice(&object.json).unwrap_or_default();
                let metadata = whole.get("metadata").cloned().unwrap_or_default();
                Answer::ok(&json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}))
            }
            Some(object) => Answer::new(StatusCode::OK, JSON, object.json.clone()),
            None => status::not_found(target.kind, name),
        }
    }

    /// Changes an object. What a patch without a version of its own was tried on may have changed meanwhile: then it is tried again.
    fn patched(&self, question: &Question, target: &Target<'_>) -> Answer {
        for _attempt in 0..ATTEMPTS {
            if let Some(answer) = self.patched_once(question, target) {
                return answer;
            }
        }
        status::conflict(target.kind, target.place().1)
    }

    fn patched_once(&self, question: &Question, target: &Target<'_>) -> Option<Answer> {
        let (namespace, name) = target.place();
        let Some(before) = self.store.get(target.kind, namespace, name) else { return Some(status::not_found(target.kind, name)) };
        let mut object: Value = serde_json::from_slice(&before.json).unwrap_or_default();
        let content_type = question.header(&CONTENT_TYPE).unwrap_or_default();
        // Only what Kubernetes itself brings knows how to merge its lists.
        let is_custom = target.kind.group == "argoproj.io";
        let patch = if is_custom && content_type.starts_with("application/strategic-merge-patch") {
            Err(Unusable::Unsupported)
        } else {
            patch::merge_patch(content_type, &question.body, &object)
        };
        let mut patch = match patch {
            Ok(patch) => patch,
            Err(Unusable::Malformed(why)) => return Some(status::bad_request(&format!("error decoding patch: {why}"))),
            Err(Unusable::Unsupported) => return Some(status::unsupported(if is_custom { PATCHES_OF_CUSTOM } else { PATCHES })),
            Err(Unusable::Invalid) => return Some(status::unprocessable()),
        };
        // A version in a patch is a condition, not a change; so is an identity, which never changes.
        let mut condition = |field: &str| patch.get_mut("metadata").and_then(Value::as_object_mut).and_then(|metadata| metadata.remove(field));
        let (version, uid) = (condition("resourceVersion"), condition("uid"));
        if version.as_ref().and_then(Value::as_str).is_some_and(|version| version != before.version.to_string()) {
            return Some(status::conflict(target.kind, name));
        }
        if let Some(uid) = uid.as_ref().and_then(Value::as_str).filter(|uid| object.pointer("/metadata/uid").and_then(Value::as_str) != Some(*uid)) {
            return Some(status::immutable(target.kind, name, "metadata.uid", uid));
        }
        if question.parameter("dryRun").is_some() {
            json_patch::merge(&mut object, &patch);
            return Some(Answer::ok(&object));
        }
        if is_nothing(&patch) {
            return Some(self.one(target, false));
        }
        let change = Change {
            cluster: &self.name,
            kind: target.kind,
            namespace,
            name,
            subresource: target.subresource,
            patch: &patch,
            version: before.version,
        };
        match self.hands.patch(&change) {
            Ok(()) => Some(self.one(target, false)),
            Err(refused) if refused.reason == MOVED => None,
            Err(refused) => Some(status::refused(refused.code, refused.reason, &refused.message, target.kind, name)),
        }
    }
}

/// Whether a patch changes nothing.
fn is_nothing(patch: &Value) -> bool {
    patch.as_object().is_some_and(|members| members.values().all(is_nothing))
}

/// Discovery, if this is a question of it.
fn discovered(method: &Method, parts: &[&str]) -> Option<Answer> {
    if method != Method::GET {
        return None;
    }
    match parts {
        ["api"] => Some(discovery::core_versions()),
        ["apis"] => Some(discovery::groups()),
        ["api", version] => discovery::resources("", version),
        ["apis", group] => discovery::group(group),
        ["apis", group, version] => discovery::resources(group, version),
        _ => None,
    }
    .map(|found| Answer::ok(&found))
}

/// Whether who asks may do something.
fn review(question: &Question, user: User, is_forbidden: bool) -> Answer {
    let Some(mut review) = review::read(&question.body) else {
        return status::bad_request("the object provided is unrecognized (must be of type SelfSubjectAccessReview)");
    };
    let attribute = |name: &str| review.pointer(&format!("/spec/resourceAttributes/{name}")).and_then(Value::as_str).filter(|text| !text.is_empty());
    let scope = if attribute("resource") == Some("namespaces") { attribute("name") } else { attribute("namespace") };
    let resource = attribute("resource").unwrap_or_default();
    let asked = attribute("subresource").map_or_else(|| resource.to_owned(), |subresource| format!("{resource}/{subresource}"));
    let group = attribute("group").unwrap_or_default();
    let allowed = !is_forbidden && attribute("verb").is_some_and(|verb| user.may(verb, (group, &asked), scope));
    if let Some(review) = review.as_object_mut() {
        review.insert("status".to_owned(), json!({ "allowed": allowed }));
    }
    Answer::json(StatusCode::CREATED, &review)
}

/// An answer that says nothing but its status.
pub(super) fn refusal(code: StatusCode, says: Option<&str>) -> Answer {
    status::plain(code, says)
}
