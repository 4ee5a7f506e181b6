//! File systems with fewer features than Linux's usual ones: uploads are saved nevertheless, and are atomic.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::common::{Mount, Wharf, eventually, outside, sample};

/// Longer than the buffers for reading and copying.
const LENGTH: usize = 300_000;

/// New files, replaced files, conditional uploads, and a resumable one; nothing else is left.
/// `keeps` says whether the file system can keep what is replaced.
fn takes_uploads(wharf: &Wharf, keeps: bool, case: &str) {
    let content = |seed| sample(LENGTH, seed);
    let table = [
        ("a new file", "PUT", "/a", "", 201),
        ("replaced", "PUT", "/a", "", 204),
        ("in directories that are made", "PUT", "/deep/er/a", "", 201),
        ("new if it is", "PUT", "/b", "If-None-Match: *\r\n", 201),
        ("new if it is, but it exists", "PUT", "/b", "If-None-Match: *\r\n", 412),
        ("resumable", "POST", "/c", "Upload-Complete: ?1\r\n", 200),
        ("resumable, replaced", "POST", "/c", "Upload-Complete: ?1\r\n", 200),
        ("an empty one", "PUT", "/empty", "", 201),
    ];
    for (seed, (what, method, target, fields, code)) in (1..).zip(table) {
        let sent = if what == "an empty one" { Vec::new() } else { content(seed) };
        let answer = wharf.ask(method, target, fields, &sent);
        let code = if what.ends_with("replaced") && !keeps { 409 } else { code };
        assert_eq!(answer.code(), code, "{case}: {what}: {}", answer.text());
        assert_eq!(code == 409, answer.text().contains("--trash off"), "{case}: {what}");
        if code < 300 {
            assert!(wharf.ask("GET", target, "", b"").body == sent, "{case}: {what}");
        }
    }
    let tag = wharf.ask("HEAD", "/a", "", b"").field("ETag");
    let matches = format!("If-Match: {tag}\r\n");
    // A weak tag matches nothing (RFC 9110 §13.1.1): some of these file systems have timestamps in seconds.
    if !tag.starts_with("W/") && keeps {
        assert_eq!(wharf.ask("PUT", "/a", &matches, b"guarded").code(), 204, "{case}");
    }
    assert_eq!(wharf.ask("PUT", "/a", "If-Match: \"other\"\r\n", b"guarded").code(), 412, "{case}");
    let kept: Vec<_> = wharf.trash().into_iter().filter(|(path, _)| path != "a").collect();
    let expected = if keeps { vec![("c".to_owned(), content(6))] } else { Vec::new() };
    assert!(kept == expected, "{case}: {:?}", kept.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert_eq!(wharf.trash().contains(&("a".to_owned(), content(1))), keeps, "{case}");
    let seen: Vec<_> = wharf.tree().into_iter().filter(|name| !name.starts_with(".wharf/")).collect();
    assert_eq!(seen, ["a", "b", "c", "deep/", "deep/er/", "deep/er/a", "empty"], "{case}");
}

/// The second of two files with the same name.
fn renames(wharf: &Wharf, case: &str) {
    for (content, saved_as) in [("one", "/r"), ("two", "/r%20(1)"), ("three", "/r%20(2)")] {
        let answer = wharf.ask("PUT", "/r", "", content.as_bytes());
        assert_eq!((answer.code(), answer.field("Content-Location").as_str()), (201, saved_as), "{case}");
        assert_eq!(wharf.ask("GET", saved_as, "", b"").text(), content, "{case}");
    }
}

fn takes_all_uploads(folder: &Path, keeps: bool, case: &str) {
    takes_uploads(&Wharf::serve_folder(folder, &[]), keeps, case);
    renames(&Wharf::serve_folder(folder, &["--on-conflict", "rename"]), case);
}

#[test]
fn uploads_work_without_links_and_renaming_without_replacing() {
    let source = tempfile::tempdir().expect("a folder");
    let Some(mount) = Mount::rclone(source.path()) else { return };
    takes_all_uploads(mount.point(), false, "rclone");
}

#[test]
fn uploads_work_without_anonymous_files() {
    let source = tempfile::tempdir().expect("a folder");
    let Some(mount) = Mount::bindfs(source.path()) else { return };
    takes_all_uploads(mount.point(), true, "bindfs");
}

/// A server for which strace makes this system call fail; strace's log goes to a file.
fn crippled(folder: &Path, faults: &[String], notes: &Path) -> Option<Wharf> {
    let mut strace: Command = outside("strace")?;
    strace.args(["-D", "-f", "-o"]).arg(notes);
    strace.args(["-e", "trace=linkat,renameat2,getdents64,openat2,mkdirat,renameat"]);
    for fault in faults {
        strace.args(["-e", fault]);
    }
    Some(Wharf::serve_folder_by(strace, folder, &["--no-sync"]))
}

/// All errors by which systems report an unsupported call.
const REFUSALS: [&str; 8] = ["EPERM", "EACCES", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK", "EXDEV", "EIO"];

/// Anonymous files can be created but not linked: the first is copied, and then no more are created.
#[test]
fn uploads_work_with_anonymous_files_that_cannot_be_linked() {
    for refusal in REFUSALS {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, notes) = (place.path().join("folder"), place.path().join("notes"));
        fs::create_dir(&folder).expect("a folder");
        let fault = format!("inject=linkat:error={refusal}");
        let Some(wharf) = crippled(&folder, &[fault], &notes) else { return };
        takes_uploads(&wharf, true, refusal);
        let text = fs::read_to_string(&notes).expect("notes");
        // EXDEV may apply to one directory only.
        let tried = text.matches("/proc/self/fd/").count();
        assert!(tried == 1 || (refusal == "EXDEV" && tried < 4), "{refusal}: {tried}\n{text}");
    }
}

#[test]
fn uploads_work_with_neither_links_nor_renaming_without_replacing() {
    for refusal in REFUSALS.into_iter().filter(|refusal| *refusal != "EXDEV") {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, notes) = (place.path().join("folder"), place.path().join("notes"));
        fs::create_dir(&folder).expect("a folder");
        let faults = ["linkat", "renameat2"].map(|call| format!("inject={call}:error={refusal}"));
        let Some(wharf) = crippled(&folder, &faults, &notes) else { return };
        takes_uploads(&wharf, false, refusal);
    }
}

