//! `wharf share`; `wharf get`, `put` and `list` of a link.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::office;
use crate::common::office::{ANNA, Office, json};
use crate::common::{Output, outside, run};
use crate::prompt::Terminal;

/// `wharf share` as anna.
fn share(here: &Path, arguments: &[&str], input: &str) -> String {
    let output = try_to_share(here, arguments, input);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{arguments:?}");
    output.stdout.trim_end().to_owned()
}

fn try_to_share(here: &Path, arguments: &[&str], input: &str) -> Output {
    run(&[&["share"], arguments, &["-u", "anna:secret-anna"]].concat(), input, here)
}

/// The link on the address of the server that the test knows.
fn at(office: &Office, link: &str) -> String {
    office.wharf.url(&link[link.find("/.wharf/l/").expect("a link")..])
}

#[test]
fn links_are_made_listed_and_revoked() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let (here, url) = (here.path(), office.wharf.url("/"));
    let link = share(here, &[&office.wharf.url("/work/"), "--for", "2d", "--uses", "5"], "");
    assert!(link.starts_with("http") && link.contains("/.wharf/l/") && !link.contains('\n'), "{link}");
    share(here, &[&office.wharf.url("/work"), "--for", "1h", "--drop"], "");
    let file = share(here, &[&office.wharf.url("/work/plan.txt"), "--for", "1h"], "");
    assert_eq!(office.code("GET", file.split_at(file.find("/.wharf").expect("a path")).1, ""), 303);
    let list = share(here, &["--list", &url], "");
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let shown: Vec<_> = lines.iter().map(|line| [line[1], line[3], line[4], line[5]]).collect();
    let expected = [
        ["valid", "5", "list,read", "/work"],
        ["valid", "-", "add", "/work"],
        ["valid", "-", "read", "/work/plan.txt"],
    ];
    let mut shown = shown;
    shown.sort_by_key(|line| expected.iter().position(|expected| expected == line));
    assert_eq!(shown, expected, "{list}");
    share(here, &["--revoke", lines[0][0], &url], "");
    assert_eq!(share(here, &["--list", &url], "").matches("\trevoked\t").count(), 1);
    share(here, &["--revoke", "all", &url], "");
    assert_eq!(share(here, &["--list", &url], "").matches("\trevoked\t").count(), 3);

    for (arguments, code, text) in [
        (&[&*url][..], 2, "--for"),
        (&["--revoke", "00000000", &url], 1, "404"),
        (&[&office.wharf.url("/missing"), "--for", "1d"], 1, "404"),
        (&[&url, "--for", "2x"], 2, "'2x'"),
        (&[&url, "--for", "0d"], 2, "such as 12h or 30d"),
        (&[&url, "--for", "1d", "--rights", "edit,admin"], 2, "'edit,admin'"),
        (&[&url, "--for", "1d", "--uses", "0"], 2, "--uses"),
    ] {
        let refused = try_to_share(here, arguments, "");
        assert!(refused.code == Some(code) && refused.stderr.contains(text), "{arguments:?}: {refused:?}");
    }
}

#[test]
fn a_link_that_only_takes_files_is_not_downloaded() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    for more in [&[][..], &["--uses", "3"]] {
        let url = office.wharf.url("/work");
        let link = at(&office, &share(here, &[&[&*url, "--for", "1h", "--drop"], more].concat(), ""));
        for line in [&["get", &link][..], &["get", "-R", &format!("{link}/")], &["list", &link]] {
            let output = run(line, "", here);
            assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{output:?}");
            assert!(output.stderr.contains("wharf put FILE --to LINK"), "{output:?}");
        }
        fs::write(here.join("cv.txt"), "mine").expect("written");
        let sent = run(&["put", "cv.txt", "--to", &link], "", here);
        assert!(sent.code == Some(0) && sent.stdout.contains("→ /cv.txt"), "{sent:?}");
        assert!(!sent.stdout.contains("/.wharf/l/"), "{sent:?}");
    }
    assert!(!here.join("downloads").exists());
}

