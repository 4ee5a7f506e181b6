//! What a server writes besides responses: stdout, the log and the recording. A slow reader of these cannot block it.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::exit::Failure;
use super::logging::{self, Verbosity};
use super::{containment, private::PrivateFile};
use crate::printable::Printable;
use crate::server::Recorder;
use crate::sink::{LineSink, Notices};

/// How long wharf waits for unwritten output before it exits: a stalled reader must not keep it running.
const LAST: Duration = Duration::from_secs(1);

/// A line that cannot be written to the console is dropped.
const CONSOLE: Notices = Notices {
    name: "console",
    missing: |_| String::new(),
    recovered: |_| {},
    failed: |_| {},
    reopened: |_| {},
};

/// Clones write to the same files.
#[derive(Debug, Clone)]
pub(super) struct Outputs {
    stdout: LineSink,
    log: LineSink,
    /// Stderr, for important lines, unless the whole log goes there.
    console: Option<LineSink>,
    has_log_file: bool,
    recorder: Option<Recorder>,
    /// The log file and the recording, if there are any.
    files: Vec<PrivateFile>,
}

impl Outputs {
    /// Opens the outputs. Both files must be outside the shared folder.
    pub(super) fn open(
        log: Option<&Path>,
        verbosity: Verbosity,
        record: Option<&Path>,
        root: &Path,
    ) -> Result<Self, Failure> {
        let private = |path| PrivateFile::new(path, root);
        let (file, record) = (log.map(private), record.map(private));
        let log = logging::begin(file.as_ref(), verbosity)
            .map_err(|error| cannot("log to", file.as_ref(), &error))?;
        if file.is_none() {
            warn_of_stderr(root);
        }
        let recorder = record.as_ref().map(recorder).transpose().map_err(|error| {
            log.flush(LAST);
            cannot("record to", record.as_ref(), &error)
        })?;
        let (stdout, has_log_file) = (LineSink::to(&io::stdout(), CONSOLE)?, file.is_some());
        let is_silent = has_log_file || log::max_level() < log::Level::Info;
        let console = is_silent.then(|| LineSink::to(&io::stderr(), CONSOLE)).transpose()?;
        let files = file.into_iter().chain(record).collect();
        Ok(Self { stdout, log, console, has_log_file, recorder, files })
    }

    /// Fails like [`Outputs::open`], and changes no file that exists.
    pub(super) fn check(log: Option<&Path>, record: Option<&Path>, root: &Path) -> Result<(), Failure> {
        for (what, path) in [("log to", log), ("record to", record)] {
            let file = path.map(|path| PrivateFile::new(path, root));
            let opened = file.as_ref().map(PrivateFile::append).transpose();
            opened.map_err(|error| cannot(what, file.as_ref(), &error))?;
        }
        Ok(())
    }

    /// Fails if a file is in the shared folder now: another directory may have become the folder.
    pub(super) fn ensure_outside(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| {
            let name = Printable::path(file.path());
            file.ensure_outside().map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
        })
    }

    /// The recorder, if requests are recorded.
    pub(super) fn recorder(&self) -> Option<Recorder> {
        self.recorder.clone()
    }

    /// Prints this on stdout.
    pub(super) fn print(&self, text: &str) {
        self.stdout.push_urgent(text.as_bytes());
    }

    /// Prints this on stdout, before what is logged next if both go to a terminal.
    pub(super) fn print_before_log(&self, text: &str) {
        self.print(text);
        if self.logs_to_terminal() {
            self.stdout.flush(LAST);
        }
    }

    /// Prints a line of the log on stderr, unless the log goes there anyway.
    pub(super) fn print_beside_log(&self, line: &str) {
        if let Some(console) = &self.console {
            console.push_urgent(format!("{line}\n").as_bytes());
        }
    }

    /// Whether the log appears on the terminal, between the printed lines.
    pub(super) fn logs_to_terminal(&self) -> bool {
        !self.has_log_file && io::stderr().is_terminal() && log::max_level() >= log::Level::Info
    }

    /// Reopens the log file and the recording on SIGHUP, after log rotation has renamed them. Returns whether there is
    /// such a file.
    pub(super) fn reopen(&self) -> bool {
        if self.has_log_file {
            self.log.reopen();
        }
        if let Some(recorder) = &self.recorder {
            recorder.reopen();
        }
        self.has_log_file || self.recorder.is_some()
    }

    /// Waits until everything is written, for [`LAST`] at most.
    pub(super) fn flush(&self) {
        let end = Instant::now() + LAST;
        let left = || end.saturating_duration_since(Instant::now());
        self.stdout.flush(left());
        self.console.iter().for_each(|console| _ = console.flush(left()));
        self.recorder.iter().for_each(|recorder| recorder.flush(left()));
        self.log.flush(left());
    }
}

/// A shell may have redirected stderr to a file in the shared folder. It is too late to refuse that, so this only
/// warns.
fn warn_of_stderr(root: &Path) {
    let stderr = Path::new("/proc/self/fd/2");
    let is_file = fs::metadata(stderr).is_ok_and(|there| there.is_file());
    if let Some(error) = is_file.then(|| containment::ensure_outside(stderr, root).err()).flatten() {
        log::warn!("stderr is a file: {error}");
    }
}

fn recorder(file: &PrivateFile) -> io::Result<Recorder> {
    let opened = file.create()?;
    let file = file.clone();
    Recorder::new(opened, Box::new(move || file.append_below(Recorder::HEADER)))
}

/// Why a file of the command line cannot be written, and what to do.
fn cannot(what: &str, file: Option<&PrivateFile>, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "its directory does not exist (create it, or name another file)",
        io::ErrorKind::PermissionDenied => {
            "permission denied (this user must be able to write the file, or to create it in its directory)"
        }
        io::ErrorKind::IsADirectory => "it is a directory (name a file in it)",
        io::ErrorKind::NotADirectory => "part of the path is a file, not a directory (name another file)",
        io::ErrorKind::ReadOnlyFilesystem => "its disk is mounted read-only (name another file)",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "no space left on its disk (free some)",
        _ => &error.to_string(),
    };
    format!("cannot {what} {}: {why}", Printable::path(file.map_or(Path::new(""), PrivateFile::path))).into()
}
