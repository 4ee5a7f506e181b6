//! Attributes of an uploaded file, for every way of uploading.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::getuid;

use crate::common::{Tftp, Wharf, eventually, outside, skip};

/// A server with every kind of listener.
struct Stage {
    wharf: Wharf,
    socket: PathBuf,
    _place: tempfile::TempDir,
}

impl Stage {
    fn new(start: impl Fn(&[&str]) -> Wharf) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("s");
        let wharf = start(&["--udp", "0", "--no-sync", "--unix", socket.to_str().expect("text")]);
        eventually("every listener is open", || socket.exists());
        Self { wharf, socket, _place: place }
    }

    /// Uploads the file in every way, after calling `before`; then calls `check`.
    fn in_every_way(&self, name: &str, before: impl Fn(&Path), check: impl Fn(&Path, &str)) {
        let path = self.wharf.folder().join(name);
        for (way, upload) in WAYS {
            before(&path);
            upload(self, name);
            assert_eq!(fs::read(&path).ok().as_deref(), Some(NEW), "{way}: {name}");
            check(&path, way);
        }
    }

    fn put(&self, name: &str) {
        let answer = self.wharf.ask("PUT", &format!("/{name}"), "", NEW);
        assert!(answer.head.status.is_success(), "{}", answer.text());
    }

    fn send_form(&self, name: &str) {
        let (dir, name) = name.rsplit_once('/').unwrap_or(("", name));
        let target = if dir.is_empty() { "/".to_owned() } else { format!("/{dir}/") };
        let form = "Content-Type: multipart/form-data; boundary=b\r\n";
        let head = format!("--b\r\nContent-Disposition: form-data; name=f; filename={name}\r\n\r\n");
        let body = [head.as_bytes(), NEW, b"\r\n--b--\r\n"].concat();
        assert_eq!(self.wharf.ask("POST", &target, form, &body).code(), 200);
    }

    fn send_in_pieces(&self, name: &str) {
        let begun = self.wharf.ask("POST", &format!("/{name}"), "Upload-Complete: ?0\r\n", b"");
        assert_eq!(begun.code(), 201, "{}", begun.text());
        let length = NEW.len();
        let fields = format!(
            "Content-Type: application/partial-upload\r\nUpload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {length}\r\n"
        );
        let answer = self.wharf.ask("PATCH", &begun.field("Location"), &fields, NEW);
        assert_eq!(answer.code(), 200, "{}", answer.text());
    }

    fn put_at_the_socket(&self, name: &str) {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        let head = format!(
            "PUT /{name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            NEW.len()
        );
        stream.write_all(&[head.as_bytes(), NEW].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", answer.escape_ascii());
    }

    fn send_by_tftp(&self, name: &str) {
        assert_eq!(Tftp::new(self.wharf.tftp()).put(name, &[], NEW), Ok(()));
    }
}

const NEW: &[u8] = b"new content";

/// All ways to upload a file.
const WAYS: [(&str, fn(&Stage, &str)); 5] = [
    ("PUT", Stage::put),
    ("a form", Stage::send_form),
    ("in pieces", Stage::send_in_pieces),
    ("the Unix-domain socket", Stage::put_at_the_socket),
    ("TFTP", Stage::send_by_tftp),
];

