//! Frames: each screen in each of its states, as text, and as meanings of colours where these are what counts.

use super::keys::Keys;
use super::look::{Colors, Glyphs, Theme};
use super::testing::*;
use super::*;
use crate::app::{Intent, What, update};
use crate::base::time::later;
use crate::base::{RequestId, Safe};
use crate::domain::observation::{Fallback, InstanceFacts, Item, Observation, ReportBody, Scope, SourceState, Traffic, World};
use crate::domain::workload::WorkloadKind;
use std::time::Duration;

const LOOK: Look = Look { colors: Colors::Sixteen, glyphs: Glyphs::Unicode, theme: Theme::Usual, keys: Keys::USUAL, links: false };
const COLOUR_BLIND: Look = Look { colors: Colors::Many, theme: Theme::ColourBlind, ..LOOK };
const ASCII: Look = Look { glyphs: Glyphs::Ascii, ..LOOK };
const COLOURLESS: Look = Look { colors: Colors::None, ..LOOK };

/// Shows a frame and, after it, the meanings of its colours.
macro_rules! frames {
    ($($name:ident: $model:expr, $columns:literal, $rows:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(text(&resized($model, $columns, $rows), LOOK));
        }
    )*};
}

frames! {
    matrix_140: usual(), 140, 24;
    matrix_100: usual(), 100, 30;
    matrix_80: usual(), 80, 24;
    matrix_200: usual(), 200, 50;
    matrix_40: usual(), 40, 8;
    git_80: wants(with_git(), &[Intent::Down, Intent::Right]), 80, 24;
    git_100: wants(with_git(), &[Intent::Right, Intent::Right]), 100, 30;
    ways_80: wants(with_git(), &[Intent::Down, Intent::Right, Intent::Right, Intent::Ways]), 80, 24;
    ways_200: wants(with_git(), &[Intent::Down, Intent::Right, Intent::Right, Intent::Ways, Intent::Down, Intent::Down]), 200, 50;
    git_200: wants(with_git(), &[Intent::Down, Intent::Right, Intent::Right]), 200, 50;
    git_cell_100: opened(with_git()), 100, 44;
    git_lost_100: opened(with_git_lost()), 100, 30;
    stepless_80: stepless(), 80, 24;
    stepless_140: wants(stepless(), &[Intent::Right, Intent::Right]), 140, 24;
    large_100: large(), 100, 30;
    large_80: large(), 80, 24;
    large_80_far_right: wants(large(), &[Intent::Right; 7]), 80, 24;
    large_200: wants(large(), &[Intent::Fold]), 200, 50;
    large_and_lost_100: large_and_stale(), 100, 30;
    lost_cluster_100: wants(stale(), &[Intent::Right, Intent::Right, Intent::Right]), 100, 30;
    lost_cluster_200: stale(), 200, 50;
    silent_controller_100: silent(), 100, 30;
    by_name_100: wants(usual(), &[Intent::Arrange]), 100, 30;
    waits_for_a_person_100: wants(resized(usual(), 100, 30), &[Intent::Down, Intent::Right, Intent::Right]), 100, 30;
    not_deployed_here_80: wants(usual(), &[Intent::Bottom, Intent::Up, Intent::Right, Intent::Right, Intent::Right, Intent::Open]), 80, 24;
    nothing_configured_100: nothing_configured(), 100, 30;
    nothing_configured_80: nothing_configured(), 80, 24;
    loading_100: started(LINE), 100, 30;
    denied_100: denied(), 100, 30;
    no_applications_100: no_applications(), 100, 30;
    nothing_mapped_100: nothing_mapped(), 100, 30;
    no_match_100: filtered("nowhere"), 100, 30;
    typing_100: filtered("prod"), 100, 30;
    filter_kept_80: wants(filtered("checkout"), &[Intent::Open]), 80, 24;
    narrowed_100: wants(filtered("env:staging,eu -service:catalog"), &[Intent::Open]), 100, 30;
    typing_unknown_80: filtered("env:prod helth:degraded"), 80, 24;
    changed_100: changed(), 100, 30;
    changed_40: changed(), 40, 8;
    changed_large_80: large_and_changed(), 80, 24;
    copying_100: copying(), 100, 30;
    copying_80: copying(), 80, 24;
    copying_40: copying(), 40, 8;
    favourites_100: favourites(), 100, 30;
    naming_80: typed(wants(filtered("env:production"), &[Intent::Open, Intent::SaveView]), "the morning"), 80, 24;
    palette_of_views_80: palette(favourites(), ""), 80, 24;
    partly_refused_100: partly_refused(), 100, 30;
    crashed_100: crashed(), 100, 30;
    many_sources_100: many_sources(), 100, 30;
    help_100: wants(usual(), &[Intent::Help]), 100, 30;
    help_80: wants(usual(), &[Intent::Sources, Intent::Help]), 80, 24;
    cell_asking_100: opened(usual()), 100, 30;
    cell_not_answered_100: not_answered(), 100, 30;
    cell_100: answered(opened(usual())), 100, 44;
    cell_80: answered(opened(usual())), 80, 24;
    cell_80_end: wants(answered(opened(usual())), &[Intent::Bottom]), 80, 24;
    cell_broken_100: wants(usual(), &[Intent::Open]), 100, 30;
    cell_lost_100: opened_us(stale()), 100, 30;
    cell_gone_100: gone(), 100, 30;
    sources_100: wants(usual(), &[Intent::Sources]), 100, 30;
    sources_in_trouble_100: wants(in_trouble(), &[Intent::Sources]), 100, 50;
    sources_80: wants(in_trouble(), &[Intent::Sources]), 80, 24;
    sources_none_100: wants(nothing_configured(), &[Intent::Sources]), 100, 30;
    sources_never_answered_100: wants(never_answered(), &[Intent::Sources]), 100, 30;
    nothing_configured_elsewhere_100: elsewhere(), 100, 30;
    palette_80: palette(usual(), ""), 80, 24;
    palette_100: palette(usual(), ""), 100, 30;
    palette_40: palette(usual(), ""), 40, 8;
    palette_refused_100: palette(wants(usual(), &[Intent::Sources]), "arr"), 100, 30;
    palette_nothing_found_80: palette(usual(), "xyzzy"), 80, 24;
    palette_of_a_demo_100: palette(playing(None), ""), 100, 30;
    palette_of_scenarios_80: palette(playing(None), "canary"), 80, 24;
    demo_80: playing(Some((20, "Errors rise in checkout 2.14.3, production eu: 8 % of requests fail."))), 80, 24;
    demo_100: playing(None), 100, 30;
    demo_old_news_40: playing(Some((900, "Ana merges checkout 2.14.3 into production."))), 40, 8;
    demo_cell_80: opened_in(playing(Some((20, "Ana merges checkout 2.14.3."))), 80, 24), 80, 24;
    too_small: usual(), 30, 5;
    changes_asking_100: wants(usual(), &[Intent::Changes]), 100, 30;
    changes_100: what_changed(), 100, 30;
    changes_80: wants(what_changed(), &[Intent::Down, Intent::Down]), 80, 24;
    changes_200: what_changed(), 200, 50;
    changes_40: what_changed(), 40, 8;
    changes_filtered_100: typed(wants(what_changed(), &[Intent::Filter]), "kind:event"), 100, 30;
    changes_no_match_100: wants(typed(wants(what_changed(), &[Intent::Filter]), "nowhere"), &[Intent::Open]), 100, 30;
    changes_denied_100: wants(denied(), &[Intent::Changes]), 100, 30;
    changes_lost_100: wants(stale(), &[Intent::Changes]), 100, 30;
    changes_cell_100: wants(what_changed(), &[Intent::Open]), 100, 44;
}

