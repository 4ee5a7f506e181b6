//! Who may move and copy: rights at both ends, and below them.

use std::os::unix::fs::symlink;

use super::{relocate, tree};
use crate::common::Wharf;

/// A file and a directory in each place.
fn stage(rules: &[&str]) -> Wharf {
    let flags: Vec<_> = rules.iter().flat_map(|rule| ["--allow", rule]).collect();
    let wharf = Wharf::serve(&flags);
    for place in ["open", "view", "drop", "add", "closed", "partly"] {
        wharf.write(&format!("{place}/file"), place);
        wharf.write(&format!("{place}/dir/deep/file"), place);
    }
    wharf
}

const RULES: [&str; 8] = [
    "everyone=edit",
    "everyone=view@/view",
    "everyone=drop@/drop",
    "everyone=view,add@/add",
    "everyone=none@/closed",
    "everyone=view@/partly/dir/deep",
    "everyone=none@/partly/x/secret",
    "everyone=edit@/partly",
];

#[test]
fn both_ends_need_their_rights() {
    let wharf = stage(&RULES);
    let before = tree(&wharf);
    let refused = [
        ("MOVE", "/view/file", "/open/new", "no right to remove"),
        ("MOVE", "/closed/file", "/open/new", "nothing of it is known"),
        ("MOVE", "/open/file", "/view/new", "no right to add"),
        ("MOVE", "/open/file", "/closed/new", "no right to add, hidden"),
        ("MOVE", "/open/file", "/closed/file", "the same where it exists"),
        ("MOVE", "/partly/dir", "/open/new", "a rule below takes the right to remove away"),
        ("MOVE", "/partly/dir/deep", "/open/new", "the rule itself"),
        ("MOVE", "/partly/dir/", "/open/new/", "with slashes"),
        ("MOVE", "/open/dir", "/partly/x", "a rule below takes the right to add away"),
        ("COPY", "/open/dir", "/partly/x", "the same for a copy"),
        ("MOVE", "/closed/none", "/open/new", "nothing is there"),
        ("COPY", "/closed/file", "/open/new", "no right to read"),
        ("COPY", "/closed/dir", "/open/new", "no right to list"),
        ("COPY", "/drop/file", "/open/new", "no right to read, only to add"),
        ("COPY", "/open/file", "/view/new", "no right to add"),
        ("COPY", "/open/file", "/closed/new", "hidden"),
    ];
    for (method, from, to, why) in refused {
        let answer = relocate(&mut wharf.connect(), method, from, to, "");
        assert_eq!(answer.code(), 404, "{method} {from} {to}: {why}: {}", answer.text());
    }
    // The client may list the names there, so a taken name is no secret.
    for method in ["MOVE", "COPY"] {
        let answer = relocate(&mut wharf.connect(), method, "/open/file", "/add/file", "");
        assert_eq!(answer.code(), 409, "{method}: no right to replace: {}", answer.text());
        let answer = relocate(&mut wharf.connect(), method, "/open/file", "/add/dir", "");
        assert!([403, 404, 409].contains(&answer.code()), "{method}: {}", answer.text());
    }
    assert_eq!(tree(&wharf), before);
    for (method, from, to) in [
        ("COPY", "/view/file", "/open/of%20view"),
        ("COPY", "/view/dir/", "/add/of%20view"),
        ("COPY", "/partly/dir/", "/open/of%20partly"),
        ("MOVE", "/open/file", "/add/new"),
        ("MOVE", "/partly/file", "/open/file"),
    ] {
        let answer = relocate(&mut wharf.connect(), method, from, to, "");
        assert_eq!(answer.code(), 201, "{method} {from} {to}: {}", answer.text());
    }
}

