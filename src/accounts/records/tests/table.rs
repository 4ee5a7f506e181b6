//! The state machine, without a disk.

use std::sync::Arc;

use super::super::file::parse;
use super::super::limits::{
    CLOCK_SLACK, KEPT, LINKS_PER_GIVER, RECORDS, SESSION_IDLE, SESSION_LIFE, SESSIONS_OF_SHARED_USER,
    SESSIONS_PER_USER, TOKENS_PER_USER, TOUCH_INTERVAL, VISIT_LIFE, VISITS_PER_GIVER, VISITS_PER_LINK,
};
use super::super::secret::{RecordSecret, SecretUse};
use super::super::table::{Key, Table};
use super::super::{
    ClusterChange, NewSession, Purpose, Record, RecordId, RecordLimit, Refused, Unusable, WallTime,
};
use super::{DAY, SECOND, START, link, scope, token, user};
use crate::accounts::file::{UserLine, UsersFile};

fn key(is_for: SecretUse) -> (RecordSecret, Key) {
    let secret = RecordSecret::random(is_for).expect("random bytes");
    let key = Key { id: RecordId::random().expect("random bytes"), digest: secret.digest() };
    (secret, key)
}

fn add_session(table: &mut Table, user: &UserLine, now: WallTime) -> (RecordSecret, Arc<Record>) {
    let (secret, key) = key(SecretUse::Session);
    (secret, table.add_session(user, NewSession::default(), key, now).expect("added"))
}

fn add_token(table: &mut Table, user: &UserLine, name: &str) -> Result<(RecordSecret, Arc<Record>), Refused> {
    let (secret, key) = key(SecretUse::Token);
    table.add_token(user, token(name), key, START).map(|record| (secret, record))
}

fn add_link(table: &mut Table, uses: Option<u32>) -> (RecordSecret, Arc<Record>) {
    let (secret, key) = key(SecretUse::Link);
    (secret, table.add_link(&user("anna", 10), link(uses), key, START).expect("added"))
}

fn take(table: &mut Table, link: RecordId, now: WallTime) -> Result<(RecordSecret, Arc<Record>), Refused> {
    let (secret, key) = key(SecretUse::Session);
    table.take_use(link, key, now).map(|record| (secret, record))
}

/// One second before this time.
fn before(time: WallTime) -> WallTime {
    WallTime::from_secs(time.as_secs() - 1)
}

fn found(table: &Table, secret: &RecordSecret, now: WallTime) -> Result<RecordId, Unusable> {
    table.find(secret, now).map(|record| record.id)
}

#[test]
fn a_secret_opens_its_record_only_where_it_belongs() {
    let mut table = Table::default();
    let anna = user("anna", 10);
    let (session, record) = add_session(&mut table, &anna, START);
    let (token, token_record) = add_token(&mut table, &anna, "backup").expect("added");
    let (link, link_record) = add_link(&mut table, None);
    assert_eq!(found(&table, &session, START), Ok(record.id));
    assert_eq!(found(&table, &token, START), Ok(token_record.id));
    assert_eq!(found(&table, &link, START), Ok(link_record.id));
    let elsewhere = RecordSecret::parse(SecretUse::Session, link.text().as_bytes()).expect("a secret");
    assert_eq!(found(&table, &elsewhere, START), Err(Unusable::Unknown), "a link is no session");
    let elsewhere = RecordSecret::parse(SecretUse::Link, session.text().as_bytes()).expect("a secret");
    assert_eq!(found(&table, &elsewhere, START), Err(Unusable::Unknown), "a session is no link");
    let unknown = RecordSecret::random(SecretUse::Session).expect("random bytes");
    assert_eq!(found(&table, &unknown, START), Err(Unusable::Unknown));
}

