//! `wharf get ADDRESS…`: downloads files.

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::client::INTERRUPTED;
use super::exit;
use super::remote::{self, Remote};
use super::{signals, size};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::fetch::{self, Downloads, FetchOptions, FetchOrder, FetchResult, Fetched};
use crate::client::progress_bar::Bars;
use crate::client::targets::Targets;
use crate::client::tftp::{self, address::TftpSite};
use crate::client::transfer::{TransferObserver, TransferProgress};
use crate::printable::Printable;

/// How many files are fetched at once unless `--jobs` says otherwise.
const WORKERS: NonZeroUsize = match NonZeroUsize::new(fetch::WORKERS) {
    Some(workers) => workers,
    None => NonZeroUsize::MIN,
};

/// What is said when Ctrl-C ends it.
const HOW_TO_GO_ON: &str = "Interrupted. What has come is kept: the same command goes on with it.";

/// The name that means the output.
const OUTPUT: &str = "-";

/// Download files, whole directories, or all that are like a pattern
///
/// A file is kept under the path that it has on its server, as NAME.part until it is whole. The same command goes on
/// where it stopped, unless the file has changed on the server, and passes over files that are here and unchanged.
#[derive(Debug, Args)]
// A flag stands there or does not.
#[allow(clippy::struct_excessive_bools)]
pub struct GetArgs {
    /// What to download: `http://host:port/path`, `host:port/path`, `unix:SOCKET!/path` or `tftp://host:port/path`
    ///
    /// `dir/` means the files directly in it (with -R, those in the directories below it too); `'dir/*.jpg'` those with
    /// such names. Both need a server that lists its directories as a wharf does; another's `dir/` is its page.
    #[arg(required = true, value_name = "ADDRESS", value_parser = remote::parse_file)]
    addresses: Vec<Remote<Resource>>,
    /// Where downloads go; made when missing
    #[arg(long, default_value = "downloads")]
    dir: PathBuf,
    /// Save the one file under this name; `-` writes it to the output
    #[arg(short, long, value_name = "FILE", conflicts_with = "dir")]
    output: Option<PathBuf>,
    /// Whole trees: the directories below, too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Take names that begin with a dot from a listing, too; one that is named in full needs no flag
    #[arg(long)]
    hidden: bool,
    /// How many files to fetch at once, each over a connection of its own
    #[arg(short, long, value_name = "N", default_value_t = WORKERS)]
    jobs: NonZeroUsize,
    /// One file after the other, over one connection
    #[arg(long, conflicts_with = "jobs")]
    serial: bool,
    /// Fetch files from this size on, as 100M, in four ranges at once, each over a connection of its own
    #[arg(long, value_name = "SIZE", value_parser = size::parse, conflicts_with = "serial")]
    split: Option<u64>,
    /// Fetch files that are here and unchanged, too, and replace files that wharf did not download or that were changed since
    #[arg(long)]
    force: bool,
    /// How often to try a file again that got no further: after a cut, a refused connection, an error of the server's
    #[arg(long, value_name = "N", default_value_t = fetch::RETRIES)]
    retries: u32,
    /// How long a server may be silent, or send next to nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Name files before they are on the disk: for downloads that one can afford to lose in a power failure
    #[arg(long)]
    no_sync: bool,
    /// Say only what went wrong
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
pub fn run(args: &GetArgs) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt(HOW_TO_GO_ON, INTERRUPTED, tftp::line::end_all) {
        return exit::code(Err(error));
    }
    match &args.output {
        Some(output) => get_one(args, output),
        None => exit::code(get_all(args)),
    }
}

/// Fetches all; whether all came.
fn get_all(args: &GetArgs) -> io::Result<bool> {
    let options = args.options();
    let (mut targets, mut sites) = (Targets::new(args.hidden), Vec::new());
    for address in &args.addresses {
        match address {
            Remote::Http(resource) => targets.add(resource, args.recursive, &options),
            Remote::Tftp(site) => sites.push(site),
        }
    }
    let skipped = targets.skipped.to_string();
    let mut report = Report::new(args.quiet, targets.failures);
    let downloads = args.downloads(&args.dir);
    fetch_all(args, &downloads, &targets.orders, &options, &mut report)?;
    for site in sites {
        report.finished_tftp(site, tftp::get(site, site.path(), &downloads, options.sync));
    }
    if !args.quiet {
        // Where stderr is gone, nobody reads it.
        let _ = write!(io::stderr(), "{skipped}");
    }
    report.end()
}

/// Fetches these over HTTP; on a terminal, with bars.
fn fetch_all(
    args: &GetArgs,
    downloads: &Downloads,
    orders: &[FetchOrder],
    options: &FetchOptions,
    report: &mut Report,
) -> io::Result<()> {
    let progress = TransferProgress::new(if args.serial { 1 } else { args.jobs.get() });
    if args.quiet || orders.is_empty() || !io::stderr().is_terminal() {
        return fetch::run(orders, downloads, options, &progress, report);
    }
    let known = orders.iter().map(FetchOrder::length).sum();
    let mut shown = Shown { report, bars: Bars::new(&progress, orders.len(), known) };
    fetch::run(orders, downloads, options, &progress, &mut shown)?;
    shown.bars.end(&mut io::stdout())
}