/// Two cells changed while nobody looked, and one is watched.
fn changed() -> Model {
    let mut model = wants(usual(), &[Intent::Notify]);
    let mut apps = usual_apps();
    for app in apps.iter_mut().filter(|app| matches!(app.name.as_str(), "inventory-staging" | "payments-production-us")) {
        app.version = "9.9.9";
    }
    changes(&mut model, &apps);
    wants(model, &[Intent::Down])
}

fn large_and_changed() -> Model {
    let mut model = large();
    let name = |name: &str| crate::domain::ServiceName::from(name);
    let first = model.matrix.service_at(1).cloned().unwrap_or_else(|| name("checkout"));
    let cell = model.fleet.services()[&first].cells.values().nth(1).unwrap().placements[0].clone();
    let parts = cell.parts[0].app.clone();
    let mut application = model.fleet.application(&parts).unwrap().value.clone();
    application.health = crate::domain::Health::Missing;
    let item = Item::Application(parts, Box::new(application));
    sees(&mut model, &argocd(), NOW, Observation::Changed { item, version: None });
    model
}

fn favourites() -> Model {
    let mut model = usual();
    let views = [("production", "env:production", true), ("the morning", "", false)];
    model.own.views = views
        .map(|(name, filter, is_configured)| crate::app::view::View {
            name: Safe::clean(name),
            filter: filter.to_owned(),
            is_configured,
            ..crate::app::view::View::default()
        })
        .into();
    model.own.favourites.insert(crate::domain::ServiceName::from("frontend"));
    model.own.favourites.insert(crate::domain::ServiceName::from("inventory"));
    model
}