#[test]
fn sessions_end_when_idle_and_after_their_life() {
    let mut table = Table::default();
    let (secret, record) = add_session(&mut table, &user("anna", 10), START);
    let idle = START.after(SESSION_IDLE);
    assert_eq!(found(&table, &secret, START), Ok(record.id));
    let mut now = START;
    while now.since(START) + SESSION_IDLE < SESSION_LIFE {
        now = before(now.after(SESSION_IDLE));
        table.find(&secret, now).expect("it is in use").touch(now);
    }
    let end = START.after(SESSION_LIFE);
    table.find(&secret, before(end)).expect("its last second").touch(now);
    assert_eq!(found(&table, &secret, end), Err(Unusable::Expired));
    assert!(table.sweep(end));
    assert_eq!(found(&table, &secret, START), Err(Unusable::Unknown), "it is gone");

    let (secret, _) = add_session(&mut table, &user("anna", 10), START);
    assert_eq!(found(&table, &secret, idle), Err(Unusable::Expired));
}

#[test]
fn the_last_use_is_noted_once_a_minute() {
    let mut table = Table::default();
    let (secret, record) = add_session(&mut table, &user("anna", 10), START);
    record.touch(before(START.after(TOUCH_INTERVAL)));
    assert!(!table.has_notes());
    let later = START.after(TOUCH_INTERVAL);
    record.touch(later);
    record.touch(START);
    assert!(table.has_notes());
    assert_eq!(record.last_used(), Some(later));
    assert!(!table.sweep(later), "nothing ended");
    assert!(!table.has_notes());
    table.find(&secret, later).expect("valid");
    assert!(table.print().contains(&format!(" used={later}\n")), "{}", table.print());
    // A request that still has the old copy does not set the last use back.
    let other = Table::new([Record::clone(&record)]);
    table.add_notes(&other);
    assert!(!table.has_notes());
}

#[test]
fn a_session_more_ends_the_oldest_of_this_user() {
    let mut table = Table::default();
    let (anna, bert) = (user("anna", 10), user("bert", 11));
    let (other, _) = add_session(&mut table, &bert, START);
    let sessions: Vec<_> = (0..=SESSIONS_PER_USER as u64)
        .map(|seconds| add_session(&mut table, &anna, WallTime::from_secs(START.as_secs() + seconds)).0)
        .collect();
    let now = START.after(DAY);
    let valid: Vec<_> = sessions.iter().map(|secret| found(&table, secret, now).is_ok()).collect();
    assert_eq!(valid.iter().position(|valid| *valid), Some(1), "the oldest is gone");
    assert!(valid[1..].iter().all(|valid| *valid));
    assert!(found(&table, &other, now).is_ok(), "another user's");
    let shared = NewSession { is_shared: true, ..NewSession::default() };
    for _ in 0..SESSIONS_OF_SHARED_USER + 9 {
        table.add_session(&bert, shared, key(SecretUse::Session).1, now).expect("added");
    }
    let of_bert = table.iter().filter(|record| record.user == bert.name);
    assert_eq!(of_bert.count(), SESSIONS_OF_SHARED_USER);
}

#[test]
fn uses_of_a_link_run_out() {
    let mut table = Table::default();
    let (secret, record) = add_link(&mut table, Some(2));
    let (visit, first) = take(&mut table, record.id, START).expect("the first use");
    take(&mut table, record.id, START).expect("the second use");
    assert_eq!(take(&mut table, record.id, START).err(), Some(Unusable::UsedUp.into()));
    assert_eq!(found(&table, &secret, START), Err(Unusable::UsedUp));
    assert_eq!(found(&table, &visit, START), Ok(first.id), "who has opened it may go on");
    let Purpose::Visit { link, scope: visited, is_drop: false } = &first.purpose else { panic!("{first:?}") };
    assert_eq!((*link, visited), (record.id, &scope("in box/größe")));
    assert_eq!(found(&table, &visit, START.after(VISIT_LIFE)), Err(Unusable::Expired), "for a day");
}

