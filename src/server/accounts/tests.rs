//! Password checks, as the password thread runs them.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::*;
use crate::accounts::attempts::Guess;
use crate::accounts::password::Password;
use crate::accounts::records::WallTime;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::request::ClientAddress;
use crate::server::state_directory::StateDirectory;

/// The bcrypt hash of `secret`, at the lowest cost.
fn hash(salt: u8) -> String {
    bcrypt::hash_with_salt("secret", 4, [salt; 16]).expect("a hash").to_string()
}

fn accounts(folder: &Path, source: AccountsSource) -> Accounts {
    let state = StateDirectory::open(&folder.join("state"), |_| Ok(())).expect("a state directory");
    let disk = Blocking::own_thread();
    let records = Records::open(state.path(), "folder", WallTime::now(), disk).expect("records");
    let known = KnownFile::new(state, "folder");
    Accounts::new(source, records, known, None, true, Box::new(|_| Ok(())), disk).expect("valid")
}

fn client(host: u8) -> ClientAddress {
    ClientAddress::forwarded(IpAddr::from([192, 0, 2, host]))
}

/// Fails so often that the delay lasts longer than any test.
fn fail_often(accounts: &Accounts, host: u8, user: &str) {
    let mut attempts = lock(&accounts.0.attempts);
    (0..10).for_each(|_| attempts.failed(&client(host).key(), Guess::User(user), Instant::now()));
}

fn asked(host: u8, name: &str, password: &str) -> PasswordCheck {
    let owner = PasswordOwner::User(Zeroizing::new(name.to_owned()));
    PasswordCheck::new(owner, Password::new(password.into()), client(host))
}

/// Checks a password; `Some` says whether it is right.
fn check(accounts: &Accounts, host: u8, name: &str, password: &str) -> Option<bool> {
    match accounts.check(&asked(host, name, password), Blocking::own_thread()).verdict {
        PasswordVerdict::Right(_) => Some(true),
        PasswordVerdict::Wrong => Some(false),
        PasswordVerdict::TooMany(_) => None,
    }
}

#[test]
fn the_shared_password_is_one_under_any_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = hash(1).parse().expect("a hash");
    let accounts = accounts(folder.path(), AccountsSource::Shared(hash));
    assert_eq!(check(&accounts, 1, "anna", "secret"), Some(true));
    let began = Instant::now();
    for name in ["a", "b", "c", "d"] {
        assert_eq!(check(&accounts, 2, name, "wrong"), Some(false), "{name}");
    }
    let delay = lock(&accounts.0.attempts).delay(&client(2).key(), Guess::User("guest"), began);
    assert_eq!(delay, Some(Duration::from_secs(1)), "four failures of one user");
    fail_often(&accounts, 2, "guest");
    assert_eq!(check(&accounts, 2, "e", "wrong"), None);
    assert_eq!(check(&accounts, 3, "f", "wrong"), None, "from another address");
    assert_eq!(check(&accounts, 1, "g", "wrong"), Some(false), "the password was right from this address");
}

#[test]
fn a_new_password_ends_what_was_known_of_the_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users");
    fs::write(&path, format!("anna:{}\nbert:{}\n", hash(1), hash(1))).expect("written");
    let accounts = accounts(folder.path(), AccountsSource::File(path.clone()));
    for name in ["anna", "bert"] {
        assert_eq!(check(&accounts, 1, name, "secret"), Some(true), "{name}");
        for _ in 0..4 {
            assert_eq!(check(&accounts, 2, name, "wrong"), Some(false), "{name}");
        }
        assert_eq!(check(&accounts, 1, name, "wrong"), Some(false), "the address is known: {name}");
        fail_often(&accounts, 2, name);
    }
    fs::write(&path, format!("anna:{}:staff\nbert:{}\n", hash(1), hash(2))).expect("written");
    accounts.follow_files(Blocking::own_thread());
    assert_eq!(check(&accounts, 1, "anna", "secret"), Some(true), "only her groups have changed");
    assert_eq!(check(&accounts, 1, "bert", "secret"), None);
}

#[test]
fn a_failed_check_takes_as_long_as_the_slowest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users");
    fs::write(&path, format!("anna:{}\n", hash(1))).expect("written");
    let accounts = accounts(folder.path(), AccountsSource::File(path));
    let slowest = accounts.users().slowest;
    let long = "x".repeat(73);
    for (name, password) in [("anna", "wrong"), ("anna", &*long), ("nobody", "wrong"), ("nobody", "a\0b")] {
        let began = Instant::now();
        assert_eq!(check(&accounts, 1, name, password), Some(false), "{name}");
        assert!(began.elapsed() >= slowest, "{name}");
    }
}

