//! Records that two servers share through a store, here in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use super::super::{
    ChangeError, ClusterChange, ClusterError, ClusterLine, ClusterNews, ClusterRecords, ClusterRevision,
    LAST_KNOWN, NewSession, Records, Refused, Unusable, WallTime,
};
use super::{SECOND, START, link, token, user};
use crate::accounts::file::UsersFile;
use crate::blocking::Blocking;

/// A store that many have.
#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<Content>>);

#[derive(Clone, Debug, Default)]
struct Content {
    lines: BTreeMap<String, String>,
    /// The ids of each change.
    log: Vec<Vec<String>>,
    is_away: bool,
    refuses: bool,
    has_lost: bool,
}

impl Fake {
    fn change_content<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        change(&mut self.0.lock().expect("no panic"))
    }

    fn open(&self) -> Records {
        let records = Records::of_cluster(Box::new(self.clone()), START);
        assert!(records.are_in_cluster());
        follow(&records, START).expect("there");
        records
    }
}

impl ClusterRecords for Fake {
    fn read(&self, since: Option<&ClusterRevision>, _: Blocking<'_>) -> Result<ClusterNews, ClusterError> {
        self.change_content(|content| {
            if content.is_away {
                return Err(ClusterError::Away("away".to_owned()));
            }
            if content.refuses {
                return Err(ClusterError::Refused("refused".to_owned()));
            }
            let line = |id: &String| ClusterLine {
                id: id.clone().into_bytes(),
                line: content.lines.get(id).cloned().unwrap_or_default().into_bytes(),
            };
            let revision = ClusterRevision(content.log.len().to_string());
            match since.and_then(|ClusterRevision(since)| since.parse::<usize>().ok()) {
                Some(since) if since == content.log.len() && !content.has_lost => Ok(ClusterNews::Same),
                Some(since) if since < content.log.len() && !content.has_lost => Ok(ClusterNews::Changed(
                    revision,
                    content.log[since..].iter().flatten().map(line).collect(),
                )),
                since => {
                    let lines = content.lines.keys().map(line).collect();
                    Ok(ClusterNews::All { revision, lines, has_lost: since.is_some() && content.has_lost })
                }
            }
        })
    }

    fn change(
        &self,
        ClusterRevision(from): &ClusterRevision,
        change: &[ClusterChange],
        _: Blocking<'_>,
    ) -> Result<Option<ClusterRevision>, ClusterError> {
        self.change_content(|content| {
            if *from != content.log.len().to_string() {
                return Ok(None);
            }
            content.has_lost = false;
            for ClusterChange { id, line } in change {
                match line {
                    Some(line) => content.lines.insert(id.to_string(), line.clone()),
                    None => content.lines.remove(id.as_str()),
                };
            }
            content.log.push(change.iter().map(|change| change.id.to_string()).collect());
            Ok(Some(ClusterRevision(content.log.len().to_string())))
        })
    }
}

fn follow(records: &Records, now: WallTime) -> Result<(), ClusterError> {
    records.follow(now, Blocking::own_thread())
}

#[test]
fn what_one_makes_or_ends_the_other_hears() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let (one, other) = (fake.open(), fake.open());
    let anna = user("anna", 10);
    let session = one.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let token = one.add_token(&anna, &token("ci"), START, disk).expect("made");
    assert_eq!(other.find(&session.secret, START).err(), Some(Unusable::Unknown), "not yet");
    other.catch_up(START, disk).expect("there");
    assert!(other.find(&session.secret, START).is_ok() && other.find(&token.secret, START).is_ok());
    // A use at one server is known at the other.
    let later = START.after(120 * SECOND);
    other.get(session.record.id).expect("known").touch(later);
    follow(&other, later).expect("there");
    follow(&one, later).expect("there");
    assert_eq!(one.get(session.record.id).expect("known").last_used(), Some(later));
    // While nothing changes, a look-up stays valid.
    let generation = one.generation();
    follow(&one, later).expect("there");
    assert_eq!(one.generation(), generation);
    assert_eq!(other.revoke(|_| true, later, disk).expect("ended"), 2);
    follow(&one, later).expect("there");
    assert_eq!(one.find(&session.secret, later).err(), Some(Unusable::Unknown));
    assert_eq!(one.find(&token.secret, later).err(), Some(Unusable::Revoked));
    // Of a user that is gone, nothing is left.
    one.add_session(&anna, NewSession::default(), later, disk).expect("made");
    let others = UsersFile::parse(format!("{}\n", user("bert", 11)).as_bytes()).expect("users");
    assert_eq!(other.keep_users(&others, |_| true, later, disk).expect("ended"), 1);
}

