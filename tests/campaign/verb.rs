//! A verb of the command line that runs: what it has told so far, and how it ends.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::wait::until;

/// A verb that runs. Dropped, it is killed.
pub(super) struct Verb {
    words: String,
    child: Child,
    told: Arc<Mutex<String>>,
    began: Instant,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// How a verb ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    /// Both outputs, as they came.
    pub(super) told: String,
    pub(super) took: Duration,
}

impl Verb {
    pub(super) fn begin(mut command: Command, words: String) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = Arc::new(Mutex::new(String::new()));
        let outputs: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let read = |output: Box<dyn Read + Send>| {
            let told = Arc::clone(&told);
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    told.lock().unwrap().push_str(&(line + "\n"));
                }
            })
        };
        let readers = outputs.into_iter().map(read).collect();
        Self { words, child, told, began: Instant::now(), readers }
    }

    /// What it told so far.
    pub(super) fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// Waits until it has told this.
    pub(super) fn tells(&mut self, words: &str, limit: Duration) {
        let what = format!("{} tells {words:?}", self.words);
        let look = || {
            let is_over = self.child.try_wait().unwrap().is_some();
            (self.told(), is_over)
        };
        let mut look = look;
        let ((told, _), _) = until(&what, limit, &mut look, |(told, is_over)| *is_over || told.contains(words));
        assert!(told.contains(words), "{what}, and it ended: {told}");
    }

    /// Whether it is over.
    pub(super) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(super) fn ended(mut self, limit: Duration) -> Ended {
        let what = format!("{} ends", self.words);
        let look = || (self.child.try_wait().unwrap(), self.told.lock().unwrap().clone());
        let ((status, _), _) = until(&what, limit, look, |(status, _)| status.is_some());
        let took = self.began.elapsed();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let ended = Ended { code: status.and_then(|status| status.code()).unwrap_or(-1), told: self.told(), took };
        println!("    {:>6.1} s  exit {}  {}", took.as_secs_f32(), ended.code, self.words);
        ended
    }
}

impl Drop for Verb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The operation that it was.
    pub(super) fn operation(&self) -> String {
        self.told
            .lines()
            .find_map(|line| line.strip_prefix("Operation "))
            .unwrap_or_else(|| panic!("no operation was begun: {}", self.told))
            .to_owned()
    }

    /// It is done, and was seen to be.
    pub(super) fn done(self) -> Self {
        assert!(self.code == 0 && self.told.contains("Done: "), "exit {}: {}", self.code, self.told);
        self
    }

    /// It was refused before anything was sent, with this in the sentence.
    pub(super) fn refused(self, words: &str) -> Self {
        assert!(self.code == 3 && self.told.contains(words), "exit {}: {}", self.code, self.told);
        assert!(!self.told.contains("\nOperation "), "something was begun: {}", self.told);
        self
    }
}
