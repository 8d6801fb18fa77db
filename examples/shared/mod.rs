//! What every example shares: files in and out, errors as one line and exit status 2, progress, threads.
//!
//! The library does no I/O; this folder is where it happens.

#![allow(dead_code, unreachable_pub)]

pub mod csv_in;
pub mod daily;
pub mod memory;
pub mod out;
pub mod progress;
pub mod transfers;

use std::fmt::Display;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Large blocks of every example lie on huge pages and are used again.
#[global_allocator]
static MEMORY: memory::HugePages = memory::HugePages::new();

/// Why an example stops: one line for stderr, which names the file, the line, the value and the rule.
#[derive(Debug)]
pub struct Failure {
    message: String,
    /// Whoever read the output has seen enough, as `head` has: no more is to be written, and nothing went wrong.
    reader_left: bool,
}

impl Failure {
    /// A failure that reads `message`.
    pub fn new(message: impl Display) -> Self {
        Self { message: message.to_string().replace('\n', " "), reader_left: false }
    }

    /// The same failure with the place in front.
    #[must_use]
    pub fn at(self, place: impl Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    fn of_stream(message: impl Display, kind: Option<ErrorKind>) -> Self {
        Self { reader_left: kind == Some(ErrorKind::BrokenPipe), ..Self::new(message) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<dandelion_credit::Error> for Failure {
    fn from(error: dandelion_credit::Error) -> Self {
        Self::new(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of_stream(&error, Some(error.kind()))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::of_stream(&error, error.io_error_kind())
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        let kind = match error.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        };
        Self::of_stream(error, kind)
    }
}

/// What the functions of an example return.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Runs the example: exit status 0, or 2 with the failure on one line of stderr. That nobody reads the rest is no failure.
pub fn run(example: impl FnOnce() -> Outcome) -> ExitCode {
    match example() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.reader_left => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Sets the number of threads of the data plane; all cores where `threads` is absent.
pub fn set_threads(threads: Option<usize>) -> Outcome {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    pool.build_global().map_err(Failure::new)
}
