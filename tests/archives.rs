//! `?tar` and `?zip`: a whole directory as a stream, which other programs unpack to the same files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::common::{Wharf, Wire, eventually, outside, raise_open_files, sample};

/// The contents of a directory: each path with the content of its file, or `None` for a directory.
type Tree = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A folder with every kind of entry, and what an archive of it must contain.
fn furnish(wharf: &Wharf) -> Tree {
    let long = ["d"; 20].map(|name| name.repeat(50)).join("/");
    let files: [(&[u8], Vec<u8>); 9] = [
        (b"a.txt", b"hello\n".to_vec()),
        (b"empty", vec![]),
        (b"below/large.bin", sample(1_000_003, 1)),
        (b"below/block.bin", sample(512, 2)),
        ("below/größe 漢字.txt".as_bytes(), b"x".to_vec()),
        (b"<img src=x onerror=alert(1)>", b"x".to_vec()),
        (b"quote\"and'both", b"x".to_vec()),
        (b"-rf", b"x".to_vec()),
        (format!("{long}/{}", "f".repeat(255)).leak().as_bytes(), b"deep".to_vec()),
    ];
    let mut tree = Tree::new();
    for (name, content) in files {
        let path = wharf.folder().join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, &content).expect("written");
        tree.insert(name.to_vec(), Some(content));
    }
    for empty in ["nothing", "nothing/below"] {
        fs::create_dir(wharf.folder().join(empty)).expect("a folder");
        tree.insert(empty.into(), None);
    }
    for parent in tree.keys().cloned().collect::<Vec<_>>() {
        let parents = Path::new(OsStr::from_bytes(&parent)).ancestors().skip(1);
        let named = parents.filter(|path| !path.as_os_str().is_empty());
        tree.extend(named.map(|path| (path.as_os_str().as_bytes().to_vec(), None)));
    }
    // A link to a file is that file.
    symlink("a.txt", wharf.folder().join("link.txt")).expect("linked");
    tree.insert(b"link.txt".to_vec(), Some(b"hello\n".to_vec()));
    // Entries that are not shared are not in the archive.
    wharf.write(".hidden", "secret");
    wharf.write("below/.git/config", "secret");
    fs::write(wharf.outside_folder().join("secret"), "secret").expect("written");
    let links = [("../outside/secret", "out"), ("../outside", "out-dir"), (".", "loop"), ("..", "below/up")];
    for (target, name) in links {
        symlink(target, wharf.folder().join(name)).expect("linked");
    }
    mknodat(CWD, wharf.folder().join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    tree
}

/// The tree below a directory, as it is on the disk.
fn tree(dir: &Path) -> Tree {
    let mut found = Tree::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(dir).expect("below").to_owned().into_os_string().into_vec();
            let kind = fs::symlink_metadata(&path).expect("its facts").file_type();
            assert!(kind.is_dir() || kind.is_file(), "{}", path.display());
            found.insert(name, kind.is_file().then(|| fs::read(&path).expect("read")));
            if kind.is_dir() {
                waiting.push(path);
            }
        }
    }
    found
}

/// Only names and file lengths: what a failing test can print.
fn outline(tree: &Tree) -> Vec<(String, Option<usize>)> {
    let line = |(name, content): (&Vec<u8>, &Option<Vec<u8>>)| {
        (OsStr::from_bytes(name).display().to_string(), content.as_ref().map(Vec::len))
    };
    tree.iter().map(line).collect()
}

