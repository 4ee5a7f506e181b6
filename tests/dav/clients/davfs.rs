//! davfs2: the folder as a directory, in which programs that know nothing of WebDAV work.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::office::{ANNA, Office};
use crate::common::{outside, sample, skip};

/// A file is sent when it is closed. With `buf_size`, whose default is 16, davfs2 can read directories for kernels that ask for
/// more at once. Otherwise that fails (`EINVAL`), whatever the server is.
const SETTINGS: &str = "use_locks 1\ndelay_upload 0\nbuf_size 256\n";

/// A mounted folder. It is unmounted when dropped; then everything has been sent.
struct Davfs {
    point: PathBuf,
    _place: TempDir,
}

impl Davfs {
    /// Mounts the folder of the server, as anna. `None` if that cannot be done here.
    fn mount(office: &Office) -> Option<Self> {
        let mut mount = outside("mount.davfs")?;
        let place = tempfile::tempdir().expect("a folder");
        let (point, settings) = (place.path().join("mount"), place.path().join("davfs2.conf"));
        fs::create_dir(&point).expect("made");
        fs::write(&settings, SETTINGS).expect("written");
        let options = format!("username=anna,conf={}", settings.display());
        mount.arg(office.wharf.url("/")).arg(&point).args(["-o", &options]);
        let program = mount.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut program = program.expect("it runs");
        program.stdin.take().expect("a pipe").write_all(b"secret-anna\n").expect("it reads the password");
        let output = program.wait_with_output().expect("it ends");
        if !output.status.success() {
            skip(&format!("davfs2 cannot mount here: {}", String::from_utf8_lossy(&output.stderr)));
            return None;
        }
        Some(Self { point, _place: place })
    }
}

impl Drop for Davfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.point).stdout(Stdio::null()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = Command::new("umount").arg("-l").arg(&self.point).status();
        }
    }
}

fn office() -> Office {
    Office::open(&["--allow", "anna=edit"])
}

#[track_caller]
fn run(program: &mut Command) -> String {
    let output = program.stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// git, without the settings of this machine's user.
fn git(program: &Command, at: &Path) -> Command {
    let mut git = Command::new(program.get_program());
    git.current_dir(at).env("HOME", at).env("GIT_CONFIG_NOSYSTEM", "1");
    git.args(["-c", "user.name=ann", "-c", "user.email=ann@localhost", "-c", "safe.directory=*"]);
    git.args(["-c", "init.defaultBranch=main"]);
    git
}

#[test]
pub fn git_clones_into_it() {
    let Some(program) = outside("git") else { return };
    let office = office();
    let Some(davfs) = Davfs::mount(&office) else { return };
    let source = tempfile::tempdir().expect("a folder");
    run(git(&program, source.path()).args(["init", "-q"]));
    for name in ["a.txt", "b.txt"] {
        fs::write(source.path().join(name), sample(5_000, 1)).expect("written");
        run(git(&program, source.path()).args(["add", name]));
        run(git(&program, source.path()).args(["commit", "-q", "-m", name]));
    }
    run(git(&program, &davfs.point).args(["clone", "-q", "--no-hardlinks"]).arg(source.path()).arg("clone"));
    let clone = davfs.point.join("clone");
    fs::write(clone.join("c.txt"), "committed in the folder").expect("written");
    run(git(&program, &clone).args(["add", "c.txt"]));
    run(git(&program, &clone).args(["commit", "-q", "-m", "c.txt"]));
    assert_eq!(run(git(&program, &clone).args(["status", "--porcelain"])), "");
    drop(davfs);
    let saved = office.wharf.folder().join("clone");
    run(git(&program, &saved).args(["fsck", "--strict"]));
    assert_eq!(run(git(&program, &saved).args(["log", "--format=%s"])), "c.txt\nb.txt\na.txt\n");
    assert_eq!(run(git(&program, &saved).args(["status", "--porcelain"])), "");
    assert_eq!(office.code("GET", "/clone/.git/HEAD", ""), 401);
    assert_eq!(office.code("GET", "/clone/.git/HEAD", ANNA), 200);
}

#[test]
pub fn rsync_writes_into_it() {
    let Some(rsync) = outside("rsync") else { return };
    let rsync = || Command::new(rsync.get_program());
    let office = office();
    let Some(davfs) = Davfs::mount(&office) else { return };
    let source = tempfile::tempdir().expect("a folder");
    fs::create_dir(source.path().join("d")).expect("made");
    for (name, seed) in [("large", 1), ("d/.hidden", 2), ("d/ü", 3)] {
        fs::write(source.path().join(name), sample(300_000, seed)).expect("written");
    }
    let from = format!("{}/", source.path().display());
    run(rsync().args(["-r", "--inplace"]).arg(&from).arg(davfs.point.join("copy")));
    // In place, and through a hidden temporary.
    for (seed, flags) in [(4, &["--checksum", "--inplace"][..]), (5, &["--checksum"])] {
        fs::write(source.path().join("large"), sample(300_000, seed)).expect("written");
        run(rsync().args(flags).arg(source.path().join("large")).arg(davfs.point.join("copy/large")));
    }
    // Another program changes a file in the way of editors: a new file, and a rename over the old one.
    fs::write(davfs.point.join("copy/.large.swp"), "edited").expect("written");
    fs::rename(davfs.point.join("copy/.large.swp"), davfs.point.join("copy/large")).expect("renamed");
    fs::write(source.path().join("large"), "edited").expect("written");
    fs::remove_dir_all(source.path().join("d")).expect("removed");
    run(rsync().args(["-r", "--inplace", "--delete"]).arg(&from).arg(davfs.point.join("copy")));
    let names = fs::read_dir(davfs.point.join("copy")).expect("read");
    assert_eq!(names.map(|entry| entry.expect("read").file_name()).collect::<Vec<_>>(), ["large"]);
    drop(davfs);
    let saved = office.wharf.folder().join("copy");
    run(Command::new("diff").arg("-r").arg(source.path()).arg(saved));
}
