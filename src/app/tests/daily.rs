//! Stories of what is a person's own: marks of change, and cells that are watched for their outcome.

use super::*;
use crate::app::copy::Copying;
use crate::domain::ArgocdName;
use crate::domain::observation::{Fallback, InstanceFacts, Observation};

fn marked(model: &Model) -> Vec<String> {
    let service = |name: &str| crate::domain::ServiceName::from(name);
    let names = ["a", "b", "c"];
    let all = names
        .iter()
        .flat_map(|name| model.own.marks.of(&service(name)).iter().map(move |(environment, _)| format!("{name} {}", environment.as_wire())));
    all.collect()
}

/// The sources have told what they had, and one message more has come.
fn settled(apps: &[(&str, &str)]) -> Model {
    let mut model = model();
    // A cluster that never answers would leave open what was there before.
    model.settings.clusters.clear();
    update(&mut model, at(0, What::Started));
    update(&mut model, at(1, listed(apps)));
    let facts = InstanceFacts { fallback: Some(Fallback::No(Safe::clean("none"))), ..InstanceFacts::default() };
    let body = ReportBody::Observed(Observation::Instance(facts));
    update(&mut model, at(2, What::Reports(vec![Report { source: argocd(), epoch: Epoch(0), at: T0, body }])));
    assert!(model.fleet.is_settled(model.now));
    model
}

fn said(model: &Model) -> &str {
    model.notice.as_ref().map_or("", Safe::as_str)
}

#[test]
fn what_is_read_at_the_start_is_no_change_and_what_changes_later_is_marked_until_it_was_seen() {
    let mut model = settled(&[("a-production", "Healthy"), ("b-production", "Healthy"), ("b-staging", "Healthy")]);
    assert_eq!(marked(&model), [""; 0], "nothing changed: it was read");
    update(&mut model, at(70, listed(&[("a-production", "Healthy"), ("b-production", "Degraded"), ("b-staging", "Healthy")])));
    assert_eq!(marked(&model), ["b production"]);
    update(&mut model, at(80, listed(&[("a-production", "Healthy"), ("b-production", "Healthy"), ("b-staging", "Healthy")])));
    assert_eq!(marked(&model), ["b production"], "it changed there and back, and nobody saw it");
    update(&mut model, at(81, What::Tick));
    assert_eq!(marked(&model), ["b production"], "time sees nothing");
    update(&mut model, at(90, What::Wants(Intent::Top)));
    update(&mut model, at(90, What::Wants(Intent::Right)));
    assert_eq!(marked(&model), ["b production"], "the cursor was elsewhere");
    update(&mut model, at(91, What::Wants(Intent::Down)));
    assert_eq!(marked(&model), [""; 0], "the cursor is on it");
}

#[test]
fn a_change_under_a_resting_cursor_is_seen_with_the_next_key() {
    let mut model = settled(&[("a-production", "Healthy")]);
    update(&mut model, at(61, What::Wants(Intent::Right)));
    update(&mut model, at(70, listed(&[("a-production", "Degraded")])));
    assert_eq!(marked(&model), ["a production"], "nobody may be there");
    update(&mut model, at(80, What::Wants(Intent::Left)));
    assert_eq!(marked(&model), [""; 0]);
}

#[test]
fn all_marks_can_be_taken_off_and_new_services_are_marked() {
    let mut model = settled(&[("a-production", "Healthy")]);
    update(&mut model, at(70, listed(&[("a-production", "Degraded"), ("b-staging", "Healthy"), ("c-production", "Healthy")])));
    assert_eq!(marked(&model), ["a production", "b staging", "c production"]);
    update(&mut model, at(75, What::Wants(Intent::Help)));
    update(&mut model, at(75, What::Wants(Intent::Down)));
    assert_eq!(marked(&model).len(), 2, "what opened the help saw the cell beneath; nothing is seen under it");
    update(&mut model, at(76, What::Wants(Intent::SeeAll)));
    assert_eq!((marked(&model).len(), said(&model)), (0, "2 changes marked as seen."));
    update(&mut model, at(77, What::Wants(Intent::SeeAll)));
    assert_eq!(said(&model), "Nothing changed that you have not seen.");
}

