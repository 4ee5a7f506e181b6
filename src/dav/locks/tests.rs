use super::*;

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).expect("a path")
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A lock of ann's whose token is its path, until second 100. A path that ends in a slash is locked deeply.
fn lock(text: &str, scope: LockScope) -> Lock {
    Lock {
        token: text.to_owned(),
        path: path(text.trim_end_matches('/')),
        is_directory: text.ends_with('/'),
        is_deep: text.ends_with('/'),
        scope,
        owner: "".into(),
        holder: Some("ann".into()),
        counted_for: "ann".into(),
        expires: at(100),
    }
}

fn table(locks: &[&str]) -> LockTable {
    LockTable::of(locks.iter().map(|text| lock(text, LockScope::Exclusive)))
}

fn tokens(texts: &[&str]) -> Vec<Box<str>> {
    texts.iter().map(|text| (*text).into()).collect()
}

fn ann(tokens: &[Box<str>]) -> TokenClaim<'_> {
    TokenClaim { tokens, holder: Some("ann") }
}

#[test]
fn locks_exclude_each_other() {
    use LockScope::{Exclusive, Shared};
    for (there, wanted, scopes, conflict) in [
        ("a", "a", (Exclusive, Exclusive), Some("a")),
        ("a", "a", (Exclusive, Shared), Some("a")),
        ("a", "a", (Shared, Exclusive), Some("a")),
        ("a", "a", (Shared, Shared), None),
        ("a", "a/b", (Exclusive, Exclusive), None),
        ("a/", "a/b/c", (Exclusive, Exclusive), Some("a")),
        ("a/b/c", "a/", (Exclusive, Shared), Some("a/b/c")),
        ("a/b", "a", (Exclusive, Exclusive), None),
        ("a-b", "a/", (Exclusive, Exclusive), None),
        ("a0", "a/", (Exclusive, Exclusive), None),
    ] {
        let mut table = LockTable::of([lock(there, scopes.0)]);
        let found = table.add(lock(wanted, scopes.1), at(0));
        let expected = conflict.map_or(Ok(()), |at| Err(NoLock::Conflict(vec![path(at)])));
        assert_eq!(found, expected, "{there} {wanted} {scopes:?}");
        assert_eq!(table.iter().count(), if conflict.is_some() { 1 } else { 2 });
    }
    let mut table = table(&["a"]);
    assert_eq!(table.add(lock("a", Exclusive), at(100)), Ok(()), "its time is up");
}

#[test]
fn changes_need_tokens() {
    let there = table(&["a", "d/", "e", "e/f/g"]);
    let cases: [(bool, &str, &[&str], &[&str]); 15] = [
        (false, "b", &[], &[]),
        (false, "a", &[], &["a"]),
        (false, "a", &["a"], &[]),
        (false, "a", &["d/"], &["a"]),
        (false, "d/x/y", &[], &["d/x/y"]),
        (false, "d/x/y", &["d/"], &[]),
        (false, "e/x", &[], &[]),
        (true, "e/x", &[], &["e"]),
        (true, "e/x", &["e"], &[]),
        (true, "e", &["e"], &["e/f/g"]),
        (true, "e", &["e", "e/f/g"], &[]),
        (true, "e/f", &["e"], &["e/f/g"]),
        (true, "d/x", &[], &["d/x", "d"]),
        (true, "a", &["a"], &[]),
        (true, "a", &[], &["a"]),
    ];
    for (is_entry, text, submitted, locked) in cases {
        let (path, tokens) = (path(text), tokens(submitted));
        let directory = path.parent().expect("a parent");
        let change = if is_entry {
            PathChange::Entry { path: &path, directory: &directory }
        } else {
            PathChange::Content(&path)
        };
        let found = there.admit(change, ann(&tokens), at(0)).err().unwrap_or_default();
        assert_eq!(
            found,
            locked.iter().map(|text| self::path(text)).collect::<Vec<_>>(),
            "{is_entry} {text} {submitted:?}"
        );
        assert_eq!(there.admit(change, ann(&tokens), at(100)), Ok(()), "later, {text}");
    }
}

#[test]
fn a_token_helps_only_its_principal() {
    let (path, tokens) = (path("a"), tokens(&["a"]));
    let mut there = table(&["a"]);
    for (holder, may) in [(Some("ann"), true), (Some("bob"), false), (None, false)] {
        let claim = TokenClaim { tokens: &tokens, holder };
        assert_eq!(there.admit(PathChange::Content(&path), claim, at(0)).is_ok(), may, "{holder:?}");
        assert_eq!(there.refresh(&path, claim, Duration::from_secs(200), at(0)).is_some(), may, "{holder:?}");
    }
    let mut anonymous = lock("a", LockScope::Exclusive);
    anonymous.holder = None;
    let there = LockTable::of([anonymous]);
    assert_eq!(
        there.admit(PathChange::Content(&path), TokenClaim { tokens: &tokens, holder: Some("bob") }, at(0)),
        Ok(())
    );
}

