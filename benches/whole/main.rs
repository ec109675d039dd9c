//! Figures of the whole program: `cargo bench --bench whole`. A simulated world of 5,000 applications in one process, the cockpit in a pseudo
//! terminal in another, and only loopback between them.
//!
//! ```text
//! cargo bench --bench whole                       all of it, about six minutes
//! cargo bench --bench whole -- --only keys        starts, memory, keys, changes, bytes, storm, stall, idle
//! cargo bench --bench whole -- --json FILE        the same as JSON beside the table
//! TIPHYS_BIN=… cargo bench --bench whole          another binary, for instance the static one
//! ```

#![expect(clippy::disallowed_methods, reason = "figures of real processes in real time")]

mod figures;
mod screen;
mod world;

use std::io;
use std::time::Duration;

use figures::{Budget, Figures};
use screen::{Cockpit, now};
use world::World;

const SERVICES: u32 = 625;
const LIMIT: Duration = Duration::from_mins(1);
const ROUNDS: usize = 7;
/// The words about the selected cell follow after a rest of 70 ms.
const WORDS: Duration = Duration::from_millis(120);
const PAGE_DOWN: &str = "\x1b[6~";
const PAGE_UP: &str = "\x1b[5~";

struct Bench {
    program: String,
    world: World,
    figures: Figures,
}

