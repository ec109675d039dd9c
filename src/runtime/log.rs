//! The log file under the state directory: rotated by day, kept for a week, and scrubbed of anything that looks like a token.

use std::io::{self, Write};

use color_eyre::eyre::{Result, WrapErr as _};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

use crate::runtime::places;

/// Days that are kept.
const KEPT: usize = 7;

/// Starts logging to `log/tiphys.DATE.log`; `TIPHYS_LOG` sets the filter (`tiphys=debug`). Lines are lost once the guard is dropped.
pub fn start() -> Result<WorkerGuard> {
    let folder = places::state()?.join("log");
    // The appender complains on standard error about a folder that is not there yet.
    std::fs::create_dir_all(&folder).wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    let file = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("tiphys")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(&folder)
        .wrap_err_with(|| format!("cannot write the log to {}", folder.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(Scrubbed(file));
    let filter = EnvFilter::try_from_env("TIPHYS_LOG").unwrap_or_else(|_| EnvFilter::new("warn,tiphys=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
    Ok(guard)
}

/// A writer that takes tokens out: the second net below types that do not show them in the first place.
struct Scrubbed<W>(W);

impl<W: Write> Write for Scrubbed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(scrub(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Replaces what looks like a JSON web token, or follows `Bearer`.
#[must_use]
pub fn scrub(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut secret_follows = false;
    for piece in text.split_inclusive(|character: char| !is_token_character(character)) {
        let word = piece.trim_end_matches(|character: char| !is_token_character(character));
        let is_token = word.starts_with("eyJ") && word.matches('.').count() >= 2;
        if !word.is_empty() && (is_token || secret_follows) {
            out.push_str("[redacted]");
            out.extend(piece.chars().skip(word.chars().count()));
        } else {
            out.push_str(piece);
        }
        if !word.is_empty() {
            secret_follows = word.eq_ignore_ascii_case("bearer");
        }
    }
    out
}

const fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '=' | '+' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_reach_the_log() {
        assert_eq!(scrub("Authorization: Bearer abc.def-123 end\n"), "Authorization: Bearer [redacted] end\n");
        assert_eq!(scrub("got eyJhbGciOi.eyJzdWIiOi.c2ln, then"), "got [redacted], then");
        assert_eq!(scrub("plain text: a.b.c"), "plain text: a.b.c");
    }
}
