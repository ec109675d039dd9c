//! Stories of gitops repositories: which is read, and what it is asked when.

use super::*;
use crate::app::repositories::DISCOVERED_AT_MOST;
use crate::domain::SourceId;
use crate::domain::application::{Application, Origin};
use crate::domain::desired::{Address, Wish};
use crate::domain::observation::{Item, ItemKey, Items, Observation, Scope};
use crate::domain::testing::{self, landscape};

const URL: &str = "https://git.acme.example/team/gitops.git";

fn from(url: &str, revision: &str) -> Application {
    let origin = Origin { repository: Raw::from(url), path: Some(Raw::from("checkout")), ..Origin::default() };
    Application { origins: Box::new([origin]), revisions: Box::new([Raw::from(revision)]), ..application("x", "Healthy").1 }
}

fn fresh(settings: Settings) -> Model {
    let mut model = Model::new(landscape(), Settings { start: vec![argocd()], ..settings }, T0);
    update(&mut model, at(0, What::Started));
    model
}

fn discovering() -> Model {
    fresh(Settings { discover_repositories: true, ..Settings::default() })
}

fn say(model: &mut Model, observations: Vec<Observation>) -> Vec<Effect> {
    let report = |observation| Report { source: argocd(), epoch: Epoch(0), at: T0, body: ReportBody::Observed(observation) };
    update(model, at(1, What::Reports(observations.into_iter().map(report).collect())))
}

fn page(apps: Vec<(&str, Application)>) -> Observation {
    let items = Items::Applications(apps.into_iter().map(|(name, app)| (testing::app_key(name), app)).collect());
    Observation::Page { items, version: None }
}

fn changed(name: &str, app: Application) -> Observation {
    Observation::Changed { item: Item::Application(testing::app_key(name), Box::new(app)), version: None }
}

fn gitops() -> SourceId {
    SourceId::repository(Raw::from("gitops"))
}

/// Who is asked about what: names and the first revision, `None` for no more.
type Asked = (String, Vec<(String, Option<String>)>);

/// What is asked, by source.
fn asked(effects: &[Effect]) -> Vec<Asked> {
    let one = |effect: &Effect| match effect {
        Effect::Ask { source, ask: Ask { want: Want::Desired(wishes), .. } } => {
            let revision = |wish: &Wish| wish.revisions.first().map_or_else(String::new, |revision| revision.as_wire().to_owned());
            let wishes = wishes.iter().map(|(key, wish)| (key.name.as_wire().to_owned(), wish.as_ref().map(revision)));
            Some((source.name.as_wire().to_owned(), wishes.collect()))
        }
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn wish(source: &str, name: &str, revision: Option<&str>) -> Asked {
    (source.to_owned(), vec![(name.to_owned(), revision.map(ToOwned::to_owned))])
}

#[test]
fn a_repository_is_read_once_an_application_names_it_and_asked_only_what_is_new() {
    let mut model = discovering();
    let effects = say(&mut model, vec![page(vec![("a-staging", from(URL, "1"))])]);
    assert_eq!(effects[0], Effect::Mirror { source: gitops(), epoch: Epoch(1), url: Raw::from(URL) });
    assert_eq!(asked(&effects), [wish("gitops", "a-staging", Some("1"))]);
    assert!(!model.is_settled(), "the answer is waited for");
    // The same again, by another URL that means the same.
    assert_eq!(say(&mut model, vec![page(vec![("a-staging", from(URL, "1"))])]), []);
    let effects = say(&mut model, vec![changed("b-staging", from("git@git.acme.example:team/gitops", "1")), changed("a-staging", from(URL, "2"))]);
    let wanted = vec![("a-staging".to_owned(), Some("2".to_owned())), ("b-staging".to_owned(), Some("1".to_owned()))];
    assert_eq!(asked(&effects), [("gitops".to_owned(), wanted)]);
    let sick = Application { health: crate::domain::Health::Degraded, ..from(URL, "2") };
    assert_eq!(asked(&say(&mut model, vec![changed("a-staging", sick)])), [], "what git wants does not depend on health");
    let gone = Observation::Removed { key: ItemKey::Application(testing::app_key("a-staging")), version: None };
    assert_eq!(asked(&say(&mut model, vec![gone])), [wish("gitops", "a-staging", None)]);
    let scope = Scope::Applications;
    let effects = say(&mut model, vec![Observation::Listed { scope, items: Items::Applications(Vec::new()), version: None }]);
    assert_eq!(asked(&effects), [wish("gitops", "b-staging", None)], "a list proves absence");
}

#[test]
fn named_repositories_are_asked_and_no_others() {
    let named = NamedRepository { name: Raw::from("ours"), addresses: vec![Address::read(URL), Address::read("https://mirror.example/g")] };
    let mut model = fresh(Settings { repositories: vec![named], ..Settings::default() });
    let apps = vec![("a-staging", from("https://mirror.example/g.git", "1")), ("b-staging", from("https://other.example/x", "1"))];
    assert_eq!(asked(&say(&mut model, vec![page(apps)])), [wish("ours", "a-staging", Some("1"))]);
    let mut model = fresh(Settings::default());
    assert_eq!(say(&mut model, vec![page(vec![("a-staging", from(URL, "1"))])]), [], "discovery is switched off");
}

#[test]
fn charts_and_applications_of_applications_are_not_asked_about() {
    let mut model = discovering();
    let mut chart = from(URL, "1");
    chart.origins[0].chart = Some(Raw::from("podinfo"));
    let parent = Application { shape: crate::domain::application::Shape::AppOfApps, ..from(URL, "1") };
    assert_eq!(asked(&say(&mut model, vec![page(vec![("a-staging", chart), ("b-staging", parent)])])), []);
}

#[test]
fn so_many_repositories_are_discovered_and_names_are_told_apart() {
    let mut model = discovering();
    let apps = (0..DISCOVERED_AT_MOST + 2).map(|number| (format!("a{number}-staging"), from(&format!("https://git{number}.example/gitops"), "1")));
    let apps: Vec<(String, Application)> = apps.collect();
    let effects = say(&mut model, vec![page(apps.iter().map(|(name, app)| (name.as_str(), app.clone())).collect())]);
    let names: Vec<&str> =
        effects.iter().filter_map(|effect| if let Effect::Mirror { source, .. } = effect { Some(source.name.as_wire()) } else { None }).collect();
    assert_eq!((names.len(), &names[..2]), (DISCOVERED_AT_MOST, &["gitops", "git1.example/gitops"][..]));
    assert!(model.notice.as_ref().unwrap().as_str().contains("[[repositories]]"));
}

#[test]
fn a_reader_that_crashed_is_told_everything_again() {
    let mut model = discovering();
    say(&mut model, vec![page(vec![("a-staging", from(URL, "1"))])]);
    let crash = || What::TaskPanicked { source: Some(gitops()), message: Safe::clean("no") };
    let effects = update(&mut model, at(2, crash()));
    assert_eq!(effects[0], Effect::Mirror { source: gitops(), epoch: Epoch(2), url: Raw::from(URL) });
    assert_eq!(asked(&effects), [wish("gitops", "a-staging", Some("1"))]);
    assert_eq!(update(&mut model, at(3, crash())), [], "what crashes twice will crash again");
    assert!(model.asked.is_empty(), "and nobody waits for it");
}