/// A part of the figures, by the name for `--only`.
type Part = (&'static str, fn(&mut Bench) -> io::Result<()>);

#[expect(clippy::print_stdout, reason = "this program is there to print")]
fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` only wants to know whether it starts.
    if arguments.iter().any(|argument| argument == "--test") || !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1));
    let only = after("--only");
    let program = std::env::var("TIPHYS_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tiphys").to_owned());
    let world = World::start(&program, SERVICES)?;
    println!("{}", Figures::head());
    let mut bench = Bench { program, world, figures: Figures::default() };
    let parts: [Part; 8] = [
        ("starts", Bench::starts),
        ("memory", Bench::memory),
        ("keys", Bench::keys),
        ("changes", Bench::changes),
        ("bytes", Bench::bytes),
        ("storm", Bench::storm),
        ("stall", Bench::stall),
        ("idle", Bench::idle),
    ];
    for (_, run) in parts.iter().filter(|(name, _)| only.is_none_or(|only| only == name)) {
        run(&mut bench)?;
    }
    if let Some(file) = after("--json") {
        std::fs::write(file, serde_json::to_vec_pretty(&bench.figures.json())?)?;
    }
    Ok(())
}

/// Down and up in turns, and a page now and then.
fn key(round: usize) -> &'static str {
    match round % 20 {
        18 => PAGE_DOWN,
        19 => PAGE_UP,
        even if even % 2 == 0 => "j",
        _ => "k",
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}

/// Whether the counts below the matrix name all applications.
fn is_complete(text: &str) -> bool {
    let count = |line: &str| line.split(" placements").next()?.rsplit(' ').next()?.parse::<usize>().ok();
    text.lines().filter(|line| line.contains(" placements")).filter_map(count).any(|count| count >= 5000)
}

impl Bench {
    fn cockpit(&self, by_api: bool) -> io::Result<Cockpit> {
        Cockpit::start(&self.program, &self.world.config(by_api), &self.world.home())
    }

    /// A cockpit that has read everything and has nothing left to do.
    fn complete(&self, by_api: bool) -> io::Result<Cockpit> {
        let cockpit = self.cockpit(by_api)?;
        cockpit.until("a complete matrix", LIMIT, is_complete)?;
        cockpit.quiet(Duration::from_secs(1), LIMIT);
        Ok(cockpit)
    }

    fn starts(&mut self) -> io::Result<()> {
        for (by_api, way, rows) in [(true, "API", Budget::None), (false, "cluster", Budget::Median(150.0))] {
            let (mut first, mut live, mut complete) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let cockpit = self.cockpit(by_api)?;
                let since = |at: u64| milliseconds(at.saturating_sub(cockpit.started));
                first.push(since(cockpit.until("a first frame", LIMIT, |text| !text.trim().is_empty())?));
                live.push(since(cockpit.until("live rows", LIMIT, |text| text.contains(" placements"))?));
                complete.push(since(cockpit.until("a complete matrix", LIMIT, is_complete)?));
            }
            self.figures.add(&format!("start → first frame, {way}"), "ms", Budget::Median(15.0), first);
            self.figures.add(&format!("start → first live rows, {way}"), "ms", rows, live);
            self.figures.add(&format!("start → complete matrix, {way}"), "ms", Budget::None, complete);
        }
        Ok(())
    }

    fn memory(&mut self) -> io::Result<()> {
        for (by_api, way) in [(true, "API"), (false, "cluster")] {
            let cockpit = self.complete(by_api)?;
            std::thread::sleep(Duration::from_secs(30));
            let (resident, peak) = (cockpit.memory("VmRSS")? / 1024.0, cockpit.memory("VmHWM")? / 1024.0);
            self.figures.add(&format!("resident memory, {way}"), "MB", Budget::Most(30.0), [resident]);
            self.figures.add(&format!("peak memory, {way}"), "MB", Budget::Most(50.0), [peak]);
        }
        Ok(())
    }

    /// Presses so many keys one after the other. Answers when the frame that each brought was there, and when all that it brought was.
    fn press(cockpit: &mut Cockpit, count: usize, storm: bool) -> io::Result<(Vec<f64>, Vec<f64>)> {
        let (mut frames, mut all) = (Vec::new(), Vec::new());
        for round in 0..count {
            let at = cockpit.key(key(round))?;
            if let Some((last, _)) = cockpit.frame_after(at, Duration::from_millis(200)) {
                frames.push(milliseconds(last.saturating_sub(at)));
            }
            // In a storm it is never quiet: there only the frame that the key brought counts.
            if storm {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            cockpit.quiet(WORDS, Duration::from_secs(1));
            if let Some((last, _)) = cockpit.all_after(at) {
                all.push(milliseconds(last.saturating_sub(at)));
            }
        }
        Ok((frames, all))
    }

    fn keys(&mut self) -> io::Result<()> {
        let mut cockpit = self.complete(true)?;
        let (frames, all) = Self::press(&mut cockpit, 200, false)?;
        self.figures.add("key → last byte of its frame, at rest", "ms", Budget::Both(0.8, 3.0), frames);
        self.figures.add("key → the words of the selected cell, at rest", "ms", Budget::None, all);
        Ok(())
    }

    /// Changes one application so many times and waits for the frame that shows it.
    fn touch(&self, cockpit: &Cockpit, count: usize, quiet: bool) -> io::Result<Vec<f64>> {
        let names = self.world.applications()?;
        let mut times = Vec::new();
        for round in 0..count {
            let Some(name) = names.get(round * 7919 % names.len()) else { continue };
            if quiet {
                cockpit.quiet(Duration::from_millis(120), Duration::from_secs(2));
            }
            let at = self.world.touch(name)?;
            if let Some((last, _)) = cockpit.frame_after(at, Duration::from_millis(500)) {
                times.push(milliseconds(last.saturating_sub(at)));
            }
        }
        Ok(times)
    }

    fn changes(&mut self) -> io::Result<()> {
        for (by_api, way) in [(true, "API"), (false, "cluster")] {
            let cockpit = self.complete(by_api)?;
            std::thread::sleep(Duration::from_secs(2));
            let times = self.touch(&cockpit, 100, true)?;
            self.figures.add(&format!("watch byte in → last byte out, at rest, {way}"), "ms", Budget::Both(3.0, 20.0), times);
        }
        Ok(())
    }

    fn bytes(&mut self) -> io::Result<()> {
        let mut cockpit = self.complete(true)?;
        for (what, keys, limit) in [
            ("bytes: cursor down one row", ["j", "j", "j", "j", "j", "j"].as_slice(), 80.0),
            ("bytes: cursor to the next column", &["l", "l", "l", "h", "h", "h"], 80.0),
            ("bytes: a page further", &[PAGE_DOWN, PAGE_UP, PAGE_DOWN, PAGE_UP], 14_000.0),
        ] {
            let (mut bytes, mut writes) = (Vec::new(), Vec::new());
            for key in keys {
                cockpit.quiet(Duration::from_millis(300), Duration::from_secs(2));
                let before = cockpit.writes()?;
                let at = cockpit.key(key)?;
                if let Some((_, count)) = cockpit.frame_after(at, Duration::from_millis(300)) {
                    bytes.push(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
                    writes.push(f64::from(u32::try_from(cockpit.writes()? - before).unwrap_or(u32::MAX)));
                }
            }
            self.figures.add(what, "B", Budget::Most(limit), bytes);
            self.figures.add("  calls of write meanwhile, wake-ups included", "", Budget::None, writes);
        }
        Ok(())
    }

    fn storm(&mut self) -> io::Result<()> {
        let mut cockpit = self.complete(true)?;
        let (cpu, at) = (cockpit.cpu()?, now());
        self.world.churn(1000)?;
        std::thread::sleep(Duration::from_secs(10));
        let used = (cockpit.cpu()? - cpu) / (milliseconds(now() - at) / 1e3) * 100.0;
        self.figures.add("processor at 1,000 events/s", "%", Budget::Most(5.0), [used]);
        let (times, _) = Self::press(&mut cockpit, 200, true)?;
        self.figures.add("key → last byte at 1,000 events/s", "ms", Budget::Both(8.0, 8.0), times);
        let times = self.touch(&cockpit, 100, false)?;
        self.figures.add("watch byte in → a frame out at 1,000 events/s", "ms", Budget::Most(50.0), times);
        self.figures.add("resident memory in the storm", "MB", Budget::Most(50.0), [cockpit.memory("VmRSS")? / 1024.0]);
        self.world.churn(0)
    }

    /// A terminal that does not read: the core goes on asking whether its peers live, and paints once afterwards.
    fn stall(&mut self) -> io::Result<()> {
        let cockpit = self.complete(true)?;
        cockpit.set_deaf(true);
        self.world.churn(200)?;
        std::thread::sleep(Duration::from_secs(2));
        let (mut longest, mut last, mut count) = (0, now(), self.world.requests()?);
        let end = now() + 10_000_000_000;
        while now() < end {
            let (requests, at) = (self.world.requests()?, now());
            if requests > count {
                (longest, last, count) = (longest.max(at - last), at, requests);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.world.churn(0)?;
        let gap = milliseconds(longest.max(now() - last)) / 1e3;
        self.figures.add("terminal stalled: longest silence towards the servers", "s", Budget::Most(6.0), [gap]);
        let before = cockpit.bytes();
        cockpit.set_deaf(false);
        // It was quiet all the time: only what comes now begins the wait for its end.
        cockpit.more_than(before, LIMIT)?;
        cockpit.quiet(Duration::from_millis(500), LIMIT);
        let bytes = f64::from(u32::try_from(cockpit.bytes() - before).unwrap_or(u32::MAX));
        // What already lay in the pseudo terminal comes with it, 20,480 bytes on Linux, and the rest of the frame that was being written.
        self.figures.add("terminal stalled: bytes afterwards, with what lay in the pty", "B", Budget::Most(20_480.0 + 2.0 * 14_000.0), [bytes]);
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        let cockpit = self.complete(true)?;
        std::thread::sleep(Duration::from_secs(5));
        let (cpu, bytes, requests) = (cockpit.cpu()?, cockpit.bytes(), self.world.requests()?);
        std::thread::sleep(Duration::from_mins(1));
        let count = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        self.figures.add("idle: processor in a minute, proof of life included", "s", Budget::Median(0.05), [cockpit.cpu()? - cpu]);
        let bytes = u64::try_from(cockpit.bytes() - bytes).unwrap_or(u64::MAX);
        self.figures.add("idle: bytes in a minute, its clock included", "B", Budget::None, [count(bytes)]);
        self.figures.add("idle: requests in a minute, 6 sources", "", Budget::Most(75.0), [count(self.world.requests()? - requests)]);
        Ok(())
    }
}
