//! An Argo CD's API as its clients see it: who may ask, which question it is, and the small answers. It reads its store; what would change something
//! (`change`) goes to the world, for those who may (`rights`).

mod change;
mod fields;
mod list;
mod rights;
mod stream;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Cut, JSON, Question, TEXT};
use super::gate::Gate;
use super::{ARGOCD_ADMIN, ARGOCD_ONCALL, ARGOCD_VIEWER, ArgocdPlan, Hands};

pub(super) struct Server {
    plan: Arc<ArgocdPlan>,
    gate: Arc<Gate>,
    hands: Arc<dyn Hands>,
    /// Names of accounts and their tokens.
    accounts: [(&'static str, String); 3],
}

impl Server {
    pub(super) fn new(plan: ArgocdPlan, gate: Arc<Gate>, hands: Arc<dyn Hands>) -> Self {
        let accounts = [ARGOCD_ADMIN, ARGOCD_ONCALL, ARGOCD_VIEWER].map(|account| (account, token(&plan.name, account)));
        Self { plan: Arc::new(plan), gate, hands, accounts }
    }

    pub(super) async fn answer(&self, question: Question) -> Result<Answer, Cut> {
        // The real server compares the whole value, so that a charset is refused as well.
        let is_json = question.header(&CONTENT_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case(JSON));
        if question.method != Method::GET && !is_json {
            return Ok(Answer::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, TEXT, "Invalid content type\n"));
        }
        let wants_gzip = question.accepts_gzip();
        let parts = question.parts();
        // These answer anybody, whatever becomes of tokens.
        let open = match (&question.method, parts.as_slice()) {
            (&Method::GET, ["healthz"]) => Some(Answer::text(StatusCode::OK, "ok")),
            (&Method::GET, ["api", "version"]) => {
                Some(Answer::ok(&json!({ "Version": self.gate.fault().version.unwrap_or_else(|| self.plan.version.clone()) })))
            }
            (&Method::GET, ["api", "v1", "settings"]) => Some(Answer::ok(&self.settings())),
            (&Method::GET, ["api", "v1", "session", "userinfo"]) => Some(Answer::ok(&match self.account(&question) {
                Ok(account) => json!({ "loggedIn": true, "username": account, "iss": "argocd" }),
                Err(_) => json!({}),
            })),
            _ => None,
        };
        if let Some(answer) = open {
            return Ok(if wants_gzip { answer.gzip(0) } else { answer });
        }
        let account = match self.account(&question) {
            Ok(account) => account,
            Err(answer) => return Ok(answer),
        };
        if self.gate.fault().forbidden {
            return Ok(refusal(StatusCode::FORBIDDEN, None));
        }
        let answer = match (&question.method, parts.as_slice()) {
            (&Method::GET, ["api", "v1", "account", "can-i", resource, action, subresource @ ..]) => {
                // What lies in a project is granted as `project/name`; no grant matches a name alone.
                let lies_in_project = matches!(*resource, "applications" | "applicationsets" | "logs" | "exec");
                let is_named = !lies_in_project || subresource.len() > 1 || subresource.iter().any(|part| part.contains('/'));
                let may = is_named && rights::may(account, resource, action);
                Answer::ok(&json!({ "value": if may { "yes" } else { "no" } }))
            }
            (&Method::GET, ["api", "v1", "projects"]) => list::projects(&self.plan.store, &question),
            (&Method::GET, ["api", "v1", "projects", name]) => list::project(&self.plan, name),
            (&Method::GET, ["api", "v1", "applications"]) => return Ok(self.listed(question).await),
            (&Method::GET, ["api", "v1", "applications", name]) => self.one(&question, name).await,
            (&Method::GET, ["api", "v1", "applications", name, "syncwindows"]) => self.windows(&question, name),
            (&Method::GET, ["api", "v1", "applications", name, "resource"]) => self.resource(&question, name),
            (&Method::GET, ["api", "v1", "applications", name, "resource", "actions"]) => self.actions(&question, name),
            (&Method::GET, ["api", "v1", "stream", "applications"]) => return self.streamed(&question).await,
            (&Method::GET, ["api", "v1", ..]) => error(StatusCode::NOT_IMPLEMENTED, 12, "the simulated Argo CD does not answer this question"),
            (_, ["api", "v1", "applications", name, rest @ ..]) => self.change(&question, (name, rest), account),
            (_, ["api", "v1", ..]) => error(StatusCode::NOT_IMPLEMENTED, 12, "the simulated Argo CD does not do this"),
            _ => error(StatusCode::NOT_FOUND, 5, "Not Found"),
        };
        Ok(if wants_gzip { answer.gzip(0) } else { answer })
    }

    /// Lists in a thread of its own: it may be megabytes.
    async fn listed(&self, question: Question) -> Answer {
        let plan = Arc::clone(&self.plan);
        let listed = tokio::task::spawn_blocking(move || {
            let answer = list::applications(&plan, &question);
            if question.accepts_gzip() { answer.gzip(0) } else { answer }
        });
        listed.await.unwrap_or_else(|_panicked| refusal(StatusCode::INTERNAL_SERVER_ERROR, None))
    }

    async fn streamed(&self, question: &Question) -> Result<Answer, Cut> {
        match stream::Wanted::read(question) {
            Ok(wanted) => stream::open(self.plan.store.clone(), Arc::clone(&self.gate), wanted).await,
            Err(message) => Ok(error(StatusCode::BAD_REQUEST, 3, &message)),
        }
    }

    /// Who asks.
    fn account(&self, question: &Question) -> Result<&'static str, Answer> {
        let unauthenticated = |message: &str| error(StatusCode::UNAUTHORIZED, 16, message);
        // As the real server: what is no token at all is none.
        let cookie = || {
            let mut cookies = question.header(&http::header::COOKIE)?.split(';');
            cookies.find_map(|cookie| cookie.trim().strip_prefix("argocd.token="))
        };
        let token = question.token().filter(|token| token.split('.').count() == 3).or_else(cookie);
        let token = token.ok_or_else(|| unauthenticated("no session information"))?;
        if self.gate.fault().expired_token {
            return Err(unauthenticated("invalid session: token has invalid claims: token is expired"));
        }
        let known = self.accounts.iter().find(|(_, own)| own == token).map(|(account, _)| *account);
        known.ok_or_else(|| unauthenticated("invalid session: token signature is invalid: signature is invalid"))
    }

