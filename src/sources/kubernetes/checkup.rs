//! An examination of one cluster: can it be reached, does it take our credential and for how long, may it be read, is its clock right. It asks
//! questions that change nothing (an access review is one in the form of an object), and does not know the reading source.

use std::time::Duration;

use http::header::DATE;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api as Kind;
use kube::api::PostParams;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::Instant;

use super::subject::Subject;
use crate::base::{Raw, Timestamp, counted};
use crate::domain::access::ClusterAccess;
use crate::domain::checkup::{self, Finding};
use crate::safe;
use crate::sources::clients::Clients;
use crate::sources::clock::now;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind};

/// What is read besides the workloads: resource, verbs, and what is missing without it.
const BESIDES: [(&str, &[&str], &str); 2] = [
    ("pods", &["list"], "an open cell does not say why pods fail"),
    ("applications.argoproj.io", &["list", "watch"], "this cluster cannot stand in when an Argo CD in it is down"),
];

/// Examines a cluster; each step may take `limit`. One that is held back is not contacted.
pub async fn examine(access: &ClusterAccess, clients: &Clients, limit: Duration) -> Vec<Finding> {
    if let Some(why) = &access.held_back {
        let cure = format!("[[clusters]] context = \"{}\" in the configuration", access.context);
        return vec![Finding::warn("not contacted", why).cured_by(cure)];
    }
    let mut findings = Vec::new();
    let kubectl = format!("kubectl --context {}", access.context);
    let renewal = format!("log in again, then: {kubectl} auth whoami");
    let client = match within(limit, clients.reading(&access.name)).await {
        Ok(client) => client,
        Err(failure) => return vec![failed("credential", &failure, &format!("{kubectl} version"))],
    };
    let server = access.server.as_ref().map(Raw::shown).unwrap_or_default();
    let begin = Instant::now();
    match within(limit, greet(&client)).await {
        Err(failure) if failure.kind == FailureKind::Unauthorized => return vec![failed("credential", &failure, &renewal)],
        Err(failure) => {
            return vec![failed("reachable", &Failure { why: safe!("{server}: {}", failure.why), ..failure }, &format!("{kubectl} version"))];
        }
        Ok((version, date)) => {
            let took = begin.elapsed();
            findings.push(Finding::well("reachable", safe!("{} at {server}, answered in {} ms", version.shown(), took.as_millis())));
            findings.extend(date.map(|date| checkup::clock(date, now(), took)));
        }
    }
    let credential = clients.credential(&access.name).await;
    let renewal = credential.renewal.unwrap_or(renewal);
    let credential = match credential.end {
        // Its program hands out short ones, all day.
        Some(end) if credential.renews_itself => Finding::well("credential", safe!("ends at {}, and is renewed by itself", checkup::moment(end))),
        end => checkup::end("credential", end, now(), &renewal),
    };
    match within(limit, rights(access, &client, &kubectl)).await {
        // What a refusal says of the credential is more than what the credential says of itself.
        Err(failure) if failure.kind == FailureKind::Unauthorized => findings.push(failed("credential", &failure, &renewal)),
        Err(failure) => findings.extend([credential, failed("rights", &failure, &format!("{kubectl} auth can-i --list"))]),
        Ok(rights) => {
            findings.push(credential);
            findings.extend(rights);
        }
    }
    findings
}

