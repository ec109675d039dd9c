//! What filters let through, what they say of what they do not understand, and that no half of a term empties the list.

use std::time::Duration;

use super::*;
use crate::app::testing::{at, listed, model};
use crate::app::{Intent, Model, Msg, What as Happens, update};
use crate::base::time::later;
use crate::domain::names::ServiceName;

/// a: production healthy, staging degraded. b: production degraded. c: staging only, healthy.
fn world() -> Model {
    let mut model = model();
    update(&mut model, at(0, Happens::Started));
    update(
        &mut model,
        at(0, listed(&[("a-production", "Healthy"), ("a-staging", "Degraded"), ("b-production", "Degraded"), ("c-staging", "Healthy")])),
    );
    model
}

fn passing(model: &Model, text: &str) -> Vec<String> {
    let filter = Filter::read(text);
    let lens = filter.on(model.sight());
    model.fleet.services().iter().filter(|(name, service)| lens.passes(name, service)).map(|(name, _)| name.as_wire().to_owned()).collect()
}

fn remark(model: &Model, text: &str) -> String {
    Filter::read(text).remark(model.sight()).map(|remark| remark.as_str().to_owned()).unwrap_or_default()
}

#[test]
fn terms_narrow_one_thing_each_and_all_must_hold_of_one_placement() {
    let mut model = world();
    model.own.favourites.insert(ServiceName::from("c"));
    for (text, expected) in [
        ("", &["a", "b", "c"][..]),
        ("a", &["a", "c"]), // in "staging" as well
        ("service:a", &["a"]),
        ("env:production", &["a", "b"]),
        ("env:prod health:degraded", &["b"]),
        ("env:staging,production health:degraded", &["a", "b"]),
        ("health:healthy", &["a", "c"]),
        ("health:missing,deg", &["a", "b"]),
        ("sync:outofsync", &[]),
        ("sync:out-of-sync", &[]),
        ("sync:synced", &["a", "b", "c"]),
        ("version:1.0", &["a", "b", "c"]),
        ("version:2.0", &[]),
        ("cluster:PROD", &["a", "b", "c"]),
        ("is:broken", &["a", "b"]),
        ("is:fav", &["c"]),
        ("is:favourite,broken", &["a", "b", "c"]),
        ("is:canary", &[]),
        ("team:payments", &[]),
    ] {
        assert_eq!(passing(&model, text), expected, "{text}");
    }
}

