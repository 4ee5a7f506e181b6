//! How much a crowd or an attack slows an ordinary client, and whether anything grows in the long run.
//!
//! ```sh
//! cargo bench --bench load                                # five seconds without a crowd and five with it, five times
//! cargo bench --bench load -- --attacks --seconds 2       # an ordinary client while another attacks the server
//! cargo bench --bench load -- --passwords --seconds 2     # guesses of passwords: their cost, and what they reveal
//! cargo bench --bench load -- --soak --seconds 600        # every kind of request, for ten minutes
//! ```
//!
//! The tests do the same briefly, without measuring time (`tests/load.rs`); the crowd and the requests are
//! theirs.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]
// The test harness has more than is needed here; a failed assertion ends the benchmark.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod attack;
mod attacks;
mod client;
#[path = "../../tests/common/mod.rs"]
#[allow(dead_code, unused_imports)]
mod common;
mod figures;
#[cfg(feature = "accounts")]
mod passwords;
mod peers;

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use hdrhistogram::Histogram;

use attack::ATTACKS;
use client::{ask, percentiles, spread};
use common::crowd::{CROWD, Crowd, Sizes};
use common::daily::{everything_once, fill_the_room};
use common::{Random, Wharf, sample};
use figures::{Figures, SOAK_SLACK};

/// The maximum ratios: the p99 with a crowd to the p99 without, and the p99 under attack to the p99 of an idle
/// lighttpd.
const RATIO: f64 = 3.0;

/// Turns of the ordinary client: with and without the crowd, or with an attacked and an idle server.
const TURNS: usize = 5;

/// The crowd moves in steps: slow clients move one byte every `SLOW` steps, which is once a second, and
/// reconnecting clients reconnect every `RESTLESS` steps, ten times as often.
const STEP: Duration = Duration::from_millis(10);
const SLOW: usize = 100;
const RESTLESS: usize = 10;

/// How many clients run in parallel in a soak test.
const CLIENTS: u64 = 4;

/// A crowd, attacks, or a soak test
#[derive(Debug, Parser)]
#[allow(clippy::struct_excessive_bools)]
struct Settings {
    /// The duration of each turn, or of the soak test
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Check whether anything grows
    #[arg(long)]
    soak: bool,
    /// Attack the server
    #[arg(long, conflicts_with = "soak")]
    attacks: bool,
    /// Guess passwords
    #[cfg(feature = "accounts")]
    #[arg(long, conflicts_with_all = ["soak", "attacks"])]
    passwords: bool,
    /// Only these attacks
    #[arg(value_name = "NAME", requires = "attacks", value_parser = PossibleValuesParser::new(ATTACKS.iter().map(|attack| attack.name)))]
    names: Vec<String>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    let time = Duration::from_secs(settings.seconds);
    let is_well = match settings {
        Settings { soak: true, .. } => Ok(soak(time)),
        Settings { attacks: true, names, .. } => attacks::attacks(time, &names),
        #[cfg(feature = "accounts")]
        Settings { passwords: true, .. } => passwords::passwords(time),
        _ => Ok(crowd(time)),
    };
    match is_well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &[&str]) -> Wharf {
    let mut quiet = Command::new("env");
    // The command-line output says where it serves; logging each request would fill the disk.
    quiet.arg("RUST_LOG=warn,wharf::cli=info");
    let flags = [&["--timeout", "86400", "--max-connections", "20000"], flags].concat();
    Wharf::serve_by(quiet, tempfile::tempdir().expect("a folder"), &flags)
}

