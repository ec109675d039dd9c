//! What `tiphys doctor` found, in either of its forms: one finding as lines of text, and parts with their findings as JSON. What was looked for, and
//! what an answer is called, is for who asks.

use std::fmt::Write as _;

use serde::Serialize;

use super::practice::textwrap;
use crate::base::Safe;

/// Columns of the text: it is read in terminals of 80.
pub(super) const WIDTH: usize = 80;

/// Writes a finding: how it begins, what was found, and what cures it. `indent`: where the lines that go on begin, and the cure.
pub(super) fn tell(out: &mut String, start: &str, found: &Safe, cure: Option<&Safe>, (indent, cure_at): (usize, usize)) {
    let mut lines = textwrap(found.as_str(), WIDTH.saturating_sub(indent)).into_iter();
    let _ = writeln!(out, "{start}{}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
    // In one piece, so that it can be copied.
    if let Some(cure) = cure {
        let _ = writeln!(out, "{:cure_at$}→ {cure}", "");
    }
}

/// What was looked at, with what was found there.
#[derive(Debug, Serialize)]
pub(super) struct Part<'a, L> {
    pub(super) kind: &'static str,
    pub(super) name: &'a Safe,
    pub(super) findings: Vec<L>,
}

/// What a finding says beside its own word for how it stands.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    pub(super) what: &'a Safe,
    pub(super) found: &'a Safe,
    pub(super) cure: Option<&'a Safe>,
}
