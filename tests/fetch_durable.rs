//! A download that is reported as complete is on the disk: on a file system that counts `fsync`, lacks
//! features, and fails.

use std::fs;

use crate::common::fuse::{Event, Mount, What, are_durable, faults};
use crate::common::{Output, Running, Wharf, eventually, run, sample};

/// `wharf get` into `dl` on the mount.
fn get(mount: &Mount, arguments: &[&str]) -> Output {
    run(&[&["get", "--dir", "dl", "--retries=0"], arguments].concat(), "", &mount.path())
}

/// A server with these files, each of this length, also over TFTP.
fn serve(names: &[String], length: usize) -> Wharf {
    let wharf = Wharf::serve(&["--udp", "0"]);
    for name in names {
        wharf.write(name, sample(length, 1));
    }
    wharf
}

/// Like [`are_durable`], for downloads. Also asserts that no file is synced twice.
fn is_durable(events: &[Event], names: &[String]) {
    let paths: Vec<String> = names.iter().map(|name| format!("dl/{name}")).collect();
    assert_eq!(are_durable(events, &paths), names.len(), "each file is synced once: {events:?}");
}

#[test]
fn an_empty_directory_is_synced() {
    let wharf = Wharf::serve(&[]);
    fs::create_dir_all(wharf.folder().join("in/deep/empty")).expect("made");
    for (fault, code) in [(None, 0), (Some(faults::FSYNCDIR_EIO), 1)] {
        let Some(mount) = Mount::new() else { return };
        if let Some(fault) = fault {
            mount.set(&[fault]);
        }
        let output = get(&mount, &["-R", &wharf.url("/in/")]);
        assert_eq!(output.code, Some(code), "{output:?}");
        if fault.is_none() {
            assert_eq!(mount.count(What::MakeDir, ""), 4, "with the directory for downloads");
            are_durable(&mount.events(), &[]);
        }
    }
}

#[test]
fn each_file_and_each_directory_is_synced() {
    let names: Vec<String> = (0..40).map(|number| format!("in/{}/deep/{number}", number % 4)).collect();
    for length in [500, 100_000] {
        let wharf = serve(&names, length);
        for split in [None, Some("--split=1M")] {
            let Some(mount) = Mount::new() else { return };
            let output = get(&mount, &[&["-R", &wharf.url("/in/")][..], split.as_slice()].concat());
            assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
            let events = mount.events();
            is_durable(&events, &names);
            assert_eq!(mount.count(What::Fsync, ""), names.len(), "each is synced once");
            assert!(
                mount.count(What::FsyncDir, "") <= names.len() + 10,
                "files that finish together share it"
            );
        }
        // One after the other: over one connection, at a prompt, and over TFTP.
        let url = wharf.url(&format!("/{}", names[0]));
        let tftp = format!("tftp://{}/{}", wharf.tftp(), names[0]);
        for address in [&url, &tftp] {
            let Some(mount) = Mount::new() else { return };
            assert_eq!(get(&mount, &[address]).code, Some(0), "{address}");
            is_durable(&mount.events(), &names[..1]);
        }
        for site in [wharf.url(""), format!("tftp://{}", wharf.tftp())] {
            let Some(mount) = Mount::new() else { return };
            fs::create_dir(mount.path().join("at")).expect("made");
            let words = format!("get {}\n", names[0]);
            let output = run(&["client", "--dir", "dl", &site], &words, &mount.path());
            assert_eq!(output.code, Some(0), "{output:?}");
            is_durable(&mount.events(), &names[..1]);
        }
    }
}

#[test]
fn no_sync_syncs_nothing() {
    let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
    let wharf = serve(&names, 1000);
    let Some(mount) = Mount::new() else { return };
    let tftp = format!("tftp://{}/a", wharf.tftp());
    assert_eq!(get(&mount, &["--no-sync", "-R", &wharf.url("/")]).code, Some(0));
    assert_eq!(get(&mount, &["--no-sync", "--force", &tftp]).code, Some(0));
    assert_eq!((mount.count(What::FsyncBegins, ""), mount.count(What::FsyncDir, "")), (0, 0));
    assert_eq!(fs::read(mount.behind().join("dl/e")).expect("saved"), sample(1000, 1));
}

