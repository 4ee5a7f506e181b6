//! Files that are copied through davfs2: the time until everything has been sent.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::Settings;
use super::peers::server::{Program, Server};
use super::peers::{Result, folder};
use super::propfind::fill;
use super::report::Report;
use super::servers::{self, APACHE, RCLONE, WHARF};
use super::turns;

/// How many files are copied, and their size.
const FILES: u32 = 1_000;
const SIZE: usize = 1_000;

/// The target: the ratio to rclone, which does not sync.
const MOST: f64 = 1.5;

/// How long a program may run, in seconds.
const PATIENCE: &str = "300";

/// Without questions at the terminal, and with locks. A file is sent when it is closed.
const SETTINGS: &str = "ask_auth 0\nuse_locks 1\ndelay_upload 0\ncache_dir @CACHE@\n";

/// A mounted server. It is unmounted when dropped.
struct Mount {
    point: PathBuf,
    is_mounted: bool,
    _place: TempDir,
}

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    if let Some(why) = reason_to_skip() {
        println!("SKIPPED: the copy through davfs2: {why}");
        return Ok(());
    }
    let servers = servers::chosen(settings, &[WHARF, APACHE, RCLONE]);
    let source = folder::scratch()?;
    fill(&source.path().join("files"), FILES, &[b'x'; SIZE])?;
    let [times, cpu] = turns::measure(&servers::names(&servers), settings.rounds, |at| {
        turn(servers.get(at).ok_or("no such server")?, &source.path().join("files"))
    })?;
    report.begin("cp -r of 1,000 files of 1 KB through davfs2, until it is unmounted");
    for (name, time) in times.medians() {
        report.figure(&format!("seconds: {name}"), format!("{time:.1}"));
    }
    for (name, cpu) in cpu.medians() {
        report.figure(&format!("CPU µs of the server per file: {name}"), format!("{cpu:.0}"));
    }
    if let Some(ratio) = times.ratio(WHARF, RCLONE) {
        report.target("time: wharf / rclone", ratio, &format!("≤ ×{MOST}"), ratio.median <= MOST);
    }
    Ok(())
}

fn reason_to_skip() -> Option<&'static str> {
    if Program::OnPath("mount.davfs").path().is_none() {
        Some("davfs2 is not installed (apt-get install davfs2)")
    } else if !rustix::process::geteuid().is_root() {
        Some("only root may mount")
    } else if !Path::new("/dev/fuse").exists() {
        Some("/dev/fuse does not exist")
    } else {
        None
    }
}

/// The time in seconds, and the processor time of the server for each file in microseconds.
fn turn(server: &Server, source: &Path) -> Result<[f64; 2]> {
    let place = folder::scratch()?;
    let running = servers::start(server, place.path())?;
    let mut mount = Mount::new(running.port)?;
    let (before, start) = (running.usage()?.cpu, Instant::now());
    run(bounded("cp").arg("-r").arg(source).arg(mount.point.join("copy")))?;
    mount.end()?;
    let (time, cpu) = (start.elapsed(), running.usage()?.cpu.saturating_sub(before));
    let mut arrived = 0;
    for entry in fs::read_dir(place.path().join("copy"))? {
        arrived += u32::from(entry?.metadata()?.len() == SIZE as u64);
    }
    if arrived != FILES {
        return Err(format!("{arrived} files arrived").into());
    }
    Ok([time.as_secs_f64(), cpu.as_secs_f64() * 1e6 / f64::from(FILES)])
}

impl Mount {
    fn new(port: u16) -> Result<Self> {
        let place = folder::scratch()?;
        let [point, cache, settings] = ["mount", "cache", "davfs2.conf"].map(|name| place.path().join(name));
        for directory in [&point, &cache] {
            fs::create_dir(directory)?;
        }
        // davfs2 keeps its copies there as another user.
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o777))?;
        fs::write(&settings, SETTINGS.replace("@CACHE@", &cache.to_string_lossy()))?;
        let mut mount = Self { point, is_mounted: false, _place: place };
        let options = format!("conf={}", settings.display());
        let url = format!("http://127.0.0.1:{port}/");
        run(bounded("mount.davfs").arg(url).arg(&mount.point).args(["-o", &options]))?;
        mount.is_mounted = true;
        Ok(mount)
    }

    /// Waits until davfs2 has sent everything.
    fn end(&mut self) -> Result<()> {
        run(bounded("umount").arg(&self.point))?;
        self.is_mounted = false;
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_mounted && self.end().is_err() {
            let _ = Command::new("umount").arg("-l").arg(&self.point).status();
        }
    }
}

/// A program that is ended if it takes too long.
fn bounded(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([PATIENCE, program]);
    command
}

/// Runs a program, which must succeed.
fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
