#![cfg_attr(not(feature = "thumbs"), allow(clippy::needless_update, reason = "one kind of job is missing"))]

use std::net::IpAddr;

use super::client::{CROWDED, PATIENCE};
use super::counts::MOST_SAVING;
use super::*;

fn client(host: u8) -> ClientKey {
    ClientKey::of_address(IpAddr::from([192, 0, 2, host]))
}

fn push(jobs: &Jobs<u32>, client: ClientKey, job: u32) {
    assert!(!jobs.push(client, JobKind::General, job), "jobs of the general kind have their threads");
}

/// Takes jobs until none is available without waiting, and runs none of them.
fn take_all(jobs: &Jobs<u32>) -> Vec<u32> {
    std::iter::from_fn(|| jobs.lock().take()).map(|taken| taken.job).collect()
}

#[test]
fn clients_take_turns() {
    let jobs = Jobs::new(usize::MAX);
    for job in [10, 11, 12] {
        push(&jobs, client(1), job);
    }
    push(&jobs, client(2), 20);
    push(&jobs, client(3), 30);
    push(&jobs, client(3), 31);
    assert_eq!(take_all(&jobs), [10, 20, 30, 11, 31, 12]);
}

#[test]
fn the_last_thread_is_for_a_client_without_one() {
    let jobs = Jobs::new(4);
    for job in 10..20 {
        push(&jobs, client(1), job);
    }
    assert_eq!(take_all(&jobs), [10, 11, 12], "three of four");
    push(&jobs, client(2), 20);
    push(&jobs, client(2), 21);
    assert_eq!(take_all(&jobs), [20], "the last one");
    jobs.done(client(1), JobKind::General);
    assert!(take_all(&jobs).is_empty(), "both have jobs running");
    jobs.done(client(1), JobKind::General);
    assert_eq!(take_all(&jobs), [13], "there are two free threads again, and the first client was next");
}

#[test]
fn one_thread_serves_all_clients() {
    let jobs = Jobs::new(1);
    push(&jobs, client(1), 10);
    push(&jobs, client(1), 11);
    assert_eq!(take_all(&jobs), [10]);
    jobs.done(client(1), JobKind::General);
    assert_eq!(take_all(&jobs), [11]);
}

#[test]
fn held_back_connections_continue_when_jobs_are_done() {
    let jobs = Jobs::new(2);
    assert_eq!(jobs.hold_back(client(1), 99), Some(99), "no job waits");
    for job in 0..CROWDED as u32 {
        assert!(!jobs.is_crowded(client(1)));
        push(&jobs, client(1), job);
    }
    assert!(jobs.is_crowded(client(1)) && !jobs.is_crowded(client(2)));
    for held in 90..94 {
        assert_eq!(jobs.hold_back(client(1), held), None);
    }
    assert!(jobs.take().is_some_and(|taken| taken.is_crowded));
    assert_eq!(
        jobs.done(client(1), JobKind::General),
        Freed { held: [90].into(), is_final: true },
        "one for each job that is done"
    );
    push(&jobs, client(1), 8);
    assert!(jobs.take().is_some());
    push(&jobs, client(1), 9);
    assert!(jobs.done(client(1), JobKind::General).held.is_empty(), "still crowded");
    let mut queue = jobs.lock();
    (queue.limits.general, queue.free) = (CROWDED + 1, CROWDED + 1);
    drop(queue);
    let rest = take_all(&jobs).len();
    let freed: Vec<_> = (0..rest).flat_map(|_| jobs.done(client(1), JobKind::General).held).collect();
    assert_eq!(freed, [91, 92, 93], "all are released when the client has no jobs");
}

/// As when other users of the same proxy request one hash after another.
#[test]
fn a_crowded_client_holds_nothing_back_forever() {
    let jobs = Jobs::new(1);
    for job in 0..=CROWDED as u32 {
        push(&jobs, client(1), job);
    }
    for held in [90, 91] {
        assert_eq!(jobs.hold_back(client(1), held), None);
    }
    let mut freed = Vec::new();
    for job in 0..2 * PATIENCE as u32 {
        assert!(jobs.take().is_some_and(|taken| taken.is_crowded));
        push(&jobs, client(1), job);
        let Freed { held, is_final } = jobs.done(client(1), JobKind::General);
        assert!(held.is_empty() || is_final, "not held back again");
        freed.extend(held.into_iter().map(|held| (held, job + 1)));
    }
    assert_eq!(freed, [(90, PATIENCE as u32), (91, 2 * PATIENCE as u32)]);
}

#[test]
fn a_dropped_connection_releases_the_next() {
    let jobs = Jobs::new(1);
    for job in 0..CROWDED as u32 {
        push(&jobs, client(1), job);
    }
    jobs.hold_back(client(1), 98);
    jobs.hold_back(client(1), 99);
    assert_eq!(jobs.release(client(1)), None, "the client is crowded");
    assert!(jobs.take().is_some());
    assert_eq!(jobs.done(client(1), JobKind::General).held, [98]);
    assert_eq!(jobs.release(client(1)), Some(99), "98 was dropped");
    assert_eq!(jobs.release(client(1)), None);
    assert_eq!(jobs.release(client(2)), None, "the client has no jobs");
}

