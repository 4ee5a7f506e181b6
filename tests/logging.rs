//! The log, the recording and stdout: a stalled reader stops nothing, no line is lost silently, and the files
//! are private.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::{Running, Wharf, eventually, outside, run, skip};

/// More than fits into the queue of 1 MiB, the batch being written, and the pipe.
const REQUESTS: usize = 6_000;

/// A request target whose line in the log or the recording is longer than 1,000 bytes.
fn long_target(number: usize) -> String {
    format!("/{number}?{}", "x".repeat(1_000))
}

/// A FIFO, and its reading end, which is open but not read yet.
fn fifo(place: &TempDir) -> (PathBuf, File) {
    let path = place.path().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let reader = File::options().read(true).custom_flags(flags).open(&path).expect("opened");
    (path, reader)
}

/// Sends all requests, then starts to read, and sends a last one; returns what was written.
fn flood(wharf: &Wharf, reader: &mut File, notice: &str, last: &str) -> String {
    let mut wire = wharf.connect();
    for number in 0..REQUESTS {
        assert_eq!(wire.ask("GET", &long_target(number), "", b"").code(), 404, "request {number}");
    }
    let text = read_until(reader, notice);
    // On the same connection, so that its line is the last.
    wire.ask("GET", "/later", "", b"");
    text + &read_until(reader, last)
}

/// Reads until this text appears.
fn read_until(reader: &mut File, end: &str) -> String {
    let mut text = Vec::new();
    eventually(end, || {
        // Nothing has been written yet, or no more.
        let _ = reader.read_to_end(&mut text);
        String::from_utf8_lossy(&text).contains(end)
    });
    String::from_utf8(text).expect("text")
}

/// The requests that were written, and how many are reported as missing.
fn written_and_missing(text: &str, notice: &str) -> (usize, usize) {
    let is_request = |line: &&str| line.contains("GET /") && line.contains("404");
    let notice = text.lines().find(|line| line.contains(notice)).expect("a notice");
    let count = notice.split(' ').find_map(|word| word.parse().ok()).expect("a number");
    (text.lines().filter(is_request).count(), count)
}

const DROPPED: &str = "log lines are missing here";

#[test]
fn an_unread_log_stops_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let (path, mut reader) = fifo(&place);
    let fifo = path.to_str().expect("text");
    let cases = [
        ("stderr", format!("export RUST_LOG=info; exec 2>'{fifo}'"), vec![]),
        ("--log-file", "export RUST_LOG=info".to_owned(), vec!["--log-file", fifo]),
    ];
    for (what, shell, flags) in cases {
        let wharf = Wharf::serve_after(&shell, &flags);
        let text = flood(&wharf, &mut reader, DROPPED, "\"GET /later HTTP/1.1\" 404");
        let (written, missing) = written_and_missing(&text, DROPPED);
        assert_eq!(written + missing, REQUESTS + 1, "{what}");
        assert!(missing > 0 && written > 100, "{what}: {written} written, {missing} missing");
    }
}

#[test]
fn an_unread_recording_stops_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let (path, mut reader) = fifo(&place);
    let wharf = Wharf::serve(&["--record", path.to_str().expect("text")]);
    let text = flood(&wharf, &mut reader, "requests are missing here", "GET /later -> 404\n");
    assert!(text.starts_with("# Recorded by wharf"), "{}", &text[..100]);
    let (written, missing) = written_and_missing(&text, "requests are missing here");
    assert_eq!(written + missing, REQUESTS + 1);
    assert!(missing > 0 && written > 100, "{written} written, {missing} missing");
    let line = format!("{missing} requests are missing from the recording");
    eventually("the log says so too", || wharf.log().contains(&line));
}

