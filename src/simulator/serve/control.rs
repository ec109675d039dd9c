//! The control server: the truth about the world, the story, the faults of the others and what went through them. For tests and trainers on this
//! machine; it asks for no token, and so answers no browser.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Question};
use super::github::pulls::{Deed, Pulls};
use super::{Faults, GIT, Hands};
use crate::simulator::fault::{Fault, Push};
use crate::simulator::scenario::WindowDeed;
use crate::simulator::store::{KINDS, Kind, Store};

/// How much changes for its own sake.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Churn {
    per_second: u32,
}

pub(super) struct Server {
    pub(super) faults: Faults,
    /// By server.
    pub(super) stores: BTreeMap<String, Store>,
    pub(super) hands: Arc<dyn Hands>,
    /// Where there are any.
    pub(super) pulls: Option<Arc<Pulls>>,
}

/// What becomes of a pull request, or of one of its checks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PullDeed {
    #[serde(default)]
    is: Option<Deed>,
    #[serde(default = "mara")]
    by: String,
    #[serde(default)]
    check: Option<String>,
    #[serde(default)]
    ends: Option<String>,
}

fn mara() -> String {
    "mara".to_owned()
}

/// What is said of an Argo CD's application controller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Controller {
    alive: bool,
}

impl Server {
    pub(super) fn answer(&self, question: &Question) -> Answer {
        if !is_local(question) {
            return refusal(StatusCode::FORBIDDEN, "only for programs on this machine, as 127.0.0.1 or localhost");
        }
        match (&question.method, question.parts().as_slice()) {
            (&Method::GET, ["world"]) => Answer::ok(&self.hands.truth()),
            (&Method::GET, ["told"]) => Answer::ok(&json!({ "line": self.hands.told() })),
            (&Method::GET, ["requests"]) => serialized(&self.faults.figures()),
            (&Method::PUT, ["churn"]) => match serde_json::from_slice::<Churn>(&question.body) {
                Ok(churn) => {
                    self.hands.churn(churn.per_second);
                    Answer::ok(&json!({ "per-second": churn.per_second }))
                }
                Err(error) => refusal(StatusCode::BAD_REQUEST, &format!("wanted is {{\"per-second\": 100}}: {error}")),
            },
            (&Method::PUT, ["touch", application]) => match self.hands.touch(application) {
                Ok(at) => Answer::ok(&json!({ "at": at })),
                Err(refused) => refusal(StatusCode::NOT_FOUND, &refused.message),
            },
            (&Method::POST, ["repository"]) => match serde_json::from_slice(&question.body).map(|deed| self.hands.repository(deed)) {
                Ok(Ok(())) => Answer::ok(&json!({})),
                Ok(Err(refused)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &refused.message),
                Err(error) => refusal(
                    StatusCode::BAD_REQUEST,
                    &format!(
                        "wanted is {{\"away\": true}}, {{\"rewrite\": \"words\"}}, {{\"rewrite-branch\": {{\"branch\": …, \"message\": …}}}} or {{\"commit\": {{\"branch\": …, \"path\": …, \"text\": …}}}}: {error}"
                    ),
                ),
            },
            (&Method::GET, ["faults"]) => {
                let all: BTreeMap<_, _> = self.faults.servers().map(|server| (server, self.faults.get(server))).collect();
                serialized(&all)
            }
            (&Method::GET, ["faults", server]) => self.faults.get(server).map_or_else(|| self.no_server(server), |fault| serialized(&fault)),
            (&Method::PUT, ["faults", server]) => match serde_json::from_slice::<Fault>(&question.body) {
                Ok(fault) => self.set(server, fault),
                Err(error) => refusal(StatusCode::BAD_REQUEST, &format!("this is no fault: {error}")),
            },
            (&Method::DELETE, ["faults", server]) => self.set(server, Fault::default()),
            (&Method::PUT, ["controllers", argocd]) => match serde_json::from_slice::<Controller>(&question.body) {
                Ok(Controller { alive }) if self.hands.set_alive(argocd, alive) => Answer::ok(&json!({ "alive": alive })),
                Ok(_) => refusal(StatusCode::NOT_FOUND, &format!("there is no Argo CD '{argocd}'")),
                Err(error) => refusal(StatusCode::BAD_REQUEST, &format!("this is no controller, {{\"alive\": false}}: {error}")),
            },
            (&Method::PUT, ["windows"]) => match serde_json::from_slice::<WindowDeed>(&question.body) {
                Ok(deed) => {
                    self.hands.window(&deed);
                    Answer::ok(&json!({}))
                }
                Err(error) => refusal(
                    StatusCode::BAD_REQUEST,
                    &format!("wanted is {{\"project\": \"ecommerce\", \"closed\": true, \"applications\": [\"*\"], \"manual\": false}}: {error}"),
                ),
            },
            (&Method::PUT, ["pulls", number]) => self.pull(number, &question.body),
            (&Method::POST, ["forget", cluster]) => match self.stores.get(&format!("cluster:{cluster}")) {
                Some(store) => {
                    store.forget();
                    Answer::ok(&json!({}))
                }
                None => refusal(StatusCode::NOT_FOUND, &format!("there is no cluster '{cluster}'")),
            },
            (&Method::PUT, ["objects", server]) => self.change(server, &question.body, Store::put),
            (&Method::DELETE, ["objects", server]) => self.change(server, &question.body, |store, kind, object| {
                let text = |field: &str| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
                store.remove(kind, text("/metadata/namespace"), text("/metadata/name"))
            }),
            (&Method::PUT, ["vanish", argocd]) => match serde_json::from_slice::<bool>(&question.body) {
                Ok(gone) if self.hands.vanish(argocd, gone) => Answer::ok(&json!({})),
                Ok(_) => refusal(StatusCode::NOT_FOUND, &format!("there is no Argo CD '{argocd}'")),
                Err(_) => refusal(StatusCode::BAD_REQUEST, "the body has to be true or false"),
            },
            _ => refusal(
                StatusCode::NOT_FOUND,
                "there are GET /world, /told, /requests, /faults, GET, PUT and DELETE /faults/{server}, PUT and DELETE /objects/{server}, \
                 PUT /controllers/{argocd}, PUT /vanish/{argocd}, PUT /windows, PUT /pulls/{number}, PUT /churn, PUT /touch/{application}, POST /repository, and \
                 POST /forget/{cluster}",
            ),
        }
    }