/// Has curl download an archive, and a program unpack it into a new directory, which is returned. `None` if
/// one of the programs is not installed.
fn unpacked(wharf: &Wharf, target: &str, unpack: &[&str]) -> Option<tempfile::TempDir> {
    let (mut curl, mut program) = (outside("curl")?, outside(unpack[0])?);
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("archive");
    let curled =
        curl.args(["-s", "-S", "--fail", "-o"]).arg(&file).arg(wharf.url(target)).output().expect("curl");
    assert!(curled.status.success(), "{}", String::from_utf8_lossy(&curled.stderr));
    let output = program
        .args(&unpack[1..])
        .arg(&file)
        .current_dir(place.path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert!(
        output.status.success(),
        "{unpack:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::remove_file(file).expect("removed");
    Some(place)
}

/// All programs that unpack this format.
const UNPACKERS: [(&str, &[&str]); 4] = [
    ("/?tar", &["tar", "-xf"]),
    ("/?tar", &["bsdtar", "-xf"]),
    ("/?zip", &["unzip", "-q"]),
    ("/?zip", &["bsdtar", "-xf"]),
];

#[test]
fn an_archive_unpacks_to_the_shared_files() {
    let wharf = Wharf::serve(&[]);
    let expected = furnish(&wharf);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_001);
    let file = File::options().write(true).open(wharf.folder().join("a.txt")).expect("opened");
    file.set_modified(modified).expect("set");
    for (target, unpack) in UNPACKERS {
        let Some(place) = unpacked(&wharf, target, unpack) else { continue };
        // Everything is below one directory with the folder's name.
        let found = tree(&place.path().join("share"));
        assert_eq!(outline(&found), outline(&expected), "{target} {unpack:?}");
        assert!(found == expected, "{target} {unpack:?}");
        assert_eq!(tree(place.path()).len(), expected.len() + 1);
        let facts = fs::metadata(place.path().join("share/a.txt")).expect("its facts");
        assert_eq!(facts.modified().expect("a time"), modified, "{target} {unpack:?}");
        assert_eq!(facts.permissions().mode() & 0o755, 0o644, "{target} {unpack:?}");
        let facts = fs::metadata(place.path().join("share/nothing")).expect("its facts");
        assert_eq!(facts.permissions().mode() & 0o755, 0o755, "{target} {unpack:?}");
    }
}

#[test]
fn an_archive_of_a_subdirectory_has_its_name() {
    let wharf = Wharf::serve(&[]);
    wharf.write("photos of 2026/a.jpg", "a");
    wharf.write("photos of 2026/b/c.jpg", "c");
    wharf.write("other", "x");
    for (target, unpack) in UNPACKERS {
        let target = target.replace('/', "/photos%20of%202026/");
        let Some(place) = unpacked(&wharf, &target, unpack) else { continue };
        let names: Vec<_> = outline(&tree(place.path())).into_iter().map(|(name, _)| name).collect();
        let expected =
            ["photos of 2026", "photos of 2026/a.jpg", "photos of 2026/b", "photos of 2026/b/c.jpg"];
        assert_eq!(names, expected, "{target} {unpack:?}");
    }
}

#[test]
fn names_that_are_not_utf_8_are_kept() {
    let wharf = Wharf::serve(&[]);
    let name = b"caf\xe9\\x";
    fs::write(wharf.folder().join(OsStr::from_bytes(name)), "x").expect("written");
    let cases: [(&str, &[&str], &[u8]); 2] =
        [("/?tar", &["tar", "-xf"], name), ("/?zip", &["unzip", "-q"], b"caf%E9%5Cx")];
    for (target, unpack, expected) in cases {
        let Some(place) = unpacked(&wharf, target, unpack) else { continue };
        let found = tree(&place.path().join("share"));
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [expected], "{target}");
    }
}