#[test]
fn why_a_use_is_not_taken() {
    let mut table = Table::default();
    let unlimited = add_link(&mut table, None).1.id;
    let revoked = add_link(&mut table, Some(1)).1.id;
    let session = add_session(&mut table, &user("anna", 10), START).1.id;
    let visit = take(&mut table, unlimited, START).expect("taken").1.id;
    assert_eq!(table.revoke(|record| record.id == revoked, START), 1);
    let end = START.after(2 * DAY);
    let last = before(end);
    let (_, late) = take(&mut table, unlimited, last).expect("its last second");
    assert_eq!(late.expires, end, "the session ends with the link");
    let unknown = RecordId::random().expect("random bytes");
    for (id, now, expected) in [
        (unknown, START, Unusable::Unknown),
        (session, START, Unusable::Unknown),
        (visit, START, Unusable::Unknown),
        (revoked, START, Unusable::Revoked),
        (revoked, end, Unusable::Revoked),
        (unlimited, end, Unusable::Expired),
    ] {
        assert_eq!(take(&mut table, id, now).err(), Some(expected.into()), "{id} at {now}");
    }
}

#[test]
fn a_revoked_link_ends_what_it_has_started() {
    let mut table = Table::default();
    let (link, record) = add_link(&mut table, None);
    let (other, _) = add_link(&mut table, None);
    let (visit, _) = take(&mut table, record.id, START).expect("taken");
    let (token, _) = add_token(&mut table, &user("anna", 10), "backup").expect("added");
    assert_eq!(table.revoke(|one| one.id == record.id, START), 1);
    assert_eq!(table.revoke(|one| one.id == record.id, START), 0, "it was revoked before");
    assert_eq!(found(&table, &link, START), Err(Unusable::Revoked));
    assert_eq!(found(&table, &visit, START), Err(Unusable::Unknown));
    assert!(found(&table, &other, START).is_ok() && found(&table, &token, START).is_ok());
    let anna = user("anna", 10);
    assert_eq!(table.revoke(|record| record.user == anna.name, START), 2);
    assert_eq!(found(&table, &token, START), Err(Unusable::Revoked));
}

#[test]
fn what_has_ended_is_kept_for_a_while() {
    let mut table = Table::default();
    let (link, _) = add_link(&mut table, None);
    let (token, record) = add_token(&mut table, &user("anna", 10), "backup").expect("added");
    table.revoke(|one| one.id == record.id, START);
    let expired = START.after(2 * DAY);
    assert!(table.sweep(expired));
    assert!(!table.sweep(expired), "once");
    for (now, of_link, of_token) in [
        (expired, Unusable::Expired, Unusable::Revoked),
        (START.after(KEPT), Unusable::Expired, Unusable::Revoked),
        (START.after(KEPT + SECOND), Unusable::Expired, Unusable::Unknown),
        (expired.after(KEPT), Unusable::Expired, Unusable::Unknown),
        (expired.after(KEPT + SECOND), Unusable::Unknown, Unusable::Unknown),
    ] {
        table.sweep(now);
        assert_eq!(
            (found(&table, &link, now), found(&table, &token, now)),
            (Err(of_link), Err(of_token)),
            "{now}"
        );
    }
}

#[test]
fn a_clock_that_is_set_back_revives_nothing() {
    let end = START.after(2 * DAY);
    let long_ago = WallTime::from_secs(0);
    let mut table = Table::default();
    let (link, record) = add_link(&mut table, None);
    let (session, _) = add_session(&mut table, &user("anna", 10), START);
    assert_eq!(found(&table, &session, START.after(SESSION_IDLE)), Err(Unusable::Expired));
    assert_eq!(found(&table, &session, START), Err(Unusable::Expired), "it was noticed");
    assert_eq!(found(&table, &link, end), Err(Unusable::Expired));
    assert_eq!(found(&table, &link, START), Err(Unusable::Expired), "it was noticed");
    assert_eq!(take(&mut table, record.id, START).err(), Some(Unusable::Expired.into()));
    // The file does not have the expiry yet, and may be read again after another program changes it.
    let read = Table::new(parse(table.print().as_bytes()).expect("valid"));
    assert_eq!(found(&read, &link, START), Ok(record.id));
    read.add_notes(&table);
    assert_eq!(found(&read, &link, START), Err(Unusable::Expired));
    assert!(table.sweep(START), "it is written down");
    let text = table.print();
    assert!(text.contains(&format!(" expired={START} ")), "{text}");
    assert!(!text.contains("session"), "{text}");
    assert_eq!(found(&table, &link, long_ago), Err(Unusable::Expired));
    assert!(!table.sweep(long_ago));
}

