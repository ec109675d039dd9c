//! One request to GitHub's REST API (2022-11-28): conditional, so that what did not change is neither sent nor counted; and what its refusals mean. Facts:
//! docs.github.com "Best practices for using the REST API", "Rate limits".

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LINK, RETRY_AFTER};
use serde::Deserialize;

use crate::domain::access::{ApiAccess, GithubAccess};
use crate::sources::argocd::credentials::Credentials;
use crate::sources::argocd::http::build;
use crate::sources::clock::now;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind, Outbox};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// From so little of what may be asked in an hour on, it is asked at leisure.
const SCARCE: u64 = 500;

/// The headers that every request carries; the API's version is pinned, since the one after it leaves fields out.
pub(super) fn headers(headers: &mut HeaderMap) {
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
}

/// An answer as it was last sent: its tag, its body, and what the next page is.
struct Held {
    etag: HeaderValue,
    body: Vec<u8>,
    next: Option<String>,
    is_used: bool,
}

pub(super) struct Api {
    access: ApiAccess,
    credentials: Credentials,
    client: Option<Client>,
    held: BTreeMap<String, Held>,
    /// Requests that are left in this hour.
    left: Option<u64>,
    outbox: Outbox,
}

impl Api {
    pub(super) fn new(github: &GithubAccess, outbox: Outbox) -> Self {
        let access = ApiAccess::from(github);
        let credentials = Credentials::new(&access, outbox.clone());
        Self { access, credentials, client: None, held: BTreeMap::new(), left: None, outbox }
    }

    /// Whether little may be asked for the rest of the hour.
    pub(super) fn is_scarce(&self) -> bool {
        self.left.is_some_and(|left| left < SCARCE)
    }

    /// Forgets answers that nobody asked for in this round.
    pub(super) fn forget_unused(&mut self) {
        self.held.retain(|_, held| std::mem::take(&mut held.is_used));
    }

    /// The body of an answer, and where the next page is.
    pub(super) async fn get(&mut self, target: &str) -> Result<(Vec<u8>, Option<String>), Failure> {
        if self.client.is_none() {
            let access = self.access.clone();
            let built = tokio::task::spawn_blocking(move || build(&access)).await;
            self.client = Some(built.unwrap_or_else(|_| Err(Failure::new(FailureKind::Broken, "building the client panicked")))?);
        }
        let mut held = self.credentials.get().await?;
        let mut answer = self.ask(target, held.headers.clone()).await;
        if let Err(failure) = &answer
            && failure.kind == FailureKind::Unauthorized
        {
            held = self.credentials.other_than(&held, failure.clone()).await?;
            answer = self.ask(target, held.headers.clone()).await;
        }
        match answer {
            Ok(_) => self.credentials.accepted(&held).await,
            Err(failure) if failure.kind == FailureKind::Unauthorized => return Err(self.credentials.refused(&held, failure).await),
            Err(_) => {}
        }
        answer
    }

    async fn ask(&mut self, target: &str, mut with: HeaderMap) -> Result<(Vec<u8>, Option<String>), Failure> {
        headers(&mut with);
        if let Some(held) = self.held.get(target) {
            with.insert(IF_NONE_MATCH, held.etag.clone());
        }
        let Some(client) = self.client.clone() else { return Err(Failure::new(FailureKind::Broken, "there is no client")) };
        let request = client.get(format!("{}{target}", self.access.url)).headers(with);
        self.outbox.count_request();
        // Boxed: the library's futures are large.
        let (status, headers, body) = within(
            DEADLINE,
            Box::pin(async {
                let response = request.send().await.map_err(|error| Failure::of_connection(&error))?;
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let body = response.bytes().await.map_err(|error| Failure::of_connection(&error))?;
                Ok((status, headers, body))
            }),
        )
        .await?;
        self.outbox.count_bytes(body.len());
        self.left = number(&headers, "x-ratelimit-remaining").or(self.left);
        match (status, self.held.get_mut(target)) {
            (304, Some(held)) => {
                held.is_used = true;
                Ok((held.body.clone(), held.next.clone()))
            }
            (200, _) => {
                let (body, next) = (body.to_vec(), self.next(&headers));
                if let Some(etag) = headers.get(ETAG) {
                    let held = Held { etag: etag.clone(), body: body.clone(), next: next.clone(), is_used: true };
                    self.held.insert(target.to_owned(), held);
                }
                Ok((body, next))
            }
            _ => Err(self.refusal(status, &headers, &body)),
        }
    }

    /// The next page, by its link and never by counting; of another server it is none of ours.
    fn next(&self, headers: &HeaderMap) -> Option<String> {
        let links = headers.get(LINK)?.to_str().ok()?;
        let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
        let url = next.split_once('<')?.1.split_once('>')?.0;
        url.strip_prefix(self.access.url.as_str()).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    }

    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
        let said = message(body).unwrap_or_else(|| format!("GitHub answered {status}"));
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let failure = |kind: FailureKind, why: &str| Failure::new(kind, why);
        if let Some(patience) = patience(status, headers) {
            return failure(FailureKind::Throttled(Some(patience)), &said);
        }
        match status {
            401 => failure(FailureKind::Unauthorized, &said).cured_by(&self.credentials.renewal()).mended_in(self.credentials.files()),
            403 => {
                let wanted = text("x-accepted-github-permissions").or_else(|| text("x-accepted-oauth-scopes")).filter(|wanted| !wanted.is_empty());
                let sso = text("x-github-sso").is_some();
                failure(FailureKind::Forbidden, &said).cured_by(&match wanted {
                    _ if sso => "authorise the token for the organisation's single sign-on".to_owned(),
                    Some(wanted) => format!("give the token these permissions: {wanted}"),
                    None => "give the token the permission to read pull requests, checks and commit statuses".to_owned(),
                })
            }
            404 => failure(FailureKind::NotFound, &said).cured_by("the repository is not there, or the token may not see it: look at both"),
            301 | 302 | 307 | 308 => failure(FailureKind::Broken, "the repository was renamed or moved").cured_by("name it as it is called now"),
            502..=504 => failure(FailureKind::Lost, &said),
            _ => failure(FailureKind::Broken, &said),
        }
    }
}

/// Until when nothing more may be asked, where that is what a refusal says.
fn patience(status: u16, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    if let Some(seconds) = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    if number(headers, "x-ratelimit-remaining") == Some(0) {
        let reset = number(headers, "x-ratelimit-reset")?;
        let now = u64::try_from(now().as_second()).unwrap_or_default();
        return Some(Duration::from_secs(reset.saturating_sub(now).max(1)));
    }
    (status == 429).then_some(Duration::from_mins(1))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// What a refusal says.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.message).filter(|message| !message.is_empty())
}
