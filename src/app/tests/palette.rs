//! Stories of the palette and of the demo.

use super::*;
use crate::app::demo::{Demo, Scenario, Told};
use crate::app::palette::{Entry, Line, Palette};

/// A cockpit in which a demo plays.
pub(super) fn playing(apps: &[(&str, &str)]) -> Model {
    let mut model = started(apps);
    let scenario = |name: &str, title: &str, story: &str| Scenario { name: Safe::clean(name), title: Safe::clean(title), story: Safe::clean(story) };
    let scenarios = vec![
        scenario("bad-canary", "A canary fails", "Errors rise at a quarter of the traffic."),
        scenario("argocd-down", "Argo CD is down", "Its API refuses, the cluster stands in."),
    ];
    model.demo = Some(Demo { scenario: Safe::clean("bad-canary"), title: Safe::clean("A canary fails"), scenarios, told: None });
    model
}

fn wants(model: &mut Model, intent: Intent) -> Vec<Effect> {
    update(model, at(10, What::Wants(intent)))
}

fn types(model: &mut Model, text: &str) {
    for character in text.chars() {
        assert_eq!(update(model, at(10, What::Typed(character))), [], "typing does nothing but narrow");
    }
}

fn open(model: &Model) -> &Palette {
    let Some(Overlay::Palette(palette)) = &model.overlay else { panic!("the palette is not open: {:?}", model.overlay) };
    palette
}

fn names(model: &Model) -> Vec<String> {
    let words = |line: &Line| if let Line::Entry(entry) = line { Some(entry.words(model)?.name.to_owned()) } else { None };
    open(model).lines().iter().filter_map(words).collect()
}

#[test]
fn the_palette_runs_what_is_chosen_and_nothing_before() {
    let mut model = started(&[("a-production", "Healthy")]);
    assert_eq!(wants(&mut model, Intent::Palette), []);
    types(&mut model, "refr");
    assert_eq!(names(&model), ["refresh", "compare with git"]);
    let effects = wants(&mut model, Intent::Open);
    assert!(matches!(&effects[..], [Effect::Ask { ask: Ask { want: Want::Relist, .. }, .. }, ..]), "{effects:?}");
    assert_eq!(model.overlay, None);
    wants(&mut model, Intent::Palette);
    types(&mut model, "quit");
    assert_eq!(wants(&mut model, Intent::Open), [Effect::Quit]);
    wants(&mut model, Intent::Palette);
    types(&mut model, "filter");
    assert_eq!(wants(&mut model, Intent::Open), []);
    assert!(matches!(model.overlay, Some(Overlay::Filter(_))), "one overlay leads to the other");
}

#[test]
fn everything_in_the_table_can_be_found_but_the_palette_itself() {
    let mut model = started(&[("a-production", "Healthy")]);
    wants(&mut model, Intent::Palette);
    let mut listed = names(&model);
    let mut all: Vec<&str> = COMMANDS.iter().filter(|command| command.intent != Intent::Palette).map(|command| command.title).collect();
    listed.sort();
    all.sort_unstable();
    assert_eq!(listed, all);
    for title in all {
        let mut model = model.clone();
        types(&mut model, title);
        assert_eq!(names(&model)[0], title);
    }
}

#[test]
fn the_best_comes_first_and_letters_in_between_may_be_left_out() {
    let mut model = playing(&[("a-production", "Healthy")]);
    for (text, best) in [
        ("s", "sources"),
        ("pgd", "page down"),
        ("down", "down"),
        ("argo", "argocd-down"),
        ("QUARTER", "bad-canary"),
        ("order rows", "arrange"),
        ("cnry", "bad-canary"),
    ] {
        wants(&mut model, Intent::Palette);
        types(&mut model, text);
        assert_eq!(names(&model).first().map(String::as_str), Some(best), "{text}: {:?}", names(&model));
        wants(&mut model, Intent::Back);
    }
}

#[test]
fn what_is_refused_stays_listed_and_says_why() {
    let mut model = started(&[("a-production", "Healthy")]);
    wants(&mut model, Intent::Sources);
    wants(&mut model, Intent::Palette);
    types(&mut model, "arrange");
    assert_eq!(open(&model).chosen(), Some(Entry::Command(Intent::Arrange)));
    assert_eq!(wants(&mut model, Intent::Open), []);
    assert_eq!(model.notice.as_ref().unwrap().as_str(), Refusal::NotHere.sentence());
    assert_eq!(names(&model).first().map(String::as_str), Some("arrange"));
    types(&mut model, "x");
    assert_eq!((model.notice.clone(), names(&model).len()), (None, 0));
    assert_eq!(wants(&mut model, Intent::Open), [], "Enter on nothing does nothing");
    open(&model);
}

#[test]
fn a_paste_goes_into_the_text_and_runs_nothing() {
    let mut model = started(&[("a-production", "Healthy")]);
    wants(&mut model, Intent::Palette);
    assert_eq!(update(&mut model, at(10, What::Pasted(Safe::clean("quit\r\n")))), []);
    assert_eq!((open(&model).text().trim(), names(&model)), ("quit", vec!["quit".to_owned()]));
    let flood = Safe::clean(&"x".repeat(4000));
    assert_eq!(update(&mut model, at(10, What::Pasted(flood))), []);
    assert_eq!(open(&model).text().len(), 80);
}

