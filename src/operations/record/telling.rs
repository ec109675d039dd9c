//! An operation told as a story, for whoever reads the record: paragraph by paragraph, each with a start that the lines below it stand behind. How wide
//! it is shown, and in what, is for those who show it.

use std::fmt::Write as _;

use super::chain::Checked;
use super::story::Story;
use super::{Answer, Confirmed, Direction, Entry, Fact, Found, Line, Opened, Planned, Receipt, Rung, Whence, Who};
use crate::base::time::since;
use crate::base::{Safe, Timestamp};

/// A paragraph. Empty ones part what does not belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// What its first line begins with; further ones stand below its end.
    pub start: Safe,
    /// Its text.
    pub text: Safe,
    /// Whether it may be broken into lines: what is copied, and what has lines of its own, may not.
    pub breaks: bool,
}

impl Paragraph {
    /// Whether it is the heading of those below it.
    #[must_use]
    pub fn is_heading(&self) -> bool {
        self.start.is_empty() && !self.breaks && !self.text.as_str().starts_with(' ')
    }
}

#[derive(Default)]
struct Text(Vec<Paragraph>);

impl Text {
    fn wrapped(&mut self, start: &str, text: &str) {
        self.0.push(Paragraph { start: Safe::clean(start), text: Safe::clean(text), breaks: true });
    }

    fn line(&mut self, text: &str) {
        self.0.push(Paragraph { start: Safe::default(), text: Safe::clean(text), breaks: false });
    }

    fn blank(&mut self) {
        self.line("");
    }
}

/// What is told of an operation: what was confirmed, the plan, and what happened. `lines`: all of its record.
#[must_use]
pub fn told(story: Option<&Story>, lines: &[Line]) -> Vec<Paragraph> {
    let mut out = Text::default();
    if let Some(story) = story {
        let opened = &story.opened;
        out.wrapped("", opened.request.words.as_str());
        out.blank();
        head(&mut out, story.at, opened, story.standing().as_str());
        on_screen(&mut out, story.at, &opened.on_screen);
        plan(&mut out, &opened.plan);
    }
    if lines.len() > 1 {
        out.blank();
        out.line("What happened");
        lines.iter().skip(1).for_each(|line| happened(&mut out, line));
    }
    out.0
}

/// What is told of its record: which it is, whether it is whole, and where it is.
#[must_use]
pub fn record(checked: &Checked, file: &Safe) -> Vec<Paragraph> {
    let mut out = Text::default();
    out.blank();
    out.line("The record");
    if let Some(id) = checked.lines.first().and_then(|line| line.operation.as_ref()) {
        row(&mut out, "operation", id.as_str());
    }
    let state = match checked.problem() {
        Some(words) => words.to_string(),
        None => format!("every line is whole and follows the one before; {} of them", checked.lines.len()),
    };
    row(&mut out, "state", &state);
    out.line(&format!("  {:<12}{file}", "file"));
    out.0
}

fn row(out: &mut Text, what: &str, text: &str) {
    if !text.is_empty() {
        out.wrapped(&format!("  {what:<12}"), text);
    }
}

fn joined(texts: &[Safe]) -> String {
    texts.iter().map(Safe::as_str).collect::<Vec<_>>().join(", ")
}

