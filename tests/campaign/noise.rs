//! A repository in which somebody else commits all the time.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::crew::{AsFound, CANARY, Crew, SOON};
use crate::stories::world::{World as _, fresh_tag};
use crate::support::wait::until;

/// Somebody who pushes to a file of nobody's, once a second, until dropped.
struct Noise {
    goes_on: Arc<AtomicBool>,
    pushed: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Noise {
    fn begin(crew: &Crew, round: u32) -> Self {
        let (goes_on, pushed) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let folder = crew.lab.folder().join(format!("noise-{round}"));
        let git = move |words: &[&str], folder: &Path| {
            let own = ["-c", "user.name=Li Wei", "-c", "user.email=li@acme.example", "-c", "commit.gpgsign=false"];
            Command::new("git").current_dir(folder).args(own).args(words).output().unwrap().status.success()
        };
        std::fs::create_dir(&folder).unwrap();
        assert!(git(&["clone", "--quiet", &crew.repository().display().to_string(), "."], &folder));
        let thread = {
            let (goes_on, pushed) = (Arc::clone(&goes_on), Arc::clone(&pushed));
            std::thread::spawn(move || {
                while goes_on.load(Ordering::Relaxed) {
                    let number = pushed.load(Ordering::Relaxed);
                    std::fs::write(folder.join("NOTES.md"), format!("note {number}\n")).unwrap();
                    let is_pushed = git(&["add", "NOTES.md"], &folder)
                        && git(&["commit", "--quiet", "-m", "take a note"], &folder)
                        && (git(&["push", "--quiet", "origin", "HEAD:main"], &folder)
                            || git(&["pull", "--quiet", "--rebase"], &folder) && git(&["push", "--quiet", "origin", "HEAD:main"], &folder));
                    pushed.fetch_add(u32::from(is_pushed), Ordering::Relaxed);
                    a_second();
                }
            })
        };
        Self { goes_on, pushed, thread: Some(thread) }
    }

    /// Waits until they pushed again, after there is this file.
    fn pushes_after(&self, file: &Path) {
        until("it comes to its commit", SOON, || file.exists(), |is_there| *is_there);
        let before = self.pushed.load(Ordering::Relaxed);
        until("they push", SOON, || self.pushed.load(Ordering::Relaxed), |pushed| *pushed > before + 1);
    }
}

#[expect(clippy::disallowed_methods, reason = "the pace of somebody else")]
fn a_second() {
    std::thread::sleep(Duration::from_secs(1));
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_push_by_somebody_else_every_second_does_not_stop_a_promotion() {
    let crew = Crew::on_the_lab();
    let _found = AsFound::keep(&crew, "inventory-service", &["dev", "staging"]);
    for round in 0..3 {
        let tag = format!("{}.{round}", fresh_tag("0.35"));
        crew.put("inventory-service", "dev", &tag);
        let noise = Noise::begin(&crew, round);
        // Held up between the plan and the commit until they pushed again: the plan's head is gone for certain.
        let gate = crew.lab.folder().join(format!("gate-{round}"));
        let words = "promote inventory-service --to staging --yes --reason campaign";
        let fault = [("TIPHYS_FAULT", "before-send-1"), ("TIPHYS_FAULT_UNTIL", gate.to_str().unwrap())];
        let verb = crew.begin(&crew.oncall, words, &fault);
        noise.pushes_after(&gate.with_extension("reached"));
        std::fs::write(&gate, "").unwrap();
        let ended = verb.ended(CANARY).done();
        let commits = crew.commits_of(&ended.operation());
        assert_eq!(commits.len(), 1, "{commits:?}");
        assert!(crew.agree("inventory-service", "staging", &tag));
        let record = crew.record(&ended.operation());
        let rebuilt = record.iter().find_map(|entry| entry["answer"]["receipt"]["rebuilt"].as_u64()).unwrap();
        println!(
            "    round {round}: {} pushes by somebody else meanwhile, {} attempts, one commit",
            noise.pushed.load(Ordering::Relaxed),
            rebuilt + 1
        );
    }
    crew.is_recorded();
}