#[test]
fn many_files_are_synced_at_once_and_none_is_named_before() {
    const AT_ONCE: usize = 32;
    let names: Vec<String> = (0..50).map(|number| format!("in/{number}")).collect();
    let wharf = serve(&names, 1000);
    let Some(mount) = Mount::new() else { return };
    mount.set(&[faults::HOLD_FSYNC]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(["get", "--dir", "dl", "-R", &wharf.url("/in/")]).current_dir(mount.path());
    let client = Running::start(command.stdout(std::process::Stdio::piped()));
    eventually("as many run as are allowed", || mount.count(What::FsyncBegins, "") == AT_ONCE);
    let is_named = |event: &Event| event.what == What::Name && !event.path.contains(".part");
    assert!(!mount.events().iter().any(is_named), "{:?}", mount.events());
    mount.set(&[]);
    let output = client.output();
    assert_eq!(output.status.code(), Some(0));
    is_durable(&mount.events(), &names);
}

#[test]
fn a_file_that_cannot_be_synced_is_not_saved() {
    let rows = [
        ("a file", faults::FSYNC_EIO, 1, "cannot write dl/in/", false),
        ("a directory", faults::FSYNCDIR_EIO, 1, "cannot sync dl", true),
        ("a directory, unsupported by the file system", faults::FSYNCDIR_EINVAL, 0, "", true),
    ];
    let names: Vec<String> = (0..6).map(|number| format!("in/{number}")).collect();
    for length in [1000, 100_000] {
        let wharf = serve(&names, length);
        let tftp = format!("tftp://{}/in/0", wharf.tftp());
        for (name, fault, code, said, is_named) in rows {
            let Some(mount) = Mount::new() else { return };
            mount.set(&[fault]);
            let output = get(&mount, &["-R", &wharf.url("/in/")]);
            assert_eq!(output.code, Some(code), "{name}: {output:?}");
            let lines = if code == 0 { 0 } else { names.len() };
            assert_eq!(output.stderr.lines().count(), lines, "{name}: {output:?}");
            assert!(output.stderr.lines().all(|line| line.contains(said)), "{name}: {output:?}");
            let left = fs::read_dir(mount.behind().join("dl/in")).expect("a folder").count();
            assert_eq!(left, if is_named { names.len() } else { 0 }, "{name}");
            let output = get(&mount, &["--force", &tftp]);
            assert_eq!(output.code, Some(code), "{name}, TFTP: {output:?}");
        }
    }
}

/// Without hard links, without renaming that does not replace, without extended attributes, with timestamps
/// in whole seconds: files are downloaded nevertheless, and existing ones stay.
#[test]
fn a_file_system_with_few_features_suffices() {
    let bare = [faults::NO_LINKS, faults::NO_NOREPLACE, faults::NO_XATTRS, faults::WHOLE_SECONDS];
    for length in [1000, 100_000] {
        let wharf = serve(&["a".to_owned()], length);
        for address in [wharf.url("/a"), format!("tftp://{}/a", wharf.tftp())] {
            let Some(mount) = Mount::new() else { return };
            let downloads = mount.behind().join("dl");
            mount.set(&bare);
            let output = get(&mount, &[&address]);
            assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{address}");
            assert!(fs::read(downloads.join("a")).expect("saved") == sample(length, 1), "{address}");
            wharf.write("a", "newer");
            let output = get(&mount, &[&address]);
            assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "no record: {output:?}");
            assert_eq!(get(&mount, &["--force", &address]).code, Some(0), "{address}");
            assert_eq!(fs::read(downloads.join("a")).expect("saved"), b"newer", "{address}");
            assert_eq!(fs::read_dir(&downloads).expect("a folder").count(), 1, "{address}");
            // With a record, the older version is replaced.
            mount.set(&bare[..2]);
            wharf.write("a", "the newest version");
            assert_eq!(get(&mount, &["--force", &address]).code, Some(0), "{address}");
            wharf.write("a", sample(length, 1));
            assert_eq!(get(&mount, &[&address]).code, Some(0), "{address}");
            assert!(fs::read(downloads.join("a")).expect("saved") == sample(length, 1), "{address}");
        }
    }
}
