//! `wharf get ADDRESS…`: downloads files.

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::link::LinkUse;
use super::remote::{self, Remote};
use super::trust::TrustArgs;
use super::{exit, link, signals, size};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::fetch::{self, Downloads, FetchOptions, FetchOrder, FetchResult, Fetched, LocalDirectory};
use crate::client::progress_bar::Bars;
use crate::client::shown_target::ShownTarget;
use crate::client::targets::Targets;
use crate::client::tftp::{self, address::TftpSite};
use crate::client::transfer::{TransferObserver, TransferProgress};
use crate::printable::Printable;

/// The default of `--jobs`.
const WORKERS: NonZeroUsize = match NonZeroUsize::new(fetch::WORKERS) {
    Some(workers) => workers,
    None => NonZeroUsize::MIN,
};

/// Printed when Ctrl-C ends the command.
const HOW_TO_GO_ON: &str = "Interrupted. Partial downloads are kept: run the same command to resume.";

/// The name that stands for stdout.
const OUTPUT: &str = "-";

/// Download files, directories, or files whose names match a pattern
///
/// A file is saved under its path on the server, as NAME.part until it is complete. If you repeat the command, it resumes
/// files that are not complete and skips unchanged ones. A file that has changed on the server starts again.
#[derive(Debug, Args)]
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct GetArgs {
    /// What to download: `http://host:port/path`, `https://host/path`, `host:port/path`, `unix:SOCKET!/path` or
    /// `tftp://host:port/path`
    ///
    /// `dir/` downloads the files in it (with -R, also those in its subdirectories); `'dir/*.jpg'` those whose names
    /// match. Both need a wharf server: from any other server, `dir/` is a page.
    #[arg(required = true, value_name = "ADDRESS", value_parser = remote::parse_file)]
    addresses: Vec<TypedAddress<Remote<Resource>>>,
    /// Directory for downloads; created if it does not exist
    #[arg(long, default_value = "downloads")]
    dir: PathBuf,
    /// Save the file under this name; `-` writes it to stdout
    #[arg(short, long, value_name = "FILE", conflicts_with = "dir")]
    output: Option<PathBuf>,
    /// Include subdirectories, empty ones too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Include names that begin with a dot; a file that you name in full needs no flag
    #[arg(long)]
    hidden: bool,
    /// Number of files to download at once, each over its own connection
    #[arg(short, long, value_name = "N", default_value_t = WORKERS)]
    jobs: NonZeroUsize,
    /// Download one file after another, over one connection
    #[arg(long, conflicts_with = "jobs")]
    serial: bool,
    /// Download files of at least this size, such as 100M, in four ranges at once, each over its own connection
    #[arg(long, value_name = "SIZE", value_parser = size::parse, conflicts_with = "serial")]
    split: Option<u64>,
    /// Also download unchanged files, and replace files that wharf did not download or that have changed here
    #[arg(long)]
    force: bool,
    /// How often to retry a file without progress, after a lost connection or a server error
    #[arg(long, value_name = "N", default_value_t = fetch::RETRIES)]
    retries: u32,
    /// Give up on a connection after this many seconds with no data, or almost none
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Name files before they are on the disk: for data you can afford to lose in a power failure
    #[arg(long)]
    no_sync: bool,
    /// Print only warnings and errors
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// Runs the command.
pub(super) fn run(mut args: GetArgs) -> ExitCode {
    for typed in &mut args.addresses {
        if let Err(code) = link::open(&mut typed.address, LinkUse::Read) {
            return code;
        }
    }
    let args = &args;
    if let Err(error) = signals::leave_on_interrupt(HOW_TO_GO_ON, tftp::open_transfer::abort_all) {
        return exit::code(Err(error));
    }
    match &args.output {
        Some(output) => get_one(args, output),
        None => exit::code(get_all(args)),
    }
}

/// Downloads all files; true if none failed.
fn get_all(args: &GetArgs) -> io::Result<bool> {
    let options = args.options();
    let (mut targets, mut sites) = (Targets::new(args.hidden), Vec::new());
    for address in &args.addresses {
        match &address.address {
            Remote::Http(resource) => targets.add(resource, args.recursive, &options),
            Remote::Tftp(site) => sites.push(args.site(site)),
        }
    }
    let skipped = targets.skipped.to_string();
    let mut report = Report::new(args.quiet, targets.failures);
    let downloads = args.downloads(&args.dir);
    fetch_all(args, &downloads, &targets.orders, &options, &mut report)?;
    for (target, made) in fetch::make_directories(targets.directories, &downloads, options.sync) {
        report.made(&target, made);
    }
    for site in sites {
        report.finished_tftp(&site, tftp::get(&site, site.path(), &downloads, options.sync));
    }
    if !args.quiet {
        // If stderr is closed, this line is lost.
        let _ = write!(io::stderr(), "{skipped}");
    }
    report.end()
}

/// Downloads these over HTTP, with progress bars on a terminal.
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

/// Downloads the one file of `--output`.
fn get_one(args: &GetArgs, output: &Path) -> ExitCode {
    let [TypedAddress { address, .. }] = args.addresses.as_slice() else {
        return exit::wrong_usage(&"wharf: --output is for one file (use --dir for several)");
    };
    if output.as_os_str() == OUTPUT {
        return exit::code(match address {
            Remote::Http(resource) => write_out(resource, args),
            Remote::Tftp(site) => {
                let site = args.site(site);
                report(&name_of(&site), tftp::pass_on(&site, site.path(), &mut io::stdout().lock()).map(drop))
            }
        });
    }
    let Some(name) = output.file_name().map(PathBuf::from) else {
        return exit::wrong_usage(&"wharf: --output needs a file name (use --dir for a directory)");
    };
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (downloads, options) = (args.downloads(parent), args.options());
    let mut report = Report::new(args.quiet, Vec::new());
    let fetched = match address {
        Remote::Http(resource) => {
            fetch_all(args, &downloads, &[FetchOrder::under(resource.clone(), name)], &options, &mut report)
        }
        Remote::Tftp(site) => {
            let site = args.site(site);
            report.finished_tftp(&site, tftp::get_to(&site, site.path(), &downloads, name, options.sync));
            Ok(())
        }
    };
    exit::code(fetched.and_then(|()| report.end()))
}

/// The file's name on the TFTP server, for an error message.
fn name_of(site: &TftpSite) -> String {
    String::from_utf8_lossy(site.path()).into_owned()
}

/// Writes a file to stdout as it arrives.
fn write_out(resource: &Resource, args: &GetArgs) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    report(
        &ShownTarget(&resource.target).path(),
        fetch::stream(resource, &args.options(), &mut out).map(drop),
    )
}

