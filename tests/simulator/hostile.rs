//! Text from the world is hostile: five hundred strings that would command a terminal, turn lines around or flood cells, in every field of every
//! object that is read. Nothing of it leaves the program but printable text that fits into its line; the screen's own judge checks every byte.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a world that cannot be asked is a failed test")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::screen::{MARK, Screen, program};
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(40);
const STRINGS: usize = 500;

/// What does harm to somebody: to terminals, to readers, to those who count columns.
const SEEDS: &[&str] = &[
    "\u{1b}[2J\u{1b}[1;1HGONE",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}P$q\"p\u{1b}\\",
    "\u{1b}_apc\u{1b}\\",
    "\u{1b}^pm\u{1b}\\",
    "\u{1b}c",
    "\u{1b}[6n\u{1b}[c\u{1b}[>c\u{1b}[5n",
    "\u{1b}[?1049l\u{1b}[?25h",
    "\u{1b}[201~q:quit\r",
    "\u{1b}(0lqqk\u{1b}(B",
    "\u{9b}2J\u{9d}0;x\u{9c}\u{90}q\u{9c}",
    "ok\rFAKE",
    "a\nb\r\nc\td\u{b}e\u{c}f",
    "abc\u{8}\u{8}\u{8}xyz",
    "\u{0}nul\u{7f}del\u{85}nel",
    "safe\u{202e}txt.exe\u{202c}",
    "\u{2066}isolated\u{2069}\u{200f}\u{61c}",
    "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}",
    "tag\u{e0041}\u{e007f}s",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈",
    "שלום עולם مرحبا",
    "раураl аdmin",
    "宽字符宽字符ｆｕｌｌ",
    "\u{feff}\u{ad}\u{200b}\u{2060}invisible",
    "\u{e000}\u{f8ff}\u{10fffd}private",
    "\u{2028}\u{2029}line",
    "한\u{1160}\u{3164}\u{ffa0}글",
    "%s%n%x{}{0}$(id)`id`",
    "é\u{301}ﬀＡ℡",
];

/// The same strings in every run.
fn strings() -> Vec<String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut dice = |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(sides).unwrap()).unwrap()
    };
    let mut all: Vec<String> = SEEDS.iter().map(|seed| (*seed).to_owned()).collect();
    while all.len() < STRINGS {
        let mut text = String::new();
        for _ in 0..=dice(4) {
            match dice(6) {
                0 => text.extend(char::from_u32(u32::try_from(dice(0x0011_0000)).unwrap())),
                1 => text.push(char::from(u8::try_from(dice(160)).unwrap())),
                2 => text.extend(std::iter::repeat_n('\u{30f}', dice(300))),
                3 => text.push_str("word"),
                _ => text.push_str(SEEDS.get(dice(SEEDS.len())).unwrap()),
            }
        }
        all.push(text);
    }
    all
}

