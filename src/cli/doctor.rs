//! `tiphys doctor`: what is wrong, and what cures it, as text for people or as JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::findings::{Part, Told, tell};
use super::{Exit, duration, print};
use crate::base::{Timestamp, counted};
use crate::config::{self, Surroundings};
use crate::domain::checkup::{Finding, Verdict};
use crate::runtime::checkup::{self, Checkup, Examined, Kind};
use crate::runtime::tokio_runtime;

/// What `tiphys doctor` can be told.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// As JSON, by docs/doctor.schema.json.
    #[arg(long)]
    pub(super) json: bool,
    /// Instead: could whoever runs this go back in production now? Who commits are by, a test signature, a rehearsed push, what the tokens may do, whether it
    /// can be recorded. Nothing is changed. Exit code 0: yes, 1: no, 6: not everything says so. As JSON by docs/oncall.schema.json.
    #[arg(long)]
    pub(super) oncall: bool,
    /// How long each step may take.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(super) timeout: Duration,
}

pub(super) fn run(file: Option<&Path>, wanted: &Wanted, surroundings: &Surroundings) -> Result<Exit> {
    let runtime = tokio_runtime()?;
    let found = runtime.block_on(checkup::examine(config::load(file, surroundings), surroundings, wanted.timeout));
    runtime.shutdown_background();
    if wanted.json {
        print(&format!("{}\n", json(&found)?));
    } else {
        print(&text(&found));
    }
    Ok(if found.count(Verdict::Fail) == 0 { Exit::Done } else { Exit::Failed })
}

/// Where the findings begin.
const INDENT: usize = 23;

fn text(checkup: &Checkup) -> String {
    let mut out = String::new();
    for part in &checkup.parts {
        let _ = writeln!(out, "{}", heading(part));
        for finding in &part.findings {
            // Whoever looks for what is wrong looks for capitals.
            let verdict = if finding.verdict == Verdict::Fail { "FAIL" } else { finding.verdict.word() };
            tell(&mut out, &format!("  {verdict:<5} {:<14} ", finding.what), &finding.found, finding.cure.as_ref(), (INDENT, 7));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", verdict(checkup));
    out
}

fn heading(part: &Examined) -> String {
    match part.kind {
        Kind::Machine => "This machine".to_owned(),
        Kind::Argocd => format!("Argo CD {}", part.name),
        Kind::Cluster => format!("Cluster {}", part.name),
        Kind::Repository => format!("Repository {}", part.name),
    }
}

fn verdict(checkup: &Checkup) -> String {
    let (failed, warned) = (checkup.count(Verdict::Fail), checkup.count(Verdict::Warn));
    let things = |count: usize| counted(count, "thing", "things");
    match (failed, warned) {
        (0, 0) => "All is well.".to_owned(),
        (0, _) => format!("All works. {} could be better.", things(warned)),
        (1, 0) => "1 thing does not work.".to_owned(),
        (1, _) => format!("1 thing does not work, {} could be better.", things(warned)),
        (_, 0) => format!("{} do not work.", things(failed)),
        (..) => format!("{} do not work, {} could be better.", things(failed), things(warned)),
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    at: Timestamp,
    verdict: &'static str,
    parts: Vec<Part<'a, Line<'a>>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    verdict: &'static str,
    #[serde(flatten)]
    told: Told<'a>,
}

fn part(part: &Examined) -> Part<'_, Line<'_>> {
    let kind = match part.kind {
        Kind::Machine => "machine",
        Kind::Argocd => "argocd",
        Kind::Cluster => "cluster",
        Kind::Repository => "repository",
    };
    Part { kind, name: &part.name, findings: part.findings.iter().map(line).collect() }
}

fn line(finding: &Finding) -> Line<'_> {
    Line { verdict: finding.verdict.word(), told: Told { what: &finding.what, found: &finding.found, cure: finding.cure.as_ref() } }
}

fn json(checkup: &Checkup) -> Result<String> {
    let worst = checkup.parts.iter().flat_map(|part| &part.findings).map(|finding| finding.verdict).max().unwrap_or(Verdict::Well);
    let report = Report { version: 1, at: checkup.at, verdict: worst.word(), parts: checkup.parts.iter().map(part).collect() };
    Ok(serde_json::to_string(&report)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Safe;

    fn checkup() -> Checkup {
        let machine =
            vec![Finding::well("git", "2.47.1"), Finding::warn("characters", "LANG=C, not UTF-8: ASCII is used").cured_by("export LC_ALL=C.UTF-8")];
        let argocd = vec![
            Finding::well("reachable", "v3.2.11+d67c8d0, answered in 12 ms"),
            Finding::fail("token", "invalid session: token has invalid claims: token is expired, and the server says so in a long sentence")
                .cured_by("argocd relogin --argocd-context argocd.a-rather-long-name.platform.example.com"),
        ];
        Checkup {
            at: "2026-11-21T03:10:00Z".parse().unwrap(),
            parts: vec![
                Examined { kind: Kind::Machine, name: Safe::default(), findings: machine },
                Examined { kind: Kind::Argocd, name: Safe::clean("main"), findings: argocd },
            ],
        }
    }

    #[test]
    fn the_text_is_read_in_eighty_columns_and_cures_stay_in_one_piece() {
        let text = text(&checkup());
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= super::super::findings::WIDTH || line.contains('→')), "{text}");
    }

    #[test]
    fn the_json_follows_its_schema() {
        let report: serde_json::Value = serde_json::from_str(&json(&checkup()).unwrap()).unwrap();
        let schema = serde_json::from_str(include_str!("../../docs/doctor.schema.json")).unwrap();
        jsonschema::validate(&schema, &report).unwrap();
        assert_eq!(report["verdict"], "fail");
    }

    #[test]
    fn the_last_line_counts() {
        let mut checkup = checkup();
        assert_eq!(verdict(&checkup), "1 thing does not work, 1 thing could be better.");
        checkup.parts.pop();
        assert_eq!(verdict(&checkup), "All works. 1 thing could be better.");
        checkup.parts.clear();
        assert_eq!(verdict(&checkup), "All is well.");
    }
}
