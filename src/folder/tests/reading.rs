//! Opening and listing: what is shared, and what looks absent.

use super::disk;
use super::*;
use crate::folder::CannotShare;
use rustix::fs::{CWD, Mode, RenameFlags};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

fn is_missing(folder: &Folder, name: &str) -> bool {
    matches!(folder.open(&grant(name), disk()), Err(Error::NotFound))
}

fn names(folder: &Folder, dir: &str) -> Vec<String> {
    let entries = list(folder, dir).expect("a listing");
    entries.iter().map(|entry| entry.name.display().to_string()).collect()
}

#[test]
fn a_file_and_its_facts() {
    let it = Fixture::new();
    it.write("a/file", "hello");
    let open = open_file(&it.folder(Rules::default()), "a/file");
    let disk = fs::metadata(it.share().join("a/file")).expect("its metadata");
    assert_eq!((open.facts.len, open.facts.modified), (5, disk.modified().expect("a time")));
    assert!(open.facts.version.to_string().starts_with(&format!("{:x}-5-", disk.ino())));
}

#[test]
fn paths_that_are_not_files() {
    let it = Fixture::new();
    it.write("file", "");
    fs::create_dir(it.share().join("dir")).expect("a directory");
    let folder = it.folder(Rules::default());
    assert!(matches!(folder.open(&grant(""), disk()), Ok(Node::Directory { .. })));
    assert!(matches!(folder.open(&grant("dir"), disk()), Ok(Node::Directory { .. })));
    assert!(matches!(folder.open(&grant("none"), disk()), Err(Error::NotFound)));
    assert!(matches!(folder.open(&grant("file/below"), disk()), Err(Error::NotDirectory)));
    assert!(matches!(list(&folder, "file"), Err(Error::NotDirectory)));
    assert!(matches!(list(&folder, "none"), Err(Error::NotFound)));
}

#[test]
fn versions_distinguish_files() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    save(&folder, "a", "one").expect("saved");
    let (first, again) = (open_file(&folder, "a").facts, open_file(&folder, "a").facts);
    assert_eq!(first, again);
    save(&folder, "a", "two").expect("saved");
    assert_ne!(open_file(&folder, "a").facts.version, first.version);
}

#[test]
fn links_are_followed_inside_and_only_there() {
    let it = Fixture::new();
    it.write("a/file", "inside");
    it.write("b/other", "");
    it.link("a/file", "to-file");
    it.link("a", "to-dir");
    it.link("../a/file", "b/up-and-in");
    it.link("../outside/file", "out");
    it.link("../outside", "out-dir");
    it.link(it.outside().join("file"), "absolute-out");
    it.link(it.share().join("a/file"), "absolute-in");
    it.link("nowhere", "dangling");
    it.link("ring", "ring");
    it.link("/dev/null", "device");
    it.link("/proc/self/root/etc/passwd", "magic");
    let folder = it.folder(quick());
    for name in ["to-file", "to-dir/file", "b/up-and-in"] {
        assert_eq!(read(&folder, name).expect(name), "inside", "{name}");
    }
    let outside =
        ["out", "out-dir", "out-dir/file", "absolute-out", "absolute-in", "dangling", "ring", "device"];
    for name in outside.into_iter().chain(["magic"]) {
        assert!(is_missing(&folder, name), "{name}");
    }
    assert_eq!(names(&folder, ""), ["a", "b", "to-dir", "to-file"]);
    assert_eq!(names(&folder, "b"), ["other", "up-and-in"]);
}

#[test]
fn devices_and_sockets_are_not_found() {
    let it = Fixture::new();
    rustix::fs::mknodat(CWD, it.share().join("fifo"), rustix::fs::FileType::Fifo, Mode::RWXU, 0)
        .expect("a FIFO");
    let _listener = UnixListener::bind(it.share().join("socket")).expect("a socket");
    it.link("fifo", "to-fifo");
    let folder = it.folder(quick());
    for name in ["fifo", "socket", "to-fifo"] {
        assert!(is_missing(&folder, name), "{name}");
        assert!(matches!(save(&folder, name, "x"), Err(Error::NotFound)), "{name}");
    }
    assert!(names(&folder, "").is_empty());
}