/// Puts the next strings into every text of a value that `spares` does not spare.
fn poison(value: &mut Value, path: &str, next: &mut impl FnMut() -> String, spares: &impl Fn(&str) -> bool) {
    match value {
        Value::String(text) => {
            if !spares(path) {
                *text = next();
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                poison(value, &format!("{path}/{index}"), next, spares);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                poison(value, &format!("{path}/{name}"), next, spares);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Texts without which an object is no longer read as what it is.
fn structure(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    path == "/kind"
        || path == "/apiVersion"
        || path.starts_with("/metadata/name")
        || path.starts_with("/metadata/labels")
        || path.starts_with("/metadata/ownerReferences")
        || path.starts_with("/spec/destination")
        || path.starts_with("/spec/selector")
        || path == "/spec/project"
        || matches!(
            last,
            "uid" | "resourceVersion" | "kind" | "status" | "phase" | "namespace" | "group" | "version" | "apiVersion" | "type" | "name"
        )
        || last.ends_with("At")
        || last.ends_with("Time")
        || last.ends_with("Timestamp")
}

/// What makes an object that one and no other.
fn identity(path: &str) -> bool {
    matches!(path, "/kind" | "/apiVersion" | "/metadata/name" | "/metadata/namespace" | "/metadata/uid" | "/metadata/resourceVersion")
}

/// Back to the matrix, from wherever it is. On the matrix itself the same key would leave.
fn back(screen: &mut Screen) {
    // What has to be told stands over the footer until the next key.
    screen.keys("k");
    if screen.line("a footer", SOON, |line| line.contains("q back") || line.contains("q leave")).0.contains("q back") {
        screen.keys("q");
        screen.line("the matrix", SOON, |line| line.contains("q leave"));
    }
}

/// Every screen, and back to the matrix.
fn visit(screen: &mut Screen) {
    back(screen);
    for (open, footer) in [("gg\r", None), ("jj\r", None), ("l\r", None), ("r", Some("q back")), ("?", Some("q back"))] {
        screen.keys(open);
        if let Some(footer) = footer {
            screen.line("a screen", SOON, |line| line.contains(footer));
        }
        screen.keys("\u{1b}[6~");
        screen.keys("G");
        std::thread::sleep(Duration::from_millis(60));
        back(screen);
    }
    screen.keys("aaaGg:");
    screen.line("the palette", SOON, |line| line.starts_with(" :"));
    screen.keys("\u{7}/\u{1b}[200~\u{1b}[2J\u{202e}x\u{1b}[201~");
    screen.line("the filter", SOON, |line| line.contains("[2J"));
    screen.keys("\u{7}");
    back(screen);
    assert_eq!(screen.offence(), None);
}

#[test]
fn hostile_text_in_every_field_is_only_text() {
    let world = World::start("quiet-day", &[]);
    let mut screen = world.cockpit(120, 40);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    let strings = strings();
    let mut used = 0;
    let mut next = || {
        used += 1;
        strings.get(used % strings.len()).unwrap().clone()
    };
    let mut objects = world.objects();
    assert!(objects.iter().any(|(_, objects)| !objects.is_empty()));
    // First so that everything stays in its cell, then so that nothing is what it should be, then under names that are hostile themselves.
    for pass in 0..3 {
        for (server, objects) in &mut objects {
            for object in objects.iter_mut() {
                match pass {
                    0 => poison(object, "", &mut next, &structure),
                    1 => poison(object, "", &mut next, &identity),
                    _ => {
                        poison(object, "", &mut next, &identity);
                        object["metadata"]["name"] = Value::from(next());
                    }
                }
                object["metadata"]["annotations"] = json!({ next(): next(), "notified.notifications.argoproj.io": next() });
            }
            for part in objects.chunks(20) {
                world.put(server, part);
            }
        }
        visit(&mut screen);
    }
    // One field of a megabyte, in a message that is shown.
    let (server, applications) = objects.iter().find(|(server, _)| server.starts_with("argocd:")).unwrap();
    let mut long = applications.first().unwrap().clone();
    long["metadata"]["name"] = Value::from("long");
    long["status"]["health"] = json!({"status": "Degraded", "message": "\u{1b}[31m宽\u{301}".repeat(100_000)});
    long["status"]["conditions"] = json!([{"type": "ComparisonError", "message": "\u{202e}x\n".repeat(200_000)}]);
    world.put(server, &[long]);
    visit(&mut screen);
    println!("{used} fields held hostile text; {} bytes went to the terminal", screen.judged());
    assert!(used >= 2 * STRINGS, "{used}");
    texts_are_clean(&world);
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    until("the terminal is given back", SOON, || screen.is_restored(), |restored| *restored);
    logs_are_clean(&world);
}

#[test]
fn hostile_refusals_and_versions_are_only_text() {
    let world = World::start("quiet-day", &[]);
    let mut screen = world.cockpit(120, 40);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    let strings = strings();
    let mut parts = strings.chunks(strings.len() / 8).map(<[String]>::concat);
    for status in [401, 403, 500] {
        for server in ["argocd:main", "cluster:prod-eu"] {
            world.fault(server, &json!({"status": status, "says": parts.next().unwrap(), "cut-watches": "1ms"}));
        }
        screen.keys("r");
        screen.line("the sources", SOON, |line| line.contains("SOURCES"));
        until("the refusal is told", SOON, || screen.text(), |text| text.contains(MARK));
        screen.keys("Gq");
        screen.line("the matrix", SOON, |line| line.contains("q leave"));
        assert_eq!(screen.offence(), None, "{status}");
    }
    texts_are_clean(&world);
    world.heal("cluster:prod-eu");
    world.fault("argocd:main", &json!({"version": parts.next().unwrap()}));
    let mut second = world.cockpit(120, 40);
    second.line("rows", SOON, |line| line.contains("✔H"));
    second.keys("r");
    until("its version is told", SOON, || second.text(), |text| text.contains(MARK));
    for mut screen in [screen, second] {
        screen.keys("\u{3}");
        assert_eq!(screen.ended(SOON), 0);
        until("the terminal is given back", SOON, || screen.is_restored(), |restored| *restored);
    }
    logs_are_clean(&world);
}

/// What `tiphys status` prints, as text and as JSON.
fn texts_are_clean(world: &World) {
    for more in [&["status"][..], &["status", "--json"]] {
        let output =
            Command::new(program()).args(["--config", &world.config()]).args(more).env_clear().envs(world.environment(&[])).output().unwrap();
        assert!(!output.stdout.is_empty(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        for bytes in [output.stdout, output.stderr] {
            clean(&format!("{more:?}"), &bytes);
        }
    }
}

fn logs_are_clean(world: &World) {
    let folder = world.home().join("tiphys/log");
    let logs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!logs.is_empty());
    for log in logs {
        clean(&log.display().to_string(), &std::fs::read(&log).unwrap());
    }
}

/// Lines of printable text.
fn clean(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let foul = text.char_indices().find(|(_, character)| {
        character.is_control() && *character != '\n'
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e0fff}')
    });
    if let Some((at, character)) = foul {
        let from = text.floor_char_boundary(at.saturating_sub(80));
        let to = text.floor_char_boundary(at + 40);
        panic!("{what}: {character:?} at {at}: {}", text.get(from..to).unwrap_or_default().escape_debug());
    }
}
