//! What durability costs: flush requests per file, and the time beside `--no-sync`.
//!
//! ```sh
//! cargo bench --bench durable
//! cargo bench --bench durable -- --binary /usr/local/bin/wharf --binary target/release/wharf --rounds 9
//! ```
//!
//! A loop device with its own ext4 counts the flush requests (field 16 of `/sys/block/loopN/stat`), so nothing else on
//! the machine is counted. It needs root, `losetup`, `mkfs.ext4` and `mount`; without them there is only the second
//! part, the times on the disk itself. Both are in `--place`: choose a directory on a real disk, because on a tmpfs a
//! flush takes no time. A flush of the loop device is an `fsync` of its image, so it takes longer than a flush of the
//! disk.

// Everything here is for this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
#[path = "common/server.rs"]
mod server;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use common::Result;
use server::Server;
use tempfile::TempDir;

/// The size of the file system, in bytes. It is sparse.
const DISK: u64 = 2 << 30;

/// The size of an uploaded file, in bytes.
const UPLOADED: usize = 1024;

/// How many files `get -R` fetches, and how long each is, in bytes.
const FETCHED: (usize, usize) = (500, 20_000);

/// Flush requests per file, and the time beside --no-sync
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure; may be given again [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Vec<PathBuf>,
    /// How often each case is measured; the medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure only cases with this in their name, such as `get` or `64 connections`
    #[arg(long, value_name = "TEXT", default_value = "")]
    case: String,
    /// Where the image of the file system is created [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    place: Option<PathBuf>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Case {
    /// Uploads of 1 KB into one directory: the number of uploads, and the number of connections.
    Upload { files: usize, connections: usize },
    /// `get -R` of a directory.
    Get,
}

const CASES: [Case; 4] = [
    Case::Upload { files: 200, connections: 1 },
    Case::Upload { files: 1_600, connections: 16 },
    Case::Upload { files: 3_200, connections: 64 },
    Case::Get,
];

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    /// `None` if they cannot be counted.
    flushes: Option<u64>,
}

/// Where files are saved.
#[derive(Debug)]
struct Disk {
    place: TempDir,
    /// The device, if the place is the mount point of a separate file system.
    device: Option<LoopDevice>,
}

/// An ext4 on a loop device, mounted. It is removed on drop.
#[derive(Debug)]
struct LoopDevice {
    name: String,
    mounted_at: PathBuf,
    /// It contains the image.
    _place: TempDir,
}

fn main() -> ExitCode {
    common::exit(measure(&Settings::parse()))
}

fn measure(settings: &Settings) -> Result<()> {
    let binaries = &common::binaries(&settings.binary)[..];
    let place = settings.place.clone().unwrap_or_else(std::env::temp_dir);
    println!("| binary | on | case | flushes per file | files/s | with --no-sync | time ratio |");
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: |");
    match Disk::on_loop_device(&place) {
        Ok(disk) => measure_all(binaries, &disk, settings)?,
        Err(error) => println!("SKIPPED: flush requests are not counted: no loop device: {error}"),
    }
    measure_all(binaries, &Disk { place: tempfile::tempdir_in(place)?, device: None }, settings)
}

fn measure_all(binaries: &[PathBuf], disk: &Disk, settings: &Settings) -> Result<()> {
    for case in CASES.into_iter().filter(|case| case.name().contains(&settings.case)) {
        let mut costs = vec![(Vec::new(), Vec::new()); binaries.len()];
        for round in 0..settings.rounds {
            for ((synced, unsynced), binary) in costs.iter_mut().zip(binaries) {
                // In turn, so that neither is always the first.
                for sync in [round % 2 == 0, round % 2 != 0] {
                    let cost = case.run(binary, sync, disk)?;
                    if sync { synced.push(cost) } else { unsynced.push(cost) }
                }
            }
        }
        for ((synced, unsynced), binary) in costs.iter().zip(binaries) {
            case.print(binary, disk, synced, unsynced);
        }
    }
    Ok(())
}

impl Case {
    fn name(self) -> String {
        match self {
            Self::Upload { connections: 1, .. } => "uploads of 1 KB, 1 connection".to_owned(),
            Self::Upload { connections, .. } => format!("uploads of 1 KB, {connections} connections"),
            Self::Get => format!("get -R of {} × {} KB", FETCHED.0, FETCHED.1 / 1000),
        }
    }

    fn files(self) -> usize {
        match self {
            Self::Upload { files, .. } => files,
            Self::Get => FETCHED.0,
        }
    }

    fn run(self, binary: &Path, sync: bool, disk: &Disk) -> Result<Cost> {
        let place = tempfile::tempdir_in(disk.place.path())?;
        match self {
            Self::Upload { files, connections } => {
                let flag: &[&str] = if sync { &[] } else { &["--no-sync"] };
                let server = serve(binary, place.path(), flag)?;
                disk.cost(|| upload_all(&server.address, files, connections))
            }
            Self::Get => {
                let source = tempfile::tempdir()?;
                let (files, size) = FETCHED;
                (0..files)
                    .try_for_each(|n| fs::write(source.path().join(n.to_string()), vec![b'x'; size]))?;
                let server = serve(binary, source.path(), &[])?;
                let mut get = Command::new(binary);
                get.args(["get", "--quiet", "-R", "--dir"]).arg(place.path());
                get.args((!sync).then_some("--no-sync")).arg(format!("http://{}/", server.address));
                let cost = disk.cost(|| run(&mut get).map(drop))?;
                let fetched = fs::read_dir(place.path())?.count();
                if fetched == files { Ok(cost) } else { Err(format!("{fetched} files were fetched").into()) }
            }
        }
    }