fn copying() -> Model {
    let mut model = usual();
    model.settings.argocd_pages.insert(crate::domain::ArgocdName::from("main"), "https://argo.acme.example".to_owned());
    wants(model, &[Intent::Copy])
}

fn nothing_configured() -> Model {
    unconfigured("~/.config/tiphys/config.toml")
}

fn elsewhere() -> Model {
    unconfigured("/srv/bastion/xdg/tiphys/config.toml")
}

fn unconfigured(file: &str) -> Model {
    let settings = crate::app::Settings { file: Safe::clean(file), ..crate::app::Settings::default() };
    Model::new(crate::domain::landscape::Landscape::default(), settings, NOW)
}

/// An Argo CD that refuses every connection: what is known of it is from the configuration.
fn never_answered() -> Model {
    let mut model = started(LINE);
    let facts = InstanceFacts { fallback: Some(Fallback::No(Safe::clean("no cluster is known to hold its objects"))), ..InstanceFacts::default() };
    sees(&mut model, &argocd(), ago(5), Observation::Instance(facts));
    is(&mut model, &argocd(), ago(5), &Scope::Applications, lost());
    update(&mut model, msg(NOW, What::Tick));
    model
}

fn palette(model: Model, text: &str) -> Model {
    typed(wants(model, &[Intent::Palette]), text)
}

fn refused() -> SourceState {
    SourceState::Denied { why: Safe::clean("401: the token is no longer valid"), cure: Safe::clean("run: argocd relogin --argocd-context main") }
}

fn denied() -> Model {
    let mut model = started(LINE);
    is(&mut model, &argocd(), ago(9), &Scope::Applications, refused());
    is(&mut model, &cluster("nonprod"), ago(9), &workloads(WorkloadKind::Deployment), SourceState::Live);
    is(&mut model, &cluster("prod-eu"), ago(9), &workloads(WorkloadKind::Deployment), lost());
    update(&mut model, msg(NOW, What::Tick));
    model
}

fn no_applications() -> Model {
    let mut model = started(LINE);
    listed(&mut model, &[]);
    model
}

fn nothing_mapped() -> Model {
    let mut model = started(LINE);
    listed(&mut model, &[app("odd-thing", "1", DAY), app("other", "2", DAY)]);
    model
}

fn filtered(text: &str) -> Model {
    typed(wants(resized(usual(), 100, 30), &[Intent::Filter]), text)
}

fn partly_refused() -> Model {
    let mut model = usual();
    let why = Safe::clean("403: may not list rollouts in the whole cluster");
    let cure = Safe::clean("name its namespaces under [[clusters]], or ask for the verb list on rollouts");
    is(&mut model, &cluster("prod-eu"), ago(9), &Scope::ReplicaSets(None), SourceState::Denied { why, cure });
    model
}

