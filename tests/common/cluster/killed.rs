//! Servers that are killed one after the other while clients use them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::chat::{Members, Transcript, while_members_talk};
use super::savers::Saver;
use super::visitors::Visitors;
use super::{Cluster, SERVERS};
use crate::common::{run, sample};

/// How many clients save files.
const SAVERS: usize = 4;

/// The members of the chat.
const MEMBERS: Members = Members { speakers: 3, listeners: 4, pause: Duration::from_millis(100) };

/// The size of a file that `wharf put` sends in pieces.
const LARGE: usize = 4 << 20;

/// What the clients have observed.
pub struct Killed {
    pub took: Duration,
    pub savers: Vec<Saver>,
    /// The acknowledged files that are not there, or have another content.
    pub lost: Vec<String>,
    /// Clients that do not try again.
    pub visitors: Visitors,
    pub chat: Transcript,
    /// How often `wharf put` and `wharf get` have sent and fetched a large file, and which of them failed.
    pub commands: usize,
    pub failed_commands: Vec<String>,
}

/// Kills a server this many times, each in turn.
pub fn kill_often(cluster: &mut Cluster, kills: usize) -> Killed {
    Visitors::prepare(cluster.folder());
    let (proxy, url, is_over) = (cluster.address(), cluster.url(), AtomicBool::new(false));
    let (visitors, begun) = (Visitors::default(), Instant::now());
    let (savers, commands, chat) = thread::scope(|scope| {
        let (is_over, visitors) = (&is_over, &visitors);
        let savers: Vec<_> =
            (0..SAVERS).map(|number| scope.spawn(move || Saver::run(proxy, number, is_over))).collect();
        let commands = scope.spawn(|| put_and_get(&url, is_over));
        scope.spawn(move || visitors.visit(proxy, 1));
        let chat = while_members_talk(proxy, MEMBERS, || {
            (0..kills).for_each(|round| cluster.kill(round % SERVERS));
        });
        is_over.store(true, Ordering::Relaxed);
        visitors.end();
        let savers: Vec<_> = savers.into_iter().map(|saver| saver.join().expect("no panic")).collect();
        (savers, commands.join().expect("no panic"), chat)
    });
    let took = begun.elapsed();
    let lost = savers.iter().flat_map(|saver| saver.lost(cluster.folder())).collect();
    let (commands, failed_commands) = commands;
    Killed { took, savers, lost, visitors, chat, commands, failed_commands }
}

/// Sends a large file, and fetches it, until the flag is set. Returns how often, and what failed.
fn put_and_get(url: &str, is_over: &AtomicBool) -> (usize, Vec<String>) {
    let here = tempfile::tempdir().expect("a directory");
    let (mut count, mut failed) = (0, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        let (name, content) = (format!("large-{count}"), sample(LARGE, count as u64));
        std::fs::write(here.path().join(&name), &content).expect("written");
        let put = run(&["put", &name, "--retries", "20", "--to", url], "", here.path());
        std::fs::remove_file(here.path().join(&name)).expect("removed");
        let from = format!("{url}{name}");
        let got = run(&["get", "--no-sync", "--retries", "20", &from, "--dir", "."], "", here.path());
        let is_same = std::fs::read(here.path().join(&name)).is_ok_and(|fetched| fetched == content);
        if put.code != Some(0) || got.code != Some(0) || !is_same {
            failed.push(format!("{put:?}, {got:?}"));
        }
        let _ = std::fs::remove_file(here.path().join(&name));
        count += 1;
    }
    (2 * count, failed)
}
