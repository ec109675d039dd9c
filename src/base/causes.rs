//! What lies behind an error of a library: its causes, and what a connection that came to nothing means in words.

use std::error::Error;
use std::io;

/// An error and what caused it, outermost first. The depth is bounded: a cause may name itself.
#[must_use]
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut found = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next.filter(|_| found.len() < 16) {
        found.push(cause);
        // An `io::Error` hides what it wraps from `source`, and speaks with its words.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    found
}

/// Why a connection came to nothing. Only the innermost cause is told: outer ones repeat it, and may quote an address that holds a password. The words
/// come from outside: for [`Safe::clean`](crate::base::Safe::clean).
#[must_use]
pub fn connection(error: &(dyn Error + 'static)) -> String {
    let causes = causes(error);
    let io = causes.iter().rev().find_map(|cause| cause.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => "the connection was cut".to_owned(),
        Some(io::ErrorKind::UnexpectedEof) => "the answer was cut short".to_owned(),
        Some(io::ErrorKind::TimedOut) => "no answer in time".to_owned(),
        _ => causes.last().map_or_else(|| error.to_string(), ToString::to_string),
    }
}