fn crashed() -> Model {
    let mut model = usual();
    for _ in 0..2 {
        let message = Safe::clean("index out of bounds: the len is 3 but the index is 3");
        update(&mut model, msg(ago(1), What::TaskPanicked { source: Some(cluster("prod-us")), message }));
    }
    resized(model, 100, 30)
}

fn many_sources() -> Model {
    let mut model = started(LINE);
    for index in 0..9 {
        model.fleet.connect(cluster(&format!("cluster-number-{index}")), crate::base::Epoch(99), ago(HOUR));
        is(&mut model, &cluster(&format!("cluster-number-{index}")), ago(HOUR), &workloads(WorkloadKind::Deployment), SourceState::Live);
    }
    listed(&mut model, &usual_apps());
    let names: Vec<_> = model.fleet.sources().keys().cloned().collect();
    let mut model = alive(model, &names);
    is(&mut model, &cluster("cluster-number-4"), ago(1), &workloads(WorkloadKind::Deployment), lost());
    model
}

/// The cell of checkout in production·eu, open.
fn opened(model: Model) -> Model {
    let steps = [Intent::Top, Intent::Down, Intent::Right, Intent::Right, Intent::Open];
    wants(resized(model, 100, 30), &steps)
}

fn opened_in(model: Model, columns: u16, rows: u16) -> Model {
    wants(resized(model, columns, rows), &[Intent::Top, Intent::Down, Intent::Right, Intent::Right, Intent::Open])
}

fn opened_us(model: Model) -> Model {
    wants(resized(model, 100, 30), &[Intent::Top, Intent::Down, Intent::Right, Intent::Right, Intent::Right, Intent::Open])
}

fn not_answered() -> Model {
    let mut model = opened(usual());
    let asked: Vec<RequestId> = model.asked.keys().copied().collect();
    for request in asked {
        for source in all_sources() {
            let failed = Some(Safe::clean("no answer within 15 s"));
            say(&mut model, &source, NOW, ReportBody::Answered { request, failed });
        }
    }
    model
}

/// What Argo CD and the cluster answer about the open cell.
fn answered(mut model: Model) -> Model {
    let app = usual_apps().into_iter().find(|app| app.name == "checkout-production-eu").unwrap();
    let detail = Item::Detail(key(&app.name), Box::new(detail()));
    sees(&mut model, &argocd(), NOW, Observation::Changed { item: detail, version: None });
    let pods = Item::Pods(workload_key(&app), pods(&app));
    sees(&mut model, &cluster("prod-eu"), NOW, Observation::Changed { item: pods, version: None });
    model
}

fn gone() -> Model {
    let mut model = opened(usual());
    listed(&mut model, &[]);
    model
}

fn in_trouble() -> Model {
    let mut model = partly_refused();
    let fallback = Some(Fallback::Ready);
    let facts = InstanceFacts { fallback, holder: Some("nonprod".into()), ..InstanceFacts::default() };
    sees(&mut model, &argocd(), ago(8), Observation::Instance(facts));
    say(&mut model, &argocd(), ago(8), ReportBody::Traffic(Traffic { requests: 1234, bytes: 4_412_345 }));
    for kind in [WorkloadKind::Rollout, WorkloadKind::Deployment] {
        is(&mut model, &cluster("prod-us"), ago(1), &workloads(kind), lost());
        is(&mut model, &cluster("nonprod"), ago(300), &workloads(kind), lost());
        is(&mut model, &cluster("nonprod"), ago(200), &workloads(kind), SourceState::Live);
    }
    let why = Safe::clean("the cluster does not know Rollouts");
    is(&mut model, &cluster("nonprod"), ago(200), &Scope::ReplicaSets(None), SourceState::Off { why });
    update(&mut model, msg(NOW, What::TaskPanicked { source: None, message: Safe::clean("a task without a source") }));
    model
}

