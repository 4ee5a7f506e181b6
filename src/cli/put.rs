//! `wharf put FILE…`: uploads files.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::remote::{self, Remote};
use super::{exit, signals};
use crate::client::address::ServerAddress;
use crate::client::error::shown;
use crate::client::progress_bar::Bars;
use crate::client::put::{
    self, FileSender, Memory, PutOptions, PutOrder, PutResult, PutServer, SendOrder, SentSummary, WalkOptions,
};
use crate::client::tftp;
use crate::client::timeouts::Timeouts;
use crate::client::transfer::{TransferObserver, TransferProgress, WorkerProgress};
use crate::client::typed_line;

/// The prompt if no file is named.
const QUESTION: &str = "Files to send: ";

/// Printed after an interrupt if an upload can be resumed.
const HOW_TO_GO_ON: &str = "Partial uploads are kept for a day: run the same command to resume.";

/// Upload files, and directories with -R
///
/// Files that a wharf server already has, with the same name and content, are skipped.
///
/// If the upload of a large file is interrupted, repeat the command within a day to resume it. The file must not have
/// changed, and the server must support resumable uploads, as wharf does. wharf remembers the upload in
/// `$XDG_STATE_HOME/wharf/uploads` (`~/.local/state/wharf/uploads`) until it is complete.
#[derive(Debug, Args)]
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct PutArgs {
    /// Files to upload; wharf asks for them if there are none
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// The server and the directory on it: `http://host:port/dir/`, `host:port`, `unix:SOCKET!/dir/` or
    /// `tftp://host:port/dir/` [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_parser = remote::parse_directory)]
    to: Option<Remote<ServerAddress>>,
    /// Upload directories, with everything in them; empty ones too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Follow symlinks inside directories; without this flag they are skipped
    #[arg(short = 'L', long, requires = "recursive")]
    follow: bool,
    /// Number of files to upload at once, each over its own connection
    #[arg(short, long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Upload one file after another, over one connection
    #[arg(long, conflicts_with = "jobs")]
    serial: bool,
    /// Also upload files that the server already has unchanged
    #[arg(long)]
    force: bool,
    /// How often to retry a file without progress, after a lost connection or a server error
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,
    /// Give up on a connection after this many seconds with no data
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
}

/// Runs the command.
pub(super) fn run(mut args: PutArgs) -> ExitCode {
    let memory = Arc::new(Memory::of_this_user());
    let hint = Arc::clone(&memory);
    let hint = move || (hint.unfinished() > 0).then_some(HOW_TO_GO_ON);
    if let Err(error) = signals::say_farewell_on_interrupt(hint) {
        return exit::code(Err(error));
    }
    if args.files.is_empty() {
        match ask() {
            Ok(files) => args.files = files,
            Err(error) => return exit::code(Err(error)),
        }
    }
    exit::code(put_all(&args, &memory))
}

/// Prompts for names, which are split as a shell does.
fn ask() -> io::Result<Vec<String>> {
    let mut out = io::stdout();
    write!(out, "{QUESTION}")?;
    out.flush()?;
    let mut line = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut line)?;
    shell_words::split(&typed_line::text(&line)).map_err(|_| io::Error::other("a quote is not closed"))
}

/// Uploads all files; true if none failed.
fn put_all(args: &PutArgs, memory: &Memory) -> io::Result<bool> {
    let mut all_well = true;
    let orders = find(args, &mut all_well)?;
    let progress = TransferProgress::new(if args.serial { 1 } else { args.jobs.get() });
    let mut report = Report { all_well };
    if orders.is_empty() || !io::stderr().is_terminal() {
        send(args, &orders, memory, &progress, &mut report)?;
    } else {
        let lengths = orders.iter().map(length_of);
        let bars = Bars::new(&progress, orders.len(), lengths.sum());
        let mut shown = Shown { report: &mut report, bars };
        send(args, &orders, memory, &progress, &mut shown)?;
        shown.bars.end(&mut io::stdout())?;
    }
    Ok(report.all_well)
}