#[test]
fn one_of_several_shared_locks_is_enough() {
    let mut second = lock("a", LockScope::Shared);
    second.token = "b".to_owned();
    let table = LockTable::of([lock("a", LockScope::Shared), second]);
    let path = path("a");
    assert_eq!(table.admit(PathChange::Content(&path), ann(&tokens(&["b"])), at(0)), Ok(()));
    assert!(table.admit(PathChange::Content(&path), ann(&[]), at(0)).is_err());
}

#[test]
fn locks_are_refreshed_and_ended() {
    let mut table = table(&["a/", "a/b", "c"]);
    let token = tokens(&["a/"]);
    let refreshed =
        table.refresh(&path("a/x"), ann(&token), Duration::from_secs(60), at(90)).expect("refreshed");
    assert_eq!((refreshed.expires, refreshed.path), (at(150), path("a")));
    assert_eq!(table.iter().count(), 3, "a refresh makes no second lock");
    let expired: Vec<_> = table.expire(at(100)).into_iter().map(|lock| lock.token).collect();
    assert_eq!(expired, ["a/b", "c"]);
    assert_eq!(table.unlock(&path("c"), "c", |_| true), Err(NoUnlock::NoSuchLock));
    assert_eq!(table.unlock(&path("a/y"), "a/", |_| false), Err(NoUnlock::Another));
    assert_eq!(table.unlock(&path("a/y"), "a/", |_| true).map(|lock| lock.token), Ok("a/".to_owned()));
    assert!(table.is_empty());
}

#[test]
fn what_is_removed_loses_its_locks() {
    let mut table = table(&["a/b", "a/b/c", "a", "a-b", "ab"]);
    let end = |table: &mut LockTable, text: &str| {
        let path = path(text);
        let locks: Vec<_> = table.at_or_below(&path).cloned().collect();
        table.end(&locks)
    };
    assert_eq!(end(&mut table, "a/b").len(), 2);
    assert_eq!(table.iter().map(|lock| &*lock.token).collect::<Vec<_>>(), ["a", "a-b", "ab"]);
    assert_eq!(end(&mut table, "a").len(), 1);
    assert!(end(&mut table, "a").is_empty());
    assert_eq!(table.iter().count(), 2);
}

#[test]
fn each_client_has_a_limited_number() {
    let mut table = LockTable::default();
    for number in 0..MAX_LOCKS_EACH {
        assert_eq!(table.add(lock(&format!("f{number}"), LockScope::Exclusive), at(0)), Ok(()));
    }
    assert_eq!(table.add(lock("more", LockScope::Exclusive), at(0)), Err(NoLock::TooMany));
    let mut bobs = lock("more", LockScope::Exclusive);
    bobs.counted_for = "bob".into();
    assert_eq!(table.add(bobs, at(0)), Ok(()));
}

#[test]
fn a_path_is_covered_by_a_limited_number() {
    let shared = |text: &str, number: usize| {
        let mut lock = lock(text, LockScope::Shared);
        lock.token = format!("{text}{number}");
        lock
    };
    let mut table = LockTable::default();
    for number in 0..MAX_COVERING / 2 {
        assert_eq!(table.add(shared("a/", number), at(0)), Ok(()));
        assert_eq!(table.add(shared("a/b/c", number), at(0)), Ok(()));
    }
    for text in ["a/b/c", "a/b/c/", "a/", "a/b/"] {
        assert_eq!(table.add(shared(text, MAX_COVERING), at(0)), Err(NoLock::TooMany), "{text}");
    }
    for text in ["a/b/d", "a/b", "e/"] {
        assert_eq!(table.add(shared(text, MAX_COVERING), at(0)), Ok(()), "{text}");
    }
}

#[test]
fn clients_without_an_account_leave_room_for_users() {
    let mut table = LockTable::default();
    let anonymous = |number: usize| {
        let mut lock = lock(&format!("f{number}"), LockScope::Exclusive);
        (lock.holder, lock.counted_for) = (None, format!("address {}", number / MAX_LOCKS_EACH).into());
        lock
    };
    for number in 0..MAX_ANONYMOUS {
        assert_eq!(table.add(anonymous(number), at(0)), Ok(()));
    }
    assert_eq!(table.add(anonymous(MAX_ANONYMOUS), at(0)), Err(NoLock::TooMany));
    assert_eq!(table.add(lock("anns", LockScope::Exclusive), at(0)), Ok(()));
}

#[test]
fn new_directories_on_the_way_are_entries_of_the_deepest_that_exists() {
    let there = LockTable::of([lock("a", LockScope::Exclusive)]);
    let (path, directory) = (path("a/b/c/d"), path("a"));
    let change = PathChange::Entry { path: &path, directory: &directory };
    assert_eq!(there.admit(change, ann(&[]), at(0)), Err(vec![directory.clone()]));
    assert_eq!(there.admit(change, ann(&tokens(&["a"])), at(0)), Ok(()));
}

#[test]
fn locks_are_written_and_read() {
    let mut before = lock("a/b", LockScope::Shared);
    before.path = SharePath::root().join(std::os::unix::ffi::OsStrExt::from_bytes(b"\xff")).expect("a path");
    let written = serde_json::to_string(&before).expect("written");
    assert_eq!(serde_json::from_str::<Lock>(&written).expect("read"), before);
}
