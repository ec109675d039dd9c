//! `tiphys doctor --oncall`: could this person go back tonight? As text for people, or JSON by `docs/oncall.schema.json`. It changes nothing.

use std::fmt::Write as _;
use std::time::Duration;

use color_eyre::eyre::Result;
use serde::Serialize;

use super::findings::{self, Told};
use super::{Exit, print};
use crate::base::Timestamp;
use crate::config::Config;
use crate::operations::oncall::{Answer, Finding, Kind, Part, Report};
use crate::runtime::{carrying, headless, report, tokio_runtime};

pub(super) fn run(config: &Config, json: bool, timeout: Duration) -> Result<Exit> {
    let runtime = tokio_runtime()?;
    let (found, settled) = runtime.block_on(async {
        let (model, settled) = headless::read(config, timeout).await;
        (carrying::oncall(config, &model).await, settled)
    });
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    if json {
        print(&format!("{}\n", serde_json::to_string(&Answered::of(&found))?));
    } else {
        print(&text(&found));
    }
    Ok(match found.answer() {
        Answer::No => Exit::Failed,
        _ if !settled => Exit::NoAnswer,
        Answer::Unknown => Exit::NotSo,
        Answer::Yes => Exit::Done,
    })
}

/// Where the findings begin.
const INDENT: usize = 16;

fn text(report: &Report) -> String {
    let mut out = String::new();
    for part in report.parts.iter().filter(|part| !part.findings.is_empty()) {
        let _ = writeln!(out, "{}", heading(part));
        for finding in &part.findings {
            let start = format!("  {} {:<11} ", glyph(finding.answer), finding.what);
            findings::tell(&mut out, &start, &finding.found, finding.cure.as_ref(), (INDENT, 4));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", verdict(report));
    out
}

const fn glyph(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "✔",
        Answer::Unknown => "?",
        Answer::No => "✖",
    }
}

fn heading(part: &Part) -> String {
    match part.kind {
        Kind::Machine => "This machine".to_owned(),
        Kind::Repository => format!("Repository {}", part.name),
        Kind::Placement => part.name.to_string(),
    }
}

fn verdict(report: &Report) -> &'static str {
    match report.answer() {
        Answer::Yes => "Way back ✔: whoever runs this could go back now.",
        Answer::Unknown => "Way back ?: nothing says that whoever runs this could not go back, but not everything says so.",
        Answer::No => "Way back ✖: whoever runs this could not go back now.",
    }
}

#[derive(Debug, Serialize)]
struct Answered<'a> {
    version: u32,
    at: Timestamp,
    answer: &'static str,
    parts: Vec<findings::Part<'a, Line<'a>>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    answer: &'static str,
    #[serde(flatten)]
    told: Told<'a>,
}

impl<'a> Answered<'a> {
    fn of(report: &'a Report) -> Self {
        Self { version: 1, at: report.at, answer: report.answer().word(), parts: report.parts.iter().map(part).collect() }
    }
}

fn part(part: &Part) -> findings::Part<'_, Line<'_>> {
    let kind = match part.kind {
        Kind::Machine => "machine",
        Kind::Repository => "repository",
        Kind::Placement => "placement",
    };
    findings::Part { kind, name: &part.name, findings: part.findings.iter().map(line).collect() }
}

fn line(finding: &Finding) -> Line<'_> {
    Line { answer: finding.answer.word(), told: Told { what: &finding.what, found: &finding.found, cure: finding.cure.as_ref() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Safe;
    use crate::operations::oncall::{self, Branch, Route};

    fn found() -> Report {
        let denied =
            Finding::new("abort", Answer::No, Safe::clean("the cluster does not let this account patch rollouts/status in namespace production"));
        let cure = Safe::clean("ask for this permission in the cluster: patch rollouts/status.argoproj.io in namespace production");
        let main = Branch { name: Safe::clean("main of gitops"), routes: [Route::Push].into(), pushed: None, says: None };
        let mut repository = vec![
            Finding::new("identity", Answer::Yes, Safe::clean("commits are by Ana <ana@acme.example>")),
            Finding::new("signature", Answer::Yes, Safe::clean("your git signs no commits")),
        ];
        repository.extend(oncall::pushed(&main));
        Report {
            at: "2026-11-21T03:10:00Z".parse().unwrap(),
            parts: vec![
                Part {
                    kind: Kind::Machine,
                    name: Safe::default(),
                    findings: vec![Finding::new("journal", Answer::Yes, Safe::clean("it can be written"))],
                },
                Part { kind: Kind::Repository, name: Safe::clean("gitops"), findings: repository },
                Part { kind: Kind::Placement, name: Safe::clean("production·eu"), findings: vec![denied.cured_by(cure)] },
            ],
        }
    }

    #[test]
    fn the_text_is_read_in_eighty_columns_and_cures_stay_in_one_piece() {
        let text = text(&found());
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= findings::WIDTH || line.contains('→') || line.starts_with("Way back")), "{text}");
    }

    #[test]
    fn the_json_follows_its_schema() {
        let told: serde_json::Value = serde_json::from_str(&serde_json::to_string(&Answered::of(&found())).unwrap()).unwrap();
        let schema = serde_json::from_str(include_str!("../../docs/oncall.schema.json")).unwrap();
        jsonschema::validate(&schema, &told).unwrap();
        assert_eq!(told["answer"], "no");
    }
}