#[test]
fn a_copy_has_only_what_its_client_may_see() {
    let wharf = stage(&["everyone=edit", "everyone=none@/open/dir/deep", "everyone=list@/open/listed"]);
    wharf.write("open/listed/file", "may be listed, not read");
    symlink("../closed/file", wharf.folder().join("open/in")).expect("linked");
    symlink("dir/deep/file", wharf.folder().join("open/secret")).expect("linked");
    assert_eq!(relocate(&mut wharf.connect(), "COPY", "/open/", "/copy/", "").code(), 201);
    let copy: Vec<_> = tree(&wharf).into_iter().filter(|name| name.starts_with("copy")).collect();
    assert_eq!(copy, ["copy/", "copy/dir/", "copy/file", "copy/in", "copy/listed/"]);
}

/// In a drop box, nobody learns which files and directories exist.
#[test]
fn nothing_is_moved_or_copied_into_a_drop_box() {
    let wharf = stage(&RULES);
    let mut texts = std::collections::BTreeSet::new();
    for (method, from) in [("COPY", "/view/file"), ("MOVE", "/open/file"), ("COPY", "/view/")] {
        for to in ["/drop/file", "/drop/new", "/drop/none/below", "/drop/file/below"] {
            let answer = relocate(&mut wharf.connect(), method, from, to, "");
            assert_eq!(answer.code(), 403, "{method} {to}");
            texts.insert(answer.text());
        }
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(wharf.read("drop/file"), b"drop");
}

#[test]
fn links_do_not_lead_around_the_rules() {
    let wharf = stage(&RULES);
    symlink("../closed", wharf.folder().join("open/to_closed")).expect("linked");
    symlink("../view", wharf.folder().join("open/to_view")).expect("linked");
    for (method, from, to) in [
        ("MOVE", "/open/to_closed/file", "/open/new"),
        ("MOVE", "/open/to_view/file", "/open/new"),
        ("MOVE", "/open/file", "/open/to_closed/new"),
        ("MOVE", "/open/file", "/open/to_view/new"),
        ("COPY", "/open/to_closed/file", "/open/new"),
        ("COPY", "/open/file", "/open/to_view/new"),
    ] {
        let answer = relocate(&mut wharf.connect(), method, from, to, "");
        assert!([403, 404].contains(&answer.code()), "{method} {from} {to}: {}", answer.text());
    }
    assert_eq!(relocate(&mut wharf.connect(), "MOVE", "/open/to_closed", "/open/renamed", "").code(), 201);
    assert_eq!(wharf.read("closed/file"), b"closed", "a link is moved itself");
}

#[cfg(feature = "accounts")]
#[test]
fn through_a_link_destinations_are_those_below_it() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "users=edit"]);
    office.wharf.write("work/a", "a");
    office.wharf.write("outside", "outside");
    let order = "{\"path\": \"/work\", \"for\": \"1h\", \"rights\": \"edit\"}";
    let made = office.make("/.wharf/links", ANNA, order);
    let url = made["link"].as_str().expect("text");
    let link = url[url.find("/.wharf/l/").expect("a link")..].trim_end_matches('/').to_owned();
    let ask = |method: &str, from: &str, to: &str| {
        let fields = format!("Destination: {to}\r\n");
        let answer = office.ask(method, &format!("{link}{from}"), &fields, "");
        (answer.code(), answer.field("Location"), answer.text())
    };
    let moved = (201, format!("{link}/b"), "moved to b\n".to_owned());
    assert_eq!(ask("MOVE", "/a", &format!("{link}/b")), moved);
    let copied = (201, format!("{link}/c"), "copied to c\n".to_owned());
    assert_eq!(ask("COPY", "/b", &format!("{link}/c")), copied);
    for (to, code) in
        [("/work/d", 400), ("/outside", 400), (&*format!("{link}/../outside"), 400), (&link, 409)]
    {
        assert_eq!(ask("COPY", "/b", to).0, code, "{to}");
    }
    assert_eq!(tree(&office.wharf), ["outside", "work/", "work/b", "work/c"]);
}
