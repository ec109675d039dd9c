//! Lists of objects: whole or page by page, the pages of one list at one version, until that version is forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::answer::{Answer, JSON, Question};
use super::super::selector::Selector;
use super::status;
use crate::simulator::store::{Kind, Object, Store};

/// Lists that may be under way; the oldest one goes, as if its version had been forgotten.
const LISTS: usize = 256;

/// What a list or a watch is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) kind: &'static Kind,
    pub(super) namespace: Option<String>,
    pub(super) labels: Selector,
    fields: Vec<(String, bool, String)>,
}

impl Scope {
    pub(super) fn read(question: &Question, kind: &'static Kind, namespace: Option<&str>) -> Result<Self, Answer> {
        let labels = Selector::parse(question.parameter("labelSelector").unwrap_or_default()).map_err(|error| status::bad_request(&error))?;
        let mut fields = Vec::new();
        for part in question.parameter("fieldSelector").unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
            let unequal = part.split_once("!=").map(|(field, value)| (field, false, value));
            let equal = || part.split_once("==").or_else(|| part.split_once('=')).map(|(field, value)| (field, true, value));
            match unequal.or_else(equal) {
                Some((field @ ("metadata.name" | "metadata.namespace"), wanted, value)) => fields.push((field.to_owned(), wanted, value.to_owned())),
                _ => return Err(status::bad_request(&format!("field label not supported: {part}"))),
            }
        }
        Ok(Self { kind, namespace: namespace.map(str::to_owned), labels, fields })
    }

    /// Whether an object is in the scope, whatever its labels.
    pub(super) fn covers(&self, object: &Object) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == object.namespace)
            && self.fields.iter().all(|(field, wanted, value)| {
                let own = if field == "metadata.name" { &object.name } else { &object.namespace };
                (own == value) == *wanted
            })
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.covers(object) && self.labels.matches(&object.labels)
    }

    /// The objects in the scope and the version at which they are so.
    pub(super) fn list(&self, store: &Store) -> (u64, Vec<Arc<Object>>) {
        let (version, mut objects) = store.list(self.kind, self.namespace.as_deref());
        objects.retain(|object| self.matches(object));
        (version, objects)
    }

    fn is_selective(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }
}

/// Lists under way.
#[derive(Debug, Default)]
pub(super) struct Pages {
    state: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    next: u64,
    order: VecDeque<u64>,
    /// What is left of each.
    rests: BTreeMap<u64, Rest>,
}

type Rest = (u64, Arc<[Arc<Object>]>);

/// What a token for the next page says. Clients must not read it.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    #[serde(rename = "v")]
    form: String,
    /// The list it goes on with; nothing for the rest as it is now.
    list: Option<u64>,
    /// The last object that was sent.
    after: (String, String),
}

impl Token {
    fn written(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|token: &Self| token.form == FORM)
    }
}

const FORM: &str = "simulated.tiphys/v1";

impl Pages {
    pub(super) fn answer(&self, store: &Store, scope: &Scope, limit: Option<usize>, next: Option<&str>) -> Answer {
        let (version, objects) = match next {
            None => {
                let (version, objects) = scope.list(store);
                (version, objects.into())
            }
            Some(text) => {
                let Some(token) = Token::read(text) else { return status::bad_request("continue key is not valid") };
                match self.rest(store, scope, token) {
                    Ok(rest) => rest,
                    Err(answer) => return *answer,
                }
            }
        };
        let limit = limit.filter(|limit| *limit < objects.len());
        let page = objects.get(..limit.unwrap_or(objects.len())).unwrap_or_default();
        let next = limit.and(page.last()).map(|last| {
            let after = (last.namespace.clone(), last.name.clone());
            let list = self.keep((version, Arc::clone(&objects)));
            Token { form: FORM.to_owned(), list: Some(list), after }.written()
        });
        // With a selector the real server does not know how many are left.
        let left = next.as_ref().filter(|_| !scope.is_selective()).map(|_| objects.len() - page.len());
        Answer::new(StatusCode::OK, JSON, written(scope.kind, version, page, next.as_deref(), left))
    }

    fn rest(&self, store: &Store, scope: &Scope, token: Token) -> Result<Rest, Box<Answer>> {
        let behind = |objects: &[Arc<Object>]| {
            let is_sent = |object: &Arc<Object>| (&object.namespace, &object.name) <= (&token.after.0, &token.after.1);
            objects.get(objects.partition_point(is_sent)..).unwrap_or_default().into()
        };
        let Some(list) = token.list else {
            let (version, objects) = scope.list(store);
            return Ok((version, behind(&objects)));
        };
        let kept = self.state.lock().unwrap_or_else(PoisonError::into_inner).rests.get(&list).cloned();
        match kept.filter(|(version, _)| store.since(scope.kind, *version).is_ok()) {
            Some((version, objects)) => Ok((version, behind(&objects))),
            None => Err(Box::new(status::expired_list(&Token { list: None, ..token }.written()))),
        }
    }

    /// Keeps a list for its next page.
    fn keep(&self, rest: Rest) -> u64 {
        let mut lists = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = lists.next;
        lists.next += 1;
        lists.rests.insert(number, rest);
        lists.order.push_back(number);
        if lists.order.len() > LISTS
            && let Some(oldest) = lists.order.pop_front()
        {
            lists.rests.remove(&oldest);
        }
        number
    }
}

fn written(kind: &Kind, version: u64, page: &[Arc<Object>], next: Option<&str>, left: Option<usize>) -> Vec<u8> {
    let mut head = format!(r#"{{"kind":"{}List","apiVersion":"{}","metadata":{{"resourceVersion":"{version}""#, kind.word, kind.api_version());
    if let Some(next) = next {
        let _ = write!(head, r#","continue":"{next}""#);
    }
    if let Some(left) = left {
        let _ = write!(head, r#","remainingItemCount":{left}"#);
    }
    head.push_str(r#"},"items":["#);
    let size: usize = page.iter().map(|object| object.json.len() + 1).sum();
    let mut body = Vec::with_capacity(head.len() + size + 4);
    body.extend_from_slice(head.as_bytes());
    for (position, object) in page.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&object.json);
    }
    body.extend_from_slice(b"]}\n");
    body
}
