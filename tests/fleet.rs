//! Figures at 5,000 applications, beside the tools that people use today, in one run. Not a test of anything: it prints.
//!
//! ```text
//! tests/lab/lab up && tests/lab/lab fleet 5000 && cargo build --release
//! TIPHYS_BIN=target/release/tiphys cargo test fleet:: -- --ignored --nocapture
//! ```

#![expect(clippy::disallowed_methods, reason = "figures of real processes in real time")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::lab::world::Lab;
use crate::stories::world::World as _;

const RUNS: usize = 7;
const LIMIT: Duration = Duration::from_mins(1);

#[test]
#[ignore = "needs the lab with 5,000 applications: tests/lab/lab up && tests/lab/lab fleet 5000"]
fn five_thousand_applications_beside_other_tools() {
    let lab = Lab::up();
    let through_the_cluster = lab.config_through_the_cluster();
    let mut figures: Vec<(&str, Vec<Duration>)> = Vec::new();
    for _ in 0..RUNS {
        for (name, arguments) in [("cockpit, API", vec![]), ("cockpit, cluster", vec!["--config", through_the_cluster.as_str()])] {
            let start = Instant::now();
            let mut screen = lab.cockpit_with(&arguments, 200, 50);
            push(&mut figures, &format!("{name}: first frame"), start.elapsed());
            screen.line("a row", LIMIT, |line| line.contains("✔H"));
            push(&mut figures, &format!("{name}: first live rows"), start.elapsed());
            screen.line("all placements", LIMIT, complete);
            push(&mut figures, &format!("{name}: complete matrix"), start.elapsed());
            screen.keys("q");
            screen.ended(LIMIT);
        }
        for (name, program, arguments) in [
            ("argocd app list", "argocd", &["app", "list", "-o", "name"][..]),
            ("kubectl get applications", "kubectl", &["get", "applications", "-n", "argocd", "--no-headers"][..]),
            ("tiphys status", crate::support::screen::program().leak(), &["status"][..]),
        ] {
            let start = Instant::now();
            assert!(lab.command(program).args(arguments).stdout(Stdio::null()).status().unwrap().success(), "{name}");
            push(&mut figures, name, start.elapsed());
        }
    }
    for (name, mut times) in figures {
        times.sort();
        let (first, middle, last) = (times.first().unwrap(), times.get(times.len() / 2).unwrap(), times.last().unwrap());
        println!("{name:<34} min {first:>9.1?}  median {middle:>9.1?}  max {last:>9.1?}");
    }
}

/// 5,000 of the fleet and those of the lab itself.
fn complete(line: &str) -> bool {
    let count = line.split(" placements").next().and_then(|before| before.rsplit(' ').next()).and_then(|count| count.parse::<usize>().ok());
    count.is_some_and(|count| count >= 5000)
}

fn push(figures: &mut Vec<(&'static str, Vec<Duration>)>, name: &str, time: Duration) {
    match figures.iter_mut().find(|(held, _)| *held == name) {
        Some((_, times)) => times.push(time),
        None => figures.push((name.to_owned().leak(), vec![time])),
    }
}