#[test]
fn a_fifo_without_a_reader_does_not_delay_the_start() {
    let place = tempfile::tempdir().expect("a directory");
    let (path, reader) = fifo(&place);
    drop(reader);
    let path = path.to_str().expect("text");
    for flag in ["--log-file", "--record"] {
        let wharf = Wharf::serve(&[flag, path]);
        assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200, "{flag}");
    }
}

/// A full pipe, and its reading end.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let size = rustix::pipe::fcntl_getpipe_size(&writer).expect("its size");
    writer.write_all(&vec![b'.'; size]).expect("it fits");
    (reader, writer)
}

#[test]
fn stalled_readers_do_not_keep_the_server_from_exiting() {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("share")).expect("a directory");
    let serve = |flags: &[&str]| {
        let (reader, full) = full_pipe();
        let child = Running::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .args(["serve", "share"])
                .args(flags)
                .current_dir(place.path())
                .env_remove("RUST_LOG")
                .env_remove("SERVER_SHARED_FILES")
                .stdin(Stdio::null())
                .stdout(full.try_clone().expect("cloned"))
                .stderr(full),
        );
        (child, reader)
    };
    let ends = |child: &mut Running| {
        eventually("it ends", || child.try_wait().expect("a child").is_some());
        child.wait().expect("a child").code()
    };
    for signals in [1, 2] {
        let (mut child, _reader) = serve(&["--no-tcp", "--unix", "socket"]);
        eventually("it serves", || place.path().join("socket").exists());
        for _ in 0..signals {
            kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
        }
        ends(&mut child);
    }
    let (mut child, _reader) = serve(&["--port", "0", "--log-file", "none/log"]);
    assert_eq!(ends(&mut child), Some(1), "with an error message that nobody reads");
}

/// The numbers of the requests in a file, in order.
fn numbers(file: &Path) -> Vec<usize> {
    let text = fs::read_to_string(file).expect("a file");
    let number = |line: &str| line.split_once("GET /n")?.1.split(' ').next()?.parse().ok();
    text.lines().filter_map(number).collect()
}