fn head(out: &mut Text, at: Timestamp, opened: &Opened, standing: &str) {
    row(out, "outcome", standing);
    let confirmed = match &opened.confirmed {
        Confirmed::Typed { text } => format!("by typing '{text}'"),
        Confirmed::Keys { keys } => format!("by the keys {keys}"),
        Confirmed::Flag { flag, policy } => format!("by {flag}, which is allowed: {policy}"),
    };
    row(out, "confirmed", &format!("{}, {confirmed}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
    row(out, "who", &who(&opened.who));
    row(out, "from", &format!("{}, tiphys {}", whence(&opened.whence), opened.program));
    row(out, "why", opened.reason.as_ref().map_or("no reason was given", Safe::as_str));
    row(out, "ticket", opened.ticket.as_ref().map_or("", Safe::as_str));
    row(out, "service", opened.service.as_ref().map_or("", Safe::as_str));
    row(out, "environment", &joined(&opened.environments));
    row(out, "placements", &joined(&opened.placements));
    row(out, "clusters", &joined(&opened.clusters));
    row(
        out,
        "direction",
        match opened.direction {
            Direction::Risk => "toward risk: something new came to users",
            Direction::Safety => "toward safety: back to what was good",
        },
    );
    if let Some(armed) = opened.armed {
        let since = armed.since.map(|since| format!("from {} ", since.strftime("%H:%M:%SZ"))).unwrap_or_default();
        row(out, "armed", &format!("{since}until {}", armed.until.strftime("%H:%M:%SZ")));
    }
}

fn who(who: &Who) -> String {
    let mut text = format!("{} (user {})", who.user, who.uid);
    if let Some(sudo) = &who.sudo {
        let _ = write!(text, ", by sudo of {sudo}");
    }
    if let Some(git) = &who.git {
        let _ = write!(text, ", in git {git}");
    }
    if !who.argocd.is_empty() {
        let _ = write!(text, ", in Argo CD {}", joined(&who.argocd));
    }
    text
}

fn whence(whence: &Whence) -> String {
    let mut text = format!("{}, process {}", whence.host, whence.pid);
    if let Some(tty) = &whence.tty {
        let _ = write!(text, ", {tty}");
    }
    if let Some(ssh) = &whence.ssh {
        let _ = write!(text, ", over SSH from {ssh}");
    }
    text
}

fn on_screen(out: &mut Text, at: Timestamp, facts: &[Fact]) {
    if facts.is_empty() {
        return;
    }
    out.blank();
    out.line("What was on screen");
    for fact in facts {
        let age = fact.seen_at.map_or_else(|| "not known how old".to_owned(), |seen| format!("{} s old", since(seen, at).as_secs()));
        out.wrapped("  ", &format!("{} ({}, {age})", fact.words, fact.source));
    }
}

fn plan(out: &mut Text, plan: &Planned) {
    if !plan.steps.is_empty() || !plan.requests.is_empty() {
        out.blank();
        out.line("The plan");
    }
    for (index, step) in plan.steps.iter().enumerate() {
        out.wrapped(&format!("  {:>2}. ", index + 1), step.as_str());
    }
    if !plan.files.is_empty() {
        out.line("  Lines that go and come");
    }
    for file in &plan.files {
        out.line(&format!("    {}", file.file));
        for line in &file.lines {
            out.line(&format!("    {:>5} {} {}", line.number, if line.comes { '+' } else { '-' }, line.text));
        }
    }
    if !plan.message.is_empty() {
        out.line("  Commit message");
        for line in &plan.message {
            out.line(format!("    {line}").trim_end());
        }
    }
    section(out, "What had to be so still", plan.preconditions.iter());
    section(out, "What was told beside it", plan.remarks.iter());
    section(out, "What nobody knew", plan.not_known.iter());
}

fn section<'a>(out: &mut Text, title: &str, texts: impl Iterator<Item = &'a Safe>) {
    for (index, text) in texts.enumerate() {
        if index == 0 {
            out.line(&format!("  {title}"));
        }
        out.wrapped("    ", text.as_str());
    }
}

/// One line of the story. Steps are counted from 1 here.
fn happened(out: &mut Text, line: &Line) {
    let text = match &line.entry {
        Entry::Intent { step, request } => format!("step {}: {}", step + 1, request.words),
        Entry::Answered { step, answer } => format!("step {}: {}", step + 1, answered(answer)),
        Entry::Looked { step, found } => format!("step {}: looked: {}", step + 1, looked(found)),
        Entry::Sent { words } => format!("sent: {words}"),
        Entry::Observed { rung, words } => format!("{}: {words}", rung_word(*rung)),
        Entry::Left { goes_on, does_not } => {
            let goes_on = if goes_on.is_empty() { "nothing".to_owned() } else { joined(goes_on) };
            let does_not = if does_not.is_empty() { "nothing".to_owned() } else { joined(does_not) };
            format!("left. Goes on by itself: {goes_on}. Does not: {does_not}")
        }
        Entry::Resumed { who: by, whence: from, torn_bytes } => {
            let torn = if *torn_bytes > 0 { format!("; {torn_bytes} bytes of a line that was never finished were put aside") } else { String::new() };
            format!("resumed by {}, on {}{torn}", who(by), whence(from))
        }
        Entry::Closed { outcome, words, left } => {
            let left = if left.is_empty() { String::new() } else { format!(". Left to do: {}", joined(left)) };
            format!("{}: {words}{left}", outcome.word().to_uppercase())
        }
        Entry::Opened(_) | Entry::Armed { .. } | Entry::Disarmed { .. } | Entry::Begun { .. } | Entry::Ended { .. } => return,
    };
    out.wrapped(&format!("  {}  ", line.at.strftime("%m-%d %H:%M:%SZ")), &text);
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Taken { receipt } => format!("taken: {}", received(receipt)),
        Answer::Refused { why, cure, .. } if cure.is_empty() => format!("REFUSED: {why}"),
        Answer::Refused { why, cure, .. } => format!("REFUSED: {why}: {cure}"),
        Answer::Unknown { why } => format!("NOT KNOWN whether it was done: {why}"),
    }
}

fn received(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Committed { commit, rebuilt: 0 } => format!("commit {commit} is on the branch"),
        Receipt::Committed { commit, rebuilt } => format!("commit {commit} is on the branch, made anew {rebuilt}× on newer heads"),
        Receipt::Beside { commit, link: None } => format!("commit {commit} is on a branch of its own"),
        Receipt::Beside { commit, link: Some(link) } => format!("commit {commit} is on a branch of its own, to be proposed at {link}"),
        Receipt::Opened { number, url } => format!("pull request #{number} is open: {url}"),
        Receipt::Accepted => "it was asked for".to_owned(),
        Receipt::Applied => "it is so".to_owned(),
    }
}

fn looked(found: &Found) -> String {
    match found {
        Found::Done { receipt } => format!("it was done, {}", received(receipt)),
        Found::NotDone => "it was not done and will not be".to_owned(),
        Found::Unknown { why } => format!("STILL NOT KNOWN: {why}"),
    }
}

const fn rung_word(rung: Rung) -> &'static str {
    match rung {
        Rung::Proposed => "proposed",
        Rung::Checked => "checked",
        Rung::Approved => "approved",
        Rung::Committed => "committed",
        Rung::Noticed => "noticed",
        Rung::Syncing => "syncing",
        Rung::Synced => "synced",
        Rung::Stepping => "stepping",
        Rung::RolledOut => "rolled out",
        Rung::Healthy => "healthy",
        Rung::Verified => "verified",
        Rung::Superseded => "superseded",
    }
}
