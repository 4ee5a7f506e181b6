//! `wharf replay [FILE [HOST [PORT]]]`: sends the requests of a script and checks the responses.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use clap::builder::RangedI64ValueParser;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::exit::{self, INTERRUPTED};
use super::remote;
use super::trust::TrustArgs;
use crate::client::address::{DEFAULT_HOST, ServerAddress};
use crate::client::error::ClientError;
use crate::printable::Printable;
use crate::replay::report::Report;
use crate::replay::script::Script;
use crate::replay::{self, Console, ReplayOptions};

/// The maximum number of connections. Each has a thread: more would measure this program, not the server.
const MOST_CONNECTIONS: i64 = 1024;

/// Send the requests of a script, check the responses, and report their times
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The script: one request per line, such as `GET path -> 200`
    #[arg(default_value = "client_requests/requests.txt")]
    file: PathBuf,
    /// The server's address or name, or `http://host:port/path`, `https://host/path`, or `unix:PATH`
    #[arg(default_value = DEFAULT_HOST, value_parser = remote::parse_server)]
    host: TypedAddress<ServerAddress>,
    /// The server's port [default: 8080]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The number of connections
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1, value_parser = connections())]
    connections: u16,
    /// Send the whole script this many times
    #[arg(long, value_name = "N", default_value = "1")]
    repeat: NonZeroU64,
    /// Requests to send a second; times then count from when each was due
    #[arg(long, value_name = "R", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Write a report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "Write a report as JUnit XML")]
    junit: Option<PathBuf>,
    /// Print only failures and the summary
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

impl ReplayArgs {
    /// The server; `None` if the command will refuse its port.
    pub(super) fn servers(&self) -> Option<Vec<NamedServer>> {
        Some(vec![self.host.at_port(self.port)?])
    }
}

/// Runs the command.
pub(super) fn run(args: &ReplayArgs) -> ExitCode {
    let address = match args.port {
        Some(port) => args.host.address.clone().at_port(port),
        None => Ok(args.host.address.clone()),
    };
    let address = match address {
        Ok(address) => address,
        Err(error) => return exit::wrong_usage(&format_args!("wharf: {error}")),
    };
    match Script::load(&args.file, &address) {
        Ok(script) if script.steps.is_empty() => exit::failed(&format_args!(
            "{}: there are no requests in this script (a line is GET path, POST file, PUT file or LIST)",
            Printable::text(&script.name)
        )),
        Ok(script) => send(&Arc::new(script), args),
        Err(error) => exit::wrong_usage(&error),
    }
}

/// Sends the script. The report files are opened first, so that a long replay does not fail at its end.
fn send(script: &Arc<Script>, args: &ReplayArgs) -> ExitCode {
    let open = |path: &Option<PathBuf>| path.as_deref().map(ReportFile::create).transpose();
    let written = open(&args.json)
        .and_then(|json| Ok((json, open(&args.junit)?)))
        .map(|(json, junit)| run_and_report(script, args, json, junit));
    match written {
        Ok(outcome) => exit::code(outcome),
        Err(error) => {
            exit::say(&error);
            ExitCode::FAILURE
        }
    }
}

/// Sends the script and writes the reports; returns whether all responses were as expected. After Ctrl-C, it reports what was
/// done until then, and returns an error of the kind `Interrupted`. A second Ctrl-C exits at once.
fn run_and_report(
    script: &Arc<Script>,
    args: &ReplayArgs,
    json: Option<ReportFile>,
    junit: Option<ReportFile>,
) -> io::Result<bool> {
    let options = ReplayOptions {
        connections: args.connections,
        repeat: args.repeat.get(),
        rate: args.rate,
        quiet: args.quiet,
    };
    let (mut out, mut err) = (BufWriter::new(io::stdout().lock()), io::stderr());
    let interrupted = Arc::new(AtomicBool::new(false));
    flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&interrupted))?;
    flag::register(SIGINT, Arc::clone(&interrupted))?;
    let begun = Instant::now();
    let stats = replay::run(script, options, &interrupted, &mut Console { out: &mut out, err: &mut err })?;
    if interrupted.load(Ordering::Relaxed) {
        exit::say(&"\nInterrupted.");
    }
    let report = Report { script, stats: &stats, took: begun.elapsed() };
    report.summarize(&mut out)?;
    out.flush()?;
    let json = json.is_none_or(|file| file.write(|out| report.write_json(out)));
    let junit = junit.is_none_or(|file| file.write(|out| report.write_junit(out)));
    if interrupted.load(Ordering::Relaxed) {
        return Err(ErrorKind::Interrupted.into());
    }
    Ok(stats.failed() == 0 && json && junit)
}

/// The file of a report.
struct ReportFile {
    file: File,
    path: PathBuf,
}

impl ReportFile {
    fn create(path: &Path) -> Result<Self, ClientError> {
        match File::create(path) {
            Ok(file) => Ok(Self { file, path: path.to_owned() }),
            Err(error) => Err(ClientError::Local("write", path.to_owned(), error)),
        }
    }

    /// Writes a report; returns whether that succeeded. An error is printed.
    fn write(self, report: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> bool {
        let mut out = BufWriter::new(self.file);
        match report(&mut out).and_then(|()| out.flush()) {
            Ok(()) => true,
            Err(error) => {
                exit::say(&ClientError::Local("write", self.path, error));
                false
            }
        }
    }
}

/// The range of the number of connections.
fn connections() -> RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=MOST_CONNECTIONS)
}

/// Parses a rate, from one request in eleven days to one a microsecond.
fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (1e-6..=1e6).contains(&rate) => Ok(rate),
        _ => Err("must be 0.000001 to 1000000 requests a second".to_owned()),
    }
}