#[test]
fn sighup_reopens_the_files_and_loses_no_line() {
    const ROUNDS: usize = 5;
    const EACH: usize = 200;
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    let (log, record) = (at("log"), at("record"));
    let flags = ["--log-file", log.to_str().expect("text"), "--record", record.to_str().expect("text")];
    let wharf = Wharf::serve(&flags);
    let mut wire = wharf.connect();
    let mut count = 0;
    for round in 0..ROUNDS {
        for _ in 0..EACH {
            wire.ask("GET", &format!("/n{count}"), "", b"");
            count += 1;
        }
        fs::rename(&log, at(&format!("log.{round}"))).expect("renamed");
        fs::rename(&record, at(&format!("record.{round}"))).expect("renamed");
        wharf.signal(Signal::HUP);
        eventually("new files", || log.exists() && record.exists());
        eventually("it is logged", || {
            let log = fs::read_to_string(&log).expect("a log");
            log.contains("reopened the log file") && log.contains("reopened the recording")
        });
    }
    wire.ask("GET", &format!("/n{count}"), "", b"");
    for (what, header) in [("log", ""), ("record", "# Recorded by wharf")] {
        eventually("the last line", || numbers(&at(what)).last() == Some(&count));
        let rounds: Vec<_> = (0..ROUNDS).map(|round| at(&format!("{what}.{round}"))).collect();
        let all: Vec<_> = rounds.iter().chain([&at(what)]).flat_map(|file| numbers(file)).collect();
        assert!(all == (0..=count).collect::<Vec<_>>(), "{what}: each line once, in order");
        for file in rounds.iter().chain([&at(what)]) {
            let text = fs::read_to_string(file).expect("a file");
            assert!(text.starts_with(header), "{}", file.display());
            let mode = file.metadata().expect("a file").mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    }
}

#[test]
fn lines_are_written_within_a_second_and_in_order() {
    const ROUNDS: usize = 5;
    const EACH: usize = 100;
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("log");
    let wharf = Wharf::serve(&["--log-file", log.to_str().expect("text")]);
    let mut wire = wharf.connect();
    let delays = (0..ROUNDS).map(|round| {
        let sent = (round + 1) * EACH;
        (round * EACH..sent).for_each(|number| drop(wire.ask("GET", &format!("/n{number}"), "", b"")));
        let start = Instant::now();
        eventually("all are logged", || numbers(&log).len() == sent);
        start.elapsed()
    });
    // A busy machine may be late now and then.
    assert!(delays.min().is_some_and(|delay| delay < Duration::from_secs(1)));
    assert!(numbers(&log) == (0..ROUNDS * EACH).collect::<Vec<_>>());
}

#[test]
fn every_line_is_written_before_the_server_exits() {
    const REQUESTS: usize = 200;
    let place = tempfile::tempdir().expect("a directory");
    let ends: [(&str, &[&str], &[Signal]); 4] = [
        ("SIGTERM", &[], &[Signal::TERM]),
        ("SIGINT", &[], &[Signal::INT]),
        ("SIGTERM twice", &[], &[Signal::TERM, Signal::TERM]),
        ("idle", &["--idle-exit", "2"], &[]),
    ];
    for (what, flags, signals) in ends {
        let log = place.path().join(what);
        let mut wharf = Wharf::serve(&[&["--log-file", log.to_str().expect("text")], flags].concat());
        let mut wire = wharf.connect();
        for number in 0..REQUESTS {
            wire.ask("GET", &format!("/n{number}"), "", b"");
        }
        // The line of a request is logged before the next request on its connection is read.
        wire.ask("GET", "/.wharf/health", "", b"");
        for signal in signals {
            wharf.signal(*signal);
        }
        wharf.wait();
        assert!(numbers(&log) == (0..REQUESTS).collect::<Vec<_>>(), "{what}");
        if signals.len() < 2 {
            let log = fs::read_to_string(&log).expect("a log");
            assert!(log.ends_with("INFO  stopped\n"), "{what}: {log}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_reopened_stays_in_use() {
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("dir")).expect("a directory");
    let wharf = Wharf::serve(&["--log-file", at("dir/log").to_str().expect("text")]);
    let hold =
        |line: &str| eventually(line, || fs::read_to_string(at("gone/log")).expect("a log").contains(line));
    fs::rename(at("dir"), at("gone")).expect("renamed");
    wharf.signal(Signal::HUP);
    hold("cannot reopen the log file, the old one stays in use: No such file");
    // A symlink that would lead the log into the shared directory.
    symlink(wharf.folder(), at("dir")).expect("a link");
    wharf.signal(Signal::HUP);
    hold("cannot reopen the log file, the old one stays in use: it is in the shared folder");
    assert!(wharf.tree().is_empty());
    wharf.ask("GET", "/later", "", b"");
    hold("GET /later");
}

#[test]
fn sighup_without_a_log_file_is_ignored() {
    let wharf = Wharf::serve(&[]);
    wharf.signal(Signal::HUP);
    eventually("it is logged", || wharf.log().contains("SIGHUP is ignored"));
    assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
}

#[test]
fn a_log_in_the_shared_folder_is_rejected() {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(place.path().join("share/sub")).expect("directories");
    fs::write(place.path().join("share/old"), "").expect("written");
    fs::hard_link(place.path().join("share/old"), place.path().join("other")).expect("a link");
    symlink("share/sub", place.path().join("link")).expect("a link");
    symlink("share/dangling", place.path().join("dangling")).expect("a link");
    let inside = "it is in the shared folder, where every client could read it (name a file outside it)";
    let linked =
        "it has other names (hard links), and the shared folder may contain one of them (name another file)";
    let files =
        ["share/log", "share/sub/../log", "link/log", "dangling", "share/old"].map(|file| (file, inside));
    for (flag, what) in [("--log-file", "log to"), ("--record", "record to")] {
        for (file, why) in files.into_iter().chain([("other", linked)]) {
            let output = run(&["serve", "share", "--port", "0", flag, file], "", place.path());
            assert_eq!(output.stderr, format!("wharf: cannot {what} {file}: {why}\n"));
            assert_eq!(output.code, Some(1), "{flag} {file}");
        }
    }
    let names: Vec<_> = fs::read_dir(place.path().join("share")).expect("a directory").collect();
    assert_eq!(names.len(), 2, "none was created: {names:?}");
}

/// The mounts are in a mount namespace of their own.
#[test]
fn a_log_in_a_second_mount_of_the_shared_folder_is_rejected() {
    let Some(mut unshare) = outside("unshare") else { return };
    if !unshare.args(["-m", "true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip("this user may not mount anything");
        return;
    }
    let mut unshare = Command::new("unshare");
    let place = tempfile::tempdir().expect("a directory");
    for directory in ["share/sub", "share/mounted", "whole", "part", "logs"] {
        fs::create_dir_all(place.path().join(directory)).expect("a directory");
    }
    let script =
        "set -e; mount --bind share whole; mount --bind share/sub part; mount --bind logs share/mounted
        for log in whole/log part/log logs/log; do
            if \"$0\" serve share --port 0 --log-file $log 2>>said; then exit 1; fi
        done";
    unshare.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_wharf")]).current_dir(place.path());
    let output = Running::start(unshare.stderr(Stdio::piped())).output();
    let said = fs::read_to_string(place.path().join("said")).unwrap_or_default();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches("it is in the shared folder").count(), 3, "{said}");
}

#[test]
fn other_users_may_not_read_the_log_or_the_recording() {
    let place = tempfile::tempdir().expect("a directory");
    let files = ["log", "record"].map(|name| place.path().join(name));
    for file in &files {
        fs::write(file, "old\n").expect("written");
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("changed");
    }
    let [log, record] = &files;
    let flags = ["--log-file", log.to_str().expect("text"), "--record", record.to_str().expect("text")];
    let _wharf = Wharf::serve(&flags);
    eventually("it is logged", || {
        fs::read_to_string(log).expect("a log").matches("(mode 0644); its mode is now 0600").count() == 2
    });
    for file in &files {
        assert_eq!(file.metadata().expect("a file").mode() & 0o777, 0o600, "{}", file.display());
    }
    assert!(fs::read_to_string(log).expect("a log").starts_with("old\n"), "the log grows");
    eventually("the recording is empty at first", || {
        fs::read_to_string(record).expect("a script").starts_with("# Recorded")
    });
}

#[test]
fn devices_and_pipes_work_as_logs_too() {
    for path in ["/dev/stderr", "/proc/self/fd/2"] {
        let wharf = Wharf::serve(&["--log-file", path]);
        wharf.ask("GET", "/a", "", b"");
        eventually(path, || wharf.log().contains("\"GET /a HTTP/1.1\" 404"));
        wharf.signal(Signal::HUP);
        eventually(path, || wharf.log().contains("reopened the log file"));
    }
    let wharf = Wharf::serve(&["--log-file", "/dev/null", "--record", "/dev/null"]);
    wharf.signal(Signal::HUP);
    assert_eq!(wharf.ask("GET", "/a", "", b"").code(), 404);
}

#[test]
fn stderr_in_the_shared_folder_causes_a_warning() {
    // The shell gets the shared folder as its first argument.
    let wharf = Wharf::serve_after("exec 2>\"$2/log\"", &[]);
    eventually("it is logged", || {
        String::from_utf8_lossy(&wharf.read("log"))
            .contains("WARN  stderr is a file: it is in the shared folder")
    });
}

#[test]
fn root_causes_a_warning() {
    let wharf = Wharf::serve(&[]);
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(wharf.settled_log().contains("WARN  running as root"), is_root);
}
