//! Stories of the core: messages in, exact effects out.

mod arming;
mod daily;
mod palette;
mod repositories;
mod waves;
mod ways;

use std::time::Duration;

use proptest::prelude::*;

use super::matrix::Line;
use super::testing::{T0, application, argocd, at, cluster, listed, model};
use super::*;
use crate::base::time::later;
use crate::base::{Epoch, Raw, RequestId, Safe};
use crate::domain::Namespace;
use crate::domain::observation::{Report, ReportBody};
use crate::domain::question::{Ask, Want};

fn rows(model: &Model) -> Vec<String> {
    model.matrix.lines.iter().filter_map(|line| if let Line::Row(name) = line { Some(name.as_wire().to_owned()) } else { None }).collect()
}

fn started(apps: &[(&str, &str)]) -> Model {
    let mut model = model();
    update(&mut model, at(0, What::Started));
    update(&mut model, at(0, listed(apps)));
    model
}

#[test]
fn a_discovered_cluster_is_read_once_an_application_deploys_to_it() {
    let mut model = model();
    assert_eq!(update(&mut model, at(0, What::Started)), [Effect::Connect { source: argocd(), epoch: Epoch(0) }]);
    let effects = update(&mut model, at(1, listed(&[("checkout-production", "Healthy")])));
    let namespaces = [Namespace::from("shop")].into_iter().collect();
    assert_eq!(
        effects,
        [
            Effect::Connect { source: cluster(), epoch: Epoch(1) },
            Effect::Ask { source: cluster(), ask: Ask { request: RequestId(0), want: Want::Namespaces(namespaces) } },
        ]
    );
    assert_eq!(update(&mut model, at(2, listed(&[("checkout-production", "Degraded")]))), [], "it is read already");
}

#[test]
fn what_needs_eyes_comes_first_and_no_row_moves_under_a_finger() {
    let mut model = started(&[("a-production", "Healthy"), ("b-production", "Healthy"), ("c-production", "Degraded")]);
    assert_eq!(rows(&model), ["c", "a", "b"]);
    update(&mut model, at(10, What::Wants(Intent::Down)));
    assert_eq!(model.matrix.selected.as_ref().unwrap().as_wire(), "a");
    update(&mut model, at(11, listed(&[("a-production", "Healthy"), ("b-production", "Degraded"), ("c-production", "Healthy")])));
    assert_eq!(rows(&model), ["c", "a", "b"], "held for three seconds");
    update(&mut model, at(13, What::Tick));
    assert_eq!(rows(&model), ["b", "a", "c"]);
    assert_eq!(model.matrix.selected.as_ref().unwrap().as_wire(), "a", "the selection follows the service");
    assert_eq!(model.matrix.service_at(model.matrix.cursor).unwrap().as_wire(), "a");
}

#[test]
fn who_has_chosen_nothing_looks_at_what_is_most_urgent() {
    let mut model = started(&[("a-staging", "Healthy"), ("a-production", "Healthy"), ("b-production", "Healthy")]);
    assert_eq!(model.matrix.selected.as_ref().unwrap().as_wire(), "a");
    update(&mut model, at(5, listed(&[("a-staging", "Healthy"), ("b-staging", "Degraded"), ("b-production", "Healthy")])));
    assert_eq!((model.matrix.selected.as_ref().unwrap().as_wire(), model.matrix.column.as_ref().unwrap().environment.as_wire()), ("b", "staging"));
    update(&mut model, at(6, What::Wants(Intent::Down)));
    update(&mut model, at(20, listed(&[("a-staging", "Degraded"), ("b-staging", "Healthy"), ("c-production", "Degraded")])));
    assert_eq!(model.matrix.selected.as_ref().unwrap().as_wire(), "a", "from then on the cursor follows what was chosen");
}

#[test]
fn no_row_moves_under_an_overlay() {
    let mut model = started(&[("a-production", "Healthy"), ("b-production", "Healthy")]);
    update(&mut model, at(10, What::Wants(Intent::Help)));
    update(&mut model, at(60, listed(&[("a-production", "Healthy"), ("b-production", "Degraded")])));
    assert_eq!(rows(&model), ["a", "b"]);
    update(&mut model, at(61, What::Wants(Intent::Back)));
    update(&mut model, at(65, What::Tick));
    assert_eq!(rows(&model), ["b", "a"]);
}

#[test]
fn the_filter_narrows_while_it_is_typed_and_back_undoes_it() {
    let mut model = started(&[("apple-production", "Healthy"), ("pear-production", "Degraded"), ("plum-staging", "Healthy")]);
    update(&mut model, at(10, What::Wants(Intent::Filter)));
    for character in "pl".chars() {
        update(&mut model, at(10, What::Typed(character)));
    }
    assert_eq!(rows(&model), ["apple", "plum"]);
    update(&mut model, at(10, What::Pasted(Safe::clean("um"))));
    assert_eq!(rows(&model), ["plum"]);
    update(&mut model, at(10, What::Erased));
    update(&mut model, at(10, What::Wants(Intent::Back)));
    assert_eq!(rows(&model).len(), 3, "back to the filter before");
    update(&mut model, at(20, What::Wants(Intent::Filter)));
    for character in "health:degraded".chars() {
        update(&mut model, at(20, What::Typed(character)));
    }
    update(&mut model, at(20, What::Wants(Intent::Open)));
    assert_eq!((rows(&model), model.is_typing()), (vec!["pear".to_owned()], false), "enter keeps it");
    assert_eq!(update(&mut model, at(21, What::Wants(Intent::Back))), []);
    assert_eq!(rows(&model).len(), 3, "back clears it before it leaves");
    assert_eq!(update(&mut model, at(22, What::Wants(Intent::Back))), [Effect::Quit]);
}