    /// Somebody does something to a pull request.
    fn pull(&self, number: &str, body: &[u8]) -> Answer {
        let deed: PullDeed = match serde_json::from_slice(body) {
            Ok(deed) => deed,
            Err(error) => {
                let wanted = "wanted is {\"is\": \"approved\", \"by\": \"mara\"} or {\"check\": …, \"ends\": \"failure\"}";
                return refusal(StatusCode::BAD_REQUEST, &format!("{wanted}: {error}"));
            }
        };
        let (Some(pulls), Ok(number)) = (&self.pulls, number.parse()) else { return refusal(StatusCode::NOT_FOUND, "there is no such pull request") };
        let done = match (&deed.check, deed.is) {
            (Some(check), _) => pulls.conclude(number, check, deed.ends.as_deref().unwrap_or("success")),
            (None, Some(is)) => pulls.act(number, is, &deed.by),
            (None, None) => Ok(()),
        };
        done.map_or_else(|why| refusal(StatusCode::UNPROCESSABLE_ENTITY, &why), |()| Answer::ok(&json!({})))
    }

    /// Puts an object, or a list of them, into the store of a server, or takes it out, past the world: what the world shows next is laid over it.
    fn change(&self, server: &str, body: &[u8], change: impl Fn(&Store, &'static Kind, Value) -> bool) -> Answer {
        let Some(store) = self.stores.get(server) else { return self.no_server(server) };
        let objects = match serde_json::from_slice(body) {
            Ok(Value::Array(objects)) => objects,
            Ok(object) => vec![object],
            Err(error) => return refusal(StatusCode::BAD_REQUEST, &format!("this is no object: {error}")),
        };
        let mut changed = 0;
        for object in objects {
            let word = object.get("kind").and_then(Value::as_str).unwrap_or_default();
            let Some(kind) = KINDS.iter().find(|kind| kind.word == word) else {
                return refusal(StatusCode::BAD_REQUEST, &format!("'{word}' is no kind that is served"));
            };
            changed += u32::from(change(store, kind, object));
        }
        Answer::ok(&json!({ "changed": changed }))
    }

    fn set(&self, server: &str, fault: Fault) -> Answer {
        let answer = serialized(&fault);
        if server == GIT {
            if let Err(refused) = self.hands.guard(fault.push.as_ref()) {
                return refusal(StatusCode::INTERNAL_SERVER_ERROR, &refused.message);
            }
            // What becomes of pushes needs no server: it is git that obeys it.
            let is_of_hooks = !matches!(fault.push, Some(Push::Unauthorized | Push::Forbidden));
            if is_of_hooks && fault == (Fault { push: fault.push.clone(), ..Fault::default() }) {
                self.faults.set(server, fault);
                return answer;
            }
        }
        if self.faults.set(server, fault) { answer } else { self.no_server(server) }
    }

    fn no_server(&self, server: &str) -> Answer {
        let servers: Vec<&str> = self.faults.servers().collect();
        refusal(StatusCode::NOT_FOUND, &format!("there is no server '{server}'; there are {}", servers.join(", ")))
    }
}

/// A page in a browser can make it send requests here, under a name of the page's own or with an `Origin`.
fn is_local(question: &Question) -> bool {
    let host = question.header(&HOST).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _port)| host);
    matches!(host, "127.0.0.1" | "localhost") && question.header(&ORIGIN).is_none()
}

fn serialized(value: &impl Serialize) -> Answer {
    Answer::ok(&serde_json::to_value(value).unwrap_or(Value::Null))
}

fn refusal(status: StatusCode, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}
