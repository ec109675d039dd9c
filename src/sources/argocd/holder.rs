//! The cluster that holds the Application objects of an Argo CD: which of the candidates it is, whether it could stand in for the API, and what its
//! settings say. A candidate is proven by reading one application both ways and comparing what identifies it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api as Kind, PostParams};
use serde::Deserialize;
use tokio::sync::watch;

use crate::base::Raw;
use crate::domain::observation::{Fallback, InstanceFacts};
use crate::domain::{ClusterName, Namespace};
use crate::safe;
use crate::sources::argocd::http::{Api, read};
use crate::sources::argocd::sample::Specimen;
use crate::sources::argocd::shared::Shared;
use crate::sources::argocd::{no_fallback, objects, request, wire};
use crate::sources::supervisor::{Life, within};
use crate::sources::{Failure, FailureKind};

/// How long one step of a proof may take.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// What was proven is looked at again after this time.
const CHECK_INTERVAL: Duration = Duration::from_mins(5);
/// What could not be proven is tried again after this time.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Waits until the API is lost while a cluster may stand in, and says which.
pub(super) async fn stand_in_wanted(shared: &Shared, mut life: watch::Receiver<Life>) -> ClusterName {
    let mut facts = shared.facts();
    loop {
        let ready = {
            let facts = facts.borrow_and_update();
            facts.holder.clone().filter(|_| facts.fallback == Some(Fallback::Ready))
        };
        let lost = matches!(&*life.borrow_and_update(), Life::Lost(_));
        if let Some(holder) = ready.filter(|_| lost) {
            return holder;
        }
        let changed = tokio::select! {
            changed = facts.changed() => changed,
            changed = life.changed() => changed,
        };
        if changed.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Waits until the API answers.
pub(super) async fn api_is_back(mut life: watch::Receiver<Life>) {
    if life.wait_for(|life| *life == Life::Proven).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Finds the holder and looks after it, for ever.
pub(super) async fn look_after(shared: &Shared, api: &Api, life: watch::Receiver<Life>) {
    let configured = shared.access.clusters.first().filter(|_| shared.access.cluster_is_configured);
    if let Some(cluster) = configured {
        // Trusted at once, so that it can stand in for an API that is down from the start; verified as soon as there is something to compare.
        let fallback = check_fallback(shared, cluster).await;
        shared
            .tell(|facts| {
                facts.holder = Some(cluster.clone());
                facts.fallback = Some(fallback);
            })
            .await;
        tell_settings_once(shared, cluster).await;
    }
    tokio::select! {
        () = shared.listed() => {}
        () = stand_in_unproven(shared, life), if configured.is_none() => shared.listed().await,
    }
    loop {
        let pause = match prove(shared, api).await {
            Ok(holder) => {
                let fallback = check_fallback(shared, &holder).await;
                let ready = fallback == Fallback::Ready;
                shared
                    .tell(|facts| {
                        facts.holder = Some(holder.clone());
                        facts.fallback = Some(fallback);
                    })
                    .await;
                tell_settings_once(shared, &holder).await;
                if ready { CHECK_INTERVAL } else { RETRY_INTERVAL }
            }
            Err(Unproven::Later) => RETRY_INTERVAL,
            Err(Unproven::Because(why)) => {
                tracing::info!(why = %why, "no cluster is proven to hold the applications");
                shared.tell(|facts| facts.fallback = Some(no_fallback(&why))).await;
                RETRY_INTERVAL
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// An API that is lost from the start proves nothing. If exactly one candidate holds applications at all, they are taken for this Argo CD's until the
/// API answers and can be compared with: whoever starts the program in that hour has nothing better to look at.
async fn stand_in_unproven(shared: &Shared, mut life: watch::Receiver<Life>) {
    if life.wait_for(|life| matches!(life, Life::Lost(_))).await.is_err() {
        return std::future::pending().await;
    }
    let mut holding = Vec::new();
    for cluster in &shared.access.clusters {
        if matches!(within(STEP_LIMIT, has_applications(shared, cluster)).await, Ok(true)) {
            holding.push(cluster);
        }
    }
    let [holder] = holding.as_slice() else {
        let why = format!("the API was lost before it could be compared, and {} clusters hold applications", holding.len());
        shared.tell(|facts| facts.fallback = Some(no_fallback(&why))).await;
        return std::future::pending().await;
    };
    tracing::warn!(cluster = %holder.shown(), "the API is lost from the start: the only cluster with applications stands in, unproven");
    let fallback = check_fallback(shared, holder).await;
    shared
        .tell(|facts| {
            facts.holder = Some((*holder).clone());
            facts.fallback = Some(fallback);
        })
        .await;
    tell_settings_once(shared, holder).await;
}

/// Why there is no proof.
enum Unproven {
    /// Nothing can be compared at the moment.
    Later,
    /// Nobody passes.
    Because(String),
}

/// Compares one application, as the API has it, with each candidate in turn.
async fn prove(shared: &Shared, api: &Api) -> Result<ClusterName, Unproven> {
    let specimen = shared.sample().any().ok_or(Unproven::Later)?;
    let uid = uid_by_api(api, &specimen).await.map_err(|_gone| Unproven::Later)?;
    let mut reasons = Vec::new();
    for cluster in &shared.access.clusters {
        match within(STEP_LIMIT, uid_by_cluster(shared, cluster, &specimen)).await {
            Ok(found) if found == uid => return Ok(cluster.clone()),
            Ok(_) => reasons.push(format!("'{}' holds another Argo CD's applications", cluster.shown())),
            Err(failure) if failure.kind == FailureKind::NotFound => reasons.push(format!("'{}' does not hold them", cluster.shown())),
            Err(failure) => reasons.push(format!("'{}': {}", cluster.shown(), failure.why)),
        }
    }
    let why = if reasons.is_empty() { "no cluster is known that could hold the applications".to_owned() } else { reasons.join("; ") };
    Err(Unproven::Because(why))
}

async fn uid_by_api(api: &Api, specimen: &Specimen) -> Result<Raw, Failure> {
    let key = &specimen.key;
    uid(&api.get(&request::application(key.namespace.as_wire(), key.name.as_wire(), specimen.project.as_wire())).await?)
}

async fn uid_by_cluster(shared: &Shared, cluster: &ClusterName, specimen: &Specimen) -> Result<Raw, Failure> {
    let client = shared.clients.reading(cluster).await?;
    let target = objects::application(&specimen.key.namespace, specimen.key.name.as_wire());
    uid(&objects::get(&client, &shared.outbox, &target).await?)
}

fn uid(body: &[u8]) -> Result<Raw, Failure> {
    let application: wire::Application<'_> = read(body)?;
    let uid = application.metadata.uid.as_str();
    if uid.is_empty() { Err(Failure::new(FailureKind::Broken, "the application has no uid")) } else { Ok(Raw::from(uid)) }
}

/// Whether the account may list and watch Application objects there: everywhere, or in each configured namespace.
async fn check_fallback(shared: &Shared, cluster: &ClusterName) -> Fallback {
    match within(STEP_LIMIT, may_stand_in(shared, cluster)).await {
        Ok(true) => Fallback::Ready,
        Ok(false) => Fallback::No(safe!("the account may not list and watch applications in cluster '{}'", cluster.shown())),
        Err(failure) => Fallback::No(safe!("cluster '{}': {}", cluster.shown(), failure.why)),
    }
}

async fn may_stand_in(shared: &Shared, cluster: &ClusterName) -> Result<bool, Failure> {
    let client = shared.clients.reading(cluster).await?;
    if may(shared, &client, None).await? {
        return Ok(true);
    }
    for namespace in &shared.access.namespaces {
        if !may(shared, &client, Some(namespace)).await? {
            return Ok(false);
        }
    }
    Ok(!shared.access.namespaces.is_empty())
}

async fn may(shared: &Shared, client: &kube::Client, namespace: Option<&Namespace>) -> Result<bool, Failure> {
    let reviews = Kind::<SelfSubjectAccessReview>::all(client.clone());
    for verb in ["list", "watch"] {
        let attributes = ResourceAttributes {
            group: Some("argoproj.io".to_owned()),
            resource: Some("applications".to_owned()),
            verb: Some(verb.to_owned()),
            namespace: namespace.map(|namespace| namespace.as_wire().to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
        shared.outbox.count_request();
        // A question in the form of an object: it changes nothing.
        let review = reviews.create(&PostParams::default(), &SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }).await?;
        if !review.status.is_some_and(|status| status.allowed) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first candidate that has Application objects to read, for an Argo CD without an API.
pub(super) async fn choose(shared: &Shared) -> Result<ClusterName, Failure> {
    let mut refused = Failure::new(FailureKind::Forbidden, "no cluster is known that holds the applications of this Argo CD")
        .cured_by("name the cluster of this Argo CD in the configuration");
    let mut usable = None;
    for cluster in &shared.access.clusters {
        match within(STEP_LIMIT, has_applications(shared, cluster)).await {
            Ok(true) => return Ok(cluster.clone()),
            Err(failure) if matches!(failure.kind, FailureKind::Forbidden | FailureKind::NotFound) => refused = failure,
            // Empty so far, or out of reach: the reader says so, and tries again.
            Ok(false) | Err(_) => usable = usable.or(Some(cluster)),
        }
    }
    // The reader's words for a refusal are better than ours, where there is somebody to refuse.
    let contactable = |cluster: &&ClusterName| shared.clients.access(cluster).is_some_and(|access| access.held_back.is_none());
    usable.or_else(|| shared.access.clusters.iter().find(contactable)).cloned().ok_or(refused)
}

async fn has_applications(shared: &Shared, cluster: &ClusterName) -> Result<bool, Failure> {
    let client = shared.clients.reading(cluster).await?;
    let one = async |namespace: Option<&Namespace>| {
        let body = objects::get(&client, &shared.outbox, &format!("{}?limit=1", objects::collection(namespace))).await?;
        Ok::<_, Failure>(!read::<wire::List<wire::Application<'_>>>(&body)?.items.is_empty())
    };
    match (one(None).await, shared.access.namespaces.first()) {
        (Err(failure), Some(namespace)) if failure.kind == FailureKind::Forbidden => one(Some(namespace)).await,
        (result, _) => result,
    }
}

/// Reads the settings of an Argo CD without an API until they are there, or it is clear that they will not be.
pub(super) async fn tell_settings(shared: &Shared, cluster: &ClusterName) {
    while let Err(failure) = read_settings(shared, cluster).await {
        if !matches!(failure.kind, FailureKind::Lost | FailureKind::Throttled(_)) {
            tracing::info!(why = %failure.why, "the settings of Argo CD are not readable in its cluster");
            break;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

async fn tell_settings_once(shared: &Shared, cluster: &ClusterName) {
    if let Err(failure) = read_settings(shared, cluster).await {
        tracing::info!(why = %failure.why, "the settings of Argo CD are not readable in its cluster");
    }
}

/// `argocd-cm` (argo-cd `docs/operator-manual/argocd-cm.yaml`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigMap {
    data: Option<BTreeMap<String, String>>,
}

async fn read_settings(shared: &Shared, cluster: &ClusterName) -> Result<(), Failure> {
    let client = shared.clients.reading(cluster).await?;
    let namespace = shared.facts().borrow().controller_namespace.clone().unwrap_or_else(|| shared.instance.namespace.clone());
    let body = within(STEP_LIMIT, objects::get(&client, &shared.outbox, &objects::config_map(&namespace, "argocd-cm"))).await?;
    let settings: ConfigMap = read(&body)?;
    let settings = settings.data.unwrap_or_default();
    shared.tell(|facts| add_settings(facts, &settings, namespace)).await;
    Ok(())
}

/// What the API said stays.
fn add_settings(facts: &mut InstanceFacts, settings: &BTreeMap<String, String>, namespace: Namespace) {
    let told = |key: &str| settings.get(key).filter(|value| !value.is_empty()).map(|value| Raw::from(value.as_str()));
    facts.reconciliation_seconds = reconciliation(settings).or(facts.reconciliation_seconds);
    facts.controller_namespace.get_or_insert(namespace);
    facts.label_key = facts.label_key.take().or_else(|| told("application.instanceLabelKey"));
    facts.tracking_method = facts.tracking_method.take().or_else(|| told("application.resourceTrackingMethod"));
    facts.installation = facts.installation.take().or_else(|| told("installationID"));
}

/// Seconds between comparisons with git, jitter included; nothing where the default holds. Comparisons that are switched off (`0`) never come.
fn reconciliation(settings: &BTreeMap<String, String>) -> Option<u64> {
    let interval = go_duration(settings.get("timeout.reconciliation")?)?;
    if interval.is_zero() {
        return Some(u64::from(u32::MAX));
    }
    let jitter = settings.get("timeout.reconciliation.jitter").and_then(|jitter| go_duration(jitter)).unwrap_or(Duration::from_mins(1));
    Some((interval + jitter).as_secs())
}

/// Reads Go's notation of a duration (`time.ParseDuration`): `1h30m`, `180s`, `500ms`, `0`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let letters = behind.find(|character: char| character.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(letters)?;
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = behind;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_read_with_its_jitter() {
        let settings = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        for (pairs, seconds) in [
            (&[][..], None),
            (&[("timeout.reconciliation", "180s")][..], Some(240)),
            (&[("timeout.reconciliation", "1h30m"), ("timeout.reconciliation.jitter", "0s")][..], Some(5400)),
            (&[("timeout.reconciliation", "20s"), ("timeout.reconciliation.jitter", "0")][..], Some(20)),
            (&[("timeout.reconciliation", "0s")][..], Some(4_294_967_295)),
            (&[("timeout.reconciliation", "soon")][..], None),
            (&[("timeout.reconciliation", "")][..], None),
        ] {
            assert_eq!(reconciliation(&settings(pairs)), seconds, "{pairs:?}");
        }
        assert_eq!(go_duration("1m500ms"), Some(Duration::from_millis(60_500)));
    }
}
