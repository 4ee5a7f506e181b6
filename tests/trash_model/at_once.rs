//! Four clients that change one directory at the same moment: the responses, the folder and the trash can be explained
//! by one order.
//!
//! The order has to agree with real time: a request that ended before another one started comes first. The test
//! searches for an order in which the model gives each response, and in the end the content of the disk. A directory
//! that an upload or a restoration needs may be made before the rest of it happens, so the search takes that as a step
//! of its own. There are no copies, because a copy reads its source some time before it gets its name. No directory is
//! replaced by another either, because the old one is removed first. The server does not promise that these requests
//! happen in one moment.

use std::collections::HashSet;
use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::history::{Done, Order, State};
use super::model::Operation;
use super::{CLIENTS, Visit, contents, on_disk};
use crate::common::{Random, Wharf};

const OPERATIONS: usize = 5;
/// The number of sequences in `cargo test`, and in `.ci/long`.
const SHORT: u64 = 100;
const LONG: u64 = 1_000;

/// Files in the directory itself and below it, and directories.
const FILES: [&str; 5] = ["a", "b", "d/a", "d/b", "e/a"];
const DIRECTORIES: [&str; 2] = ["d", "e"];

fn next(random: &mut Random) -> Operation {
    let file = |random: &mut Random| FILES[random.below(FILES.len())].to_owned();
    match random.below(15) {
        0..=3 => {
            let content = format!("{}", random.below(1_000_000));
            Operation::Put(file(random), content)
        }
        4 => Operation::MakeDirectory(DIRECTORIES[random.below(2)].to_owned()),
        5 | 6 => Operation::Remove(file(random)),
        7 => Operation::Remove(DIRECTORIES[random.below(2)].to_owned()),
        8 | 9 => Operation::Move(file(random), file(random), random.below(2) == 0),
        10 => {
            let from = random.below(2);
            let [from, to] = [from, 1 - from].map(|index| DIRECTORIES[index].to_owned());
            Operation::Move(from, to, false)
        }
        11 | 12 => Operation::Restore(random.below(2)),
        _ => Operation::Undo,
    }
}

/// What one client does: each request with the moments at which it started and ended.
fn act(visit: &mut Visit<'_>, home: &str, seed: u64, clock: &AtomicU64) -> Vec<Done> {
    let mut random = Random::new(seed);
    let mut kept = Vec::new();
    let mut history = Vec::new();
    for _ in 0..OPERATIONS {
        let operation = next(&mut random);
        let id = match operation {
            Operation::Restore(index) => kept.get(index).cloned(),
            Operation::Undo => kept.first().cloned(),
            _ => None,
        };
        if matches!(operation, Operation::Restore(_)) && id.is_none() {
            continue;
        }
        let start = clock.fetch_add(1, Ordering::SeqCst);
        let answer = visit.send(home, &operation, id.as_deref());
        let end = clock.fetch_add(1, Ordering::SeqCst);
        let done = Done::new(operation, id, home, &answer, start..end);
        if done.has_restored() {
            kept.retain(|other| Some(other) != done.entry.as_ref());
        }
        if !done.kept.is_empty() {
            kept.insert(0, done.kept.clone());
        }
        history.push(done);
    }
    history
}

fn sequences(count: u64) {
    let wharf = Wharf::serve(&["--allow", "everyone=edit", "--no-sync", "--no-chat"]);
    for seed in 0..count {
        let home = format!("s{seed}");
        fs::create_dir(wharf.folder().join(&home)).expect("a directory");
        let (clock, barrier) = (AtomicU64::new(0), Barrier::new(CLIENTS));
        let mut ends: Vec<(Vec<Done>, Visit<'_>)> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS as u64)
                .map(|client| {
                    let (wharf, home, clock, barrier) = (&wharf, &home, &clock, &barrier);
                    scope.spawn(move || {
                        let mut visit = Visit::new(wharf);
                        visit.gets_a_cookie(&format!("cookie{client}"));
                        barrier.wait();
                        (act(&mut visit, home, seed * CLIENTS as u64 + client, clock), visit)
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect()
        });
        let disk = on_disk(&wharf, &home);
        let trash: Vec<_> = ends.iter_mut().map(|(_, visit)| visit.ids()).collect();
        let writers = ends.iter().map(|(_, visit)| visit.cookie.clone()).collect();
        let histories: Vec<_> = ends.into_iter().map(|(history, _)| history).collect();
        let is_end = |state: &State| {
            contents(&state.tree) == disk
                && state
                    .kept
                    .iter()
                    .zip(&trash)
                    .all(|(kept, ids)| kept.iter().map(|(id, _)| id).eq(ids.iter()))
        };
        let order = Order { histories: &histories, writers, is_end: &is_end };
        assert!(
            order.exists(&mut HashSet::new()),
            "seed {seed}: no order of these requests gives {disk:?} and the trash {trash:?}:\n{}",
            order.shown()
        );
    }
}

#[test]
fn requests_at_once_have_an_order() {
    sequences(SHORT);
}

#[test]
#[ignore = "long"]
fn a_thousand_sequences_at_once_have_an_order() {
    sequences(LONG);
}
