//! `wharf put FILE…`: uploads files.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::link::LinkUse;
use super::remote::{self, Remote};
use super::trust::TrustArgs;
use super::{exit, link, signals};
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
use crate::client::undo_cookies::UndoCookies;

/// The prompt if no file is named.
const QUESTION: &str = "Files to send: ";

/// The name that stands for stdin.
const STDIN: &str = "-";

/// Printed after an interrupt if an upload can be resumed.
const HOW_TO_GO_ON: &str = "Partial uploads are kept for a day: run the same command to resume.";

/// Upload files, and directories with -R
///
/// Files that a wharf server already has, with the same name and content, are skipped.
///
/// If the upload of a large file is interrupted, repeat the command within a day to resume it. The file must not have
/// changed, and the server must support resumable uploads, as wharf does. wharf remembers the upload in
/// `$XDG_STATE_HOME/wharf/uploads` (`~/.local/state/wharf/uploads`) until it is complete.
///
/// A relative path is kept below the directory of --to. An absolute path, or one with `..`, keeps only its last name:
/// `a/b/c.txt` stays as it is; `/x/a/b/c.txt` and `../c.txt` become `c.txt`.
#[derive(Debug, Args)]
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct PutArgs {
    /// Files to upload; wharf asks for them if there are none
    ///
    /// `-` uploads what arrives on stdin, which cannot be resumed. It needs a name: `--to http://host/name`. `./-` is a file
    /// of that name.
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// The server and the directory on it: `http://host:port/dir/`, `https://host/dir/`, `host:port`, `unix:SOCKET!/dir/` or
    /// `tftp://host:port/dir/` [default: 127.0.0.1:8080]
    ///
    /// Without a final slash, the path names the file: `--to http://host/dir/new.txt`. Several files and -R need a directory.
    #[arg(long, value_name = "ADDRESS", value_parser = remote::parse_destination)]
    to: Option<TypedAddress<Remote<ServerAddress>>>,
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
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
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
    if let Some(code) = args.to.as_mut().and_then(|to| link::open(&mut to.address, LinkUse::Change).err()) {
        return code;
    }
    if let Some(misuse) = args.misuse() {
        return exit::wrong_usage(&format_args!("wharf: {misuse}"));
    }
    exit::code(put_all(&args, &memory))
}

/// Asks for names, and splits the answer into words as a shell does.
fn ask() -> io::Result<Vec<String>> {
    let mut out = io::stdout();
    write!(out, "{QUESTION}")?;
    out.flush()?;
    let mut line = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut line)?;
    let names = shell_words::split(&typed_line::text(&line));
    let names = names.map_err(|_| io::Error::other("a quote is not closed"))?;
    if names.iter().any(|name| name == STDIN) {
        return Err(io::Error::other("stdin has the names: run `wharf put -` to upload it"));
    }
    Ok(names)
}

/// Uploads all files; true if none failed.
fn put_all(args: &PutArgs, memory: &Memory) -> io::Result<bool> {
    let mut all_well = true;
    let orders = find(args, &mut all_well)?;
    let progress = TransferProgress::new(if args.serial { 1 } else { args.jobs.get() });
    let mut report = Report { all_well };
    let is_typed = args.is_stdin() && io::stdin().is_terminal();
    if orders.is_empty() || is_typed || !io::stderr().is_terminal() {
        send(args, &orders, memory, &progress, &mut report)?;
    } else {
        let length = |order: &PutOrder| length_of(order).filter(|_| !args.is_stdin());
        let lengths = orders.iter().map(length);
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

/// Uploads over HTTP or TFTP.
fn send(
    args: &PutArgs,
    orders: &[PutOrder],
    memory: &Memory,
    progress: &TransferProgress,
    observer: &mut dyn TransferObserver<PutOrder, SentSummary>,
) -> io::Result<()> {
    match args.remote() {
        Remote::Http(address) => {
            let (server, options) = (PutServer::new(address, UndoCookies::of_this_user()), args.options());
            let new_sender = |progress: &Arc<WorkerProgress>| -> SendOrder<'_> {
                let mut sender = FileSender::new(&server, memory, options, progress);
                Box::new(move |order| {
                    let sent = if args.is_stdin() { sender.send_stdin(STDIN) } else { sender.send(order) }?;
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
                    let transferred = if args.is_stdin() {
                        tftp::put_stdin(&site, site.path())
                    } else if site.names_file() {
                        tftp::put(&site, &order.file, site.path())
                    } else {
                        tftp::put(&site, &order.file, &site.name(&order.path))
                    }?;
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

/// A report whose lines appear above progress bars.
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

/// The files to upload. Entries of a directory that are skipped are printed, and do not count as errors.
fn find(args: &PutArgs, all_well: &mut bool) -> io::Result<Vec<PutOrder>> {
    if args.names_file() {
        let files = args.files.iter().map(PathBuf::from);
        return Ok(files.map(|file| PutOrder { file, path: Vec::new(), is_directory: false }).collect());
    }
    let directories = !matches!(args.remote(), Remote::Tftp(_));
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
    /// The server, if it speaks HTTP.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        match &self.to {
            Some(to) => to.server(|address| &address.server).into_iter().collect(),
            None => vec![NamedServer { server: ServerAddress::default().server, login: None }],
        }
    }

    /// Where the files go.
    fn remote(&self) -> Remote<ServerAddress> {
        let to = self.to.as_ref().map(|to| to.address.clone());
        to.unwrap_or_else(|| Remote::Http(ServerAddress::default()))
    }

    /// Whether stdin is sent.
    fn is_stdin(&self) -> bool {
        self.files.iter().any(|file| file == STDIN)
    }

    /// Whether `--to` names the file, and not a directory.
    fn names_file(&self) -> bool {
        self.to.as_ref().is_some_and(|to| to.address.names_file())
    }

    /// What is wrong with the combination of files and flags.
    fn misuse(&self) -> Option<&'static str> {
        let is_several = self.recursive || self.files.len() > 1;
        if self.is_stdin() && is_several {
            Some("`-` is stdin, and is sent alone (./- is a file of that name)")
        } else if self.is_stdin() && !self.names_file() {
            Some("stdin has no name: end --to with one, as in --to http://HOST/NAME")
        } else if self.names_file() && is_several {
            Some("--to names one file (end it with a slash to send several files or a directory)")
        } else {
            None
        }
    }

    fn options(&self) -> PutOptions {
        let timeouts = Timeouts { silence: Duration::from_secs(self.timeout), least_rate: 0 };
        PutOptions { retries: self.retries, force: self.force, timeouts }
    }
}