#[test]
fn a_paste_outside_a_text_field_does_nothing() {
    let mut model = started(&[("a-production", "Healthy")]);
    let before = format!("{model:?}");
    assert_eq!(update(&mut model, at(0, What::Pasted(Safe::clean("q\r\n")))), []);
    assert_eq!(format!("{model:?}"), before);
}

#[test]
fn an_open_cell_is_bound_to_its_identity_and_asks_once() {
    let mut model = started(&[("a-production", "Degraded"), ("b-production", "Healthy")]);
    let effects = update(&mut model, at(6, What::Wants(Intent::Open)));
    let (key, _) = application("a-production", "Degraded");
    let asked = |request| Effect::Ask { source: argocd(), ask: Ask { request, want: Want::Detail(key.clone(), Raw::from("shop")) } };
    assert_eq!(effects, [asked(RequestId(1))]);
    update(&mut model, at(20, listed(&[("a-production", "Healthy"), ("b-production", "Degraded")])));
    let Screen::Cell(state) = &model.screen else { panic!("not on the cell") };
    assert_eq!(state.service.as_wire(), "a");
    let refreshed = update(&mut model, at(21, What::Wants(Intent::Refresh)));
    assert!(!refreshed.contains(&asked(RequestId(2))), "the same question is already under way");
    let failed = ReportBody::Answered { request: RequestId(1), failed: Some(Safe::clean("no answer within 15 s")) };
    update(&mut model, at(22, What::Reports(vec![Report { source: argocd(), epoch: Epoch(0), at: T0, body: failed }])));
    assert_eq!(model.unanswered.len(), 1);
}

#[test]
fn a_cell_that_is_not_there_is_not_opened_but_explained() {
    let mut model = started(&[("a-production", "Healthy")]);
    update(&mut model, at(4, What::Wants(Intent::Left)));
    assert_eq!(update(&mut model, at(5, What::Wants(Intent::Open))), []);
    assert_eq!(model.notice.as_ref().unwrap().as_str(), Refusal::NotDeployedHere.to_string());
}

#[test]
fn a_reader_that_crashes_loses_its_cells_and_is_started_once_more() {
    let mut model = started(&[("a-production", "Healthy")]);
    let crash = || What::TaskPanicked { source: Some(argocd()), message: Safe::clean("index out of bounds") };
    assert_eq!(update(&mut model, at(5, crash())), [Effect::Connect { source: argocd(), epoch: Epoch(2) }]);
    let placement = &model.fleet.services()["a"].cells[&1].placements[0];
    assert!(model.fleet.stale(placement, model.now).unwrap().why.as_str().contains("its reader crashed"));
    assert_eq!(update(&mut model, at(6, crash())), []);
    assert_eq!(model.panics.len(), 2);
}

#[test]
fn every_command_is_in_the_table_once() {
    for (index, command) in COMMANDS.iter().enumerate() {
        assert!(COMMANDS.iter().skip(index + 1).all(|other| other.intent != command.intent && other.title != command.title), "{}", command.title);
    }
}

fn anything() -> impl Strategy<Value = What> {
    let intents = prop::sample::select(COMMANDS.iter().map(|command| command.intent).collect::<Vec<_>>());
    let health = || prop::sample::select(vec!["Healthy", "Degraded", "Progressing"]);
    prop_oneof![
        4 => intents.prop_map(What::Wants),
        2 => (health(), health(), any::<bool>()).prop_map(|(one, two, both)| listed(if both { vec![("a-production", one), ("b-staging", two)] } else { vec![("b-staging", two)] }.as_slice())),
        1 => any::<char>().prop_map(What::Typed),
        1 => Just(What::Erased),
        1 => any::<String>().prop_map(|text| What::Pasted(Safe::clean(&text))),
        1 => (0u16..250, 0u16..80).prop_map(|(columns, rows)| What::Resized(columns, rows)),
        1 => (0u64..100).prop_map(|second| What::Told { at: later(T0, Duration::from_secs(second)), line: Safe::clean("so") }),
        1 => Just(What::Tick),
    ]
}

proptest! {
    /// Whatever happens in whatever order, the cursor is on the selected row, and time does not run backwards.
    #[test]
    fn no_order_of_messages_confuses_the_core(messages in prop::collection::vec((0u64..100, anything()), 0..60), demo in any::<bool>()) {
        let mut model = if demo { palette::playing(&[]) } else { model() };
        update(&mut model, at(0, What::Started));
        for (second, what) in messages {
            let before = model.now;
            update(&mut model, at(second, what));
            prop_assert!(model.now >= before);
            if let Some(row) = model.matrix.service_at(model.matrix.cursor) {
                prop_assert_eq!(Some(row), model.matrix.selected.as_ref());
            }
            prop_assert!(model.matrix.top <= model.matrix.cursor);
        }
    }
}
