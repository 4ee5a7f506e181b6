//! A network file system on which other machines replace the files that are read: opening or reading fails with ESTALE.

use std::fs;

use crate::common::Wharf;
use crate::common::fuse::{Mount, faults};

#[test]
fn a_file_that_was_replaced_is_opened_again() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &[]);
    for (fault, code) in [
        (faults::STALE_OPENS_MOSTLY, 200),
        (faults::STALE_READS_MOSTLY, 200),
        (faults::STALE_OPENS, 503),
        (faults::STALE_READS, 503),
    ] {
        mount.set(&[fault]);
        for round in 0..12 {
            // Nothing of it is in the server's memory.
            let name = format!("{fault}-{round}");
            fs::write(mount.behind().join(&name), "content").expect("written");
            let answer = wharf.ask("GET", &format!("/{name}"), "", b"");
            assert_eq!(answer.code(), code, "{fault}, round {round}: {}", answer.text());
            let expected = if code == 200 {
                "content"
            } else {
                "the file is being replaced by another server; try again\n"
            };
            assert_eq!(answer.text(), expected, "{fault}");
            assert_eq!(answer.field("Retry-After").is_empty(), code == 200, "{fault}");
        }
    }
    mount.set(&[]);
    assert_eq!(wharf.ask("GET", "/stale-reads-0", "", b"").text(), "content");
}

/// Another server replaces a file, while the kernel here still has the name and the attributes of the old one.
#[test]
fn a_version_that_another_machine_has_replaced_is_not_replaced_again() {
    for flags in [&["--allow", "everyone=edit"][..], &["--allow", "everyone=edit", "--trash", "off"]] {
        let Some(mount) = Mount::new() else { return };
        mount.set(&[faults::CACHES]);
        let other = Wharf::serve_folder(&mount.behind(), flags);
        let wharf = Wharf::serve_in(mount.place(), flags);
        for (method, target, more) in
            [("PUT", "/put", ""), ("DELETE", "/gone", ""), ("MOVE", "/moved", "Destination: /there\r\n")]
        {
            let name = &target[1..];
            fs::write(mount.behind().join(name), "old").expect("written");
            let tag = |wharf: &Wharf| wharf.ask("HEAD", target, "", b"").field("ETag");
            let old = tag(&wharf);
            assert_eq!(old, tag(&other), "{method}");
            let fields = format!("If-Match: {old}\r\n");
            assert_eq!(other.ask("PUT", target, &fields, b"new").code(), 204, "{method}");
            let late = wharf.ask(method, target, &format!("{fields}{more}"), b"late");
            assert_eq!(late.code(), 412, "{method}, {flags:?}: {}", late.text());
            assert_eq!(fs::read(mount.behind().join(name)).expect("a file"), b"new", "{method}, {flags:?}");
        }
    }
}