#[test]
fn a_clock_that_was_ahead_makes_no_endless_sessions() {
    let ahead = START.after(3650 * DAY);
    let mut table = Table::default();
    let (session, _) = add_session(&mut table, &user("anna", 10), ahead);
    assert!(found(&table, &session, ahead).is_ok());
    assert_eq!(found(&table, &session, START), Err(Unusable::Expired));
    let (session, _) = add_session(&mut table, &user("anna", 10), START.after(CLOCK_SLACK));
    assert!(found(&table, &session, START).is_ok(), "a little is forgiven");
}

#[test]
fn records_belong_to_one_user() {
    let mut table = Table::default();
    let anna = user("anna", 10);
    let (_, session) = add_session(&mut table, &anna, START);
    let (_, link) = add_link(&mut table, None);
    let is_of = |user: &UserLine| (session.is_of(user), link.is_of(user));
    assert_eq!(is_of(&anna), (true, true));
    assert_eq!(
        is_of(&user("anna", 11)),
        (false, false),
        "a hash of another program: who it is cannot be told"
    );
    assert_eq!(is_of(&user("bert", 10)), (false, false));
    assert_eq!(is_of(&UserLine { is_disabled: true, ..anna.clone() }), (false, false));
    let users = |line: &str| UsersFile::parse(line.as_bytes()).expect("users");
    assert_eq!(table.keep_users(&users(""), |_| true, START), 0, "an empty file ends nothing");
    assert_eq!(table.keep_users(&users(&format!("anna:!{}\n", anna.hash.as_str())), |_| true, START), 0);
    assert_eq!(table.keep_users(&users(&format!("bert:{}\n", anna.hash.as_str())), |_| true, START), 2);
    assert_eq!(link.check(START), Ok(()), "the copy that somebody has");
    assert_eq!(table.get(link.id).map(|link| link.check(START)), Some(Err(Unusable::Revoked)));
}

/// The hashes are argon2id, as wharf writes them.
#[test]
fn another_password_ends_sessions_only() {
    let hash = |salt: &str| {
        format!("$argon2id$v=19$m=19456,t=2,p=1${salt}$k9ohroejZy1PN5E1SbHNPug6vB8eQAahb5SOAp6iGF4")
    };
    let with = |salt: &str| UserLine { hash: hash(salt).parse().expect("a hash"), ..user("anna", 10) };
    let before = with("c29tZXNhbHRzb21lc2FsdA");
    let mut table = Table::default();
    let (_, session) = add_session(&mut table, &before, START);
    let (_, token) = add_token(&mut table, &before, "backup").expect("added");
    let after = with("c29tZXNhbHRzb21lc2FsdQ");
    assert_eq!((session.is_of(&after), token.is_of(&after)), (false, true));
    let anew = with("d29tZXNhbHRzb21lc2FsdA");
    assert_eq!((session.is_of(&anew), token.is_of(&anew)), (false, false));
}

#[test]
fn tokens_have_names_of_their_own_and_a_limit() {
    let mut table = Table::default();
    let anna = user("anna", 10);
    let (_, first) = add_token(&mut table, &anna, "0").expect("added");
    let taken = Refused::NameTaken("0".parse().expect("a name"));
    assert_eq!(add_token(&mut table, &anna, "0").err(), Some(taken));
    add_token(&mut table, &user("bert", 10), "0").expect("another user's");
    for number in 1..TOKENS_PER_USER {
        add_token(&mut table, &anna, &number.to_string()).expect("added");
    }
    let full = Some(Refused::Limit(RecordLimit::Tokens));
    assert_eq!(add_token(&mut table, &anna, "more").err(), full);
    table.revoke(|record| record.id == first.id, START);
    add_token(&mut table, &anna, "more").expect("there is room again");
    assert!(table.get(first.id).is_none(), "revoked ones make room");
    assert_eq!(
        add_token(&mut table, &user("anna", 11), "other").err(),
        full,
        "these count until they are revoked"
    );
}