#[test]
fn checks_from_unknown_addresses_do_not_delay_known_addresses() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users");
    fs::write(&path, format!("anna:{}\n", hash(1))).expect("written");
    let accounts = accounts(folder.path(), AccountsSource::File(path));
    assert_eq!(check(&accounts, 1, "anna", "secret"), Some(true));
    let admit = |host, password| accounts.admit(asked(host, "anna", password));
    let one: Vec<_> = (0..STRANGERS).map_while(|_| admit(2, "x").ok()).collect();
    assert_eq!(one.len(), STRANGERS / 2, "one address gets half");
    let others: Vec<_> = (3..=u8::MAX).map_while(|host| admit(host, "x").ok()).collect();
    assert_eq!(one.len() + others.len(), STRANGERS);
    assert!(matches!(admit(255, "secret"), Err(PasswordVerdict::TooMany(_))));
    assert!(admit(1, "another").is_ok(), "anna has logged in from there");
    assert!(matches!(admit(1, "secret"), Err(PasswordVerdict::Right(_))), "remembered");
    drop(one);
    assert!(admit(255, "secret").is_ok());
}

#[test]
fn known_addresses_outlive_a_restart_until_the_password_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, known) = (folder.path().join("users"), folder.path().join("state/known-folder"));
    let write = |anna: u8| {
        fs::write(&path, format!("anna:{}\nbert:{}\n", hash(anna), hash(1))).expect("written");
    };
    let start = || accounts(folder.path(), AccountsSource::File(path.clone()));
    let is_known = |accounts: &Accounts, host, name| {
        lock(&accounts.0.attempts).is_known(&client(host).key(), Guess::User(name), Instant::now())
    };
    let lines = || fs::read_to_string(&known).unwrap_or_default().lines().count();
    write(1);
    let first = start();
    assert_eq!(check(&first, 1, "anna", "wrong"), Some(false));
    first.follow_files(Blocking::own_thread());
    assert!(!known.exists(), "nobody has logged in");
    for (host, name) in [(1, "anna"), (2, "anna"), (1, "bert")] {
        assert_eq!(check(&first, host, name, "secret"), Some(true));
    }
    first.follow_files(Blocking::own_thread());
    let mode = fs::metadata(&known).expect("a file").permissions().mode();
    assert_eq!((mode & 0o777, lines()), (0o600, 3));
    // A server that has started since keeps what others have written.
    let second = start();
    let both = |accounts: &Accounts| [1, 2, 3].map(|host| is_known(accounts, host, "anna"));
    assert_eq!(both(&second), [true, true, false]);
    assert!(is_known(&second, 1, "bert") && !is_known(&second, 2, "bert"));
    assert_eq!(check(&first, 3, "anna", "secret"), Some(true));
    first.follow_files(Blocking::own_thread());
    assert_eq!(check(&second, 4, "anna", "secret"), Some(true));
    second.follow_files(Blocking::own_thread());
    assert_eq!((lines(), both(&start())), (5, [true; 3]));
    // The password changes while no server runs.
    write(2);
    let third = start();
    assert_eq!(both(&third), [false; 3]);
    assert!(is_known(&third, 1, "bert"));
    assert_eq!(check(&third, 5, "anna", "secret"), Some(true));
    third.follow_files(Blocking::own_thread());
    assert_eq!(lines(), 2);
    // The password changes while it is checked.
    let line = third.users().find("anna").expect("a user").line.clone();
    let user = Arc::clone(&third.users().find("anna").expect("a user").user);
    assert!(third.log_in(&user, None, Blocking::own_thread()).expect("written").is_some());
    write(3);
    third.follow_files(Blocking::own_thread());
    assert!(!third.has_succeeded(&client(6).key(), Guess::User("anna"), Some(&line), Instant::now()));
    assert!(!is_known(&third, 6, "anna"));
    let late = third.log_in(&user, None, Blocking::own_thread()).expect("it may be written");
    assert!(late.is_none(), "the old password starts no session");
    // Malformed lines are left out.
    fs::write(&known, "anna\n\nanna x y z\n\u{0}").expect("written");
    assert_eq!(both(&start()), [false; 3]);
}
