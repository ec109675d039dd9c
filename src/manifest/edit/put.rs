//! Edits into the bytes of one file. Each is put by itself and judged by the guard before the next.

use super::guard;
use super::place::Text;
use super::{Change, Edit, Hindrance, Piece, Refused, Scalar, style};
use crate::base::Safe;
use crate::manifest::path::shown;

/// A file larger than this is no manifest.
const LARGEST: usize = 4 << 20;

/// Puts edits into the bytes of their file, in their order.
///
/// # Errors
///
/// A sentence with file and line where an edit does not fit what stands there, or cannot be made with certainty. No bytes then, never some.
pub fn put(bytes: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Refused> {
    let Some(first) = edits.first() else { return Ok(bytes.to_vec()) };
    let file = first.file.as_wire();
    let mut text = text(bytes).map_err(|hindrance| hindrance.refused(file))?.to_owned();
    for edit in edits {
        if edit.file != first.file {
            return Err(Refused(crate::safe!("{} and {} are two files: edit one at a time", first.file.shown(), edit.file.shown())));
        }
        text = one(&text, edit).map_err(|hindrance| hindrance.refused(file))?;
    }
    Ok(text.into_bytes())
}

/// The text of a file.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Hindrance> {
    if bytes.len() > LARGEST {
        return Err(Hindrance::new(1, "too large for a manifest"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Hindrance::new(before.split(|byte| *byte == b'\n').count(), "this is not UTF-8: save the file as UTF-8")
    })
}

/// Puts one edit.
pub(super) fn one(old: &str, edit: &Edit) -> Result<String, Hindrance> {
    let before = guard::Read::of(old)?;
    let text = Text::read(old)?;
    let new = match &edit.change {
        Change::Set { from, to } => set(&text, edit, from, to)?,
        Change::Add(piece) => add(&text, edit, piece)?,
        Change::TakeOut(piece) => take_out(&text, edit, piece)?,
    };
    guard::judge(&before, old, &new, edit)?;
    Ok(new)
}

fn set(text: &Text<'_>, edit: &Edit, from: &Scalar, to: &Scalar) -> Result<String, Hindrance> {
    let reached = text.reach(&edit.path)?;
    if reached.taken < edit.path.len() {
        return Err(Hindrance::new(edit.line, format!("{} is not there any more: plan again", shown(&edit.path))));
    }
    let (range, says) = text.scalar(&reached, &edit.path)?;
    if says != from.text.as_wire() {
        let (says, wanted) = (Safe::clean(&says), from.text.shown());
        return Err(Hindrance::new(text.line(range.start), format!("{} says '{says}' and not '{wanted}': plan again", shown(&edit.path))));
    }
    let found = text.text.get(range.clone()).unwrap_or_default();
    let written = if found == from.written.as_wire() { to.written.as_wire().to_owned() } else { style::like(to.text.as_wire(), found) };
    let behind = text.text.get(..range.start).is_some_and(|before| before.ends_with(' '));
    Ok(match (range.is_empty(), written.is_empty()) {
        // A value that is left out begins behind its colon, and needs a blank there.
        (true, false) => spliced(text.text, range, &format!(" {written}")),
        (false, true) if behind => spliced(text.text, range.start - 1..range.end, ""),
        _ => spliced(text.text, range, &written),
    })
}

fn add(text: &Text<'_>, edit: &Edit, piece: &Piece) -> Result<String, Hindrance> {
    let around = edit.path.split_last().map_or(&[][..], |(_, around)| around);
    let reached = text.reach(&edit.path)?;
    if reached.taken == edit.path.len() {
        return Err(Hindrance::new(edit.line, format!("{} is there already: plan again", shown(&edit.path))));
    }
    if reached.taken < around.len() {
        return Err(Hindrance::new(edit.line, format!("{} is not there any more: plan again", shown(around))));
    }
    let offset = text.offset(&reached.node, &piece.spot)?;
    Ok(spliced(text.text, offset..offset, piece.written.as_wire()))
}

fn take_out(text: &Text<'_>, edit: &Edit, piece: &Piece) -> Result<String, Hindrance> {
    let reached = text.reach(&edit.path)?;
    if reached.taken < edit.path.len() {
        return Err(Hindrance::new(edit.line, format!("{} is not there any more: plan again", shown(&edit.path))));
    }
    let (range, _) = text.extent(&reached, &edit.path)?;
    if text.text.get(range.clone()) != Some(piece.written.as_wire()) {
        let line = text.line(range.end);
        return Err(Hindrance::new(line, format!("{} is not as it was put there: take it out by hand", shown(&edit.path))));
    }
    Ok(spliced(text.text, range, ""))
}

fn spliced(text: &str, range: std::ops::Range<usize>, with: &str) -> String {
    let (before, after) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    format!("{before}{with}{after}")
}
