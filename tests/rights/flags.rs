//! `--allow` on the command line.

use std::path::Path;

use rustix::process::geteuid;

use crate::common::accounts::write_users;
use crate::common::{Wharf, eventually, outside, run, skip};

/// The code and the errors of a server that does not start.
fn refused(flags: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["serve", "--port", "0"], flags].concat(), "", Path::new("."));
    (output.code, output.stderr)
}

#[test]
fn a_bad_rule_is_quoted() {
    let table = [
        ("everyone", "a rule is SUBJECT=RIGHTS"),
        ("everyone=delete", "unknown right \"delete\""),
        ("everyone=view@/a/../b", "a part of the path is \".\" or \"..\""),
        ("everyone=view from 10.0.0.0/33", "/33 is not a prefix length"),
        ("everyone=view from home", "\"home\" is not an IP address"),
        ("everyone=none,read", "none stands alone"),
        ("everyone=chat@/a", "chat and admin hold for the whole server"),
        ("a b=view", "\"a b\" cannot be a subject"),
    ];
    for (rule, why) in table {
        let (code, errors) = refused(&["--allow", rule]);
        assert_eq!(code, Some(2), "{rule}: {errors}");
        assert!(errors.contains(&format!("'{rule}'")) && errors.contains(why), "{rule}: {errors}");
    }
    for (rule, subject) in
        [("users=view", "users"), ("anna=view", "anna"), ("everyone,%staff=view", "%staff")]
    {
        let (code, errors) = refused(&["--allow", rule]);
        assert_eq!(code, Some(2), "{rule}: {errors}");
        let why = format!("--allow: a rule is for {subject}, and ");
        assert!(errors.contains(&why) && errors.contains("no accounts"), "{rule}: {errors}");
    }
}

#[test]
fn a_rule_about_users_needs_accounts() {
    for (rule, subject) in
        [("users=view", "users"), ("anna=view", "anna"), ("everyone,%staff=view", "%staff")]
    {
        let (code, errors) = refused(&["--allow", rule]);
        assert_eq!(code, Some(2), "{rule}: {errors}");
        assert!(errors.contains(&format!("a rule is for {subject}, and there are no accounts")), "{errors}");
    }
}

#[test]
fn a_rule_about_a_user_who_does_not_exist_is_warned_of() {
    let place = tempfile::tempdir().expect("a folder");
    let accounts = write_users(place.path(), &[("anna", "a", &[])]);
    let rules = ["--allow", "anna=view", "--allow", "ana=edit"];
    let flags: Vec<_> = accounts.iter().map(String::as_str).chain(rules).collect();
    let wharf = Wharf::serve(&flags);
    eventually("it is warned of", || wharf.log().contains("--allow: there is no user ana ("));
    assert!(!wharf.settled_log().contains("no user anna"), "{}", wharf.log());
}

#[test]
fn rules_without_effect_are_warned_of() {
    let wharf =
        Wharf::serve(&["--allow", "everyone=view", "--allow", "everyone=none@/no such", "--allow-exit"]);
    for warning in ["there is nothing at /no such in the folder", "--allow-exit has no effect"] {
        eventually(warning, || wharf.log().contains(warning));
    }
    let refused = wharf.ask("POST", "/.wharf/exit", "", b"");
    assert_eq!(refused.code(), 403);
    assert!(refused.text().contains("this needs the right admin"), "{}", refused.text());
    let wharf = Wharf::serve(&["--allow", "everyone=view,admin"]);
    let refused = wharf.ask("POST", "/.wharf/exit", "", b"");
    assert_eq!(refused.code(), 403, "it needs --allow-exit too");
    assert!(refused.text().contains("--allow-exit"), "{}", refused.text());
    eventually("it is warned of", || wharf.log().contains("admin has no effect without accounts"));
    let mut wharf = Wharf::serve(&["--allow", "everyone=admin", "--allow-exit"]);
    assert_eq!(wharf.ask("GET", "/", "", b"").code(), 404);
    assert_eq!(wharf.ask("POST", "/.wharf/exit", "", b"").code(), 200);
    assert!(wharf.wait().1.success());
}

#[test]
fn a_rule_for_a_link_is_warned_of() {
    let place = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(place.path().join("share/dir")).expect("made");
    std::os::unix::fs::symlink("dir", place.path().join("share/link")).expect("linked");
    let rules =
        ["--allow", "everyone=view", "--allow", "everyone=none@/dir", "--allow", "everyone=none@/link"];
    let wharf = Wharf::serve_in(place, &rules);
    eventually("the link is warned of", || wharf.log().contains("--allow: /link leads through a link"));
    assert_eq!(wharf.settled_log().matches("--allow").count(), 1, "{}", wharf.log());
}

#[test]
fn rules_for_paths_need_to_know_where_links_lead() {
    let Some(mut unshare) = outside("unshare") else { return };
    if !geteuid().is_root() {
        return skip("only root can take /proc away");
    }
    let place = tempfile::tempdir().expect("a folder");
    let script = "umount -l /proc && exec \"$0\" serve . --port 0 --allow everyone=none@/a";
    unshare.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_wharf")]).current_dir(place.path());
    let output = unshare.output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("rules for paths need /proc"), "{errors}");
}

#[test]
fn read_only_takes_changes_away_from_rules_too() {
    let wharf =
        Wharf::serve(&["--allow", "everyone=write", "--allow", "everyone=none@/closed", "--read-only"]);
    wharf.write("closed/file", "secret");
    wharf.write("file", "public");
    for (method, target, code) in [
        ("GET", "/file", 200),
        ("PUT", "/file", 403),
        ("MKCOL", "/new", 403),
        ("GET", "/closed/file", 404),
        ("PUT", "/closed/file", 403),
        ("PUT", "/closed/none", 403),
    ] {
        assert_eq!(wharf.ask(method, target, "", b"").code(), code, "{method} {target}");
    }
}

#[test]
fn without_a_rule_nobody_may_chat() {
    let join = |wharf: &Wharf| wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code();
    let page =
        |wharf: &Wharf| wharf.ask("GET", "/", "Accept: text/html\r\n", b"").text().contains("id=\"room\"");
    for (rule, may_chat) in [("everyone=write", false), ("everyone=write,chat", true)] {
        let wharf = Wharf::serve(&["--allow", rule]);
        assert_eq!((join(&wharf), page(&wharf)), (if may_chat { 200 } else { 404 }, may_chat), "{rule}");
    }
    let wharf = Wharf::serve(&["--allow", "everyone=view,chat", "--no-chat"]);
    assert_eq!((join(&wharf), page(&wharf)), (404, false));
}

#[test]
fn a_rule_by_network_goes_by_the_address_of_the_client() {
    let rules = ["--allow", "everyone=none", "--allow", "everyone=view@/a from 203.0.113.0/24"];
    let lines = |from: &str| format!("X-Forwarded-For: {from}\r\n");
    for (flags, is_trusted) in [(&[][..], false), (&["--trust-proxy", "127.0.0.1"], true)] {
        let wharf = Wharf::serve(&[&rules, flags].concat());
        wharf.write("a/file", "content");
        for (from, is_inside) in [
            (lines("203.0.113.9"), true),
            (lines("198.51.100.1, 203.0.113.9"), true),
            (lines("203.0.113.9, 198.51.100.1"), false),
            (lines("unknown"), false),
            (String::new(), false),
        ] {
            let code = if is_trusted && is_inside { 200 } else { 404 };
            assert_eq!(wharf.ask("GET", "/a/file", &from, b"").code(), code, "{flags:?}, {from}");
        }
    }
}
