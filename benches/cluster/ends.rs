//! Servers that restart and are killed.

use std::time::Duration;

use super::Settings;
use super::common::cluster::chat::Transcript;
use super::common::cluster::killed::kill_often;
use super::common::cluster::rolling::restart_each;
use super::common::cluster::savers::Saver;
use super::common::cluster::transfer::put_and_get;
use super::common::cluster::visitors::Visitors;
use super::common::cluster::{Cluster, Pace, Plan};
use super::common::store::Store;
use super::report::Report;

/// How long the slow uploads take during a rolling restart, in seconds.
const UPLOADS: [u64; 4] = [3, 3, 15, 15];

/// With an earlier version, each server is upgraded when it is restarted the first time.
pub fn rolling(settings: &Settings, report: &mut Report) {
    let earlier = settings.earlier.as_deref();
    let Some(store) = Store::start(&[]) else { return };
    let url = store.url();
    let plan = Plan { pace: Pace::OF_DEPLOY, shared: Some(&url), earlier };
    let Some(mut cluster) = Cluster::start(plan) else { return };
    let rolled = restart_each(&mut cluster, settings.rounds, &UPLOADS.map(Duration::from_secs));
    let title = if earlier.is_some() { "Rolling upgrade" } else { "Rolling restart" };
    report.begin(&format!("{title}, {} restarts in {:.0} s", rolled.restarts, rolled.took.as_secs_f64()));
    let visitors = rolled.visitors;
    report.figure("requests", visitors.requests());
    failed(report, &visitors);
    report.figure("of them uploads that take 3 or 15 s", visitors.slow_uploads());
    times(report, &visitors);
    talked(report, &rolled.chat);
    report.none("messages that had to be sent again", &rolled.chat.failures());
}

pub fn killed(settings: &Settings, report: &mut Report) {
    let Some(store) = Store::start(&[]) else { return };
    let url = store.url();
    let plan = Plan { pace: Pace::OF_DEPLOY, shared: Some(&url), earlier: None };
    let Some(mut cluster) = Cluster::start(plan) else { return };
    let killed = kill_often(&mut cluster, settings.kills);
    report.begin(&format!("{} servers killed in {:.0} s", settings.kills, killed.took.as_secs_f64()));
    report.figure("acknowledged files", killed.savers.iter().map(Saver::acknowledged).sum::<usize>());
    report.none("of them missing or damaged", &killed.lost);
    report.figure("uploads sent again", killed.savers.iter().map(|saver| saver.repeated).sum::<usize>());
    let longest = killed.savers.iter().map(|saver| saver.longest).max().unwrap_or_default();
    report.figure("longest time until an upload succeeded", format!("{:.0} ms", longest.as_secs_f64() * 1e3));
    report.figure("runs of `wharf put` and `wharf get`, 4 MiB", killed.commands);
    report.none("of them failed", &killed.failed_commands);
    report.figure("requests of a client that does not try again", killed.visitors.requests());
    report.figure("of them failed", killed.visitors.failed());
    talked(report, &killed.chat);
    report.figure("messages sent again", killed.chat.failures().len());
}

pub fn transfer(settings: &Settings, report: &mut Report) {
    let plan = Plan { pace: Pace::OF_DEPLOY, shared: None, earlier: None };
    let Some(mut cluster) = Cluster::start(plan) else { return };
    let transfers = put_and_get(&mut cluster, settings.files);
    report.begin(&format!("{} files while servers restart and are killed in turn", settings.files));
    for (name, transfer) in ["wharf put -R", "wharf get -R"].into_iter().zip(transfers) {
        let seconds = transfer.took.as_secs_f64();
        report.figure(
            &format!("{name}: time, restarts and kills"),
            format!("{seconds:.1} s, {}", transfer.ends),
        );
        let code = transfer.output.code;
        let shown = code.map_or("none".to_owned(), |code| code.to_string());
        report.target(&format!("{name}: exit code"), shown, "0", code == Some(0));
        report.target(&format!("{name}: equal trees"), transfer.is_complete, "true", transfer.is_complete);
        if code != Some(0) {
            eprintln!("{}", transfer.output.stderr);
        }
    }
}

pub fn failed(report: &mut Report, visitors: &Visitors) {
    report.target("requests that failed", visitors.failed(), "0", visitors.failed() == 0);
    visitors.failures().iter().for_each(|failure| eprintln!("{failure}"));
}

fn times(report: &mut Report, visitors: &Visitors) {
    let times = visitors.times();
    let [p50, p99, most] = [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.max()]
        .map(|time| format!("{:.1}", time as f64 / 1e3));
    report.figure("GET of 50 KB, ms: p50, p99, most", format!("{p50}, {p99}, {most}"));
}

/// What is promised about a conversation.
pub fn talked(report: &mut Report, chat: &Transcript) {
    report.figure("acknowledged messages", chat.acknowledged().len());
    report.figure(
        "listeners, streams that they opened again",
        format!("{}, {}", chat.heard.len(), chat.reopened()),
    );
    report.none("acknowledged messages that a listener missed", &chat.lost());
    report.none("messages received twice", &chat.doubled());
    report.target("listeners with another order", chat.disordered(), "0", chat.disordered() == 0);
    let missing = chat.heard.len() - chat.ended();
    report.target("listeners that did not receive the end", missing, "0", missing == 0);
    report.figure("resets", chat.resets());
}
