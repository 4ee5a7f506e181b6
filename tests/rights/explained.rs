//! `wharf rights`, and `wharf serve --check`: which rule decides, before and without a request.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use super::caller::{By, Caller};
use super::model::{DIRECTORIES, FILES, RULES, USERS, rights};
use super::stage::PASSWORD;
use crate::common::accounts::write_users;
#[cfg(feature = "tls")]
use crate::common::root;
use crate::common::run;

/// What a command prints, which must succeed.
fn printed(words: &[&str], place: &Path) -> String {
    let output = run(words, "", place);
    assert_eq!(output.code, Some(0), "{words:?}: {}", output.stderr);
    output.stdout
}

/// The code and the errors of a command that fails.
fn refused(words: &[&str], place: &Path) -> (Option<i32>, String) {
    let output = run(words, "", place);
    assert_eq!(output.stdout, "", "{words:?}");
    (output.code, output.stderr)
}

/// The line about a right.
fn line<'t>(text: &'t str, right: &str) -> &'t str {
    text.lines()
        .find(|line| line.split_whitespace().next() == Some(right))
        .unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn it_says_what_the_rules_of_the_table_lead_to() {
    let place = tempfile::tempdir().expect("a folder");
    let accounts = write_users(place.path(), &USERS.map(|(name, groups)| (name, PASSWORD, groups)));
    let flags: Vec<_> = RULES.iter().flat_map(|rule| ["--allow", rule]).collect();
    let callers = [
        Caller::From(2),
        Caller::From(1),
        Caller::User("anna", By::Password),
        Caller::User("ben", By::Password),
        Caller::User("anna", By::Proxy),
    ];
    for caller in callers {
        for path in FILES.into_iter().chain(DIRECTORIES).chain(["open/none", "none"]) {
            let from = if caller.address() == Some(2) { "127.0.0.2" } else { "127.0.0.1" };
            let (name, target) = (caller.user(), format!("/{path}/"));
            let words: Vec<_> = ["rights", "--from", from]
                .into_iter()
                .chain(accounts[..2].iter().map(String::as_str))
                .chain(flags.iter().copied())
                .chain(name)
                .chain([&*target])
                .collect();
            let text = printed(&words, place.path());
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
            for (right, expected) in ["list", "read", "add", "replace"].iter().zip(rights(caller, path)) {
                let has = line(&text, right).split_whitespace().nth(1) == Some("yes");
                assert_eq!(has, expected, "{caller:?} {right} {path}:\n{text}");
            }
        }
    }
}

#[test]
fn it_names_the_rule_that_decides() {
    let place = tempfile::tempdir().expect("a folder");
    let accounts = write_users(place.path(), &[("anna", "a", &["staff"]), ("ben", "b", &[])]);
    let users = format!("{} {}", accounts[0], accounts[1]);
    let rules = "--allow everyone=view,chat --allow %staff=edit@/reports --allow ben=none@/reports";
    let table = [
        ("rights anna /reports/a USERS RULES", "read", "yes  %staff=edit@/reports (--allow)"),
        ("rights anna /reports/a USERS RULES", "chat", "yes  everyone=view,chat (--allow)"),
        ("rights anna reports USERS RULES --read-only", "add", "no   --read-only"),
        ("rights anna / USERS RULES", "add", "no   everyone=view,chat (--allow)"),
        ("rights ben /reports/ USERS RULES", "read", "no   ben=none@/reports (--allow)"),
        ("rights /reports USERS RULES", "read", "yes  everyone=view,chat (--allow)"),
        ("rights /reports USERS RULES", "admin", "no   everyone=view,chat (--allow)"),
        ("rights / USERS --allow users=view", "read", "no   no rule"),
        ("rights / USERS", "list", "no   no rule"),
        ("rights anna / USERS", "remove", "yes  users=edit,chat (default)"),
        ("rights / --allow everyone=write", "share", "no   only users can have it"),
        (
            "rights / --allow everyone=view --allow everyone=add",
            "remove",
            "no   everyone=view (--allow); everyone=drop (--allow)",
        ),
        ("rights / --allow everyone=write --no-chat", "chat", "no   --no-chat"),
        ("rights /", "replace", "yes  everyone=view,add,replace,chat (default)"),
        ("rights / --ip 0.0.0.0 --from 192.0.2.7", "replace", "no   everyone=view,add,chat (default)"),
        (
            "rights / --ip 0.0.0.0",
            "replace",
            "yes  everyone=view,add,replace,chat from this machine (default)",
        ),
        ("rights / --trust-proxy 127.0.0.1", "replace", "no   everyone=view,add,chat (default)"),
        ("rights / --on-conflict refuse", "replace", "no   everyone=view,add,chat (default)"),
    ];
    for (words, right, expected) in table {
        let words = words.replace("USERS", &users).replace("RULES", rules);
        let text = printed(&words.split(' ').collect::<Vec<_>>(), place.path());
        assert_eq!(line(&text, right), format!("{right:<8} {expected}"), "{words}");
    }
}