/// Fetches the one file that has a name of its own here.
fn get_one(args: &GetArgs, output: &Path) -> ExitCode {
    let [address] = args.addresses.as_slice() else {
        return exit::wrong_usage(&"wharf: --output is for one file (use --dir for several)");
    };
    if output.as_os_str() == OUTPUT {
        return exit::code(match address {
            Remote::Http(resource) => pass_on(resource, args),
            Remote::Tftp(site) => {
                told(&name_of(site), tftp::pass_on(site, site.path(), &mut io::stdout().lock()).map(drop))
            }
        });
    }
    let Some(name) = output.file_name().map(PathBuf::from) else {
        return exit::wrong_usage(&"wharf: --output needs the name of a file (use --dir for a directory)");
    };
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (downloads, options) = (args.downloads(parent), args.options());
    let mut report = Report::new(args.quiet, Vec::new());
    let fetched = match address {
        Remote::Http(resource) => {
            fetch_all(args, &downloads, &[FetchOrder::under(resource.clone(), name)], &options, &mut report)
        }
        Remote::Tftp(site) => {
            report.finished_tftp(site, tftp::get_to(site, site.path(), &downloads, name, options.sync));
            Ok(())
        }
    };
    exit::code(fetched.and_then(|()| report.end()))
}

/// What was asked for over TFTP, for an error.
fn name_of(site: &TftpSite) -> String {
    String::from_utf8_lossy(site.path()).into_owned()
}

/// Writes a file to the output as it comes.
fn pass_on(resource: &Resource, args: &GetArgs) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    told(&resource.target, fetch::stream(resource, &args.options(), &mut out).map(drop))
}

/// Says what went wrong; whether nothing did. That nobody reads the output any more is for the caller to judge.
fn told(name: &str, result: Result<(), ClientError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(ClientError::Local(_, _, error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(error),
        Err(error) => {
            exit::say_about(name, &error);
            Ok(false)
        }
    }
}

impl GetArgs {
    fn downloads(&self, directory: &Path) -> Downloads {
        Downloads::at(directory).replacing(self.force)
    }

    fn options(&self) -> FetchOptions {
        FetchOptions {
            retries: self.retries,
            timeouts: FetchOptions::timeouts(Duration::from_secs(self.timeout)),
            again: self.force,
            sync: !self.no_sync,
            split: self.split,
        }
    }
}

/// Prints a line for each file as it arrives, and for each failed one at the end. An output that takes no more lines does
/// not end the downloads.
struct Report {
    quiet: bool,
    /// What is to be said of files that are here, by name.
    warnings: Vec<(String, &'static str)>,
    failures: Vec<(String, ClientError)>,
    /// Whether the output still takes lines.
    failed: io::Result<()>,
}

impl TransferObserver<FetchOrder, Fetched> for Report {
    fn finished(&mut self, order: &FetchOrder, result: FetchResult) -> io::Result<()> {
        match result {
            Ok(fetched) => {
                self.warn(order, &fetched);
                self.say(&fetched);
            }
            Err(error) => self.failures.push((order.resource.target.clone(), error)),
        }
        Ok(())
    }
}

/// The same, with bars beneath.
struct Shown<'a> {
    report: &'a mut Report,
    bars: Bars<'a>,
}

impl TransferObserver<FetchOrder, Fetched> for Shown<'_> {
    fn finished(&mut self, order: &FetchOrder, result: FetchResult) -> io::Result<()> {
        self.bars.ended(result.as_ref().map_or(0, Fetched::length));
        match result {
            Ok(fetched) => {
                self.report.warn(order, &fetched);
                self.bars.line(&fetched);
            }
            Err(error) => self.report.finished(order, Err(error))?,
        }
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        if self.report.failed.is_ok() {
            self.report.failed = self.bars.tick(&mut io::stdout());
        }
        Ok(())
    }
}

impl Report {
    fn new(quiet: bool, failures: Vec<(String, ClientError)>) -> Self {
        Self { quiet, warnings: Vec::new(), failures, failed: Ok(()) }
    }

    fn finished_tftp(&mut self, site: &TftpSite, result: Result<tftp::Transferred, ClientError>) {
        match result {
            Ok(transferred) => self.say(&transferred),
            Err(error) => self.failures.push((name_of(site), error)),
        }
    }

    /// Remembers what is to be said of a file that is here: at the end, when no bars are shown.
    fn warn(&mut self, order: &FetchOrder, fetched: &Fetched) {
        let name = || order.resource.target.clone();
        self.warnings.extend(fetched.warning().map(|warning| (name(), warning)));
    }

    fn say(&mut self, line: &dyn std::fmt::Display) {
        if !self.quiet && self.failed.is_ok() {
            self.failed = writeln!(io::stdout(), "{line}");
        }
    }

    /// Says what was strange, and what is missing; whether nothing is missing.
    fn end(self) -> io::Result<bool> {
        for (name, warning) in &self.warnings {
            exit::say(&format_args!("{}: {warning}", Printable::text(name)));
        }
        exit::say_all(&self.failures);
        self.failed.map(|()| self.failures.is_empty())
    }
}
