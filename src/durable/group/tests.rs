//! Tests of shared syncs of directories.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::*;

/// Waits until this many threads with this name sleep, so that they wait for the run after the current
/// one. There is no event for that, so this asks the kernel.
fn let_them_wait(name: &str, threads: usize) {
    let sleeps = |task: &Path| {
        let is_ours = fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
        let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
        is_ours && stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    let sleeping = || {
        let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
        tasks.flatten().filter(|task| sleeps(&task.path())).count()
    };
    while sleeping() < threads {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Holds one run until these threads wait; it then ends with this result, and later runs return what
/// `next` returns. Returns the number of runs, and the results; the first result is that of the held run.
fn finish_during_a_run(
    threads: usize,
    held: impl FnOnce() -> Result<(), Errno> + Send,
    next: impl Fn() -> Result<(), Errno> + Sync,
) -> (u64, Vec<thread::Result<Result<(), Errno>>>) {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let name = format!("waits-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let group = Group::default();
    let (started, starts) = channel();
    let (go_on, ends) = channel::<()>();
    let results = thread::scope(|scope| {
        let held = scope.spawn(|| {
            group.finish(group.begin(), None, move || {
                started.send(()).expect("the test waits");
                ends.recv().expect("the test sends");
                held()
            })
        });
        starts.recv().expect("it runs");
        let wait = || {
            let thread = thread::Builder::new().name(name.clone());
            let waits = || group.finish(group.begin(), None, &next);
            thread.spawn_scoped(scope, waits).expect("a thread")
        };
        let others: Vec<_> = (0..threads).map(|_| wait()).collect();
        let_them_wait(&name, threads);
        go_on.send(()).expect("it waits");
        std::iter::once(held.join()).chain(others.into_iter().map(ScopedJoinHandle::join)).collect()
    });
    let runs = group.lock().ended;
    (runs, results)
}

#[test]
fn all_that_come_during_a_run_share_the_next() {
    let (runs, results) = finish_during_a_run(8, || Ok(()), || Ok(()));
    assert_eq!(runs, 2);
    assert!(results.into_iter().all(|result| result.is_ok_and(|result| result.is_ok())));
}

#[test]
fn an_error_reaches_all_that_had_begun() {
    let (_, results) = finish_during_a_run(8, || Err(Errno::NOSPC), || Ok(()));
    for result in results {
        assert_eq!(result.expect("no panic"), Err(Errno::NOSPC));
    }
    let (runs, results) = finish_during_a_run(8, || Ok(()), || Err(Errno::NOSPC));
    assert_eq!(runs, 2);
    // The first thread's own run succeeded.
    for result in results.into_iter().skip(1) {
        assert_eq!(result.expect("no panic"), Err(Errno::NOSPC));
    }
}

#[test]
fn an_error_concerns_nobody_who_begins_later() {
    let group = Group::default();
    let (early, other) = (group.begin(), group.begin());
    assert_eq!(group.finish(early, None, || Err(Errno::IO)), Err(Errno::IO));
    assert_eq!(group.finish(group.begin(), None, || Ok(())), Ok(()));
    assert_eq!(group.finish(other, None, || Ok(())), Err(Errno::IO), "it had begun before");
}

#[test]
fn a_leader_that_panics_leaves_nobody_waiting() {
    let panics = || std::panic::resume_unwind(Box::new("a panic"));
    let (_, results) = finish_during_a_run(4, panics, || Ok(()));
    let mut results = results.into_iter();
    assert!(results.next().is_some_and(|held| held.is_err()));
    for result in results {
        assert_eq!(result.expect("no panic"), Err(Errno::IO));
    }
    let group = Group::default();
    let begun = group.begin();
    assert!(catch_unwind(AssertUnwindSafe(|| group.finish(begun, None, panics))).is_err());
    assert_eq!(group.finish(group.begin(), None, || Ok(())), Ok(()));
}

/// Many threads make changes, which a run sees if they were made before it began. Each change must be seen when
/// `finish` returns, and every thread must terminate.
#[test]
fn every_change_is_in_a_run_that_began_after_it() {
    const THREADS: usize = 8;
    const CHANGES: u64 = 2_000;
    let group = Group::default();
    let made: [AtomicU64; THREADS] = Default::default();
    let synced: [AtomicU64; THREADS] = Default::default();
    thread::scope(|scope| {
        for (mine, done) in made.iter().zip(&synced) {
            let (group, made, synced) = (&group, &made, &synced);
            scope.spawn(move || {
                for change in 1..=CHANGES {
                    let begun = group.begin();
                    mine.store(change, Ordering::SeqCst);
                    let fsync = || {
                        let seen: Vec<_> = made.iter().map(|made| made.load(Ordering::SeqCst)).collect();
                        thread::yield_now();
                        seen.iter().zip(synced).for_each(|(seen, synced)| {
                            synced.store(*seen, Ordering::SeqCst);
                        });
                        Ok(())
                    };
                    assert_eq!(group.finish(begun, None, fsync), Ok(()));
                    assert!(done.load(Ordering::SeqCst) >= change, "the run began before the change");
                }
            });
        }
    });
    assert!(group.lock().ended <= THREADS as u64 * CHANGES);
}

#[test]
fn a_directory_is_open_while_it_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || File::open(folder.path()).expect("open");
    let syncs = DirectorySyncs::default();
    let (first, second) = (syncs.begin(open()).expect("opened"), syncs.begin(open()).expect("opened"));
    assert_eq!(syncs.lock().len(), 1, "it is the same directory");
    assert_eq!(first.finish(), Ok(()));
    assert_eq!(syncs.lock().len(), 1);
    drop(second);
    assert!(syncs.lock().is_empty());
    assert!(matches!(syncs.begin(File::open("/proc/self/stat").expect("open")), Err(Errno::NOTDIR)));
}