/// One model of each kind, for what must hold in all of them.
const STATES: [fn() -> Model; 19] = [
    usual,
    large,
    stale,
    silent,
    nothing_configured,
    denied,
    crashed,
    many_sources,
    || filtered("ch漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"),
    || wants(usual(), &[Intent::Help]),
    || answered(opened(usual())),
    || wants(in_trouble(), &[Intent::Sources]),
    || palette(playing(Some((20, "Ana merges checkout 2.14.3 …"))), ""),
    || palette(usual(), "nothing is called so"),
    changed,
    copying,
    || filtered("helth:漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"),
    || palette(wants(in_trouble(), &[Intent::Sources]), "s"),
    || playing(Some((900, "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"))),
];

#[test]
fn what_colours_mean() {
    insta::assert_snapshot!("style_matrix", styles(&resized(usual(), 100, 30), LOOK));
    insta::assert_snapshot!("style_lost_cluster", styles(&resized(stale(), 100, 30), LOOK));
    insta::assert_snapshot!("style_large", styles(&resized(large(), 100, 30), LOOK));
    insta::assert_snapshot!("style_colour_blind", styles(&resized(usual(), 100, 30), COLOUR_BLIND));
    insta::assert_snapshot!("style_changed", styles(&resized(changed(), 100, 30), LOOK));
    insta::assert_snapshot!("style_cell", styles(&resized(answered(opened(usual())), 100, 44), LOOK));
    insta::assert_snapshot!("style_sources", styles(&resized(wants(in_trouble(), &[Intent::Sources]), 100, 50), LOOK));
    insta::assert_snapshot!("style_palette", styles(&resized(palette(playing(None), "s"), 100, 30), LOOK));
    insta::assert_snapshot!("style_palette_refused", styles(&resized(palette(wants(usual(), &[Intent::Sources]), "arr"), 80, 24), COLOURLESS));
    insta::assert_snapshot!("style_demo", styles(&resized(playing(Some((20, "Errors rise."))), 80, 24), COLOURLESS));
    insta::assert_snapshot!("style_help", styles(&resized(wants(usual(), &[Intent::Sources, Intent::Help]), 100, 30), LOOK));
}

#[test]
fn without_colours_nothing_is_coloured_and_the_text_is_the_same() {
    for model in STATES {
        let model = resized(model(), 100, 30);
        assert_eq!(text(&model, COLOURLESS), text(&model, LOOK));
        let coloured = styles(&model, COLOURLESS).chars().find(|letter| "rybm".contains(letter.to_ascii_lowercase()));
        assert_eq!(coloured, None);
    }
}

#[test]
fn ascii_frames_are_ascii() {
    insta::assert_snapshot!("ascii_matrix", text(&resized(stale(), 100, 30), ASCII));
    insta::assert_snapshot!("ascii_changed", text(&resized(changed(), 100, 30), ASCII));
    insta::assert_snapshot!("ascii_copying", text(&resized(copying(), 80, 24), ASCII));
    insta::assert_snapshot!("ascii_large", text(&resized(large(), 100, 30), ASCII));
    insta::assert_snapshot!("ascii_palette", text(&resized(palette(playing(Some((20, "Errors rise …"))), ""), 80, 24), ASCII));
    insta::assert_snapshot!("ascii_help", text(&resized(wants(usual(), &[Intent::Help]), 80, 60), ASCII));
    for model in STATES {
        let frame = text(&resized(model(), 100, 44), ASCII);
        assert!(frame.is_ascii(), "{frame}");
    }
}

#[test]
fn the_selected_row_and_cell_are_marked_by_a_glyph() {
    for look in [LOOK, ASCII, COLOURLESS] {
        let mark = if look.glyphs == Glyphs::Ascii { '>' } else { '▸' };
        let frame = text(&resized(usual(), 100, 30), look);
        let row = frame.lines().find(|row| row.starts_with(mark)).unwrap();
        assert_eq!(row.matches(mark).count(), 2, "{row}");
    }
}

#[test]
fn no_size_and_no_state_makes_painting_fail() {
    for model in STATES {
        let mut model = model();
        for columns in (0..=90).step_by(6).chain([39, 40, 41, 80, 200]) {
            for rows in (0..=30).step_by(3).chain([7, 8]) {
                model = resized(model, columns, rows);
                for look in [LOOK, ASCII] {
                    linked_frame(&model, look, &mut Painter::default());
                }
                update(&mut model, msg(NOW, What::Wants(Intent::Bottom)));
                linked_frame(&model, LOOK, &mut Painter::default());
                update(&mut model, msg(NOW, What::Wants(Intent::Top)));
            }
        }
    }
}