/// The version, and the time by the server's clock.
async fn greet(client: &kube::Client) -> Result<(Raw, Option<Timestamp>), Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Version {
        git_version: Raw,
    }
    let request = http::Request::get("/version").header(http::header::ACCEPT, "application/json").body(Body::empty());
    let request = request.map_err(|error| Failure::new(FailureKind::Broken, &format!("no request can be made: {error}")))?;
    let response = client.send(request).await.map_err(Failure::from)?;
    let (status, date) = (response.status(), response.headers().get(DATE).cloned());
    let body = response.into_body().collect_bytes().await.map_err(Failure::from)?;
    if status == http::StatusCode::UNAUTHORIZED {
        return Err(Failure::new(FailureKind::Unauthorized, "the server does not take the credential (401)"));
    }
    // Some clusters tell their version only to those who may know: that it answers is enough.
    let version: Version = serde_json::from_slice(&body).unwrap_or_default();
    let version = if version.git_version.is_empty() { Raw::from(format!("status {}", status.as_u16()).as_str()) } else { version.git_version };
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok()).map(|date| date.timestamp());
    Ok((version, date))
}

/// What may be read: everywhere, or in each of the configured namespaces.
async fn rights(access: &ClusterAccess, client: &kube::Client, kubectl: &str) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let (mut everywhere, mut by_namespace, mut missing) = (0_usize, Vec::new(), Vec::new());
    for subject in Subject::ALL {
        let resource = subject.resource();
        if may_all(client, resource, &["list", "watch"], None).await? {
            everywhere += 1;
            continue;
        }
        let mut in_all = !access.namespaces.is_empty();
        for namespace in &access.namespaces {
            in_all = in_all && may_all(client, resource, &["list", "watch"], Some(namespace.as_wire())).await?;
        }
        if in_all { by_namespace.push(resource) } else { missing.push(resource) }
    }
    if missing.is_empty() && by_namespace.is_empty() {
        findings.push(Finding::well("workloads", format!("may list and watch all {everywhere} kinds in the whole cluster")));
    } else if missing.is_empty() {
        findings
            .push(Finding::well("workloads", format!("may list and watch them in {}", counted(access.namespaces.len(), "namespace", "namespaces"))));
    } else {
        let place = if access.namespaces.is_empty() { "in the whole cluster" } else { "in every configured namespace" };
        let trying = if access.namespaces.is_empty() { "; single namespaces are tried while reading" } else { "" };
        let found = format!("may not list and watch {place}: {}{trying}", missing.join(", "));
        let cure = format!("ask for get, list and watch on these (ClusterRole 'view' has most), see: {kubectl} auth can-i --list");
        // Without a configured namespace those of the applications are tried while reading.
        let is_lost = !access.namespaces.is_empty();
        findings.push(if is_lost { Finding::fail("workloads", found) } else { Finding::warn("workloads", found) }.cured_by(cure));
    }
    for (resource, verbs, without) in BESIDES {
        let what = resource.split('.').next().unwrap_or(resource);
        let mut is_allowed = may_all(client, resource, verbs, None).await?;
        if !is_allowed && !access.namespaces.is_empty() {
            is_allowed = true;
            for namespace in &access.namespaces {
                is_allowed = is_allowed && may_all(client, resource, verbs, Some(namespace.as_wire())).await?;
            }
        }
        findings.push(if is_allowed {
            Finding::well(what, format!("may {} them", verbs.join(" and ")))
        } else {
            Finding::warn(what, format!("may not {} them: {without}", verbs.join(" and ")))
                .cured_by(format!("{kubectl} auth can-i list {resource} -A"))
        });
    }
    Ok(findings)
}

async fn may_all(client: &kube::Client, resource: &str, verbs: &[&str], namespace: Option<&str>) -> Result<bool, Failure> {
    let reviews = Kind::<SelfSubjectAccessReview>::all(client.clone());
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    for verb in verbs {
        let attributes = ResourceAttributes {
            group: Some(group.to_owned()),
            resource: Some(plural.to_owned()),
            verb: Some((*verb).to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
        let review = reviews.create(&PostParams::default(), &SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }).await?;
        if !review.status.is_some_and(|status| status.allowed) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn failed(what: &str, failure: &Failure, otherwise: &str) -> Finding {
    let cure = failure.cure.as_ref().map_or(otherwise, |cure| cure.as_str());
    Finding::fail(what, &failure.why).cured_by(cure)
}
