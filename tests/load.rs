//! A crowd of clients costs bounded memory and no threads, and every request is answered; and nothing grows
//! over time.

use std::io::Write;

use crate::common::crowd::{CROWD, Crowd};
use crate::common::daily::{everything_once, fill_the_room};
use crate::common::{Random, Wharf, eventually, sample};

/// How many rounds the crowd runs.
const ROUNDS: usize = 10;

/// The maximum memory of a connection in each state, and of everything else, in KB.
const EACH: u64 = 8;
const REST: u64 = 24 * 1024;

/// The server's threads: workers, the second pool, and one each for accepting, timers, signals, listeners,
/// TFTP, the log and stdout.
const THREADS: u64 = 64 + 4 + 7;

#[test]
fn a_crowd_delays_no_one() {
    let sizes = CROWD.as_far_as_possible();
    if sizes.idle < CROWD.idle {
        let (idle, error) = (sizes.idle, &mut std::io::stderr());
        let _ = writeln!(error, "ONLY {idle} idle connections: more open files are not allowed here");
    }
    let wharf = Wharf::serve(&["--timeout", "600", "--max-connections", "20000"]);
    let before = wharf.open_files();
    let mut crowd = Crowd::gather(&wharf, sizes);
    eventually("all are connected", || wharf.open_files() > sizes.connections() - sizes.restless);
    let content = sample(100_000, 501);
    for round in 0..ROUNDS {
        crowd.stir(0, 1);
        crowd.come_and_go(0, 1);
        let mut wire = wharf.connect();
        assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200, "round {round}");
        assert!(wire.ask("PUT", "/ordinary", "", &content).head.status.is_success(), "round {round}");
        assert!(wire.ask("GET", "/ordinary", "", b"").body == content, "round {round}");
        assert_eq!(wire.ask("GET", "/?list", "", b"").code(), 200, "round {round}");
    }
    let (memory, threads, files) = (wharf.status("VmRSS"), wharf.status("Threads"), wharf.open_files());
    let connections = sizes.connections() as u64;
    assert!(memory < REST + EACH * connections, "{memory} KB for {connections} connections");
    assert!(threads <= THREADS, "{threads} threads");
    // A reader has one open file, and a writer has one open file and its directory.
    let most = before + sizes.connections() + sizes.readers + 2 * sizes.writers + 100;
    assert!(files <= most, "{files} open files for {connections} connections");
    crowd.ask_the_idle();
    drop(crowd);
    eventually("all descriptors are closed", || wharf.open_files() <= before + 8);
}

#[test]
fn nothing_grows_over_time() {
    /// Rounds until memory is stable, and rounds that are measured.
    const WARM: usize = 40;
    const WATCHED: usize = 120;
    /// Tolerance for the allocator, in KB: about 16 KB per round.
    const SLACK: u64 = 2 * 1024;
    let wharf = Wharf::serve(&["--udp", "0", "--workers", "4", "--no-sync"]);
    let mut random = Random::new(82);
    fill_the_room(&wharf);
    (0..WARM).for_each(|_| everything_once(&wharf, &mut random));
    wharf.comes_to_rest();
    let figures = || (wharf.status("VmRSS"), wharf.status("Threads"), wharf.open_files());
    let (memory, threads, files) = figures();
    (0..WATCHED).for_each(|_| everything_once(&wharf, &mut random));
    eventually("the numbers of threads and files are unchanged", || {
        let (_, threads_now, files_now) = figures();
        threads_now <= threads && files_now <= files
    });
    let grown = figures().0.saturating_sub(memory);
    assert!(grown < SLACK, "{grown} KB more after {WATCHED} rounds, from {memory} KB");
}