/// Prints the error, if there is one; returns whether there was none. A broken pipe is returned as an error: the caller
/// may treat it as success.
fn report(name: &str, result: Result<(), ClientError>) -> io::Result<bool> {
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
    /// The servers over HTTP.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.addresses.iter().filter_map(|typed| typed.server(|resource| &resource.server)).collect()
    }

    fn downloads(&self, directory: &Path) -> Downloads {
        Downloads::at(directory).replacing(self.force)
    }

    /// A TFTP site with the timeout of this command.
    fn site(&self, site: &TftpSite) -> TftpSite {
        site.with_timeout(Duration::from_secs(self.timeout))
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

/// Prints a line for each file as it arrives, and for each failed one at the end. If the output fails, the
/// downloads continue.
struct Report {
    quiet: bool,
    /// Warnings about files that arrived, by name.
    warnings: Vec<(String, &'static str)>,
    failures: Vec<(String, ClientError)>,
    /// The first error of stdout: after it nothing more is printed there.
    failed: io::Result<()>,
}

impl TransferObserver<FetchOrder, Fetched> for Report {
    fn finished(&mut self, order: &FetchOrder, result: FetchResult) -> io::Result<()> {
        match result {
            Ok(fetched) => {
                self.warn(order, &fetched);
                self.print(&fetched);
            }
            Err(error) => self.failures.push((ShownTarget(&order.resource.target).path(), error)),
        }
        Ok(())
    }
}

/// A report whose lines appear above progress bars.
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

    fn finished_tftp(&mut self, site: &TftpSite, result: Result<tftp::TransferSummary, ClientError>) {
        match result {
            Ok(summary) => self.print(&summary),
            Err(error) => self.failures.push((name_of(site), error)),
        }
    }

    fn made(&mut self, target: &str, result: Result<LocalDirectory, ClientError>) {
        match result {
            Ok(made) => self.print(&made),
            Err(error) => self.failures.push((ShownTarget(target).path(), error)),
        }
    }

    /// Keeps a file's warning until the progress bars are gone.
    fn warn(&mut self, order: &FetchOrder, fetched: &Fetched) {
        let name = || ShownTarget(&order.resource.target).path();
        self.warnings.extend(fetched.warning().map(|warning| (name(), warning)));
    }

    fn print(&mut self, line: &dyn std::fmt::Display) {
        if !self.quiet && self.failed.is_ok() {
            self.failed = writeln!(io::stdout(), "{line}");
        }
    }

    /// Prints the warnings and the errors; true if no file failed.
    fn end(self) -> io::Result<bool> {
        for (name, warning) in &self.warnings {
            exit::say(&format_args!("{}: {warning}", Printable::text(name)));
        }
        exit::say_all(&self.failures);
        self.failed.map(|()| self.failures.is_empty())
    }
}