/// An old file with this mode.
fn old(path: &Path, mode: u32) {
    fs::write(path, "old").expect("written");
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("set");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

/// Whether this user may change the owner of files; otherwise the skip is printed.
fn is_root() -> bool {
    let is_root = getuid().is_root();
    if !is_root {
        skip("owners: only root may change the owner of a file");
    }
    is_root
}

/// What a program prints about a file.
fn told(program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    let output = outside(program)?.args(arguments).arg(path).output().expect("it runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

const LIST: [&str; 3] = ["--absolute-names", "--numeric", "--omit-header"];
const ATTRIBUTES: [&str; 2] = ["--absolute-names", "--dump"];

#[test]
fn a_replaced_file_keeps_its_attributes() {
    let stage = Stage::new(Wharf::serve);
    for (given, kept) in [(0o755, 0o755), (0o600, 0o600), (0o6755, 0o755)] {
        stage.in_every_way("a", |path| old(path, given), |path, way| assert_eq!(mode(path), kept, "{way}"));
    }
    if told("getfacl", &LIST, &stage.wharf.folder()).is_none() || outside("setfattr").is_none() {
        return;
    }
    let before = |path: &Path| {
        old(path, 0o600);
        told("setfacl", &["-m", "u:1000:rw,g:100:r,m::rw"], path);
        told("setfattr", &["-n", "user.note", "-v", "hello"], path);
        if is_root() {
            std::os::unix::fs::chown(path, Some(1000), Some(100)).expect("root may");
        }
    };
    let model = stage.wharf.write("model", "");
    before(&model);
    let look = |path: &Path| {
        let stat = fs::metadata(path).expect("it is there");
        let attributes =
            told("getfattr", &ATTRIBUTES, path).map(|all| all.lines().skip(1).collect::<String>());
        (mode(path), stat.uid(), stat.gid(), told("getfacl", &LIST, path), attributes)
    };
    stage.in_every_way("b", before, |path, way| assert_eq!(look(path), look(&model), "{way}"));
}

/// New files follow the umask, the directory's group and its default ACL, and so do directories that an upload creates.
#[test]
fn a_new_file_has_the_same_attributes_as_from_any_program() {
    let stage = Stage::new(|flags| Wharf::serve_after("umask 027", flags));
    let folder = stage.wharf.folder();
    let gone = |path: &Path| drop(fs::remove_file(path));
    stage.in_every_way("plain", gone, |path, way| assert_eq!(mode(path), 0o640, "{way}"));
    let remove_made = |path: &Path| drop(fs::remove_dir_all(path.parent().expect("one")));
    stage.in_every_way("made/file", remove_made, |path, way| {
        assert_eq!((mode(path), mode(path.parent().expect("one"))), (0o640, 0o750), "{way}");
    });
    fs::create_dir(folder.join("shared")).expect("made");
    if is_root() {
        std::os::unix::fs::chown(folder.join("shared"), None, Some(100)).expect("root may");
    }
    fs::set_permissions(folder.join("shared"), PermissionsExt::from_mode(0o2770)).expect("set");
    let list = ["-d", "-m", "u::rwx,u:1000:rwx,g::rx,m::rwx,o::-"];
    if told("setfacl", &list, &folder.join("shared")).is_none() {
        return;
    }
    // The default ACL replaces this process's umask.
    let model = stage.wharf.write("shared/model/made/file", "");
    let look = |path: &Path| {
        [path, path.parent().expect("one")].map(|path| {
            let stat = fs::metadata(path).expect("it is there");
            (mode(path), stat.uid(), stat.gid(), told("getfacl", &LIST, path))
        })
    };
    stage.in_every_way("shared/made/file", remove_made, |path, way| {
        assert_eq!(look(path), look(&model), "{way}");
    });
    let model = stage.wharf.write("shared/model-file", "");
    let gone = |path: &Path| drop(fs::remove_file(path));
    stage.in_every_way("shared/file", gone, |path, way| assert_eq!(look(path), look(&model), "{way}"));
}

/// A server that runs as root, but may not change owners, like any other user.
fn without_chown(flags: &[&str]) -> Option<Wharf> {
    let mut setpriv: Command = outside("setpriv")?;
    setpriv.arg("--bounding-set=-chown,-fowner,-fsetid");
    Some(Wharf::serve_by(setpriv, tempfile::tempdir().expect("a folder"), flags))
}

/// If owner and group cannot be kept, no one gains access: the members of the old group count as others, and the new
/// group gets no more rights than others had.
#[test]
fn attributes_that_cannot_be_kept_give_no_one_more_access() {
    if !is_root() {
        return;
    }
    let Some(wharf) = without_chown(&["--no-sync"]) else { return };
    for (given, left) in [(0o660, 0o600), (0o664, 0o644), (0o6775, 0o755), (0o640, 0o600), (0o604, 0o604)] {
        let path = wharf.folder().join("a");
        old(&path, given);
        std::os::unix::fs::chown(&path, Some(1000), Some(100)).expect("root may");
        fs::set_permissions(&path, PermissionsExt::from_mode(given)).expect("set");
        assert_eq!(wharf.ask("PUT", "/a", "", NEW).code(), 204);
        let stat = fs::metadata(&path).expect("it is there");
        assert_eq!((stat.uid(), stat.gid(), mode(&path)), (0, 0, left), "{given:o}");
    }
    let path = wharf.write("b", "old");
    if told("setfacl", &["-m", "u::rw,u:1000:rw,g::rw,m::rw,o::-"], &path).is_none() {
        return;
    }
    std::os::unix::fs::chown(&path, Some(1000), Some(100)).expect("root may");
    assert_eq!(wharf.ask("PUT", "/b", "", NEW).code(), 204);
    let list = told("getfacl", &LIST, &path).expect("it existed before");
    assert_eq!(list.trim(), "user::rw-\nuser:1000:rw-\ngroup::---\nmask::rw-\nother::---");
}