#[test]
fn what_it_cannot_answer_it_says() {
    let place = tempfile::tempdir().expect("a folder");
    let accounts = write_users(place.path(), &[("anna", "a", &[])]);
    let users = format!("{} {}", accounts[0], accounts[1]);
    let file = Path::new(&accounts[1]).to_owned();
    let table = [
        ("rights carla / USERS", 1, "there is no user carla in "),
        ("rights Anna / USERS", 1, "there is no user Anna in "),
        ("rights anna /", 2, "there are no users"),
        ("rights anna /a/../b USERS", 2, "\".\" or \"..\""),
        ("rights anna /a%2fb USERS", 2, "encoded slash"),
        ("rights /.wharf/login", 2, "a path of the server itself"),
        ("rights / --allow users=view", 2, "there are no accounts"),
        ("rights / --from home", 2, "'home'"),
    ];
    for (words, code, why) in table {
        let words = words.replace("USERS", &users);
        let (found, errors) = refused(&words.split(' ').collect::<Vec<_>>(), place.path());
        assert_eq!(found, Some(code), "{words}: {errors}");
        assert!(errors.contains(why), "{words}: {errors}");
    }
    let text = fs::read_to_string(&file).expect("read").replace("anna:", "anna:!");
    fs::write(&file, text).expect("written");
    let words = format!("rights anna / {users}");
    let (code, errors) = refused(&words.split(' ').collect::<Vec<_>>(), place.path());
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("the user anna is disabled"), "{errors}");
}

#[test]
fn a_check_prints_the_rules_and_does_not_listen() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(place.path().join("www/work")).expect("made");
    let accounts = write_users(place.path(), &[("anna", "a", &[])]);
    let record = place.path().join("record");
    fs::write(&record, "kept").expect("written");
    let rules =
        ["everyone=view", "anna,%staff=edit@/work from 10.0.0.0/8", "everyone=none@/none", "anna=view@/none"];
    let words: Vec<_> = ["serve", "--check", "--port", "0", "--read-only", "--record", "record"]
        .into_iter()
        .chain(accounts.iter().map(String::as_str))
        .chain(rules.iter().flat_map(|rule| ["--allow", rule]))
        .collect();
    let output = run(&words, "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    for part in [
        "www\nhttp://127.0.0.1:0 (a free port)\n",
        "WHO       RIGHTS      PATH   FROM\n",
        "\nanna      view        /none  anywhere\n",
        "\neveryone  none        /none  anywhere\n",
        "\nanna      view,share  /work  10.0.0.0/8\n",
        "\n%staff    view,share  /work  10.0.0.0/8\n",
        "\neveryone  view        /      anywhere\n",
        "Nobody has: add,replace,remove (--read-only).\n",
    ] {
        assert!(output.stdout.contains(part), "{part:?}: {}", output.stdout);
    }
    for warning in ["there is nothing at /none in the folder", "nobody is in the group %staff"] {
        assert_eq!(output.stderr.matches(warning).count(), 1, "{warning}: {}", output.stderr);
    }
    assert_eq!(fs::read(&record).expect("read"), b"kept", "a check records nothing");
}

#[test]
fn a_check_says_what_has_no_effect_and_what_the_trash_keeps() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    fs::write(place.path().join("none"), "").expect("written");
    let table = [
        ("", "trash: kept for 7 days\n", ""),
        ("--trash 12h --trash-size 2G", "trash: kept for 12 h, up to 2.0 GiB\n", ""),
        ("--trash off --trash-size 2G", "trash: off (", "--trash-size has no effect"),
        ("--read-only", "trash: nothing can be removed (--read-only)\n", ""),
        ("--users none --state state", "trash: ", "the users file is empty"),
        ("--allow everyone=view,share", "trash: ", "only users with an account can make links"),
        ("--allow everyone=edit", "trash: ", ""),
        ("--allow everyone=edit,admin", "trash: ", "admin has no effect without accounts"),
        ("--allow everyone=edit,admin --allow-exit", "trash: ", ""),
    ];
    for (flags, printed, warning) in table {
        let words: Vec<_> = ["serve", "--check"].into_iter().chain(flags.split_whitespace()).collect();
        let output = run(&words, "", place.path());
        assert!(output.code == Some(0) && output.stdout.contains(printed), "{flags}: {output:?}");
        let is_warned = output.stderr.contains("warn") || output.stderr.contains("WARN");
        assert_eq!(is_warned, !warning.is_empty(), "{flags}: {output:?}");
        assert!(output.stderr.contains(warning), "{flags}: {output:?}");
    }
}