#[test]
fn the_head_names_the_archive_and_its_type() {
    let wharf = Wharf::serve(&[]);
    wharf.write("größe/index.html", "<p>");
    let cases = [
        ("/gr%C3%B6%C3%9Fe/?tar", "application/x-tar", "tar"),
        ("/gr%C3%B6%C3%9Fe/?zip", "application/zip", "zip"),
    ];
    for (target, media_type, extension) in cases {
        let answer = wharf.ask("GET", target, "If-None-Match: \"x\"\r\n", b"");
        assert_eq!((answer.code(), answer.field("Content-Type").as_str()), (200, media_type));
        let disposition = format!(
            "attachment; filename=\"gr__e.{extension}\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.{extension}"
        );
        assert_eq!(answer.field("Content-Disposition"), disposition);
        let expected = [
            ("Cache-Control", "no-cache"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "keep-alive"),
            ("Last-Modified", ""),
        ];
        for (name, value) in expected {
            assert_eq!(answer.field(name), value, "{target}: {name}");
        }
        let mut wire = wharf.connect();
        let head = wire.ask("HEAD", target, "", b"");
        assert_eq!((head.code(), head.field("Content-Disposition")), (200, disposition));
        assert!(head.body.is_empty());
        assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").text(), "ok\n", "nothing follows the head");
    }
    let tar = wharf.ask("GET", "/?tar", "Range: bytes=0-1\r\n", b"");
    assert_eq!((tar.code(), tar.field("Transfer-Encoding").as_str()), (200, "chunked"));
    for absent in ["Content-Length", "ETag", "Accept-Ranges"] {
        assert_eq!(tar.field(absent), "", "{absent}");
    }
    let root = wharf.ask("GET", "/?tar", "", b"");
    assert!(root.field("Content-Disposition").contains("filename=\"share.tar\""), "the folder's own name");
    assert_eq!(wharf.ask("GET", "/gr%C3%B6%C3%9Fe?zip", "", b"").code(), 308, "a directory has a slash");
    assert_eq!(wharf.ask("GET", "/nothing/?tar", "", b"").code(), 404);
    assert_eq!(
        wharf.ask("GET", "/gr%C3%B6%C3%9Fe/index.html?tar", "", b"").text(),
        "<p>",
        "a file is no archive"
    );
}

#[test]
fn http_1_0_marks_the_end_by_closing() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "hello");
    for fields in ["", "Connection: keep-alive\r\n"] {
        let mut wire = wharf.connect();
        wire.send(format!("GET /?tar HTTP/1.0\r\n{fields}\r\n"));
        let answer = wire.read_answer(false);
        assert_eq!((answer.code(), answer.field("Connection").as_str()), (200, "close"));
        assert_eq!(answer.field("Transfer-Encoding"), "", "it has no chunks");
        let chunked = wharf.ask("GET", "/?tar", "", b"").body;
        assert!(answer.body == chunked);
    }
}

#[test]
fn a_post_uploads_and_gets_no_archive() {
    let wharf = Wharf::serve(&[]);
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body =
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n";
    let answer = wharf.ask("POST", "/?tar", form, body);
    assert!(answer.head.status.is_success() || answer.code() == 303, "{}", answer.code());
    assert_eq!(wharf.read("a.txt"), b"hello");
    assert_eq!(wharf.ask("POST", "/?tar", "", b"x").code(), wharf.ask("POST", "/", "", b"x").code());
    assert_eq!(wharf.ask("DELETE", "/?tar", "", b"").code(), 403);
}

/// A sparse file of this length.
fn sparse(wharf: &Wharf, name: &str, length: u64) -> File {
    let path = wharf.write(name, "");
    let file = File::options().write(true).open(path).expect("opened");
    file.set_len(length).expect("a long file");
    file
}

/// Requests an archive and reads its first byte.
fn begun(wharf: &Wharf, target: &str) -> Wire {
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", target, None);
    wire.stream().read_exact(&mut [0]).expect("a byte");
    wire
}

/// Like [`begun`], and reads on until the only file in the archive has been opened.
fn begun_with_the_file(wharf: &Wharf, target: &str) -> Wire {
    let wire = begun(wharf, target);
    wire.stream().read_exact(&mut vec![0; 100_000]).expect("a beginning");
    wire
}

/// The length of the record at the end of a zip (APPNOTE 4.3.16).
const ZIP_END: usize = 22;