#[test]
fn a_watched_cell_rings_each_time_it_fails_and_once_when_it_is_healthy() {
    let mut model = settled(&[("a-production", "Progressing")]);
    update(&mut model, at(61, What::Wants(Intent::Right)));
    assert_eq!(update(&mut model, at(62, What::Wants(Intent::Notify))), []);
    assert_eq!(said(&model), "You will be told when a · production becomes healthy or fails, for as long as this cockpit runs.");
    assert_eq!(update(&mut model, at(63, listed(&[("a-production", "Progressing")]))), []);
    let fails = Effect::Notify(Safe::clean("a · production fails with 1.0.0: degraded."));
    assert_eq!(update(&mut model, at(64, listed(&[("a-production", "Degraded")]))), std::slice::from_ref(&fails));
    assert_eq!(said(&model), "a · production fails with 1.0.0: degraded.");
    assert_eq!(update(&mut model, at(65, listed(&[("a-production", "Degraded")]))), [], "it was told");
    assert_eq!(update(&mut model, at(66, listed(&[("a-production", "Progressing")]))), []);
    assert_eq!(update(&mut model, at(67, listed(&[("a-production", "Degraded")]))), [fails]);
    let healthy = Effect::Notify(Safe::clean("a · production is healthy with 1.0.0."));
    assert_eq!(update(&mut model, at(68, listed(&[("a-production", "Healthy")]))), [healthy]);
    assert_eq!(update(&mut model, at(69, listed(&[("a-production", "Degraded")]))), [], "it is done");
}

#[test]
fn what_is_watched_no_longer_is_silent_and_so_is_what_is_not_deployed() {
    let mut model = settled(&[("a-production", "Progressing")]);
    update(&mut model, at(61, What::Wants(Intent::Left)));
    update(&mut model, at(61, What::Wants(Intent::Notify)));
    assert_eq!(said(&model), Refusal::NotDeployedHere.to_string());
    update(&mut model, at(61, What::Wants(Intent::Right)));
    update(&mut model, at(62, What::Wants(Intent::Notify)));
    update(&mut model, at(62, What::Wants(Intent::Notify)));
    assert_eq!(said(&model), "a · production is no longer watched.");
    assert_eq!(update(&mut model, at(64, listed(&[("a-production", "Degraded")]))), []);
}

#[test]
fn what_never_answers_does_not_hold_marks_up_for_ever() {
    let mut model = started(&[("a-production", "Healthy")]);
    update(&mut model, at(30, listed(&[("a-production", "Degraded")])));
    assert_eq!(marked(&model), [""; 0], "its cluster may still be on its way");
    update(&mut model, at(61, listed(&[("a-production", "Degraded")])));
    update(&mut model, at(62, listed(&[("a-production", "Healthy")])));
    assert_eq!(marked(&model), ["a production"]);
}

fn copying(model: &Model) -> &Copying {
    let Some(Overlay::Copy(copying)) = &model.overlay else { panic!("no menu: {:?}", model.overlay) };
    copying
}

#[test]
fn what_is_copied_is_what_is_shown_and_one_more_c_takes_the_first() {
    let mut model = settled(&[("a-production", "Healthy")]);
    model.settings.argocd_pages.insert(ArgocdName::from("main"), "https://argo.example.com".to_owned());
    model.settings.clipboard_hint = Safe::clean(" (hint)");
    update(&mut model, at(61, What::Wants(Intent::Left)));
    assert_eq!(update(&mut model, at(61, What::Wants(Intent::Copy))), []);
    assert_eq!((said(&model), model.overlay.is_some()), (Refusal::NotDeployedHere.sentence(), false));
    update(&mut model, at(61, What::Wants(Intent::Right)));
    update(&mut model, at(62, What::Wants(Intent::Copy)));
    let items: Vec<(&str, &str)> = copying(&model).items.iter().map(|item| (item.what.as_str(), item.text.as_str())).collect();
    let page = "https://argo.example.com/applications/argocd/a-production";
    assert_eq!(items[..3], [("version", "1.0.0"), ("application", "a-production"), ("address in Argo CD", page)]);
    assert!(items[3].1.starts_with("a · production: 1.0.0 healthy"), "{items:?}");
    assert_eq!(update(&mut model, at(63, What::Wants(Intent::Copy))), [Effect::Copy(Safe::clean("1.0.0"))]);
    assert_eq!((said(&model), model.overlay.is_some()), ("Sent to your clipboard: version 1.0.0 (hint)", false));
    update(&mut model, at(64, What::Wants(Intent::Copy)));
    update(&mut model, at(64, What::Wants(Intent::Down)));
    assert_eq!(update(&mut model, at(64, What::Wants(Intent::Open))), [Effect::Copy(Safe::clean("a-production"))]);
    update(&mut model, at(65, What::Wants(Intent::Copy)));
    assert_eq!(update(&mut model, at(65, What::Wants(Intent::Refresh))), [], "nothing else is done under the menu");
    assert_eq!(update(&mut model, at(65, What::Wants(Intent::Back))), []);
    assert!(model.overlay.is_none());
}

