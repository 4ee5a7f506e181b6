//! `wharf share`, and `wharf get` of a link.

use std::fs;
use std::path::Path;

use super::office;
use crate::common::office::{ANNA, Office, json};
use crate::common::{Output, run};

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
        (&[&url, "--for", "soon"], 1, "such as 12h or 30d"),
        (&[&url, "--for", "1d", "--uses", "0"], 2, "--uses"),
    ] {
        let refused = try_to_share(here, arguments, "");
        assert!(refused.code == Some(code) && refused.stderr.contains(text), "{arguments:?}: {refused:?}");
    }
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
    // An empty password is none: then there is no link.
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
    let make = |path: &str, flags: &[&str]| {
        let url = office.wharf.url(path);
        at(&office, &share(here, &[&[&*url, "--for", "1h"], flags].concat(), ""))
    };
    let file = make("/work/plan.txt", &["--uses", "1"]);
    let got = run(&["get", &file], "", here);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(fs::read(here.join("downloads/plan.txt")).expect("saved"), b"a plan");
    let again = run(&["get", &file, "--force"], "", here);
    assert!(again.code == Some(1) && again.stderr.contains("the maximum number of times"), "{again:?}");

    let folder = make("/work/", &["--uses", "1"]);
    // Credentials that this server would refuse do not come before the link.
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
    let path = link.split_at(link.find("/.wharf").expect("a path")).1;
    let (plan, done) = (format!("{link}/plan.txt"), format!("{link}/deep/done.txt"));
    assert_eq!(does(&["mv", &plan, &done]), format!("moved {path}/plan.txt → {path}/deep/done.txt\n"));
    assert_eq!(office.wharf.read("work/deep/done.txt"), b"a plan");
    does(&["rm", &done]);
    assert_eq!(does(&["undo", &format!("{link}/")]).lines().count(), 1);
    assert_eq!(office.wharf.read("work/deep/done.txt"), b"a plan");
    let above = run(&["rm", "-rf", &format!("{link}/")], "", here.path());
    assert!(above.code == Some(1) && above.stderr.contains("it is the root"), "{above:?}");
}
