//! What the benchmarks that compare binaries of wharf have in common.

use std::path::PathBuf;
use std::process::ExitCode;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The binaries to measure: the given ones, or the one built here.
pub fn binaries(given: &[PathBuf]) -> Vec<PathBuf> {
    if given.is_empty() { vec![PathBuf::from(env!("CARGO_BIN_EXE_wharf"))] } else { given.to_vec() }
}

/// The exit code of a benchmark. Prints its error.
pub fn exit(measured: Result<()>) -> ExitCode {
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
