//! The store of the shared room is killed.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use super::Settings;
use super::common::cluster::chat::{Members, Transcript, while_members_talk};
use super::common::cluster::visitors::Visitors;
use super::common::cluster::{Cluster, Pace, Plan};
use super::common::eventually;
use super::common::store::Store;
use super::ends::{failed, talked};
use super::report::Report;

/// How many members send messages: each sends up to 20 per second, the most that a server accepts.
const MEMBERS: Members = Members { speakers: 8, listeners: 6, pause: Duration::from_millis(60) };

/// How long members talk before and after the store is away, and how long it is away.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(4);
const AWAY: Duration = Duration::from_secs(1);

/// How soon messages must be delivered again.
const LIMIT: Duration = Duration::from_secs(10);

/// The store is killed, and started again with what it has written.
pub fn restarted(settings: &Settings, report: &mut Report) {
    let Some(mut store) = Store::start(&["--appendonly", "yes"]) else { return };
    let url = store.url();
    let Some(cluster) = cluster(&url) else { return };
    let (chat, visitors, pauses) = observe(&cluster, || {
        let once = |_| {
            thread::sleep(BEFORE);
            let killed = Instant::now();
            store.kill();
            thread::sleep(AWAY);
            store.run();
            let back = Instant::now();
            thread::sleep(AFTER);
            [killed, back]
        };
        (0..settings.rounds).map(once).collect()
    });
    report.begin(&format!("The store killed and restarted, {} rounds", settings.rounds));
    print(report, &chat, &visitors, &pauses);
}

/// The primary is killed, and its replica promoted, each time with new servers and a new store.
pub fn promoted(settings: &Settings, report: &mut Report) {
    for round in 1..=settings.rounds {
        let Some((mut primary, replica)) = pair() else { return };
        let url = format!("{},{}", primary.url(), replica.url());
        let Some(cluster) = cluster(&url) else { return };
        let (chat, visitors, pauses) = observe(&cluster, || {
            thread::sleep(BEFORE);
            let killed = Instant::now();
            primary.kill();
            thread::sleep(AWAY);
            let _: () = replica.ask("REPLICAOF NO ONE");
            let back = Instant::now();
            thread::sleep(AFTER);
            vec![[killed, back]]
        });
        report.begin(&format!("The primary killed and its replica promoted, round {round}"));
        print(report, &chat, &visitors, &pauses);
    }
}

fn cluster(url: &str) -> Option<Cluster> {
    Cluster::start(Plan { pace: Pace::OF_DEPLOY, shared: Some(url), earlier: None })
}

/// A primary, and a replica that follows it.
fn pair() -> Option<(Store, Store)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let port = port.expect("a port").port().to_string();
    let primary = Store::start(&["--appendonly", "yes", "--repl-diskless-sync-delay", "0"])?;
    let _: () = primary.ask(&format!("CONFIG SET port {port}"));
    let replica = Store::start(&["--appendonly", "yes", "--replicaof", "127.0.0.1", &port])?;
    eventually("the replica follows", || primary.ask::<redis::Value>("WAIT 1 100") == redis::Value::Int(1));
    Some((primary, replica))
}

/// Members talk, and files are used, while the store is killed. The function returns when it was killed, and when there
/// was a store again.
fn observe(
    cluster: &Cluster,
    act: impl FnOnce() -> Vec<[Instant; 2]>,
) -> (Transcript, Visitors, Vec<[Instant; 2]>) {
    Visitors::prepare(cluster.folder());
    let (proxy, visitors, mut pauses) = (cluster.address(), Visitors::default(), Vec::new());
    let chat = thread::scope(|scope| {
        let visitors = &visitors;
        (1..3).for_each(|number| drop(scope.spawn(move || visitors.visit(proxy, number))));
        let chat = while_members_talk(proxy, MEMBERS, || pauses = act());
        visitors.end();
        chat
    });
    (chat, visitors, pauses)
}

fn print(report: &mut Report, chat: &Transcript, visitors: &Visitors, pauses: &[[Instant; 2]]) {
    let recoveries: Vec<_> = pauses.iter().map(|[_, back]| recovery(chat, *back)).collect();
    let is_met = recoveries.iter().all(|time| time.is_some_and(|time| time < LIMIT));
    let seconds = |time: &Option<Duration>| {
        time.map_or("never".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
    };
    let recoveries = recoveries.iter().map(seconds).collect::<Vec<_>>().join(", ");
    let what = "seconds from the store's return until all have received a new message";
    report.target(what, recoveries, "< 10", is_met);
    talked(report, chat);
    report.figure("messages sent again", chat.failures().len());
    report.figure("requests for files during that time", visitors.requests());
    failed(report, visitors);
}

/// How long after this moment all listeners have received a message that was acknowledged after it.
fn recovery(chat: &Transcript, back: Instant) -> Option<Duration> {
    let said = chat.said.iter().flat_map(|said| &said.acknowledged);
    let (_, text) = said.filter(|(time, _)| *time > back).min_by_key(|(time, _)| *time)?;
    let heard = chat.heard.iter().map(|heard| {
        heard.texts.iter().find(|(_, heard)| heard == text).map(|(time, _)| time.duration_since(back))
    });
    heard.collect::<Option<Vec<_>>>()?.into_iter().max()
}