#[test]
fn a_user_made_anew_may_use_the_names_again() {
    let mut table = Table::default();
    let (_, old) = add_token(&mut table, &user("anna", 10), "backup").expect("added");
    let (_, new) = add_token(&mut table, &user("anna", 11), "backup").expect("added");
    assert!(table.get(old.id).is_none() && table.get(new.id).is_some());
}

#[test]
fn links_have_a_limit_and_ended_ones_make_room() {
    let mut table = Table::default();
    let first = add_link(&mut table, Some(1)).1.id;
    (1..LINKS_PER_GIVER).for_each(|_| {
        add_link(&mut table, None);
    });
    let (_, key) = key(SecretUse::Link);
    let refused = table.add_link(&user("anna", 10), link(None), key, START).expect_err("full");
    assert_eq!(refused, Refused::Limit(RecordLimit::Links));
    take(&mut table, first, START).expect("its only use");
    table.add_link(&user("anna", 10), link(None), key, START).expect("it has made room");
    assert!(table.get(first).is_none());
    let expired = table.add_link(&user("bert", 10), link(None), key, START.after(2 * DAY));
    assert_eq!(expired.err(), Some(Unusable::Expired.into()), "it would have expired already");
}

#[test]
fn visits_have_limits() {
    let mut table = Table::default();
    let links: Vec<_> = (0..5).map(|_| add_link(&mut table, None).1.id).collect();
    let visits = |table: &Table, of: Option<RecordId>| {
        let is_of = |record: &&Arc<Record>| matches!(record.purpose, Purpose::Visit { link, .. } if of.is_none_or(|of| of == link));
        table.iter().filter(is_of).count()
    };
    let mut now = START;
    for link in &links {
        for _ in 0..=VISITS_PER_LINK {
            take(&mut table, *link, now).expect("taken");
            now = now.after(SECOND);
        }
        assert_eq!(visits(&table, Some(*link)), VISITS_PER_LINK);
    }
    assert_eq!(visits(&table, None), VISITS_PER_GIVER);
}

#[test]
fn a_full_table_forgets_only_what_has_ended() {
    let template = add_link(&mut Table::default(), None).1;
    let record = |number: usize| {
        let (_, Key { id, digest }) = key(SecretUse::Link);
        let user = user(&format!("user{}", number % 64), 10).name;
        Record { id, user, digest, ..Record::clone(&template) }
    };
    let mut table = Table::new((0..RECORDS).map(record));
    let anna = user("anna", 10);
    let (secret, first) = key(SecretUse::Session);
    let refused = table.add_session(&anna, NewSession::default(), first, START).expect_err("full");
    assert_eq!(refused, Refused::Limit(RecordLimit::All));
    let ended = table.iter().next().expect("a record").id;
    assert_eq!(table.revoke(|record| record.id == ended, START), 1);
    table.add_session(&anna, NewSession::default(), first, START).expect("there is room");
    assert!(found(&table, &secret, START).is_ok() && table.get(ended).is_none());
    assert_eq!(table.iter().count(), RECORDS);
}

/// A server accepts no more records than all servers can read from the store.
#[test]
fn the_size_in_the_store_is_that_of_ids_and_lines() {
    let mut table = Table::default();
    assert_eq!(table.stored_size(), 0);
    for name in ["anna", "bert"] {
        add_session(&mut table, &user(name, 10), START);
    }
    let changes = table.changes_since(&Table::default());
    let size =
        |change: &ClusterChange| change.id.as_str().len() + change.line.as_ref().map_or(0, String::len);
    assert_eq!(table.stored_size(), changes.iter().map(size).sum::<usize>() as u64);
}