/// The right opens the trash of all users, also where it was given to let them stop the server.
#[test]
fn a_check_warns_if_every_user_has_the_right_admin() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    let accounts = write_users(place.path(), &[("anna", "a", &["staff"])]);
    let table = [
        ("--allow everyone=edit,admin", true),
        ("--allow users=edit,admin", true),
        ("--allow users=edit,admin --allow-exit", true),
        ("--allow-exit", true),
        ("--allow users=edit,admin --trash off", false),
        ("--allow users=edit --allow %staff=admin --allow anna=admin --allow-exit", false),
        ("", false),
    ];
    for (flags, is_expected) in table {
        let words = ["serve", "--check"].into_iter().chain(accounts.iter().map(String::as_str));
        let words: Vec<_> = words.chain(flags.split_whitespace()).collect();
        let output = run(&words, "", place.path());
        let warning = "every user can see, restore and discard what anybody has removed";
        assert_eq!(output.code, Some(0), "{flags}: {output:?}");
        assert_eq!(output.stderr.contains(warning), is_expected, "{flags}: {}", output.stderr);
    }
}

#[test]
fn a_check_needs_no_free_port() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let text = printed(&["serve", "--check", "--port", &port], place.path());
    assert!(text.contains(&format!("\nhttp://127.0.0.1:{port}\n")), "{text}");
}

#[cfg(feature = "tls")]
#[test]
fn a_check_reads_the_certificate() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    let file = |name: &str| root().join("tests/tls").join(name).to_str().expect("text").to_owned();
    let (certificate, key) = (file("localhost.pem"), file("localhost.key"));
    let words = ["serve", "--check", "--tls-cert", &certificate, "--tls-key"];
    let text = printed(&[&words[..], &[&key]].concat(), place.path());
    assert!(text.contains("\nhttps://127.0.0.1:8080\nTLS key: set (--tls-key "), "{text}");
    let (code, errors) = refused(&[&words[..], &[&file("other.key")]].concat(), place.path());
    assert_eq!(code, Some(1), "{errors}");
}

/// With one password for everybody, all are the user guest.
#[test]
fn a_rule_for_a_name_that_no_guest_has_is_warned_of() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    fs::write(place.path().join("password"), "correct horse").expect("written");
    let words = "serve --check --password-file password --state state --allow guest=view --allow anna=edit";
    let output = run(&words.split(' ').collect::<Vec<_>>(), "", place.path());
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("there is no user anna"), "{}", output.stderr);
    assert!(!output.stderr.contains("guest"), "{}", output.stderr);
}

#[test]
fn a_check_shows_no_secret() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    let file = place.path().join("password");
    fs::write(&file, "hunter22\n").expect("written");
    let state = place.path().join("state");
    let words = [
        "serve",
        "--check",
        "--password-file",
        file.to_str().expect("text"),
        "--state",
        state.to_str().expect("text"),
    ];
    let text = printed(&words, place.path());
    assert!(text.contains("password: set (--password-file ") && !text.contains("hunter22"), "{text}");
    let text = printed(&["serve", "--check", "--password"], place.path());
    assert!(text.contains("password: asked for on startup (--password)"), "{text}");
}

#[test]
fn a_check_fails_as_a_start_does() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("made");
    fs::write(place.path().join("users"), "anna\n").expect("written");
    for words in [
        "--allow users=view",
        "--users users --state state",
        "--users www/users --state state",
        "--users users --state state --ip 0.0.0.0",
        "--record www/record",
        "--log-file none/log",
        "--dir none",
        "--no-tcp",
    ] {
        let of = |flags: &str| refused(&flags.split(' ').collect::<Vec<_>>(), place.path());
        let (checked, started) =
            (of(&format!("serve --check {words}")), of(&format!("serve --port 0 {words}")));
        if words != "--no-tcp" {
            assert_eq!(checked, started, "{words}");
        }
        assert!(matches!(checked.0, Some(1 | 2)), "{words}: {checked:?}");
    }
}
