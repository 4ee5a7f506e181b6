//! Three servers behind HAProxy, with one chat room. `.ci/long` runs the long forms, with the times of `deploy/cluster/`.
//! `cargo bench --bench cluster` runs the same, and prints figures.

use std::time::Duration;

use crate::common::cluster::killed::kill_often;
use crate::common::cluster::rolling::restart_each;
use crate::common::cluster::transfer::put_and_get;
use crate::common::cluster::{Cluster, Pace, Plan};
use crate::common::store::Store;

fn rolling_restart(pace: Pace, rounds: usize, uploads: [u64; 2]) {
    let Some(store) = Store::start(&[]) else { return };
    let Some(mut cluster) = Cluster::start(Plan { pace, shared: Some(&store.url()), earlier: None }) else {
        return;
    };
    let rolled = restart_each(&mut cluster, rounds, &uploads.map(Duration::from_secs));
    let visitors = rolled.visitors;
    assert_eq!(visitors.failures(), Vec::<String>::new());
    assert!(visitors.requests() > 100 && visitors.slow_uploads() >= 2, "{}", visitors.requests());
    let chat = rolled.chat;
    chat.assert_complete();
    assert_eq!(chat.failures(), Vec::<&String>::new(), "each message is acknowledged at once");
    assert_eq!(chat.resets(), 0);
    assert!(chat.reopened() > 0, "streams move to other servers");
}

#[test]
fn a_rolling_restart_loses_no_request_and_no_message() {
    rolling_restart(Pace::SHORT, 1, [1, 3]);
}

#[test]
#[ignore = "long"]
fn three_rolling_restarts_lose_no_request_and_no_message() {
    rolling_restart(Pace::OF_DEPLOY, 3, [3, 15]);
}

fn killed_servers(pace: Pace, kills: usize) {
    let Some(store) = Store::start(&[]) else { return };
    let Some(mut cluster) = Cluster::start(Plan { pace, shared: Some(&store.url()), earlier: None }) else {
        return;
    };
    let killed = kill_often(&mut cluster, kills);
    assert_eq!(killed.lost, Vec::<String>::new());
    assert!(killed.savers.iter().all(|saver| saver.acknowledged() > 0), "{:?}", killed.savers);
    assert_eq!(killed.failed_commands, Vec::<String>::new());
    assert!(killed.commands > 0);
    killed.chat.assert_complete();
    assert_eq!(killed.chat.resets(), 0);
}

#[test]
fn killed_servers_lose_nothing_that_was_acknowledged() {
    killed_servers(Pace::SHORT, 6);
}

#[test]
#[ignore = "long"]
fn a_hundred_killed_servers_lose_nothing_that_was_acknowledged() {
    killed_servers(Pace::OF_DEPLOY, 100);
}

#[test]
#[ignore = "long"]
fn ten_thousand_files_are_sent_and_fetched_while_servers_restart() {
    let plan = Plan { pace: Pace::OF_DEPLOY, shared: None, earlier: None };
    let Some(mut cluster) = Cluster::start(plan) else { return };
    for transfer in put_and_get(&mut cluster, 10_000) {
        assert_eq!(transfer.output.code, Some(0), "{:?}", transfer.output);
        assert!(transfer.is_complete, "the trees are equal");
    }
}
