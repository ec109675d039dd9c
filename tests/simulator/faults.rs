//! Every source with every fault while the cockpit runs: only its cells are stale, soon, with the reason in words, and all is well again by itself.

#![expect(clippy::print_stdout, reason = "how long each took is what one wants to read")]

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::truth::{cells, facts};
use crate::support::screen::Screen;
use crate::support::wait::until;
use crate::support::world::World;

const BEGINNING: Duration = Duration::from_secs(40);
/// A source that says nothing is stale by then, on a machine that does other things as well.
const STALE: Duration = Duration::from_secs(20);
/// Longer than the longest wait between two tries.
const HEALED: Duration = Duration::from_secs(100);

/// A fault that lets watches go on says nothing of them: what they tell is current. So those that refuse questions cut the watches as well.
///
/// A fault, the words of which one has to be on the screen of sources, and whether cells become stale by it.
struct Case {
    name: &'static str,
    fault: Value,
    words: &'static [&'static str],
    stale: bool,
}

fn cases() -> Vec<Case> {
    let case = |name, fault, words, stale| Case { name, fault, words, stale };
    vec![
        case("down", json!({"down": true}), &["refused", "reset", "closed"], true),
        case("frozen", json!({"frozen": true}), &["silent", "no answer", "not answer", "within", "timed out"], true),
        case("drip", json!({"drip": true}), &["silent", "no answer", "not answer", "within", "timed out"], true),
        case("truncated", json!({"truncated": true}), &["ended", "cut", "incomplete", "broke", "read", "closed", "EOF", "decod"], true),
        case("401", json!({"expired-token": true, "cut-watches": "1ms"}), &["expired", "401", "nauthorized", "log in", "login"], true),
        case("403", json!({"forbidden": true, "cut-watches": "1ms"}), &["forbidden", "403", "permission", "may not", "denied"], true),
        case("429", json!({"status": 429, "retry-after": "3s", "cut-watches": "1ms"}), &["429", "many requests"], true),
        case("500", json!({"status": 500, "cut-watches": "1ms"}), &["500", "internal error", "InternalError", "an error on the server"], true),
        case("slow", json!({"latency": "3s"}), &[], false),
        case("cut watches", json!({"cut-watches": "500ms"}), &[], false),
        case("lost events", json!({"lose-events": 50}), &[], false),
    ]
}

/// Opens a screen by its key, waits for a line, and goes back.
fn visit(screen: &mut Screen, key: &str, what: &str, wanted: impl Fn(&str) -> bool) {
    screen.keys(key);
    until(what, STALE, || screen.text(), |text| wanted(text));
    screen.keys("q");
    screen.line("the matrix is back", STALE, |line| line.contains("q leave"));
}

/// Cells of one cluster, or of all, and whether they are stale.
fn stale(world: &World, screen: &Screen, concerns: impl Fn(&str) -> bool) -> (usize, usize, usize) {
    let (facts, cells) = (facts(&world.truth()), cells(&screen.text()));
    let is_stale = |cell: &String| cell.contains('?');
    let mut count = (0, 0, 0);
    for (place, fact) in facts {
        let Some(cell) = cells.get(&place) else { continue };
        match (concerns(&fact.cluster), is_stale(cell)) {
            (true, true) => count.0 += 1,
            (true, false) => count.1 += 1,
            (false, true) => count.2 += 1,
            (false, false) => {}
        }
    }
    count
}

fn run(server: &str, scenario: &str, concerned: &[&str], case: &Case) -> String {
    let world = World::start(scenario, &[]);
    // Otherwise an Argo CD that is lost is read through its cluster, and nothing is stale.
    world.edit_config(|config| config.lines().filter(|line| !line.starts_with("cluster = ")).collect::<Vec<_>>().join("\n"));
    let mut screen = world.cockpit(200, 50);
    let badges = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    // And the repository, which has no server.
    let sources = world.servers().len() + 1;
    until("all sources are live", BEGINNING, || screen.text(), |text| text.contains("✔H") && badges(text).matches('●').count() == sources);
    let about = |cluster: &str| concerned.contains(&cluster);
    until("nothing is stale", BEGINNING, || stale(&world, &screen, about), |(stale, live, others)| *stale == 0 && *live > 0 && *others == 0);
    world.fault(server, &case.fault);
    let mut told = format!("{} {server}:", case.name);
    if case.stale {
        let (_, took) = until(
            &format!("{}: all of its cells are stale and no other", case.name),
            STALE,
            || {
                let now = stale(&world, &screen, about);
                (now, badges(&screen.text()))
            },
            |((stale, live, others), _)| *stale > 0 && *live == 0 && *others == 0,
        );
        let _ = write!(told, " stale after {took:.1?},");
        visit(&mut screen, "r", &format!("{}: the reason in words, one of {:?}", case.name, case.words), |text| {
            case.words.iter().any(|word| text.contains(word))
        });
    } else {
        // Nothing to be seen, for longer than a proof of life takes.
        let asked = world.requests(server);
        until("it is asked again", STALE, || world.requests(server), |now| *now > asked + 1);
        let (_, _, others) = stale(&world, &screen, about);
        assert_eq!(others, 0, "{}: {}", case.name, screen.text());
    }
    world.heal(server);
    let (_, took) = until(
        &format!("{}: all is live again", case.name),
        HEALED,
        || (stale(&world, &screen, about), badges(&screen.text())),
        |((stale, _, others), badges)| *stale == 0 && *others == 0 && badges.matches('●').count() == sources,
    );
    let _ = write!(told, " live again after {took:.1?}");
    screen.keys("q");
    assert_eq!(screen.ended(STALE), 0);
    told
}

/// All cases at once: they mostly wait.
fn all(server: &str, scenario: &str, concerned: &[&str], is_chosen: impl Fn(&Case) -> bool) {
    let cases: Vec<Case> = cases().into_iter().filter(is_chosen).collect();
    let failed = std::thread::scope(|scope| {
        let runs: Vec<_> =
            cases.iter().map(|case| (case.name, scope.spawn(move || println!("{}", run(server, scenario, concerned, case))))).collect();
        runs.into_iter()
            .filter_map(|(name, run)| {
                run.join().err().map(|why| {
                    let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
                    format!("{name}: {}", why.lines().take(12).collect::<Vec<_>>().join(" | "))
                })
            })
            .collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

/// Those that show soon and heal soon; the others take a minute or more.
fn is_quick(case: &Case) -> bool {
    matches!(case.name, "down" | "truncated" | "429" | "cut watches")
}

#[test]
fn a_cluster_with_a_fault_is_stale_alone_and_recovers() {
    all("cluster:prod-eu", "quiet-day", &["prod-eu"], is_quick);
}

#[test]
fn an_argo_cd_with_a_fault_is_stale_alone_and_recovers() {
    all("argocd:argocd-prod", "two-argocds", &["prod"], |case| case.name == "down");
}

#[test]
#[ignore = "takes minutes: cargo test --test suite every_fault -- --ignored --nocapture"]
fn with_every_fault_a_source_is_stale_alone_and_recovers() {
    all("cluster:prod-eu", "quiet-day", &["prod-eu"], |_| true);
    all("argocd:argocd-prod", "two-argocds", &["prod"], |_| true);
}
