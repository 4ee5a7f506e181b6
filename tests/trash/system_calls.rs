//! How many system calls it takes to remove and to move a directory, and how many more to replace a file that is kept.
//! `recorded_calls.rs` says which calls count.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::recorded_calls::{MOST, MOST_MORE, calls_of};
use super::{EDIT, Visitor};
use crate::common::{Wharf, eventually, outside};

/// How often everything is done. The first time, the trash is created. If another program mounts something meanwhile, the table of
/// mounts is read again; so the fewest calls count.
const TIMES: usize = 5;

/// What strace has recorded of a server that has served these requests, in order.
fn record(flags: &[&str], prepare: impl Fn(&Wharf), requests: impl Fn(&mut Visitor<'_>)) -> Option<String> {
    let mut strace = outside("strace")?;
    let place = tempfile::tempdir().expect("a place");
    let notes = place.path().join("notes");
    strace.args(["-D", "-f", "-y", "-o"]).arg(&notes);
    let mut wharf = Wharf::serve_by(strace, place, &[&EDIT[..], flags].concat());
    prepare(&wharf);
    requests(&mut Visitor::new(&wharf));
    wharf.signal(Signal::TERM);
    wharf.wait();
    let text = || fs::read_to_string(&notes).unwrap_or_default();
    eventually("strace has written all", || text().contains("+++ exited with 0"));
    Some(text())
}

/// The fewest calls of all but the first of these repeated requests.
fn fewest(notes: &str, text: impl Fn(usize) -> String) -> Vec<String> {
    let repeated = (1..TIMES).map(|number| {
        let text = text(number);
        calls_of(notes, &text).unwrap_or_else(|| panic!("no rename of {text}:\n{notes}"))
    });
    repeated.min_by_key(Vec::len).expect("it was repeated")
}

/// Makes a directory with some files in directories.
fn make_tree(at: &Path) {
    for number in 0..100 {
        let directory = at.join(format!("{}/{}", number % 5, number % 10));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(number.to_string()), "x").expect("written");
    }
}

#[test]
fn a_directory_is_removed_and_moved_with_few_system_calls() {
    let prepare = |wharf: &Wharf| {
        for number in 0..TIMES {
            for name in ["gone", "in/gone", "from", "in/from"] {
                make_tree(&wharf.folder().join(format!("{name}{number}")));
            }
            fs::create_dir_all(wharf.folder().join("other")).expect("a directory");
        }
    };
    let requests = |visitor: &mut Visitor<'_>| {
        for number in 0..TIMES {
            for target in ["/gone", "/in/gone"] {
                visitor.does("DELETE", &format!("{target}{number}/"), "", 204);
            }
            for (from, to) in [("/from", "/to"), ("/in/from", "/other/to")] {
                let fields = format!("Destination: {to}{number}/\r\n");
                let answer = visitor.ask("MOVE", &format!("{from}{number}/"), &fields, "");
                assert_eq!(answer.code(), 201, "{from}: {}", answer.text());
            }
        }
    };
    let Some(notes) = record(&[], prepare, requests) else { return };
    for (directory, name) in [("share", "gone"), ("in", "gone"), ("share", "from"), ("other", "to")] {
        let calls = fewest(&notes, |number| format!("/{directory}>, \"{name}{number}\""));
        let name = format!("{directory}/{name}");
        assert!((5..=MOST).contains(&calls.len()), "{name}: {} calls\n{}", calls.len(), calls.join("\n"));
        assert!(calls.iter().any(|call| call.starts_with("fsync(")), "{name}: it is durable: {calls:?}");
        assert!(!calls.iter().any(|call| call.starts_with("getdents")), "{name}: it is not read: {calls:?}");
    }
}

#[test]
fn keeping_a_replaced_file_takes_few_more_system_calls() {
    let prepare = |wharf: &Wharf| {
        for number in 0..TIMES {
            wharf.write(&format!("file{number}"), "old");
        }
    };
    let requests = |visitor: &mut Visitor<'_>| {
        for number in 0..TIMES {
            visitor.does("PUT", &format!("/file{number}"), "new", 204);
        }
    };
    let counted = |flags: &[&str]| {
        let notes = record(flags, prepare, requests)?;
        Some(fewest(&notes, |number| format!("\"file{number}\"")))
    };
    let (Some(with), Some(without)) = (counted(&[]), counted(&["--trash", "off"])) else { return };
    let more = with.len().saturating_sub(without.len());
    assert!(more <= MOST_MORE, "{more} more\n{}\nwithout:\n{}", with.join("\n"), without.join("\n"));
    let syncs = |calls: &[String]| calls.iter().filter(|call| call.starts_with("fsync(")).count();
    assert_eq!(syncs(&with), syncs(&without) + 2, "the record and its directory are synced\n{with:?}");
}