#[test]
fn hidden_and_reserved_names() {
    let it = Fixture::new();
    for name in
        [".env", ".git/config", "a/.b", ".wharf/uploads", "a/.wharf-0f.tmp", ".wharf-note", "a/.wharf/x"]
    {
        it.write(name, "x");
    }
    // The lock keeps the temporary from being removed, so that the test can request it.
    let live = fs::File::open(it.share().join("a/.wharf-0f.tmp")).expect("a temporary");
    rustix::fs::flock(&live, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
    let (closed, open) = (it.folder(quick()), it.folder(Rules { hidden: true, ..quick() }));
    for name in [".env", ".git/config", "a/.b", ".wharf-note"] {
        assert!(is_missing(&closed, name), "{name}");
        assert!(matches!(save(&closed, name, ""), Err(Error::NotFound)), "{name}");
        assert_eq!(read(&open, name).expect(name), "x", "{name}");
    }
    for name in [".wharf/uploads", ".wharf", "a/.wharf-0f.tmp", "a/.wharf", "a/.wharf/x", "a/.WHARF/x"] {
        assert!(is_missing(&open, name), "{name}");
        assert!(matches!(save(&open, name, ""), Err(Error::NotFound)), "{name}");
        assert!(matches!(list(&open, name), Err(Error::NotFound)), "{name}");
    }
    assert!(matches!(list(&closed, ".git"), Err(Error::NotFound)));
    assert_eq!(names(&closed, ""), ["a"]);
    assert_eq!(names(&open, ""), [".git", "a", ".env", ".wharf-note"]);
    assert_eq!(names(&open, "a"), [".b"]);
}

#[test]
fn a_listing_has_directories_first_then_names() {
    let it = Fixture::new();
    for name in ["b", "a", "Z", "z/f", "c/f"] {
        it.write(name, "four");
    }
    let entries = list(&it.folder(Rules::default()), "").expect("a listing");
    let shown: Vec<_> = entries.iter().map(|e| (e.name.to_str().expect("text"), e.kind)).collect();
    let file = EntryKind::File { len: 4 };
    let dir = EntryKind::Directory;
    assert_eq!(shown, [("c", dir), ("z", dir), ("Z", file), ("a", file), ("b", file)]);
}

#[test]
fn names_may_have_any_byte() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    let longest = [b'n'; 255];
    let odd: [&[u8]; 7] = [b"\xff\xfe", b"a\nb\r", br"a\..\b", b"\x1b[2J", b"%2e%2e", b" ", &longest];
    for name in odd {
        let path = SharePath::from_segments([name]).expect("a legal name");
        let to_write = judge().check(&path).expect("all is allowed");
        let saved = folder
            .receive(&to_write, None, disk())
            .and_then(|file| file.commit(Guard::None, &someone(), disk()));
        saved.expect("saved");
        let to_read = judge().check(&path).expect("all is allowed");
        assert!(matches!(folder.open(&to_read, disk()), Ok(Node::File(_))), "{}", path.display());
    }
    let mut expected: Vec<OsString> = odd.iter().map(|name| OsStr::from_bytes(name).to_owned()).collect();
    expected.sort();
    let listed: Vec<_> = list(&folder, "").expect("a listing").into_iter().map(|entry| entry.name).collect();
    assert_eq!(listed, expected);
}

/// While `swap` alternates between a directory and a link that leads out, nothing outside is read or written. It runs until
/// both were seen, so that there was a race.
#[test]
fn a_link_swapped_in_leads_nowhere() {
    const LEAST: u32 = 2_000;
    const MOST: u32 = 200_000;
    let it = Fixture::new();
    it.write("swap/file", "inside");
    it.link("../outside", "other");
    let folder = it.folder(quick());
    let (a, b) = (it.share().join("swap"), it.share().join("other"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).expect("a swap");
            }
        });
        let (mut inside, mut refused) = (0_u32, 0_u32);
        let mut outcomes = Vec::new();
        while inside + refused < LEAST || (inside.min(refused) == 0 && inside + refused < MOST) {
            match read(&folder, "swap/file") {
                Ok(text) if text == "inside" => inside += 1,
                Err(Error::NotFound | Error::NotDirectory) => refused += 1,
                other => outcomes.push(other),
            }
            match save(&folder, "swap/up", "x") {
                // With each attempt to save, the directory may be another one.
                Ok(_) | Err(Error::NotFound | Error::NotDirectory | Error::ParentGone) => {}
                other => outcomes.push(other.map(|saved| saved.path.display().to_string())),
            }
            if !outcomes.is_empty() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(outcomes.is_empty(), "{outcomes:?}");
    });
    let outside: Vec<_> =
        fs::read_dir(it.outside()).expect("outside").flatten().map(|e| e.file_name()).collect();
    assert_eq!(outside, ["file"]);
    assert_eq!(fs::read(it.outside().join("file")).expect("the secret"), b"secret");
}

#[test]
fn a_folder_that_cannot_be_shared_says_why() {
    let it = Fixture::new();
    it.write("file", "");
    let missing = Folder::open_at(&it.share().join("none"), quick()).expect_err("an error");
    assert!(matches!(&missing, CannotShare::Missing(path) if path.ends_with("none")));
    assert!(missing.to_string().contains("none: there is no such folder"), "{missing}");
    let file = Folder::open_at(&it.share().join("file"), quick()).expect_err("an error");
    assert!(matches!(&file, CannotShare::NotDirectory(path) if path.ends_with("file")));
    assert!(file.to_string().contains("it is not a folder"), "{file}");
}

#[test]
fn the_folder_is_the_one_that_was_opened() {
    let it = Fixture::new();
    it.write("file", "inside");
    let folder = it.folder(quick());
    fs::rename(it.share(), it.home.path().join("moved")).expect("moved");
    std::os::unix::fs::symlink("outside", it.share()).expect("a link in its place");
    assert_eq!(read(&folder, "file").expect("the same folder"), "inside");
}