    fn settings(&self) -> Value {
        json!({
            "appLabelKey": "app.kubernetes.io/instance",
            "googleAnalytics": { "anonymizeUsers": true },
            "kustomizeOptions": { "BuildOptions": "", "BinaryPath": "", "Versions": null },
            "help": {},
            "passwordPattern": "^.{8,32}$",
            "trackingMethod": "annotation",
            "controllerNamespace": self.plan.namespace,
        })
    }
}

/// The token of an account: in the form of a JWT, and the same in every run.
pub(super) fn token(argocd: &str, account: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "alg": "HS256", "typ": "JWT" }));
    let claims = part(&json!({ "iss": "argocd", "sub": account, "jti": format!("simulated-{argocd}") }));
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(format!("simulated {argocd} {account}")))
}

fn error(status: StatusCode, code: u8, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message, "code": code, "message": message }))
}

/// An answer that says nothing but its status.
pub(super) fn refusal(status: StatusCode, says: Option<&str>) -> Answer {
    let (code, usual) = match status.as_u16() {
        400 => (3, "invalid argument"),
        401 => (16, "no session information"),
        403 => (7, "permission denied"),
        404 => (5, "Not Found"),
        429 => (8, "too many requests"),
        503 => (14, "upstream connect error or disconnect/reset before headers"),
        504 => (4, "context deadline exceeded"),
        _ => (13, "internal error"),
    };
    error(status, code, says.unwrap_or(usual))
}
