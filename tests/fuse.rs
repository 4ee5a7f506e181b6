//! The tests' FUSE mount has the properties that tests rely on.

use std::fs::{self, File};
use std::io::Write;
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;

use crate::common::fuse::{Mount, What, faults as words};
use crate::common::{PATIENCE, Wharf};

#[test]
fn a_mount_records_syncs_and_names_in_order() {
    let Some(mount) = Mount::new() else { return };
    let at = mount.path();
    fs::create_dir(at.join("dir")).expect("made");
    let mut file = File::create(at.join("dir/a.part")).expect("created");
    file.write_all(b"content").expect("written");
    file.sync_all().expect("synced");
    fs::rename(at.join("dir/a.part"), at.join("dir/a")).expect("renamed");
    File::open(at.join("dir")).and_then(|dir| dir.sync_all()).expect("synced");
    let events: Vec<_> = mount.events().into_iter().map(|event| (event.what, event.path)).collect();
    let expected = [
        (What::MakeDir, "dir"),
        (What::Name, "dir/a.part"),
        (What::FsyncBegins, "dir/a.part"),
        (What::Fsync, "dir/a.part"),
        (What::Name, "dir/a"),
        (What::FsyncDir, "dir"),
    ];
    assert_eq!(events, expected.map(|(what, path)| (what, path.to_owned())));
    assert_eq!(fs::read(mount.behind().join("dir/a")).expect("there"), b"content");
    assert_eq!(mount.count(What::Fsync, "dir/"), 1);
}

#[test]
fn a_mount_lacks_the_chosen_features() {
    let Some(mount) = Mount::new() else { return };
    let (a, b) = (mount.path().join("a"), mount.path().join("b"));
    fs::write(&a, "a").expect("written");
    fs::hard_link(&a, &b).expect("linked");
    fs::remove_file(&b).expect("removed");
    mount.set(&[
        words::NO_LINKS,
        words::NO_NOREPLACE,
        words::NO_XATTRS,
        words::FSYNC_EIO,
        words::WHOLE_SECONDS,
    ]);
    let error =
        |outcome: std::io::Result<()>| outcome.expect_err("refused").raw_os_error().expect("a number");
    let number = |errno: rustix::io::Errno| errno.raw_os_error();
    assert_eq!(error(fs::hard_link(&a, &b)), number(rustix::io::Errno::OPNOTSUPP));
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    let renamed = rustix::fs::renameat_with(rustix::fs::CWD, &a, rustix::fs::CWD, &b, flags);
    assert_eq!(renamed, Err(rustix::io::Errno::INVAL));
    let set = rustix::fs::setxattr(&a, "user.name", b"value", rustix::fs::XattrFlags::empty());
    assert_eq!(set, Err(rustix::io::Errno::OPNOTSUPP));
    assert_eq!(error(File::open(&a).and_then(|file| file.sync_all())), number(rustix::io::Errno::IO));
    let modified = fs::metadata(&a).and_then(|metadata| metadata.modified()).expect("a time");
    let since = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert_eq!(since.subsec_nanos(), 0);
}

#[test]
fn a_stopped_mount_hangs_and_resumes() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &[]);
    wharf.write("file", "content");
    let stopped = mount.stop();
    let (done, is_done) = channel();
    let address = wharf.address();
    let reader = thread::spawn(move || {
        let answer = crate::common::Wire::connect(address).ask("GET", "/file", "", b"");
        done.send(answer.text()).expect("heard");
    });
    // The kernel has queued the request: a thread of the server waits for the file system.
    crate::common::eventually("a thread hangs in the file system", || {
        hangs(wharf.pid().as_raw_nonzero().get())
    });
    assert_eq!(is_done.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(fs::read(mount.behind().join("file")).expect("never hangs"), b"content");
    drop(stopped);
    assert_eq!(is_done.recv_timeout(PATIENCE).expect("it resumed"), "content");
    reader.join().expect("no panic");
}

#[test]
fn a_stopped_mount_is_unmounted_with_its_test() {
    let Some(mount) = Mount::new() else { return };
    let path = mount.path();
    let inside = path.join("file");
    // Leaked, as in a test that never drops it.
    std::mem::forget(mount.stop());
    let reader = thread::spawn(move || fs::read(inside).map(drop));
    drop(mount);
    reader.join().expect("no panic").expect_err("the mount is gone");
    assert!(!path.exists(), "{} is still there", path.display());
}

/// Whether a thread of this process waits for FUSE.
fn hangs(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let mut stacks = threads.filter_map(|thread| fs::read_to_string(thread.path().join("wchan")).ok());
    stacks.any(|stack| stack.contains("request_wait_answer") || stack.contains("fuse"))
}