#[test]
fn what_must_not_be_takes_the_row_away_wherever_it_is_in_sight() {
    let model = world();
    for (text, expected) in [
        ("-health:degraded", &["c"][..]),
        ("-health:degraded env:production", &["a"]),
        ("-service:b", &["a", "c"]),
        ("-env:staging", &["a", "b"]),
        ("-env:production -health:degraded", &["c"]),
        ("-", &["a", "b", "c"]),
        ("-service:", &["a", "b", "c"]),
        ("--b", &["a", "b", "c"]),
    ] {
        assert_eq!(passing(&model, text), expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_narrows_nothing_and_is_told_with_the_nearest_word() {
    let model = world();
    for (text, told) in [
        ("helth:degraded", "'helth:' is not known. Did you mean 'health:'?"),
        ("owned-by:me", "'owned-by:' is not known. There are env: health: sync: behind: team: version: cluster: service: is:."),
        ("health:degarded", "health: 'degarded' is not known. Did you mean 'degraded'?"),
        ("is:ugly", "is: 'ugly' is not known. There are broken, canary, changed, drifting, favourite, moving, stale, waiting, watched."),
        ("env:qa", "env: nothing is called 'qa' here. There are staging, production."),
        ("behind:many", "behind: 'many' is no number of versions. It is written behind:>0, behind:2 or behind:<=3."),
        ("behind:>0", "behind: nothing is known of it here. It takes a gitops repository that can be read."),
        ("\u{1b}[2J:x", "'\u{fffd}[2j:' is not known."),
    ] {
        assert!(remark(&model, text).starts_with(told), "{text}: {}", remark(&model, text));
        assert_eq!(passing(&model, text).len(), 3, "{text}");
        assert_eq!(passing(&model, &format!("service:b {text}")), ["b"], "the other terms still hold: {text}");
    }
    assert_eq!(remark(&model, "env:prod health:deg sync:out is:can -is:stale"), "");
}

#[test]
fn no_key_on_the_way_to_a_term_empties_the_list() {
    for text in ["health:degraded", "env:production is:broken", "cluster:prod", "behind:>=2", "sync:synced", "version:1.0.0", "-team:x", "service:b"]
    {
        let mut model = world();
        update(&mut model, at(1, Happens::Wants(Intent::Filter)));
        for character in text.chars() {
            update(&mut model, at(1, Happens::Typed(character)));
            assert!(model.matrix.counts.rows > 0, "{} empties it", model.matrix.filter.text());
        }
    }
    let mut model = world();
    update(&mut model, at(1, Happens::Wants(Intent::Filter)));
    update(&mut model, at(1, Happens::Pasted(Safe::clean("heal zzz"))));
    assert_eq!(model.matrix.counts.rows, 0, "a word that leads nowhere finds nothing");
}

#[test]
fn a_term_that_is_kept_half_typed_says_so() {
    let mut model = world();
    update(&mut model, at(1, Happens::Wants(Intent::Filter)));
    update(&mut model, at(1, Happens::Pasted(Safe::clean("health:x"))));
    update(&mut model, at(1, Happens::Wants(Intent::Open)));
    assert!(model.notice.as_ref().unwrap().as_str().starts_with("health: 'x' is not known."), "{:?}", model.notice);
}

#[test]
fn an_environment_narrows_the_columns_and_leaving_it_brings_them_and_the_selected_one_back() {
    let mut model = world();
    let columns = |model: &Model| model.matrix.columns.iter().map(|column| column.title.as_str().to_owned()).collect::<Vec<_>>();
    update(&mut model, at(1, Happens::Wants(Intent::Right)));
    let chosen = model.matrix.column.clone();
    update(&mut model, at(1, Happens::Wants(Intent::Filter)));
    update(&mut model, at(1, Happens::Pasted(Safe::clean("env:staging"))));
    assert_eq!(columns(&model), ["staging"]);
    assert_eq!((model.matrix.counts.rows, model.matrix.counts.broken), (2, 1), "only what is in sight counts");
    update(&mut model, at(1, Happens::Wants(Intent::Back)));
    assert_eq!(columns(&model), ["staging", "production"]);
    assert_eq!(model.matrix.column, chosen);
    update(&mut model, at(2, Happens::Wants(Intent::Filter)));
    update(&mut model, at(2, Happens::Pasted(Safe::clean("-env:staging"))));
    assert_eq!(columns(&model), ["production"]);
    let due = Msg { at: later(model.now, Duration::from_secs(10)), what: Happens::Tick };
    update(&mut model, due);
    assert_eq!(columns(&model), ["production"], "it stays so");
}

#[test]
fn numbers_are_compared_as_they_are_written() {
    let compared = |text: &str| match term::read(text) {
        Ok(Some(Term { what: What::Behind(compared), .. })) => [0, 1, 2, 3].map(|number| compared.holds(number)),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(compared("behind:>0"), [false, true, true, true]);
    assert_eq!(compared("behind:>=2"), [false, false, true, true]);
    assert_eq!(compared("behind:<2"), [true, true, false, false]);
    assert_eq!(compared("behind:<=2"), [true, true, true, false]);
    assert_eq!(compared("behind:2"), [false, false, true, false]);
    assert_eq!(compared("behind:=2"), [false, false, true, false]);
    assert_eq!(term::read("behind:>"), Ok(None));
    assert_eq!(term::read("behind:"), Ok(None));
}
