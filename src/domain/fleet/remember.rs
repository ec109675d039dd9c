//! What is worth remembering of a fleet until the program starts again, and taking it back in: applications as they were last seen. Everything else
//! follows from them or comes with the first lists.

use super::{Changes, Fleet};
use crate::base::Timestamp;
use crate::base::time::since;
use crate::domain::application::Application;
use crate::domain::names::{AppKey, SourceId};

/// An application as it was last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Its key.
    pub key: AppKey,
    /// Its summary.
    pub application: Application,
    /// When it was last known to be current.
    pub seen_at: Timestamp,
}

/// What was not seen for so long is forgotten.
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_hours(14 * 24);

impl Fleet {
    /// The applications that are worth remembering, in no order. Not those that their Argo CD did not name again after it was read completely: they
    /// are gone, or somebody may not see them any more.
    pub fn memorable(&self, now: Timestamp) -> impl Iterator<Item = Remembered> {
        self.applications.iter().filter_map(move |(key, entry)| {
            let id = SourceId::argocd(&key.argocd);
            let source = self.sources.get(&id)?;
            let is_gone = entry.at < source.since && source.is_settled(id.kind, now) && source.any_live();
            let seen_at = self.application_seen_at(key).filter(|at| since(*at, now) < FORGET_AFTER && !is_gone)?;
            Some(Remembered { key: key.clone(), application: entry.value.clone(), seen_at })
        })
    }

    /// Takes in what was remembered. What is known already is newer, and stays; what is remembered of an Argo CD that is not read is forgotten.
    pub fn remember(&mut self, remembered: Vec<Remembered>) -> Changes {
        let mut changed = Vec::with_capacity(remembered.len());
        for Remembered { key, application, seen_at } in remembered {
            if self.applications.get(&key).is_none()
                && self.sources.contains_key(&SourceId::argocd(&key.argocd))
                && self.applications.put(&key, application, seen_at, None)
            {
                changed.push(key);
            }
        }
        self.applications_changed(&changed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::time::later;
    use crate::base::{Epoch, Safe};
    use crate::domain::ArgocdName;
    use crate::domain::observation::{Items, Observation, Report, ReportBody, Scope, SourceState};
    use crate::domain::testing::{app_key, application, landscape};

    const T0: Timestamp = Timestamp::UNIX_EPOCH;

    fn minutes(minutes: u64) -> Timestamp {
        later(T0, Duration::from_secs(60 * minutes))
    }

    fn remembered(name: &str, tag: &str) -> Remembered {
        Remembered { key: app_key(name), application: application(&[&format!("acme/checkout:{tag}")], "Healthy"), seen_at: minutes(5) }
    }

    fn argocd() -> SourceId {
        SourceId::argocd(&ArgocdName::from("main"))
    }

    fn say(fleet: &mut Fleet, at: Timestamp, body: ReportBody) {
        fleet.apply(Report { source: argocd(), epoch: Epoch(1), at, body });
    }

    fn lists(fleet: &mut Fleet, at: Timestamp, names: &[(&str, &str)]) {
        let items = names.iter().map(|(name, tag)| (app_key(name), application(&[&format!("acme/checkout:{tag}")], "Healthy"))).collect();
        say(fleet, at, ReportBody::State(Scope::Applications, SourceState::Live));
        let listed = Observation::Listed { scope: Scope::Applications, items: Items::Applications(items), version: None };
        say(fleet, at, ReportBody::Observed(listed));
    }

    /// A program that starts at minute 60 and remembers two applications.
    fn started() -> Fleet {
        let mut fleet = Fleet::new(landscape());
        fleet.connect(argocd(), Epoch(1), minutes(60));
        fleet.remember(vec![remembered("checkout-staging", "2"), remembered("checkout-production", "1")]);
        fleet
    }

    fn told(fleet: &Fleet, environment: usize, now: Timestamp) -> Option<(String, Option<Timestamp>)> {
        let placement = fleet.services().get("checkout")?.cells.get(&environment)?.placements.first()?;
        Some((placement.version_text()?.to_string(), fleet.stale(placement, now).map(|stale| stale.since.unwrap())))
    }

    #[test]
    fn what_is_remembered_is_stale_since_it_was_seen_until_its_source_names_it() {
        let mut fleet = started();
        let stale = |tag: &str| Some((tag.to_owned(), Some(minutes(5))));
        assert_eq!(told(&fleet, 0, minutes(60)), stale("2"));
        say(&mut fleet, minutes(60), ReportBody::State(Scope::Applications, SourceState::Connecting));
        assert_eq!(told(&fleet, 0, minutes(60)), stale("2"));
        say(&mut fleet, minutes(60), ReportBody::State(Scope::Project("other".into()), SourceState::Live));
        assert_eq!(told(&fleet, 0, minutes(60)), stale("2"), "another project says nothing of it");
        let why = Safe::clean("connection refused");
        say(&mut fleet, minutes(61), ReportBody::State(Scope::Applications, SourceState::Waiting { until: None, why }));
        assert_eq!(told(&fleet, 1, minutes(62)), stale("1"));
        lists(&mut fleet, minutes(63), &[("checkout-staging", "3")]);
        assert_eq!(told(&fleet, 0, minutes(63)), Some(("3".to_owned(), None)));
        assert_eq!(told(&fleet, 1, minutes(63)), None, "the list proves that it is gone");
    }

    #[test]
    fn what_is_known_is_not_overwritten_by_what_is_remembered() {
        let mut fleet = Fleet::new(landscape());
        fleet.connect(argocd(), Epoch(1), minutes(60));
        lists(&mut fleet, minutes(60), &[("checkout-staging", "3")]);
        fleet.remember(vec![remembered("checkout-staging", "2")]);
        assert_eq!(told(&fleet, 0, minutes(60)), Some(("3".to_owned(), None)));
        let elsewhere = Remembered {
            key: AppKey { argocd: ArgocdName::from("sold"), ..app_key("checkout-production") },
            ..remembered("checkout-production", "1")
        };
        fleet.remember(vec![elsewhere]);
        assert_eq!(told(&fleet, 1, minutes(60)), None, "nobody reads that Argo CD any more");
    }

    #[test]
    fn what_was_seen_is_remembered_as_of_then() {
        let fleet = started();
        assert!(fleet.memorable(minutes(61)).all(|one| one.seen_at == minutes(5)), "nothing was confirmed since");
        assert_eq!(fleet.memorable(minutes(60 * 24 * 20)).count(), 0, "too long ago");
        let mut fleet = started();
        lists(&mut fleet, minutes(63), &[("checkout-staging", "3")]);
        let memorable: Vec<Remembered> = fleet.memorable(minutes(63)).collect();
        assert_eq!(memorable.len(), 1);
        assert_eq!(memorable[0].seen_at, minutes(63));
    }
}