#[test]
fn the_longest_waiting_is_evicted_first() {
    let jobs = Jobs::new(2);
    for job in 0..CROWDED as u32 {
        push(&jobs, client(1), job);
    }
    jobs.hold_back(client(1), 98);
    jobs.hold_back(client(1), 99);
    let evicted: Vec<_> = std::iter::from_fn(|| jobs.evict(client(1))).collect();
    assert_eq!(evicted, [98, 99, 0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(take_all(&jobs).is_empty() && jobs.lock().clients.is_empty(), "the client is removed");
}

#[test]
fn waiting_jobs_are_done_at_the_end() {
    let jobs = Jobs::new(2);
    push(&jobs, client(1), 1);
    jobs.end();
    assert_eq!(jobs.take().map(|taken| taken.job), Some(1));
    jobs.done(client(1), JobKind::General);
    assert!(jobs.take().is_none());
}

/// Takes the next job, if one may run.
fn take_one(jobs: &Jobs<u32>) -> Option<(JobKind, u32)> {
    jobs.lock().take().map(|taken| (taken.kind, taken.job))
}

#[test]
fn each_kind_of_job_has_its_own_threads() {
    let jobs = Jobs::with(JobCounts { general: 2, saves: 3, asks_store: 0, ..JobCounts::default() });
    let grows = |host, kind, job| jobs.push(client(host), kind, job);
    assert!(!grows(1, JobKind::Saves, 10) && !grows(1, JobKind::Saves, 11), "two threads exist");
    assert!(grows(1, JobKind::Saves, 12), "a third is needed");
    assert!(!grows(1, JobKind::Saves, 13), "no fourth may save");
    let taken = [take_one(&jobs), take_one(&jobs), take_one(&jobs)];
    assert_eq!(taken, [Some((JobKind::Saves, 10)), Some((JobKind::Saves, 11)), None], "not the last one");
    assert!(grows(2, JobKind::General, 20), "the third thread is for another client's file");
    assert_eq!(take_one(&jobs), Some((JobKind::General, 20)));
    assert!(!grows(3, JobKind::Saves, 30), "that one");
    assert_eq!(take_one(&jobs), Some((JobKind::Saves, 30)), "the last one is for another client");
    jobs.done(client(1), JobKind::Saves);
    assert_eq!(take_one(&jobs), None, "that thread is the last one again");
    jobs.done(client(3), JobKind::Saves);
    assert_eq!(take_one(&jobs), Some((JobKind::Saves, 12)));
}

/// A store that does not respond delays no other work.
#[test]
fn jobs_that_wait_for_the_store_leave_threads_for_others() {
    let jobs = Jobs::with(JobCounts { general: 1, saves: 1, asks_store: 2, ..JobCounts::default() });
    let started = (1..4).filter(|host| jobs.push(client(*host), JobKind::AsksStore, (*host).into())).count();
    assert_eq!(started, 1, "one thread exists, and two may wait");
    let taken = [take_one(&jobs), take_one(&jobs), take_one(&jobs)];
    assert_eq!(taken, [Some((JobKind::AsksStore, 1)), Some((JobKind::AsksStore, 2)), None]);
    for (kind, job) in [(JobKind::General, 40), (JobKind::Saves, 50)] {
        assert!(jobs.push(client(4), kind, job), "one more thread");
        assert_eq!(take_one(&jobs), Some((kind, job)));
    }
}

/// A proxy may be one client: the uploads of its users do not wait behind their logins.
#[test]
fn jobs_that_wait_for_the_store_delay_no_other_job_of_their_client() {
    let jobs = Jobs::with(JobCounts { general: 1, saves: 2, asks_store: 2, ..JobCounts::default() });
    for job in 0..=CROWDED as u32 {
        let _ = jobs.push(client(1), JobKind::AsksStore, job);
    }
    assert_eq!([take_one(&jobs), take_one(&jobs)], [Some((JobKind::AsksStore, 0)), None]);
    assert!(!jobs.is_crowded(client(1)), "uploads are not held back");
    let _ = jobs.push(client(1), JobKind::Saves, 50);
    assert_eq!(take_one(&jobs), Some((JobKind::Saves, 50)));
    assert_eq!(jobs.evict(client(1)), Some(1), "it has waited longest");
}

#[test]
fn a_thread_that_is_not_needed_any_more_leaves() {
    let jobs = Jobs::with(JobCounts { general: 1, saves: 2, asks_store: 0, ..JobCounts::default() });
    assert!(!jobs.push(client(1), JobKind::Saves, 1));
    assert!(jobs.push(client(2), JobKind::Saves, 2), "one thread exists");
    assert!(jobs.take().is_some() && jobs.take_or_leave(Duration::ZERO).is_some_and(|taken| taken.job == 2));
    jobs.done(client(2), JobKind::Saves);
    assert!(jobs.take_or_leave(Duration::ZERO).is_none(), "no job comes");
    assert!(jobs.push(client(2), JobKind::Saves, 3), "it has left");
    jobs.leave();
    jobs.done(client(1), JobKind::Saves);
    assert!(jobs.take().is_some_and(|taken| taken.job == 3), "it could not be started");
}

#[test]
fn few_jobs_save_if_few_files_may_be_open_or_nothing_is_synced() {
    let table = [
        ("no limit", u64::MAX, true, MOST_SAVING),
        ("the usual limit", 1024, true, 21),
        ("next to nothing", 64, true, THREADS),
        ("without fsync", u64::MAX, false, THREADS),
    ];
    for (name, files, durable, saves) in table {
        assert_eq!(JobCounts::limits(files, durable).saves, saves, "{name}");
    }
}