/// If a file cannot get the name that was reserved for it, the name is released.
#[test]
fn a_reserved_name_is_released_after_a_failure() {
    let place = tempfile::tempdir().expect("a folder");
    let (folder, notes) = (place.path().join("folder"), place.path().join("notes"));
    fs::create_dir(&folder).expect("a folder");
    let faults = ["linkat:error=EPERM", "renameat2:error=EINVAL", "renameat:error=ENOSPC"]
        .map(|it| format!("inject={it}"));
    let Some(wharf) = crippled(&folder, &faults, &notes) else { return };
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 507);
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

/// On network file systems a handle can become stale; the name is then looked up again.
#[test]
#[cfg_attr(not(feature = "archive"), ignore = "needs the feature `archive`")]
fn a_stale_handle_is_looked_up_again() {
    // In each thread, this many calls fail before one succeeds.
    for call in ["openat2", "getdents64", "mkdirat", "linkat", "renameat"] {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, notes) = (place.path().join("folder"), place.path().join("notes"));
        fs::create_dir_all(folder.join("dir")).expect("a folder");
        fs::write(folder.join("dir/old"), "old").expect("a file");
        let fault = format!("inject={call}:error=ESTALE:when=1..8");
        let Some(mut wharf) = crippled(&folder, &[fault], &notes) else { return };
        assert_eq!(wharf.ask("GET", "/dir/old", "", b"").text(), "old", "{call}");
        let listing = wharf.ask("GET", "/dir/", "Accept: text/plain\r\n", b"");
        assert!(listing.code() == 200 && listing.text().contains("old"), "{call}: {}", listing.text());
        assert_eq!(wharf.ask("PUT", "/dir/new", "", b"new").code(), 201, "{call}");
        assert_eq!(wharf.ask("PUT", "/made/for/it", "", b"new").code(), 201, "{call}");
        assert_eq!(wharf.ask("PUT", "/dir/old", "", b"newer").code(), 204, "{call}");
        assert_eq!(wharf.ask("GET", "/dir/?tar", "", b"").code(), 200, "{call}");
        assert_eq!(wharf.read("dir/old"), b"newer", "{call}");
        wharf.signal(Signal::TERM);
        wharf.wait();
        let text = || fs::read_to_string(&notes).unwrap_or_default();
        eventually("strace has written all", || text().contains("+++ exited with 0"));
        assert!(text().contains("ESTALE"), "{call}: it was never stale\n{}", text());
    }
}