/// The length of a file, in bytes; a directory has none.
fn length_of(order: &PutOrder) -> Option<u64> {
    if order.is_directory { Some(0) } else { fs::metadata(&order.file).ok().map(|facts| facts.len()) }
}

/// Uploads to a server of either kind.
fn send(
    args: &PutArgs,
    orders: &[PutOrder],
    memory: &Memory,
    progress: &TransferProgress,
    observer: &mut dyn TransferObserver<PutOrder, SentSummary>,
) -> io::Result<()> {
    match args.to.clone().unwrap_or_else(|| Remote::Http(ServerAddress::default())) {
        Remote::Http(address) => {
            let (server, options) = (PutServer::new(address), args.options());
            let new_sender = |progress: &Arc<WorkerProgress>| -> SendOrder<'_> {
                let mut sender = FileSender::new(&server, memory, options, progress);
                Box::new(move |order| {
                    let sent = sender.send(order)?;
                    Ok(SentSummary {
                        line: sent.to_string(),
                        length: sent.length(),
                        is_skipped: sent.is_skipped(),
                    })
                })
            };
            put::run(orders, progress, &new_sender, observer)
        }
        Remote::Tftp(site) => {
            let site = site.with_timeout(Duration::from_secs(args.timeout));
            let new_sender = |_: &Arc<WorkerProgress>| -> SendOrder<'_> {
                Box::new(|order| {
                    let name = site.name(&order.path);
                    let transferred = tftp::put(&site, &order.file, &name)?;
                    Ok(SentSummary {
                        line: transferred.to_string(),
                        length: transferred.length(),
                        is_skipped: false,
                    })
                })
            };
            put::run(orders, progress, &new_sender, observer)
        }
    }
}

/// Prints a line for each file as it is sent or has failed.
struct Report {
    all_well: bool,
}

impl TransferObserver<PutOrder, SentSummary> for Report {
    fn finished(&mut self, order: &PutOrder, result: PutResult) -> io::Result<()> {
        match result {
            Ok(sent) if sent.is_skipped => {
                exit::say(&sent.line);
                Ok(())
            }
            Ok(sent) => writeln!(io::stdout(), "{}", sent.line),
            Err(error) => {
                self.all_well = false;
                exit::say_about(&shown(&order.file), &error);
                Ok(())
            }
        }
    }
}

/// The same, above progress bars.
struct Shown<'a> {
    report: &'a mut Report,
    bars: Bars<'a>,
}

impl TransferObserver<PutOrder, SentSummary> for Shown<'_> {
    fn finished(&mut self, order: &PutOrder, result: PutResult) -> io::Result<()> {
        self.bars.ended(result.as_ref().map_or(0, |sent| sent.length));
        match result {
            Ok(sent) if sent.is_skipped => self.bars.aside(|| exit::say(&sent.line)),
            Ok(sent) => self.bars.line(&sent.line),
            Err(error) => {
                self.report.all_well = false;
                self.bars.aside(|| exit::say_about(&shown(&order.file), &error));
            }
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        self.bars.tick(&mut io::stdout())
    }
}

/// The files to upload. What is skipped in a directory is printed, and is not an error.
fn find(args: &PutArgs, all_well: &mut bool) -> io::Result<Vec<PutOrder>> {
    let directories = !matches!(args.to, Some(Remote::Tftp(_)));
    let options = WalkOptions { recursive: args.recursive, follow: args.follow, directories };
    let mut orders = Vec::new();
    for typed in &args.files {
        let mut skip = |skipped| {
            exit::say(&skipped);
            Ok(())
        };
        for found in options.find(typed, &mut skip)? {
            match found {
                Ok(order) => orders.push(order),
                Err(error) => {
                    *all_well = false;
                    exit::say_about(typed, &error);
                }
            }
        }
    }
    Ok(orders)
}

impl PutArgs {
    fn options(&self) -> PutOptions {
        let timeouts = Timeouts { silence: Duration::from_secs(self.timeout), least_rate: 0 };
        PutOptions { retries: self.retries, force: self.force, timeouts }
    }
}
