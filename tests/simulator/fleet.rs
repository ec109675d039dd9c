//! Large worlds: thousands of applications that go and come back, thousands of events in a second, and hours.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "tests against real processes measure real time and print it"
)]

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::screen::Screen;
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_mins(1);

/// Resident memory in kB, open descriptors, threads.
fn resources(pid: u32) -> (u64, usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    (number("VmRSS"), descriptors, usize::try_from(number("Threads")).unwrap_or(0))
}

/// How many placements the screen says there are.
fn placements(text: &str) -> Option<usize> {
    let line = text.lines().find(|line| line.contains(" placements"))?;
    line.split(" placements").next()?.rsplit(' ').next()?.parse().ok()
}

/// Everything goes and comes back, several times.
fn vanish_and_return(services: &str, rounds: usize) {
    let world = World::start("fleet-at-rest", &["--services", services]);
    let mut screen = world.cockpit(120, 40);
    let all = world.truth()["applications"].as_array().unwrap().len();
    let count = |screen: &Screen| placements(&screen.text());
    let (seen, _) = until("the whole fleet", SOON, || count(&screen), |count| count.is_some_and(|count| count * 10 >= all * 9));
    let selected = |screen: &Screen| {
        screen.text().lines().find_map(|line| line.strip_prefix('▸').map(|row| row.split_whitespace().next().map(str::to_owned))).flatten()
    };
    let (first, _) = until("a row is selected", SOON, || selected(&screen), Option::is_some);
    // To the end and back by one: a row that is not the one a new list would select.
    screen.keys("G");
    let (last, _) = until("another row is selected", SOON, || selected(&screen), |now| now.is_some() && *now != first);
    screen.keys("k");
    let (chosen, _) = until("the row before it is selected", SOON, || selected(&screen), |now| now.is_some() && *now != last);
    let mut memory = Vec::new();
    for _ in 0..rounds {
        world.vanish("main", true);
        let (_, gone) = until("nothing is left", SOON, || screen.text(), |text| count_is_none(text));
        assert!(screen.text().lines().all(|line| !line.contains("✔H")), "{}", screen.text());
        world.vanish("main", false);
        let (_, back) = until("all is back", SOON, || count(&screen), |count| count.is_some_and(|count| Some(count + 4) >= seen));
        println!("gone after {gone:.1?}, back after {back:.1?}");
        memory.push(resources(screen.pid()).0);
    }
    println!("{all} applications; resident after each round: {memory:?} kB");
    until("the same row is selected", SOON, || selected(&screen), |now| *now == chosen);
    let (first, last) = (memory.first().copied().unwrap(), memory.last().copied().unwrap());
    assert!(last * 100 <= first * 115, "{memory:?}");
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}

fn count_is_none(text: &str) -> bool {
    placements(text).is_none_or(|count| count == 0) && !text.contains("✔H")
}

#[test]
fn a_fleet_that_vanishes_and_returns_leaves_nothing_behind() {
    // As many as fit unfolded: a folded row has no cursor.
    vanish_and_return("24", 3);
}

#[test]
#[ignore = "takes more than a minute: cargo test --test suite five_thousand_vanish -- --ignored --nocapture"]
fn five_thousand_vanish_and_return() {
    vanish_and_return("600", 3);
}

#[test]
fn a_storm_of_events_leaves_keys_answered() {
    let world = World::start("storm", &["--services", "100"]);
    let mut screen = world.cockpit(200, 50);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    until("the storm has begun", SOON, || screen.text(), |text| text.contains("◐P"));
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        screen.keys("?");
        until("help", SOON, || screen.text(), |text| text.contains("Moving"));
        times.push(start.elapsed());
        let start = Instant::now();
        screen.keys("q");
        until("the matrix", SOON, || screen.text(), |text| text.contains("space fold"));
        times.push(start.elapsed());
    }
    times.sort();
    let (middle, worst) = (times[times.len() / 2], times[times.len() - 2]);
    println!("in the storm: p50 {middle:.1?}, p99 {worst:.1?}; {} bytes", screen.judged());
    assert!(worst <= Duration::from_millis(250), "{times:?}");
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}

/// `90s`, `10m`, `1h`.
fn length(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
}

/// kB per ten minutes over these samples of seconds and kB: the slope of the straight line that fits best.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let over: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    let under: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
    over / under * 600.0
}

#[test]
#[ignore = "takes an hour, or TIPHYS_SOAK: TIPHYS_SOAK=10m cargo test --test suite soak -- --ignored --nocapture"]
fn soak() {
    let wanted = std::env::var("TIPHYS_SOAK").ok().and_then(|text| length(&text)).unwrap_or(Duration::from_hours(1));
    let night = World::start("bad-night", &[]);
    let storm = World::start("storm", &["--services", "25", "--speed", "0.1"]);
    let mut cockpits = [("bad-night", night.cockpit(200, 50)), ("storm", storm.cockpit(200, 50))];
    for (_, screen) in &cockpits {
        screen.line("rows", SOON, |line| line.contains("✔H"));
    }
    let faults = [
        json!({"down": true}),
        json!({"status": 500}),
        json!({"expired-token": true}),
        json!({"status": 429, "retry-after": "2s"}),
        json!({"cut-watches": "1s"}),
        json!({"truncated": true}),
        json!({"latency": "3s"}),
        json!({"frozen": true}),
        json!({"drip": true}),
        json!({"forbidden": true}),
    ];
    let servers = |world: &World| world.servers();
    let all: Vec<(&World, String)> =
        [&night, &storm].into_iter().flat_map(|world| servers(world).into_iter().map(move |server| (world, server))).collect();
    let start = Instant::now();
    let mut samples: [Vec<(f64, f64)>; 2] = Default::default();
    let mut descriptors: [Vec<usize>; 2] = Default::default();
    println!("{:>6} {:<10} {:>9} {:>5} {:>7} {:>12}", "s", "world", "RSS kB", "fds", "threads", "bytes");
    for round in 0.. {
        if start.elapsed() >= wanted {
            break;
        }
        for (world, server) in &all {
            world.heal(server);
        }
        if round % 2 == 0 {
            let (world, server) = &all[round / 2 % all.len()];
            world.fault(server, &faults[round / 2 % faults.len()]);
        }
        let next = start + Duration::from_secs(10) * u32::try_from(round + 1).unwrap();
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        for (index, (name, screen)) in cockpits.iter_mut().enumerate() {
            screen.keys(["j", "k", "?", "q", "r", "q", "\r", "q", "a", "G", "g"][round % 11]);
            let (memory, open, threads) = resources(screen.pid());
            println!("{:>6} {name:<10} {memory:>9} {open:>5} {threads:>7} {:>12}", start.elapsed().as_secs(), screen.judged());
            assert!(memory > 0, "{name} has ended: {}", screen.text());
            samples[index].push((start.elapsed().as_secs_f64(), memory as f64));
            descriptors[index].push(open);
        }
    }
    for (index, (name, _)) in cockpits.iter().enumerate() {
        let half = samples[index].len() / 2;
        let slope = slope(&samples[index][half..]);
        let most = |part: &[usize]| part.iter().copied().max().unwrap_or(0);
        let (before, after) = (most(&descriptors[index][..half]), most(&descriptors[index][half..]));
        println!("{name}: {slope:.0} kB per ten minutes over the second half; descriptors at most {before}, then {after}");
        assert!(slope <= 1024.0, "{name}: {slope} kB per ten minutes");
        assert!(after <= before + 4, "{name}: descriptors grow from {before} to {after}");
    }
}