/// Reads the rest of a response; returns its length, and whether it was complete.
fn read_rest(wire: &Wire) -> (u64, bool) {
    let mut stream = wire.stream();
    let (mut count, mut buffer, mut end) = (0, vec![0; 1 << 16], Vec::new());
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(read) if read > 0 => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            _ => return (count, false),
        };
        count += read as u64;
        end.extend_from_slice(&buffer[read.saturating_sub(ZIP_END)..read]);
        end.drain(..end.len().saturating_sub(ZIP_END));
        let is_zip_end = end.len() == ZIP_END && end.starts_with(b"PK\x05\x06");
        if end.ends_with(b"0\r\n\r\n") || is_zip_end {
            return (count, true);
        }
    }
}

#[test]
fn memory_use_does_not_depend_on_the_length() {
    const LENGTH: u64 = 300 << 20;
    let wharf = Wharf::serve(&[]);
    wharf.write("small.txt", "x");
    for target in ["/?tar", "/?zip"] {
        assert!(read_rest(&begun(&wharf, target)).1);
    }
    let before = wharf.status("VmRSS");
    sparse(&wharf, "large.bin", LENGTH);
    let archive = begun(&wharf, "/?tar");
    let (count, is_whole) = read_rest(&archive);
    assert!(is_whole && count > LENGTH, "{count}");
    // Checksums are slow without optimisation, so the file for a zip is shorter.
    sparse(&wharf, "large.bin", LENGTH / 10);
    let (count, is_whole) = read_rest(&begun(&wharf, "/?zip"));
    assert!(is_whole && count > LENGTH / 10, "{count}");
    let peak = wharf.status("VmHWM");
    assert!(peak < before + 8 * 1024, "{before} KB before, {peak} KB at most");
}

#[test]
fn slow_readers_of_archives_delay_no_other_client() {
    const SLOW: usize = 100;
    raise_open_files();
    let wharf = Wharf::serve(&["--workers", "4", "--stall", "600"]);
    sparse(&wharf, "large.bin", 64 << 20);
    for number in 0..50 {
        wharf.write(&format!("d/{number}.txt"), "x".repeat(10_000));
    }
    let targets = ["/?tar", "/?zip", "/d/?tar", "/d/?zip"];
    let readers: Vec<_> = (0..SLOW).map(|number| begun(&wharf, targets[number % 4])).collect();
    let mut wire = wharf.connect();
    assert_eq!(wire.ask("GET", "/d/1.txt", "", b"").body.len(), 10_000);
    assert_eq!(wire.ask("GET", "/d/", "Accept: text/plain\r\n", b"").text().lines().count(), 50, "a job");
    assert_eq!(wire.ask("PUT", "/new.txt", "", b"new").code(), 201, "another job");
    assert!(wire.ask("GET", "/d/?tar", "", b"").body.len() > 500_000, "another archive");
    wharf.comes_to_rest();
    assert!(read_rest(&readers[2]).1, "the slow reader continues");
    assert!(read_rest(&readers[1]).1);
}

#[test]
fn a_reader_that_stops_is_disconnected() {
    let wharf = Wharf::serve(&["--stall", "1"]);
    sparse(&wharf, "large.bin", 64 << 20);
    let files = wharf.open_files();
    let reader = begun(&wharf, "/?tar");
    eventually("it is disconnected", || wharf.log().contains("stopped reading"));
    eventually("its files are closed", || wharf.open_files() <= files);
    let (count, is_whole) = read_rest(&reader);
    assert!(!is_whole && count < 64 << 20);
}

