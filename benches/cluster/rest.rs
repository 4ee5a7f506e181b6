//! What a server at rest has: threads and memory.

use std::path::Path;
use std::process::Command;

use super::Settings;
use super::common::store::Store;
use super::common::{Wharf, eventually};
use super::report::Report;

/// How many servers of each kind are measured; the median counts.
const SERVERS: usize = 5;

/// The threads of a shared room: one follows the stream, and one renews names.
const ROOM_THREADS: u64 = 2;

/// How much memory may differ, in KB: what the allocator has left differs from run to run.
const SLACK: u64 = 512;

/// The threads and the resident memory (in KB) of a server that has served one request.
#[derive(Debug, Clone, Copy)]
struct Rest {
    threads: u64,
    memory: u64,
}

pub fn measure(settings: &Settings, report: &mut Report) {
    let Some(store) = Store::start(&[]) else { return };
    let url = store.url();
    let alone = at_rest(None, &[]);
    let shared = at_rest(None, &["--shared", &url]);
    let earlier = settings.earlier.as_deref().map(|earlier| at_rest(Some(earlier), &[]));
    report.begin("At rest, after one request");
    let shown = |rest: Rest| format!("{} threads, {} KB", rest.threads, rest.memory);
    report.figure("without --shared", shown(alone));
    report.figure("with --shared", shown(shared));
    let more = shared.threads.saturating_sub(alone.threads);
    report.target("threads more with --shared", more, "2", more == ROOM_THREADS);
    if let Some(earlier) = earlier {
        report.figure("the earlier version", shown(earlier));
        let is_same = alone.threads <= earlier.threads && alone.memory <= earlier.memory + SLACK;
        report.target("without --shared as before", is_same, "true", is_same);
    }
}

fn at_rest(version: Option<&Path>, flags: &[&str]) -> Rest {
    let mut found: Vec<_> = (0..SERVERS).map(|_| rest_of_one(version, flags)).collect();
    found.sort_by_key(|rest| rest.memory);
    found[SERVERS / 2]
}

fn rest_of_one(version: Option<&Path>, flags: &[&str]) -> Rest {
    let mut program = Command::new("env");
    program.arg("RUST_LOG=warn,wharf::cli=info,wharf::server::room_reader=info");
    if let Some(version) = version {
        program.args(["sh", "-c", "shift; exec \"$0\" \"$@\""]).arg(version);
    }
    let wharf = Wharf::serve_by(program, tempfile::tempdir().expect("a folder"), flags);
    wharf.write("a.txt", "content");
    assert_eq!(wharf.ask("GET", "/a.txt", "", b"").code(), 200);
    if !flags.is_empty() {
        eventually("it follows the room", || wharf.log().contains("follows the shared room"));
    }
    wharf.comes_to_rest();
    Rest { threads: wharf.status("Threads"), memory: wharf.status("VmRSS") }
}