#[test]
fn files_are_moved_and_removed_through_a_link() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    let url = office.wharf.url("/work");
    let link = at(&office, &share(here, &[&url, "--for", "1h", "--rights", "edit", "--uses", "1"], ""));
    let below = |path: &str| format!("{link}/{path}");
    for (line, said) in [
        (&["mkdir", &below("a b")][..], "created /a b/\n"),
        (&["mv", &below("plan.txt"), &below("a b/")], "moved /plan.txt → /a b/plan.txt\n"),
        (&["rm", "-r", &below("a b")], "removed /a b/\n"),
        (&["undo", &link], "restored /a b/\n"),
    ] {
        let output = run(line, "", here);
        assert_eq!((output.code, &*output.stdout, &*output.stderr), (Some(0), said, ""), "{line:?}");
    }
    assert_eq!(office.wharf.read("work/a b/plan.txt"), b"a plan");
}

#[test]
fn a_password_is_read_from_stdin() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let url = office.wharf.url("/work");
    let link = share(here.path(), &[&url, "--for", "1h", "--password-stdin"], "open sesame\n");
    let path = &link[link.find("/.wharf").expect("a path")..];
    assert_eq!(office.ask("POST", path, "", "password=wrong").code(), 401);
    assert_eq!(office.ask("POST", path, "", "password=open+sesame").code(), 303);
    // An empty password is an error, and no link is made.
    let refused = try_to_share(here.path(), &[&url, "--for", "1h", "--password-stdin"], "\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let list = json(&office.ask("GET", super::LINKS, ANNA, ""));
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    // Without a terminal, nobody can type the password.
    let closed = run(&["get", &at(&office, &link)], "", here.path());
    assert!(closed.code == Some(1) && closed.stderr.contains("cannot open the link"), "{closed:?}");
}

#[test]
fn get_opens_a_link_by_itself() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    let make = |path: &str, flags: &[&str]| make(&office, here, path, flags);
    let file = make("/work/plan.txt", &["--uses", "1"]);
    let got = run(&["get", &file], "", here);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(fs::read(here.join("downloads/plan.txt")).expect("saved"), b"a plan");
    // The session of the first run still lasts; nobody else has it.
    let again = run(&["get", &file, "--force"], "", here);
    assert_eq!(again.code, Some(0), "{again:?}");
    let other = tempfile::tempdir().expect("a directory");
    let again = run(&["get", &file, "--force"], "", other.path());
    assert!(again.code == Some(1) && again.stderr.contains("the maximum number of times"), "{again:?}");

    let folder = make("/work/", &["--uses", "1"]);
    // The link takes precedence over credentials that this server would refuse.
    let got = run(&["get", "-R", &folder, "--dir", "all", "-u", "anna:wrong"], "", here);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(fs::read(here.join("all/deep/more.txt")).expect("saved"), b"more");

    let free = make("/work/", &[]);
    let output = run(&["get", &format!("{free}/deep/more.txt"), "-o", "-"], "", here);
    assert_eq!((output.code, &*output.stdout), (Some(0), "more"), "{output:?}");
    let listed = run(&["list", &free], "", here);
    assert_eq!((listed.code, &*listed.stdout), (Some(0), "deep/\nplan.txt\n"), "{listed:?}");
    let unknown = run(&["get", &office.wharf.url("/.wharf/l/xyz")], "", here);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}

/// A link of anna, for the address of the server that the test knows.
fn make(office: &Office, here: &Path, path: &str, flags: &[&str]) -> String {
    let url = office.wharf.url(path);
    at(office, &share(here, &[&[&*url, "--for", "1h"], flags].concat(), ""))
}

