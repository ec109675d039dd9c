//! An examination of one Argo CD: can it be reached, does it take our token and for how long, what may the account do, is its clock right. It
//! reads once and asks questions that change nothing; it does not know the reading source.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::base::{Epoch, Raw, counted};
use crate::domain::SourceId;
use crate::domain::access::{ApiAccess, ArgocdAccess};
use crate::domain::checkup::{self, Finding};
use crate::safe;
use crate::sources::argocd::http::{Api, read};
use crate::sources::argocd::{request, wire};
use crate::sources::clock::now;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind, Outbox, expiry, secret};

/// What later versions of an account may want to do: resource and action, as Argo CD's RBAC calls them.
const DEEDS: [(&str, &str); 4] = [("applications", "sync"), ("applications", "update"), ("applications", "override"), ("logs", "get")];

/// What was found of one Argo CD.
#[derive(Debug)]
pub struct Examined {
    /// The lines, in the order in which they build on each other.
    pub findings: Vec<Finding>,
    /// The git repositories that its applications name.
    pub repositories: BTreeSet<Raw>,
}

/// Examines the API of an Argo CD; each step may take `limit`. One without an API is examined through its clusters.
pub async fn examine(access: &ArgocdAccess, limit: Duration) -> Examined {
    let mut examined = Examined { findings: Vec::new(), repositories: BTreeSet::new() };
    let Some(api) = &access.api else {
        examined.findings.push(Finding::well("reachable", "no API: its applications are read in its cluster"));
        return examined;
    };
    // Nobody listens: an examination reports at its end.
    let (reports, _) = mpsc::channel(1);
    let outbox = Outbox::new(SourceId::argocd(&access.name), Epoch::default(), reports);
    let client = Api::new(api.clone(), outbox);
    let answers = reach(&client, api, limit, &mut examined.findings).await;
    token(api, limit, &mut examined.findings).await;
    if answers && account(&client, limit, &mut examined.findings).await {
        rights(&client, limit, &mut examined).await;
    }
    examined
}

/// Whether it answers at all, with which version, and what time it is there.
async fn reach(client: &Api, api: &ApiAccess, limit: Duration, findings: &mut Vec<Finding>) -> bool {
    let begin = Instant::now();
    let address = Raw::from(api.url.as_str());
    match within(limit, client.greet()).await {
        Err(failure) => {
            let cure = failure.cure.clone().unwrap_or_else(|| safe!("curl -v {}/api/version", address.shown()));
            findings.push(Finding::fail("reachable", failure.why).cured_by(cure));
            false
        }
        Ok((body, date)) => {
            let took = begin.elapsed();
            let version = read::<wire::Version<'_>>(&body).map(|version| version.version.as_str().to_owned()).unwrap_or_default();
            if version.is_empty() {
                let finding = Finding::fail("reachable", "something answers, but not an Argo CD");
                findings.push(finding.cured_by("mend the address and the root path of this Argo CD"));
                return false;
            }
            findings.push(Finding::well(
                "reachable",
                safe!("{} at {}, answered in {} ms", Raw::from(version.as_str()).shown(), address.shown(), took.as_millis()),
            ));
            findings.extend(date.map(|date| checkup::clock(date, now(), took)));
            if api.insecure {
                findings.push(Finding::warn("certificate", "is not checked (insecure)").cured_by("name its certificate authority with ca = \"…\""));
            }
            true
        }
    }
}

/// Whether the token can be read, and when it ends.
async fn token(api: &ApiAccess, limit: Duration, findings: &mut Vec<Finding>) {
    match within(limit, secret::read(&api.token)).await {
        Err(failure) => findings.push(failed("token", &failure, &renewal(api))),
        Ok(token) => {
            let end = expiry::of_token(token.expose_secret()).map(|validity| validity.until);
            findings.push(checkup::end("token", end, now(), &renewal(api)));
        }
    }
    for (name, reference) in &api.headers {
        if let Err(failure) = within(limit, secret::read(reference)).await {
            findings.push(failed(&format!("header {name}"), &failure, &format!("look at {}", secret::place(reference))));
        }
    }
}

/// Whether the account is let in, and who it is.
async fn account(client: &Api, limit: Duration, findings: &mut Vec<Finding>) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct User {
        logged_in: bool,
        username: Raw,
    }
    // Who we are is told to anybody; a question that needs an account says why it is none.
    let refusal = within(limit, client.get(&request::can_i("applications", "get"))).await.err();
    if let Some(failure) = refusal.filter(|failure| failure.kind != FailureKind::Forbidden) {
        findings.push(failed("account", &failure, "argocd account get-user-info"));
        return false;
    }
    let user = within(limit, client.get(&request::user())).await.ok().and_then(|body| read::<User>(&body).ok()).unwrap_or_default();
    if user.logged_in {
        findings.push(Finding::well("account", safe!("logged in as {}", user.username.shown())));
    } else {
        findings.push(Finding::warn("account", "anonymous: the token is not looked at").cured_by("argocd account get-user-info"));
    }
    true
}

/// What the account may read, and what else it may do.
async fn rights(client: &Api, limit: Duration, examined: &mut Examined) {
    // A right may be granted by project, which the general question does not tell: what is read is what counts.
    match within(limit, client.get(&request::specs())).await.and_then(|body| seen(&body)) {
        Err(failure) => examined.findings.push(failed("applications", &failure, "argocd app list")),
        Ok((0, _)) => {
            let finding = Finding::warn("applications", "none: there are none, or the account may read none");
            examined.findings.push(finding.cured_by("argocd account can-i get applications '*/*'; grant it in argocd-rbac-cm"));
        }
        Ok((count, repositories)) => {
            let from = counted(repositories.len(), "git repository", "git repositories");
            examined.findings.push(Finding::well("applications", format!("reads {count}, from {from}")));
            examined.repositories = repositories;
        }
    }
    let (mut may, mut may_not) = (Vec::new(), Vec::new());
    for (resource, action) in DEEDS {
        let deed = if resource == "applications" { action.to_owned() } else { format!("{action} {resource}") };
        let answer = within(limit, client.get(&request::can_i(resource, action))).await;
        let is_allowed = answer.is_ok_and(|body| read::<wire::CanI<'_>>(&body).is_ok_and(|answer| answer.value.as_str() == "yes"));
        if is_allowed { may.push(deed) } else { may_not.push(deed) }
    }
    let said = |deeds: &[String]| if deeds.is_empty() { "nothing".to_owned() } else { deeds.join(", ") };
    let rest = if may_not.is_empty() { String::new() } else { format!("; not everywhere: {}", said(&may_not)) };
    examined.findings.push(Finding::well("rights", format!("may {}{rest}", said(&may))));
}

/// How many applications a list has, and their git repositories.
fn seen(body: &[u8]) -> Result<(usize, BTreeSet<Raw>), Failure> {
    let list: wire::List<wire::Application<'_>> = read(body)?;
    let sources = list.items.iter().flat_map(|item| std::iter::once(&item.spec.source).chain(&item.spec.sources));
    let repositories = sources.filter(|source| source.chart.as_str().is_empty() && !source.repository.as_str().is_empty());
    Ok((list.items.len(), repositories.map(|source| Raw::from(source.repository.as_str())).collect()))
}

fn failed(what: &str, failure: &Failure, otherwise: &str) -> Finding {
    let cure = failure.cure.as_ref().map_or(otherwise, |cure| cure.as_str());
    Finding::fail(what, &failure.why).cured_by(cure)
}

fn renewal(api: &ApiAccess) -> String {
    api.renewal.clone().unwrap_or_else(|| format!("put a valid token into {}", secret::place(&api.token)))
}