#[test]
fn a_page_is_opened_where_there_is_a_browser_and_copied_where_there_is_none() {
    let mut model = settled(&[("a-production", "Healthy")]);
    update(&mut model, at(61, What::Wants(Intent::Right)));
    assert_eq!(update(&mut model, at(61, What::Wants(Intent::Browse))), []);
    assert_eq!(said(&model), Refusal::NoPage.sentence());
    model.settings.argocd_pages.insert(ArgocdName::from("main"), "https://argo.example.com/cd".to_owned());
    let page = "https://argo.example.com/cd/applications/argocd/a-production";
    assert_eq!(update(&mut model, at(62, What::Wants(Intent::Browse))), [Effect::Copy(Safe::clean(page))]);
    assert_eq!(said(&model), format!("There is no browser here. Sent to your clipboard: {page}"));
    model.settings.has_browser = true;
    let link = crate::domain::link::Link::read(page).unwrap();
    assert_eq!(update(&mut model, at(63, What::Wants(Intent::Browse))), [Effect::Browse(link)]);
    update(&mut model, at(64, What::Failed(Safe::clean("cannot run xdg-open"))));
    assert_eq!(said(&model), "cannot run xdg-open");
}

#[test]
fn favourites_come_first_in_their_section_but_not_before_what_is_more_urgent() {
    let mut model =
        settled(&[("a-production", "Healthy"), ("b-production", "Healthy"), ("c-production", "Progressing"), ("d-production", "Degraded")]);
    assert_eq!(rows(&model), ["d", "c", "a", "b"]);
    let favour = |model: &mut Model, name: &str, second: u64| {
        model.matrix.selected = Some(crate::domain::ServiceName::from(name));
        update(model, at(second, What::Wants(Intent::Favourite)))
    };
    let change = |name: &str, is| [Effect::Keep(view::Change::Favourite(crate::domain::ServiceName::from(name), is))];
    assert_eq!(favour(&mut model, "b", 61), change("b", true));
    assert_eq!(rows(&model), ["d", "c", "a", "b"], "no row moves under a finger");
    assert_eq!(favour(&mut model, "c", 62), change("c", true));
    update(&mut model, at(70, What::Tick));
    assert_eq!(rows(&model), ["d", "c", "b", "a"]);
    assert_eq!(favour(&mut model, "b", 71), change("b", false));
    assert_eq!(said(&model), "b is no favourite any more.");
}

#[test]
fn a_view_is_saved_under_a_name_chosen_in_the_palette_and_forgotten() {
    let mut model = settled(&[("a-production", "Healthy"), ("b-staging", "Healthy")]);
    let configured = view::View { name: Safe::clean("taken"), filter: "env:staging".to_owned(), is_configured: true, ..view::View::default() };
    model.own.views.push(configured);
    update(&mut model, at(61, What::Wants(Intent::Filter)));
    update(&mut model, at(61, What::Pasted(Safe::clean("env:production"))));
    update(&mut model, at(61, What::Wants(Intent::Open)));
    update(&mut model, at(62, What::Wants(Intent::SaveView)));
    assert_eq!(update(&mut model, at(62, What::Wants(Intent::Open))), []);
    assert_eq!(said(&model), "A view needs a name. Esc leaves without one.");
    update(&mut model, at(62, What::Pasted(Safe::clean("taken"))));
    assert_eq!(update(&mut model, at(62, What::Wants(Intent::Open))), [], "{}", said(&model));
    for _ in 0..5 {
        update(&mut model, at(62, What::Erased));
    }
    update(&mut model, at(63, What::Pasted(Safe::clean("mi\r\nne"))));
    let saved = view::View { name: Safe::clean("mi  ne"), filter: "env:production".to_owned(), ..view::View::default() };
    assert_eq!(update(&mut model, at(63, What::Wants(Intent::Open))), [Effect::Keep(view::Change::SaveView(saved))]);
    assert!(model.overlay.is_none());
    update(&mut model, at(64, What::Wants(Intent::Back)));
    assert_eq!(rows(&model).len(), 2);
    update(&mut model, at(65, What::Wants(Intent::Palette)));
    update(&mut model, at(65, What::Pasted(Safe::clean("mi  ne"))));
    update(&mut model, at(65, What::Wants(Intent::Open)));
    assert_eq!((rows(&model), model.matrix.filter.text()), (vec!["a".to_owned()], "env:production"));
    assert_eq!(update(&mut model, at(66, What::Wants(Intent::ForgetView))), [Effect::Keep(view::Change::ForgetView(Safe::clean("mi  ne")))]);
    assert_eq!(update(&mut model, at(66, What::Wants(Intent::ForgetView))), []);
    assert_eq!(said(&model), Refusal::NoViewIsOn.sentence());
}