    fn print(self, binary: &Path, disk: &Disk, synced: &[Cost], unsynced: &[Cost]) {
        let files = self.files() as f64;
        let rate = |costs: &[Cost]| median(costs.iter().map(|cost| files / cost.time.as_secs_f64()));
        let pairs = synced.iter().zip(unsynced);
        let ratio = median(pairs.map(|(with, without)| with.time.as_secs_f64() / without.time.as_secs_f64()));
        let flushes = synced.iter().filter_map(|cost| Some(cost.flushes? as f64 / files));
        let flushes = disk.device.as_ref().map_or("–".to_owned(), |_| format!("{:.2}", median(flushes)));
        println!(
            "| {} | {} | {} | {flushes} | {:.0} | {:.0} | {ratio:.2} |",
            binary.display(),
            if disk.device.is_some() { "a loop device" } else { "the disk" },
            self.name(),
            rate(synced),
            rate(unsynced)
        );
    }
}

/// NaN if there are no values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Disk {
    fn on_loop_device(place: &Path) -> Result<Self> {
        let (mount_point, image_place) = (tempfile::tempdir_in(place)?, tempfile::tempdir_in(place)?);
        let image = image_place.path().join("image");
        File::create(&image)?.set_len(DISK)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let name = run(Command::new("losetup").args(["--find", "--show"]).arg(&image))?.trim().to_owned();
        let mounted_at = mount_point.path().to_owned();
        let device = LoopDevice { name, mounted_at, _place: image_place };
        run(Command::new("mount").arg(&device.name).arg(&device.mounted_at))?;
        Ok(Self { place: mount_point, device: Some(device) })
    }

    /// The cost of this, on a file system that has no earlier data left to write.
    fn cost(&self, act: impl FnOnce() -> Result<()>) -> Result<Cost> {
        rustix::fs::syncfs(File::open(self.place.path())?)?;
        let before = self.device.as_ref().map(LoopDevice::flushes).transpose()?;
        let start = Instant::now();
        act()?;
        let time = start.elapsed();
        let after = self.device.as_ref().map(LoopDevice::flushes).transpose()?;
        Ok(Cost { time, flushes: after.zip(before).map(|(after, before)| after - before) })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Before its mount point is removed.
        drop(self.device.take());
    }
}

impl LoopDevice {
    /// The flush requests so far.
    fn flushes(&self) -> Result<u64> {
        let name = self.name.trim_start_matches("/dev/");
        let stat = fs::read_to_string(format!("/sys/block/{name}/stat"))?;
        Ok(stat.split_whitespace().nth(15).ok_or("this kernel counts no flush requests")?.parse()?)
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        // Fails if it was not mounted.
        let _ = run(Command::new("umount").arg(&self.mounted_at));
        if let Err(error) = run(Command::new("losetup").arg("--detach").arg(&self.name)) {
            eprintln!("{} is left: {error}", self.name);
        }
    }
}

/// Serves a folder, by this binary.
fn serve(binary: &Path, folder: &Path, flags: &[&str]) -> Result<Server> {
    Server::start(
        Command::new(binary)
            .args(["serve", "--port", "0", "--timeout", "600", "--idle-exit", "never"])
            .args(flags)
            .arg(folder)
            .env("RUST_LOG", "off"),
    )
}

/// Uploads this many new files. Each connection uploads an equal share of them, one after the other.
fn upload_all(address: &str, files: usize, connections: usize) -> Result<()> {
    thread::scope(|scope| {
        let upload = |sender: usize| move || upload_some(address, sender, files / connections);
        let threads: Vec<_> = (0..connections).map(|sender| scope.spawn(upload(sender))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a sender panicked")?)
    })
}

fn upload_some(address: &str, sender: usize, files: usize) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut response = [0; 4096];
    for number in 0..files {
        let mut request = format!(
            "PUT /{sender}-{number}.bin HTTP/1.1\r\nHost: {address}\r\nContent-Length: {UPLOADED}\r\n\r\n"
        )
        .into_bytes();
        request.resize(request.len() + UPLOADED, b'x');
        stream.write_all(&request)?;
        let mut length = 0;
        while !is_complete(response.get(..length).unwrap_or_default()) {
            match stream.read(response.get_mut(length..).unwrap_or_default())? {
                0 => return Err("the server closed the connection".into()),
                count => length += count,
            }
        }
        if !response.starts_with(b"HTTP/1.1 201 ") {
            return Err(String::from_utf8_lossy(&response[..length]).into());
        }
    }
    Ok(())
}

/// Whether this is a whole response.
fn is_complete(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_none_or(|length| length.parse() == Ok(body.len()))
}

/// Runs a program, which must succeed, and returns what it printed.
fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into())
}
