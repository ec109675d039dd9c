//! The program: error reports first, then the verb, then the exit code.

use std::process::ExitCode;

use tiphys::cli;
use tiphys::runtime::report;

fn main() -> ExitCode {
    if let Err(error) = report::install() {
        report::print_error(&format!("tiphys: cannot install the error reports: {error:#}"));
        return ExitCode::FAILURE;
    }
    // One provider for every TLS client of the program; two would panic at the first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(cli::run() as u8)
}