#[test]
fn hostile_names_do_not_reach_the_frame() {
    let mut model = started(LINE);
    let mut hostile = app("checkout-production-eu", "2.14.2", DAY);
    hostile.version = "1\u{1b}[31m\u{202e}";
    let wide = App { version: "漢字漢字漢字漢字", ..app("payments-production-eu", "1", DAY) };
    listed(&mut model, &[hostile, wide]);
    for size in [(100, 30), (80, 24), (41, 9)] {
        let frame = text(&resized(model.clone(), size.0, size.1), LOOK);
        assert!(!frame.contains(['\u{1b}', '\u{202e}']), "{frame}");
    }
}

#[test]
fn the_next_change_by_time_is_the_minute_or_a_quarter_of_it_while_a_silence_is_young() {
    let seconds = |model: &Model| next_change(model).unwrap().as_second() - NOW.as_second();
    assert_eq!(seconds(&usual()), 53);
    assert_eq!(seconds(&stale()), 8);
    let mut later_on = stale();
    update(&mut later_on, msg(later(NOW, Duration::from_mins(1)), What::Tick));
    assert_eq!(seconds(&later_on), 60 + 53);
}

#[test]
fn between_two_minutes_no_age_changes() {
    let mut model = resized(usual(), 200, 50);
    let before = text(&model, LOOK);
    update(&mut model, msg(later(NOW, Duration::from_secs(52)), What::Tick));
    assert_eq!(text(&model, LOOK), before);
    update(&mut model, msg(later(NOW, Duration::from_secs(53)), What::Tick));
    assert_ne!(text(&model, LOOK), before);
}

#[test]
fn scrolled_text_stops_at_its_end_and_says_how_far_it_goes() {
    let model = resized(wants(answered(opened(usual())), &[Intent::Bottom]), 80, 24);
    let (mut painter, mut links) = (Painter::default(), Links::default());
    let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 24));
    paint(&model, &LOOK, &mut painter, &mut buffer, &mut links);
    assert!(painter.furthest().is_some_and(|furthest| furthest > 0 && furthest < 100), "{painter:?}");
    paint(&resized(usual(), 80, 24), &LOOK, &mut painter, &mut buffer, &mut links);
    assert_eq!(painter.furthest(), None);
}

#[test]
fn which_world_is_read_and_that_environments_are_guessed_is_in_the_header() {
    let mut model = usual();
    sees(&mut model, &argocd(), NOW, Observation::Instance(InstanceFacts { reads: Some(World::Cluster), ..InstanceFacts::default() }));
    let header = |model: &Model| text(&resized(model.clone(), 120, 30), LOOK).lines().next().unwrap().to_owned();
    assert!(header(&model).contains("main ● via cluster"), "{}", header(&model));
    let mut landscape = model.fleet.landscape().clone();
    (landscape.guessed, landscape.read_only) = (true, true);
    let guessed = Model::new(landscape, model.settings.clone(), NOW);
    assert!(header(&guessed).contains("guessed, read-only"), "{}", header(&guessed));
}

#[test]
fn what_changed_without_colours_and_in_ascii() {
    insta::assert_snapshot!("ascii_changes", text(&resized(what_changed(), 80, 24), ASCII));
}

#[test]
fn leaving_the_cell_of_a_change_goes_back_to_the_changes() {
    let model = wants(what_changed(), &[Intent::Down, Intent::Open]);
    assert!(matches!(model.screen, Screen::Cell(_)), "{:?}", model.screen);
    let model = wants(model, &[Intent::Back]);
    let Screen::Changes(state) = &model.screen else { panic!("{:?}", model.screen) };
    assert_eq!(state.scroll.cursor, 1);
    assert_eq!(wants(model, &[Intent::Back]).screen, Screen::Matrix);
}