#[test]
fn a_truncated_file_aborts_the_archive_and_a_grown_one_is_cut() {
    for target in ["/?tar", "/?zip"] {
        let wharf = Wharf::serve(&[]);
        let file = sparse(&wharf, "large.bin", 64 << 20);
        let reader = begun_with_the_file(&wharf, target);
        file.set_len(1000).expect("cut");
        let (_, is_whole) = read_rest(&reader);
        assert!(!is_whole, "{target}: the end never comes");
        eventually("the log says so", || wharf.log().contains("was truncated while it was"));
        file.set_len(64 << 20).expect("a long file");
        let reader = begun_with_the_file(&wharf, target);
        file.set_len(128 << 20).expect("a longer one");
        let (count, is_whole) = read_rest(&reader);
        assert!(count < 65 << 20, "{target}: {count} bytes");
        // A tar has the bytes that its header promised. A zip would contain a wrong checksum.
        assert_eq!(is_whole, target == "/?tar", "{target}");
    }
}

#[test]
fn an_entry_that_vanishes_is_skipped() {
    let wharf = Wharf::serve(&[]);
    // Long enough that the walk is still in this file when the later entries are removed.
    sparse(&wharf, "large.bin", 64 << 20);
    for name in ["b/c/file", "d/file"] {
        wharf.write(name, "x");
    }
    // Far enough that the names have been read.
    let reader = begun_with_the_file(&wharf, "/?tar");
    for name in ["b", "d"] {
        fs::remove_dir_all(wharf.folder().join(name)).expect("removed");
    }
    let (count, is_whole) = read_rest(&reader);
    assert!(is_whole && count > (64 << 20) - 100_000, "{count}");
    let log = wharf.settled_log();
    assert!(log.contains("skipped in an archive: "), "{log}");
}

#[test]
fn the_number_of_archives_at_once_is_limited() {
    // With 1024 open files there may be 42 archives, half of them for one client.
    let wharf = Wharf::serve_after("ulimit -n 1024", &[]);
    sparse(&wharf, "large.bin", 64 << 20);
    let readers: Vec<_> = (0..21).map(|_| begun(&wharf, "/?tar")).collect();
    let refused = wharf.ask("GET", "/?zip", "", b"");
    assert_eq!((refused.code(), refused.field("Retry-After").as_str()), (503, "30"));
    assert_eq!(wharf.ask("HEAD", "/?tar", "", b"").code(), 200, "one too many");
    let mut other = Wire::connect_from(2, wharf.address());
    other.begin_to_ask("GET", "/?tar", None);
    let mut status = [0; 12];
    other.stream().read_exact(&mut status).expect("a status");
    assert_eq!(status, *b"HTTP/1.1 200", "another client is served");
    drop(readers);
    eventually("the next one is served", || {
        let mut wire = wharf.connect();
        wire.begin_to_ask("GET", "/?tar", None);
        let mut status = [0; 12];
        wire.stream().read_exact(&mut status).expect("a status");
        status == *b"HTTP/1.1 200"
    });
}

#[test]
fn a_server_that_is_asked_to_stop_finishes_an_archive() {
    // More than the kernel buffers for a reader, but little enough to arrive before the server's shutdown
    // deadline.
    const LENGTH: u64 = 16 << 20;
    let mut wharf = Wharf::serve(&[]);
    sparse(&wharf, "large.bin", LENGTH);
    let reader = begun(&wharf, "/?tar");
    let idle = wharf.connect();
    wharf.signal(Signal::TERM);
    assert_eq!(idle.stream().read(&mut [0]).expect("closed"), 0, "it stops");
    let (count, is_whole) = read_rest(&reader);
    assert!(is_whole && count > LENGTH);
    let (_, status) = wharf.wait();
    assert!(status.success());
}

#[test]
fn pipelined_requests_after_an_archive_are_answered() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "hello");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/?tar", None)
        .begin_to_ask("GET", "/?zip", None)
        .begin_to_ask("GET", "/a.txt", None);
    assert_eq!(wire.read_answer(false).body.len() % 512, 0);
    assert!(wire.read_answer(false).body.starts_with(b"PK"));
    assert_eq!(wire.read_answer(false).text(), "hello");
}
