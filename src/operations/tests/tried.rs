//! Which digest a tag had where it was tried → what is expected of where it goes, and what is written.

use super::*;
use crate::base::Safe;
use crate::domain::image::Image;
use crate::domain::workload::{Container, Pod, Pods};

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const IMAGE: &str = "acme/checkout:2.14.3";

/// Pods that run these images with these digests.
fn pods(all: &[(&str, &str)]) -> Pods {
    let pod = |(run, digest): &(&str, &str)| Pod {
        name: Raw::from("pod"),
        status: Safe::clean("Running"),
        ready: (1, 1),
        restarts: 0,
        started_at: None,
        images: vec![(Container { name: Raw::from("app"), image: Image::read(run) }, Known::Known(Raw::from(*digest)))],
    };
    Pods { pods: all.iter().map(pod).collect() }
}

/// Staging has 2.14.3 in pods with these digests; whether the pods of production are told.
fn world(digests: &[&str], is_told: bool) -> World {
    let mut world = World::new();
    for name in ["checkout-staging", "checkout-production-eu", "checkout-production-us"] {
        let mut facts = canary::tests::moving();
        facts.rollout.name = Raw::from(name);
        facts.stable_hash = facts.current_hash.clone();
        world.rollouts.insert(name.to_owned(), facts);
        if is_told {
            world.pods.insert(name.to_owned(), Pods { pods: Vec::new() });
        }
    }
    let all: Vec<(&str, &str)> = digests.iter().map(|digest| (IMAGE, *digest)).chain([("envoy:1", TWO)]).collect();
    world.pods.insert("checkout-staging".to_owned(), pods(&all));
    world
}

fn expected(plan: &Plan) -> Vec<Option<&str>> {
    plan.images.iter().map(|image: &Image| image.digest.as_ref().map(Raw::as_wire)).collect()
}

fn remarks(plan: &Plan) -> String {
    plan.remarks.iter().map(Safe::as_str).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_ran_where_it_was_tried_is_what_is_expected_and_git_is_not_edited_with_it() {
    let plan = world(&[ONE, ONE], true).plan(&to("production")).unwrap();
    assert!(!expected(&plan).is_empty() && expected(&plan).iter().all(|digest| *digest == Some(ONE)), "{:?}", plan.images);
    assert!(remarks(&plan).contains(&format!("digest as seen in the pods of staging: {ONE}")), "{}", remarks(&plan));
    assert!(plan.files().iter().all(|file| !String::from_utf8_lossy(&file.after).contains("sha256")), "git names tags here");
    // What cannot be checked is not promised.
    let unchecked = world(&[ONE], false).plan(&to("production")).unwrap();
    assert!(expected(&unchecked).iter().all(Option::is_none), "{:?}", unchecked.images);
    assert!(remarks(&unchecked).contains("so what runs there is not held to it"), "{}", remarks(&unchecked));
}

#[test]
fn two_digests_of_one_tag_are_named_and_none_is_expected() {
    let plan = world(&[ONE, TWO], true).plan(&to("production")).unwrap();
    assert!(expected(&plan).iter().all(Option::is_none), "{:?}", plan.images);
    let told = remarks(&plan);
    assert!(told.contains("run 2.14.3 with different digests") && told.contains(ONE) && told.contains(TWO), "{told}");
    let plan = world(&[], true).plan(&to("production")).unwrap();
    assert!(remarks(&plan).contains("its pods do not tell it (no pod of staging runs it)"), "{}", remarks(&plan));
}

#[test]
fn a_place_that_is_pinned_by_digest_gets_the_one_that_was_tried_or_nothing() {
    let pinned = |digests: &[&str]| {
        let mut world = world(digests, true);
        for overlay in ["production-eu", "production-us"] {
            world.file(overlay, &kustomization("2.14.2", &format!("    digest: {TWO}\n")));
        }
        world.plan(&to("production"))
    };
    let plan = pinned(&[ONE]).unwrap();
    assert!(plan.files().iter().all(|file| String::from_utf8_lossy(&file.after).contains(&format!("digest: {ONE}"))), "{:?}", plan.files());
    for digests in [&[ONE, TWO][..], &[]] {
        let refused = pinned(digests).unwrap_err();
        assert!(matches!(refused, Refusal::Undigested { .. }), "{refused:?}");
        assert!(refused.sentence().as_str().starts_with("Git pins production·"), "{}", refused.sentence());
    }
}
