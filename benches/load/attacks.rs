//! How an attack affects an ordinary client, and what the server keeps afterwards.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::attack::{self, ATTACKS, Attack, Target};
use super::client::{self, ask, percentiles, spread};
use super::common::{Wharf, raise_open_files, sample};
use super::figures::{ATTACK_SLACK, Figures};
use super::peers::{Result, folder, server};
use super::{RATIO, TURNS};

/// How long requests are sent to both servers before the attack. The first request opens files, and later requests find
/// them open.
const WARM: Duration = Duration::from_millis(500);

/// How long an attack runs before anything is measured, so that it holds all that it can.
const LEAD: Duration = Duration::from_secs(1);

/// How long the server has to release everything after an attack.
const REST: Duration = Duration::from_secs(5);

/// The attacker's address: different from the ordinary client's, or the same, as behind a proxy.
const ORIGINS: [(u8, &str); 2] = [(2, "another"), (1, "the same")];

/// Measures these attacks, or all; returns whether the server passes each.
pub fn attacks(time: Duration, names: &[String]) -> Result<bool> {
    raise_open_files();
    let place = folder::scratch()?;
    std::fs::write(place.path().join(client::FILE), sample(client::SIZE, 91))?;
    attack::prepare(place.path())?;
    let lighttpd =
        server::SERVERS.iter().find(|server| server.name == "lighttpd").ok_or("not in the list")?;
    let idle = lighttpd.start(place.path(), false).map_err(|error| format!("lighttpd: {error}"))?;
    ask(idle.port, WARM);
    println!(
        "| attack | from address | lighttpd p50, p99, max µs | wharf p50, p99, max µs | p99 ratio | KB | threads | files | |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let mut is_well = true;
    for attack in
        ATTACKS.iter().filter(|attack| names.is_empty() || names.iter().any(|name| name == attack.name))
    {
        for origin in ORIGINS {
            is_well &= endure(attack, origin, &serve(attack, place.path()), idle.port, time);
        }
    }
    println!(
        "\np99: at most {RATIO} times that of lighttpd, the median of {TURNS} turns (least to most). KB, threads, files: before, during, {REST:?} after."
    );
    Ok(is_well)
}

fn serve(attack: &Attack, folder: &std::path::Path) -> Wharf {
    let mut shell = Command::new("sh");
    // The command-line output says where it serves; logging each request would fill the disk.
    let quiet = "export RUST_LOG=warn,wharf::cli=info";
    shell.args(["-c", &format!("{quiet}; {}; exec \"$@\"", attack.shell), "sh"]);
    Wharf::serve_folder_by(shell, folder, attack.flags)
}

/// Measures one attack and prints its line; returns whether the server passes.
fn endure(attack: &Attack, (from, origin): (u8, &str), wharf: &Wharf, idle: u16, time: Duration) -> bool {
    let port = wharf.address().port();
    ask(port, WARM);
    wharf.comes_to_rest();
    let before = Figures::of(wharf);
    let is_over = AtomicBool::new(false);
    let target = Target { address: wharf.address(), from, is_over: &is_over };
    let (turns, during) = thread::scope(|scope| {
        scope.spawn(|| (attack.act)(&target));
        thread::sleep(LEAD);
        let turns: Vec<_> = (0..TURNS).map(|_| [idle, port].map(|port| ask(port, time))).collect();
        let during = Figures::of(wharf);
        is_over.store(true, Ordering::Relaxed);
        (turns, during)
    });
    thread::sleep(REST);
    let after = Figures::of(wharf);
    let p99 = |times: &Histogram<u64>| percentiles(times)[1].max(1) as f64;
    let [least, ratio, most] =
        spread(turns.iter().map(|[idle, attacked]| p99(attacked) / p99(idle)).collect());
    let [lighttpd, attacked] = [0, 1].map(|which| {
        let mut all = client::histogram();
        for turn in &turns {
            all += &turn[which];
        }
        percentiles(&all).map(|time| time.to_string()).join(", ")
    });
    let held = [before, during, after].map(|of| [of.memory, of.threads, of.files as u64]);
    let [memory, threads, files] = [0, 1, 2].map(|which| held.map(|of| of[which].to_string()).join(", "));
    let faults = [(ratio > RATIO, "too slow"), (!after.is_back_to(before, ATTACK_SLACK), "not back")];
    let said: Vec<_> = faults.iter().filter(|(is_so, _)| *is_so).map(|(_, said)| *said).collect();
    println!(
        "| {} | {origin} | {lighttpd} | {attacked} | {ratio:.2} ({least:.2}–{most:.2}) | {memory} | {threads} | {files} | {} |",
        attack.name,
        said.join(", "),
    );
    said.is_empty()
}