#[test]
fn there_are_three_ways_out_and_none_changes_anything() {
    let mut model = started(&[("a-production", "Healthy")]);
    let erase = |model: &mut Model| {
        types(model, "x");
        update(model, at(10, What::Erased));
        open(model);
        update(model, at(10, What::Erased))
    };
    let ways: [fn(&mut Model) -> Vec<Effect>; 3] = [|model| wants(model, Intent::Back), |model| wants(model, Intent::Palette), erase];
    for way in ways {
        wants(&mut model, Intent::Palette);
        assert_eq!(way(&mut model), []);
        assert_eq!((&model.overlay, &model.screen), (&None, &Screen::Matrix));
    }
    wants(&mut model, Intent::Palette);
    assert_eq!(wants(&mut model, Intent::Suspend), [Effect::Suspend], "what means the same everywhere does so here");
    assert_eq!(wants(&mut model, Intent::Quit), [Effect::Quit]);
}

#[test]
fn the_cursor_skips_headings_and_stays_inside_and_in_sight() {
    let mut model = playing(&[("a-production", "Healthy")]);
    update(&mut model, at(0, What::Resized(80, 24)));
    wants(&mut model, Intent::Palette);
    assert!(matches!(open(&model).lines()[0], Line::Heading(_)));
    let first = open(&model).chosen();
    assert_eq!(first, Some(Entry::Command(Intent::Open)));
    wants(&mut model, Intent::Up);
    assert_eq!((open(&model).chosen(), open(&model).scroll().top), (first, 0));
    let entries = names(&model).len();
    for _ in 0..entries + 3 {
        wants(&mut model, Intent::Down);
        let (palette, height) = (open(&model), open(&model).height(model.room().1));
        assert!((palette.scroll().top..palette.scroll().top + height).contains(&palette.scroll().cursor));
        assert!(palette.chosen().is_some());
    }
    assert_eq!(open(&model).chosen(), Some(Entry::Command(Intent::Bottom)), "the last of the list");
    wants(&mut model, Intent::Top);
    assert_eq!((open(&model).chosen(), open(&model).scroll().top), (first, 0));
    update(&mut model, at(11, What::Resized(40, 8)));
    wants(&mut model, Intent::Bottom);
    update(&mut model, at(11, What::Resized(0, 0)));
    assert_eq!(open(&model).chosen(), Some(Entry::Command(Intent::Bottom)));
}

#[test]
fn scenarios_are_there_in_a_demo_only_and_choosing_one_plays_it() {
    let mut model = started(&[("a-production", "Healthy")]);
    wants(&mut model, Intent::Palette);
    assert!(!names(&model).contains(&"bad-canary".to_owned()));
    let mut model = playing(&[("a-production", "Healthy")]);
    wants(&mut model, Intent::Palette);
    types(&mut model, "argocd-down");
    assert_eq!(wants(&mut model, Intent::Open), [Effect::Play(Safe::clean("argocd-down"))]);
    assert_eq!(model.notice.as_ref().unwrap().as_str(), "Starting Argo CD is down …");
    assert_eq!(model.overlay, None);
}

#[test]
fn the_story_keeps_its_newest_line() {
    let mut model = playing(&[("a-production", "Healthy")]);
    let told = |model: &mut Model, second: u64, line: &str| {
        let when = later(T0, Duration::from_secs(second));
        update(model, at(20, What::Told { at: when, line: Safe::clean(line) }))
    };
    assert_eq!(told(&mut model, 5, "one"), []);
    told(&mut model, 9, "two");
    told(&mut model, 7, "late");
    let newest = Told { at: later(T0, Duration::from_secs(9)), line: Safe::clean("two") };
    assert_eq!(model.demo.as_ref().unwrap().told, Some(newest));
    let mut production = started(&[("a-production", "Healthy")]);
    told(&mut production, 5, "one");
    assert_eq!(production.demo, None);
}

#[test]
fn a_demo_takes_one_row_from_the_screens() {
    let mut model = playing(&[("a-production", "Healthy")]);
    update(&mut model, at(0, What::Resized(80, 24)));
    assert_eq!(model.room(), (80, 23));
    model.demo = None;
    assert_eq!(model.room(), (80, 24));
    update(&mut model, at(0, What::Resized(0, 0)));
    assert_eq!(model.room(), (0, 0));
}

#[test]
fn nothing_changes_out_of_sight_under_the_help() {
    let mut model = started(&[("a-production", "Healthy"), ("b-production", "Healthy")]);
    wants(&mut model, Intent::Help);
    wants(&mut model, Intent::Sources);
    assert_eq!((&model.overlay, &model.screen), (&None, &Screen::Sources(super::super::scroll::Scroll::default())), "it leads to what it shows");
    wants(&mut model, Intent::Help);
    wants(&mut model, Intent::Arrange);
    assert!(matches!(model.overlay, Some(Overlay::Help(_))), "what is refused beneath closes nothing");
    assert_eq!(model.notice.as_ref().unwrap().as_str(), Refusal::NotHere.sentence());
    wants(&mut model, Intent::Back);
    wants(&mut model, Intent::Back);
    wants(&mut model, Intent::Help);
    let before = (model.screen.clone(), model.matrix.selected.clone(), model.matrix.column.clone());
    for intent in [Intent::Open, Intent::Left, Intent::Right, Intent::Up, Intent::Down] {
        assert_eq!(wants(&mut model, intent), []);
        assert_eq!((model.screen.clone(), model.matrix.selected.clone(), model.matrix.column.clone()), before, "{intent:?}");
    }
    wants(&mut model, Intent::Arrange);
    assert_eq!((&model.overlay, model.matrix.arrange), (&None, super::super::matrix::Arrange::ByName));
}
