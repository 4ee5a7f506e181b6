//! Clients that download, timed from their start to their end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Result;
use super::server::Program;

/// The number of connections of clients that can use several.
const PARALLEL: &str = "16";

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Its name in the tables.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// The arguments before the URLs.
    arguments: &'static [&'static str],
    /// The argument before each URL; the client saves into the current directory.
    before_each: &'static [&'static str],
}

/// The clients; ours first. The others do not wait for the disk, so ours is measured with and without waiting. All run
/// without output.
pub const CLIENTS: &[Client] = &[
    Client {
        name: "wharf",
        program: Program::Ours,
        arguments: &["get", "--quiet", "--dir", ".", "--no-sync", "--jobs", PARALLEL],
        before_each: &[],
    },
    Client {
        name: "wharf-synced",
        program: Program::Ours,
        arguments: &["get", "--quiet", "--dir", ".", "--jobs", PARALLEL],
        before_each: &[],
    },
    Client {
        name: "curl",
        program: Program::OnPath("curl"),
        arguments: &["--silent", "--fail", "--parallel", "--parallel-max", PARALLEL],
        before_each: &["-O"],
    },
    Client {
        name: "curl-serial",
        program: Program::OnPath("curl"),
        arguments: &["--silent", "--fail"],
        before_each: &["-O"],
    },
    Client { name: "wget", program: Program::OnPath("wget"), arguments: &["--quiet"], before_each: &[] },
    Client {
        name: "wget2",
        program: Program::OnPath("wget2"),
        arguments: &["--quiet", "--max-threads", PARALLEL],
        before_each: &[],
    },
    Client {
        name: "aria2c",
        program: Program::OnPath("aria2c"),
        arguments: &["--quiet", "--force-sequential", "-j", PARALLEL, "-x", "4"],
        before_each: &[],
    },
];

impl Client {
    /// Downloads this many files into a new folder in `kept`; returns the time. Small files stay there.
    pub fn fetch(&self, port: u16, target: &str, files: usize, kept: &Path) -> Result<Duration> {
        let mut place = tempfile::tempdir_in(kept)?;
        place.disable_cleanup(files > 1);
        let mut command = Command::new(self.program.path().ok_or("not installed")?);
        command.args(self.arguments).current_dir(place.path());
        for number in 0..files {
            let name = if files == 1 { String::new() } else { format!("{number}.txt") };
            command.args(self.before_each).arg(format!("http://127.0.0.1:{port}{target}{name}"));
        }
        let elapsed = time(&mut command)?;
        let fetched = count(place.path())?;
        if fetched == files { Ok(elapsed) } else { Err(format!("fetched {fetched} of {files} files").into()) }
    }
}

/// Downloads a file over TFTP and discards it; returns the time, which is bounded. Uses curl, which is fast
/// but does not support windows; for windows, atftp.
pub fn tftp(port: u16, name: &str, block: u32, window: u32, limit: Duration) -> Result<Duration> {
    let (limit, port) = (limit.as_secs().to_string(), port.to_string());
    let mut command = Command::new(if window == 1 { "curl" } else { "timeout" });
    if window == 1 {
        command.args(["--silent", "--max-time", &limit, "--output", "/dev/null"]);
        command.args(["--tftp-blksize", &block.to_string(), &format!("tftp://127.0.0.1:{port}/{name}")]);
    } else {
        command.args([&limit, "atftp", "--option", &format!("blksize {block}")]);
        command.args(["--option", &format!("windowsize {window}"), "--get", "--remote-file", name]);
        command.args(["--local-file", "/dev/null", "127.0.0.1", &port]);
    }
    time(&mut command)
}

/// Runs a program, which must succeed.
fn time(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let elapsed = start.elapsed();
    if output.status.success() {
        return Ok(elapsed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.lines().next().unwrap_or("no output")).into())
}

/// The number of files in a folder and its subdirectories.
fn count(place: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { count(&entry.path())? } else { 1 };
    }
    Ok(files)
}