#[test]
fn each_use_is_taken_once() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let servers: Vec<_> = (0..4).map(|_| fake.open()).collect();
    let made = servers[0].add_link(&user("anna", 10), &link(Some(20)), START, disk).expect("made");
    let taken = thread::scope(|scope| {
        let take = |records: &Records| {
            let mut taken = 0;
            loop {
                match records.take_use(made.record.id, START, Blocking::own_thread()) {
                    Ok(_) => taken += 1,
                    Err(ChangeError::Refused(Refused::Unusable(Unusable::UsedUp))) => return taken,
                    // All others were faster, each time.
                    Err(ChangeError::Cluster(ClusterError::Refused(_))) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let threads: Vec<_> = servers.iter().map(|records| scope.spawn(move || take(records))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
    });
    assert_eq!(taken, 20);
}

#[test]
fn the_last_known_records_count_for_a_minute() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let records = fake.open();
    let session = records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    fake.change_content(|content| content.is_away = true);
    follow(&records, START).expect_err("away");
    assert!(records.are_away() && records.find(&session.secret, START).is_ok());
    assert!(matches!(
        records.revoke(|_| true, START, disk),
        Err(ChangeError::Cluster(ClusterError::Away(_)))
    ));
    assert!(records.catch_up(START, disk).is_err());
    let now = Instant::now();
    records.forget_old(now + LAST_KNOWN / 2);
    assert!(records.find(&session.secret, START).is_ok());
    let generation = records.generation();
    records.forget_old(now + LAST_KNOWN);
    assert_eq!(records.find(&session.secret, START).err(), Some(Unusable::Unavailable));
    assert!(!records.has(&session.record, START) && records.generation() > generation);
    fake.change_content(|content| content.is_away = false);
    follow(&records, START).expect("there");
    assert!(!records.are_away() && records.find(&session.secret, START).is_ok());
}

#[test]
fn what_has_ended_does_not_come_back() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let records = fake.open();
    let anna = user("anna", 10);
    let ended = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let kept = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let token = records.add_token(&anna, &token("ci"), START, disk).expect("made");
    let made = records.add_link(&anna, &link(Some(1)), START, disk).expect("made");
    let before = fake.change_content(|content| content.clone());
    records
        .revoke(|record| [ended.record.id, token.record.id].contains(&record.id), START, disk)
        .expect("ended");
    records.take_use(made.record.id, START, disk).expect("taken");
    fake.change_content(|content| *content = Content { has_lost: true, ..before });
    follow(&records, START).expect("there");
    let other = fake.open();
    for records in [&records, &other] {
        assert_eq!(records.find(&ended.secret, START).err(), Some(Unusable::Unknown));
        assert_eq!(records.find(&token.secret, START).err(), Some(Unusable::Revoked));
        assert_eq!(records.find(&made.secret, START).err(), Some(Unusable::UsedUp));
        assert!(records.find(&kept.secret, START).is_ok());
    }
}

/// What another server has made since the store lost data stays, although this server does not know it either.
#[test]
fn only_what_had_ended_is_ended_again() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let (one, other) = (fake.open(), fake.open());
    let anna = user("anna", 10);
    let ended = one.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let before = fake.change_content(|content| content.clone());
    one.revoke(|_| true, START, disk).expect("ended");
    // It hears only of the end.
    follow(&other, START).expect("there");
    let later = START.after(30 * SECOND);
    let new = fake.open().add_session(&anna, NewSession::default(), later, disk).expect("made");
    let line = fake.change_content(|content| content.lines[&new.record.id.to_string()].clone());
    fake.change_content(|content| {
        *content = Content { has_lost: true, ..before };
        content.lines.insert(new.record.id.to_string(), line);
    });
    follow(&other, later).expect("there");
    assert_eq!(other.find(&ended.secret, later).err(), Some(Unusable::Unknown));
    assert!(other.find(&new.secret, later).is_ok());
}

/// A token that was revoked and then replaced by another of its name is forgotten, but stays revoked.
#[test]
fn what_was_revoked_and_forgotten_does_not_come_back() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let records = fake.open();
    let anna = user("anna", 10);
    let old = records.add_token(&anna, &token("ci"), START, disk).expect("made");
    let before = fake.change_content(|content| content.clone());
    let later = START.after(3600 * SECOND);
    records.revoke(|_| true, later, disk).expect("ended");
    records.add_token(&anna, &token("ci"), later, disk).expect("made");
    // Another server makes one, which this server has not read yet when the store loses data.
    let other = fake.open();
    let new = other.add_token(&anna, &token("new"), later, disk).expect("made");
    let line = fake.change_content(|content| content.lines[&new.record.id.to_string()].clone());
    fake.change_content(|content| {
        *content = Content { has_lost: true, ..before };
        content.lines.insert(new.record.id.to_string(), line);
    });
    follow(&records, later).expect("there");
    assert_eq!(records.find(&old.secret, later).err(), Some(Unusable::Revoked));
    assert!(records.find(&new.secret, later).is_ok());
}

/// Nobody waits for a store that has just refused to be read.
#[test]
fn a_store_that_refuses_counts_as_away() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let records = fake.open();
    fake.change_content(|content| content.refuses = true);
    assert!(matches!(follow(&records, START), Err(ClusterError::Refused(_))));
    assert!(records.are_away() && matches!(records.catch_up(START, disk), Err(ClusterError::Away(_))));
    fake.change_content(|content| content.refuses = false);
    follow(&records, START).expect("there");
    assert!(!records.are_away());
}

#[test]
fn damaged_and_foreign_lines_open_nothing() {
    let (fake, disk) = (Fake::default(), Blocking::own_thread());
    let records = fake.open();
    let anna = user("anna", 10);
    let session = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let other = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let id = session.record.id.to_string();
    let line = fake.change_content(|content| content.lines[&id].clone());
    for (under, line) in [
        (id.as_str(), line.replace("user=anna", "user=root ")),
        (&id, "x".to_owned()),
        ("00000000", line.clone()),
        ("not an id", line.clone()),
        (&id, format!("{line} more")),
        (&id, line.replacen(&id, "11111111", 1)),
    ] {
        fake.change_content(|content| {
            content.lines.insert(under.to_owned(), line.clone());
            content.log.push(vec![under.to_owned()]);
        });
        follow(&records, START).expect("there");
        let found = records.find(&session.secret, START).map(|record| record.id.to_string());
        assert!(found.is_err() || found == Ok(id.clone()), "{under} {line}");
        assert!(records.find(&other.secret, START).is_ok());
    }
    assert!(records.find(&session.secret, START).is_err());
}
