//! Several applications in one cell: which of them make one placement together, and what placements are called that no rule tells apart.
//!
//! Applications with the same service, environment and placement are *parts* of one placement as long as they deploy to one cluster and
//! namespace. Where they do not, they are different placements, named by what differs: the cluster; the namespace where only that differs, or
//! where clusters alone do not tell them apart; `cluster/namespace` where neither does. A name given by a rule stays in front: `eu/shop-a`.
//! The environment's own word is left out of such a name: `production-us` in `production` is `us`.

use std::collections::BTreeSet;

use crate::domain::application::Destination;
use crate::domain::health::Known;
use crate::domain::landscape::Environment;
use crate::domain::mapping::Assignment;
use crate::domain::names::{ClusterName, Namespace, PlacementName};
use crate::domain::words::after;

/// One assignment of a cell and where it deploys to.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// What the rules say.
    pub assignment: &'a Assignment,
    /// Where it deploys to.
    pub destination: &'a Destination,
    /// Which cluster that is, if it is known.
    pub cluster: &'a Known<ClusterName>,
}

/// A place: the cluster by its name, or by what Argo CD calls it as long as nobody knows better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    cluster: &'a str,
    namespace: &'a Namespace,
}

impl<'a> Placed<'a> {
    fn place(&self) -> Place<'a> {
        let Destination { server, name, namespace } = self.destination;
        let cluster = match (self.cluster, server, name) {
            (Known::Known(cluster), ..) => cluster.as_wire(),
            (_, Some(server), _) => server.as_wire().split_once("://").map_or(server.as_wire(), |(_, host)| host).trim_end_matches('/'),
            (_, None, Some(name)) => name.as_wire(),
            (_, None, None) => "",
        };
        Place { cluster, namespace }
    }
}

/// The placement of each assignment of one cell, in their order. Assignments with equal names belong to one placement.
#[must_use]
pub fn placements(environment: &Environment, cell: &[Placed<'_>]) -> Vec<PlacementName> {
    let name = |placed: &Placed<'_>| {
        let given = &placed.assignment.placement;
        let places: BTreeSet<Place<'_>> = cell.iter().filter(|other| other.assignment.placement == *given).map(Placed::place).collect();
        if places.len() <= 1 {
            return given.clone();
        }
        let clusters: BTreeSet<&str> = places.iter().map(|place| place.cluster).collect();
        let namespaces: BTreeSet<&Namespace> = places.iter().map(|place| place.namespace).collect();
        let here = placed.place();
        let (cluster, namespace) = (short(environment, here.cluster), short(environment, here.namespace.as_wire()));
        let differs = if clusters.len() == places.len() {
            cluster.to_owned()
        } else if namespaces.len() == places.len() {
            namespace.to_owned()
        } else {
            format!("{cluster}/{namespace}")
        };
        if given.0.is_empty() {
            PlacementName::from(differs.as_str())
        } else {
            PlacementName::from(format!("{}/{differs}", given.as_wire()).as_str())
        }
    };
    cell.iter().map(name).collect()
}

/// A cluster or namespace without the environment's word: `us` of `production-us`.
fn short<'t>(environment: &Environment, text: &'t str) -> &'t str {
    let words = std::iter::once(&environment.name.0).chain(&environment.aliases);
    words.filter_map(|word| after(text, word.as_wire()).and_then(|rest| rest.strip_prefix('-'))).find(|rest| !rest.is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Raw;

    fn named(cell: &[(&str, Option<&str>, &str, &str)]) -> Vec<String> {
        let environment = Environment { name: "production".into(), aliases: vec!["prod".into()], ..Environment::default() };
        let owned: Vec<_> = cell
            .iter()
            .map(|(placement, cluster, server, namespace)| {
                let assignment = Assignment {
                    service: "checkout".into(),
                    environment: "production".into(),
                    placement: (*placement).into(),
                    part: None,
                    only: None,
                };
                let destination = Destination { server: Some(Raw::from(*server)), name: None, namespace: (*namespace).into() };
                let cluster = cluster.map_or_else(|| Known::unknown("not configured"), |name| Known::Known(ClusterName::from(name)));
                (assignment, destination, cluster)
            })
            .collect();
        let cell: Vec<_> = owned.iter().map(|(assignment, destination, cluster)| Placed { assignment, destination, cluster }).collect();
        placements(&environment, &cell).iter().map(|name| name.as_wire().to_owned()).collect()
    }

    #[test]
    fn what_no_rule_tells_apart_is_named_by_what_differs() {
        for (cell, expected) in [
            (&[("", Some("a"), "", "shop")][..], &[""][..]),
            (&[("", Some("a"), "", "shop"), ("", Some("a"), "", "shop")], &["", ""]),
            (&[("", Some("prod-eu"), "", "shop"), ("", Some("prod-us"), "", "shop")], &["eu", "us"]),
            (&[("", Some("a"), "", "production-eu"), ("", Some("a"), "", "production-us")], &["eu", "us"]),
            (&[("", Some("a"), "", "n1"), ("", Some("b"), "", "n2")], &["a", "b"]),
            (&[("", Some("a"), "", "n1"), ("", Some("a"), "", "n2"), ("", Some("b"), "", "n1")], &["a/n1", "a/n2", "b/n1"]),
            (&[("eu", Some("a"), "", "n1"), ("eu", Some("a"), "", "n2"), ("us", Some("b"), "", "n1")], &["eu/n1", "eu/n2", "us"]),
            (&[("", None, "https://10.0.0.1:6443/", "n"), ("", Some("b"), "", "n")], &["10.0.0.1:6443", "b"]),
        ] {
            assert_eq!(named(cell), expected, "{cell:?}");
        }
    }
}
