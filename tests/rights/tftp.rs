//! The table over TFTP.

use super::caller::Caller;
use super::model::{DIRECTORIES, FILES, leaks, real, rights};
use super::stage::{Stage, assert_unchanged, restore};
use super::users::UsersFile;
use crate::common::{Tftp, Wharf};

/// The names of the table, as they are spelled, and the path that each names; `None` if it names none.
const NAMES: [(&str, Option<&str>); 25] = [
    ("open/file", Some("open/file")),
    ("open/none", Some("open/none")),
    ("open/near", Some("open/near")),
    ("open", Some("open")),
    ("open/", Some("open/")),
    ("work/dir", Some("work/dir")),
    ("work/file", Some("work/file")),
    ("work/none", Some("work/none")),
    ("work/link", Some("work/link")),
    ("work/dir/hush", Some("work/dir/hush")),
    ("work/dir/", Some("work/dir/")),
    ("inbox/file", Some("inbox/file")),
    ("inbox/none", Some("inbox/none")),
    ("inbox/", Some("inbox/")),
    ("closed/hush", Some("closed/hush")),
    ("closed/none", Some("closed/none")),
    ("//closed//hush", Some("closed/hush")),
    ("closed\\hush", Some("closed/hush")),
    ("closed/./hush", None),
    ("open/../closed/hush", None),
    ("CLOSED/hush", Some("CLOSED/hush")),
    ("closed/hush.", Some("closed/hush.")),
    ("closed", Some("closed")),
    ("closed/", Some("closed/")),
    ("closed/near/file", Some("closed/near/file")),
];

/// The expected error codes of reading and of writing; 0 for none.
fn expected(caller: Caller, path: Option<&str>) -> (u16, u16) {
    let Some(path) = path else { return (2, 2) };
    let (path, ends_with_slash) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
    let (named, lies_at) = (rights(caller, path), real(path));
    let there = rights(caller, &lies_at);
    let [list, read, add, replace] = [0, 1, 2, 3].map(|right| named[right] && there[right]);
    let (is_file, is_directory) = (FILES.contains(&&*lies_at), DIRECTORIES.contains(&&*lies_at));
    let reading = match ends_with_slash {
        true if list && is_directory => 0,
        false if read && is_file => 0,
        false if read && is_directory => 2,
        _ => 1,
    };
    let writing = if (add || replace) && !ends_with_slash { 0 } else { 2 };
    (reading, writing)
}

#[test]
fn every_transfer_follows_the_rules() {
    let stage = Stage::new();
    let (server, mut wrong) = (stage.wharf.tftp(), Vec::new());
    for host in [2, 1] {
        let caller = Caller::From(host);
        let absent = Tftp::from(host, server).get("open/none").expect_err("it does not exist");
        for (name, path) in NAMES {
            let (reading, writing) = expected(caller, path);
            let read = Tftp::from(host, server).get(name);
            let shown = String::from_utf8_lossy(read.as_deref().unwrap_or_default()).into_owned();
            let code = read.as_ref().err().map_or(0, |(code, _)| *code);
            if code != reading || (code == 1 && read.as_ref().err() != Some(&absent)) {
                wrong.push(format!("{caller:?} reads {name}: {read:?}, not {reading}"));
            }
            if let Some(file) = leaks(caller, &shown) {
                wrong.push(format!("{caller:?} reads {name}: shows {file}"));
            }
            let written = Tftp::from(host, server).put(name, &[], b"new");
            if written.as_ref().err().map_or(0, |(code, _)| *code) != writing {
                wrong.push(format!("{caller:?} writes {name}: {written:?}, not {writing}"));
            }
            if written.is_ok() {
                restore(&stage.wharf.folder());
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert_unchanged(&stage.wharf);
}

#[test]
fn a_server_that_takes_no_files_over_tftp_takes_them_over_http() {
    let wharf = Wharf::serve(&["--udp", "0", "--udp-read-only", "--allow-exit", "--no-sync"]);
    wharf.write("file", "content");
    let client = || Tftp::new(wharf.tftp());
    assert_eq!(client().get("file").expect("it may be read"), b"content");
    for name in ["new", "file", "none/new", ".wharf/exit", "..", "dir/"] {
        let (code, said) = client().put(name, &[], b"x").expect_err("it may not be written");
        assert_eq!((code, &*said), (2, "this server takes no files over TFTP (use HTTP)"), "{name}");
    }
    assert_eq!(wharf.ask("PUT", "/new", "", b"x").code(), 201);
    assert_eq!(wharf.tree(), ["file", "new"]);
}

/// Nobody can log in over TFTP, so it is anonymous.
#[test]
fn with_accounts_tftp_may_do_what_rules_for_everyone_say() {
    let users = UsersFile::new(&["ann"]);
    let with_users = users.flags();
    let with_users = with_users.each_ref().map(|flag| &**flag);
    let account = "this needs an account, and TFTP has none (use HTTP)";
    let near = ["--allow", "users=edit", "--allow", "everyone=view from 127.0.0.2"];
    let drop = ["--allow", "users=edit", "--allow", "everyone=drop@/in from 127.0.0.2"];
    // The flags, the client, whether it may read and write `in/file`, and the error if it may not read. The rule for the drop box
    // binds users too, so no account would help.
    let table: [(&[&str], u8, bool, bool, u16); 5] = [
        (&[], 2, false, false, 2),
        (&near, 1, false, false, 2),
        (&near, 2, true, false, 2),
        (&drop, 1, false, false, 2),
        (&drop, 2, false, true, 1),
    ];
    for (flags, host, may_read, may_write, unreadable) in table {
        let wharf = Wharf::serve(&[&with_users[..], &["--udp", "0", "--no-sync"], flags].concat());
        wharf.write("in/file", "content");
        let client = || Tftp::from(host, wharf.tftp());
        let case = format!("{flags:?} from 127.0.0.{host}");
        // Existing and missing names get the same error.
        for (name, content) in [("in/file", &b"content"[..]), ("in/none", b"")] {
            match client().get(name) {
                Ok(read) => assert!(may_read && read == content, "{case}: {name}"),
                Err((1, _)) if may_read => assert!(content.is_empty(), "{case}: {name}"),
                Err((code, said)) => {
                    assert_eq!((may_read, code), (false, unreadable), "{case}: {name}");
                    assert_eq!(said == account, code == 2, "{case}: {name}: {said}");
                }
            }
            match client().put(name, &[], b"new") {
                Ok(()) => assert!(may_write, "{case}: {name}"),
                Err(error) => {
                    assert_eq!((may_write, error), (false, (2, account.to_owned())), "{case}: {name}");
                }
            }
        }
        assert_eq!(client().get("in/").is_ok(), may_read, "{case}");
        assert_eq!(wharf.read("in/file"), b"content", "{case}: a drop box replaces nothing");
        assert_eq!(wharf.tree().iter().any(|name| name == "in/none"), may_write, "{case}");
    }
}