#[test]
fn put_and_list_open_links_too() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    fs::write(here.join("a.txt"), "mine").expect("written");
    fs::write(here.join("b.txt"), "too").expect("written");
    let list = make(&office, here, "/work/", &["--uses", "1"]);
    for _ in 0..2 {
        let listed = run(&["list", &list], "", here);
        assert_eq!((listed.code, &*listed.stdout), (Some(0), "deep/\nplan.txt\n"), "{listed:?}");
    }
    let into = make(&office, here, "/work/", &["--uses", "1", "--rights", "view,add"]);
    let sent = run(&["put", "a.txt", "b.txt", "--to", &into], "", here);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let named = run(&["put", "-", "--to", &format!("{into}/deep/c.txt")], "from stdin", here);
    assert_eq!(named.code, Some(0), "{named:?}");
    assert_eq!(office.wharf.read("work/a.txt"), b"mine");
    assert_eq!(office.wharf.read("work/deep/c.txt"), b"from stdin");
    let inbox = make(&office, here, "/work/", &["--uses", "1", "--drop"]);
    let sent = run(&["put", "b.txt", "--to", &inbox], "", here);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(office.wharf.read("work/b (1).txt"), b"too");
    fs::write(here.join("d.txt"), "new").expect("written");
    let refused = run(&["put", "d.txt", "--to", &list], "", here);
    assert!(refused.code == Some(1) && refused.stderr.contains("403"), "{refused:?}");
}

#[test]
fn processes_that_run_at_once_take_one_use() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let link = make(&office, here.path(), "/work/", &["--uses", "1"]);
    std::thread::scope(|scope| {
        let gets = ["x", "y", "z"].map(|dir| {
            let (here, link) = (here.path(), &link);
            scope.spawn(move || run(&["get", link, "--dir", dir], "", here))
        });
        for get in gets {
            let got = get.join().expect("run");
            assert_eq!(got.code, Some(0), "{got:?}");
        }
    });
}

#[test]
fn the_session_of_a_link_is_kept_for_its_user_alone() {
    let Some(mut program) = outside("setsid") else { return };
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let url = office.wharf.url("/work");
    let link = share(here.path(), &[&url, "--for", "1h", "--password-stdin"], "open sesame\n");
    let link = at(&office, &link);
    program.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_wharf"), "list", &link]);
    program.env("XDG_STATE_HOME", here.path().join(".state"));
    let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
    terminal.shows("Password of the link: ");
    terminal.types("open sesame\n");
    terminal.shows("plan.txt");
    assert_eq!(terminal.code(), Some(0));
    // The second run has no terminal, and needs none.
    let got = run(&["get", &link], "", here.path());
    assert_eq!(got.code, Some(0), "{got:?}");
    let secret = link.rsplit('/').next().expect("a secret");
    let state = here.path().join(".state/wharf/links");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for file in fs::read_dir(&state).expect("a directory") {
        let path = file.expect("an entry").path();
        assert_eq!(mode(&path), 0o600);
        assert!(!fs::read_to_string(&path).expect("text").contains(secret));
    }
    assert!(!got.stdout.contains("wharf-link") && !got.stderr.contains("wharf-link"), "{got:?}");
    // Once the link has ended, its session is not valid either.
    share(here.path(), &["--revoke", "all", &url], "");
    let ended = run(&["get", &link, "--force"], "", here.path());
    assert!(ended.code == Some(1) && ended.stderr.contains("404"), "{ended:?}");
}

#[test]
fn what_a_link_allows_can_be_changed_and_undone() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let rights = ["--for", "1h", "--rights", "list,read,add,replace,remove"];
    let url = office.wharf.url("/work/");
    let link = at(&office, &share(here.path(), &[&[&*url], &rights[..]].concat(), ""));
    let does = |line: &[&str]| {
        let output = run(line, "", here.path());
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{line:?}: {output:?}");
        output.stdout
    };
    let (plan, done) = (format!("{link}/plan.txt"), format!("{link}/deep/done.txt"));
    assert_eq!(does(&["mv", &plan, &done]), "moved /plan.txt → /deep/done.txt\n");
    assert_eq!(office.wharf.read("work/deep/done.txt"), b"a plan");
    does(&["rm", &done]);
    assert_eq!(does(&["undo", &format!("{link}/")]).lines().count(), 1);
    assert_eq!(office.wharf.read("work/deep/done.txt"), b"a plan");
    let above = run(&["rm", "-rf", &format!("{link}/")], "", here.path());
    assert!(above.code == Some(1) && above.stderr.contains("the root cannot be changed"), "{above:?}");
}