/// Measures how long an ordinary client waits for its responses, with and without a crowd; returns whether
/// the ratio is acceptable. Both take turns, so that other load on the machine affects both, and the median
/// of the turns counts.
fn crowd(time: Duration) -> bool {
    let sizes = CROWD.as_far_as_possible();
    println!("{sizes:?}");
    println!("{:24} {:>9} {:>9} {:>9} {:>9}", "µs", "requests", "p50", "p99", "max");
    let wharf = serve(&[]);
    wharf.write(client::FILE, sample(client::SIZE, 91));
    let port = wharf.address().port();
    // The first request opens files that later ones find open.
    ask(port, Duration::from_millis(500));
    let ratios = (0..TURNS)
        .map(|_| {
            let alone = show("alone", &ask(port, time));
            let crowd = Crowd::gather(&wharf, sizes);
            let beside = show("with a crowd", &with(crowd, || ask(port, time)));
            wharf.comes_to_rest();
            beside as f64 / alone.max(1) as f64
        })
        .collect();
    let [least, median, most] = spread(ratios);
    println!("p99 with a crowd: {median:.2} times that without ({least:.2} to {most:.2}); at most {RATIO}");
    median <= RATIO
}

/// Prints a line; returns its p99.
fn show(what: &str, times: &Histogram<u64>) -> u64 {
    let [p50, p99, max] = percentiles(times);
    println!("{what:24} {:>9} {p50:>9} {p99:>9} {max:>9}", times.len());
    p99
}

/// Calls this while the crowd moves.
fn with<T>(mut crowd: Crowd<'_>, act: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for step in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                crowd.stir(step % SLOW, SLOW);
                crowd.come_and_go(step % RESTLESS, RESTLESS);
                thread::sleep(STEP);
            }
        });
        let done = act();
        is_over.store(true, Ordering::Relaxed);
        done
    })
}

/// Whether nothing grows while clients send every kind of request, together with a small crowd.
fn soak(time: Duration) -> bool {
    let wharf = serve(&["--udp", "0"]);
    fill_the_room(&wharf);
    let small = Sizes { idle: 1000, readers: 50, writers: 50, restless: 50 };
    let crowd = Crowd::gather(&wharf, small.as_far_as_possible());
    let at_rest = wharf.status("Threads");
    println!("{:>10} {:>9} {:>9} {:>9} {:>9}", "seconds", "rounds", "KB", "threads", "files");
    let (start, mut rounds, mut random) =
        (Instant::now(), 0, (0..CLIENTS).map(Random::new).collect::<Vec<_>>());
    let figures = with(crowd, || {
        // A tenth of the time to warm up, and the rest to measure.
        let tenth = |_| {
            rounds += work(&wharf, &mut random, time / 10);
            let figures = look(&wharf, at_rest);
            let Figures { memory, threads, files } = figures;
            let seconds = start.elapsed().as_secs();
            println!("{seconds:>10} {rounds:>9} {memory:>9} {threads:>9} {files:>9}");
            figures
        };
        (0..10).map(tenth).collect::<Vec<_>>()
    });
    let (warm, end) = (figures[0], figures[9]);
    let is_well = end.is_back_to(warm, SOAK_SLACK);
    println!("{}", if is_well { "nothing grew" } else { "something grew" });
    is_well
}

/// Sends every kind of request for this long, from several clients; returns how many rounds.
fn work(wharf: &Wharf, random: &mut [Random], time: Duration) -> u64 {
    let start = Instant::now();
    thread::scope(|scope| {
        let all_day = move |random: &mut Random| {
            let mut rounds = 0;
            while start.elapsed() < time {
                everything_once(wharf, random);
                rounds += 1;
            }
            rounds
        };
        let clients: Vec<_> = random.iter_mut().map(|random| scope.spawn(move || all_day(random))).collect();
        clients.into_iter().map(|client| client.join().expect("every response was correct")).sum()
    })
}

/// The server's resources, after it has noticed all disconnects, and no TFTP transfer waits to repeat its
/// last packet.
fn look(wharf: &Wharf, at_rest: u64) -> Figures {
    let start = Instant::now();
    while wharf.status("Threads") > at_rest && start.elapsed() < common::PATIENCE {
        thread::sleep(Duration::from_secs(1));
    }
    thread::sleep(Duration::from_secs(1));
    Figures::of(wharf)
}
