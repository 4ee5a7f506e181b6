//! File systems with fewer features than this machine's disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Running, eventually, outside, skip};

/// A file system of a test's own, unmounted when dropped. Declare it before the servers that use it.
pub struct Mount {
    point: PathBuf,
    /// The program that serves it, if it runs in the foreground.
    program: Option<Running>,
    _place: TempDir,
}

impl Mount {
    /// Another mount of a directory. The locks of one mount are not seen in the other.
    pub fn bindfs(source: &Path) -> Option<Self> {
        Self::bindfs_with(source, &[])
    }

    /// The same, but the locks of each mount are seen in all others, as on a cluster's file system.
    pub fn with_locks(source: &Path) -> Option<Self> {
        Self::bindfs_with(source, &["--multithreaded", "--enable-lock-forwarding"])
    }

    fn bindfs_with(source: &Path, flags: &[&str]) -> Option<Self> {
        let (place, point) = place();
        let mounted = outside("bindfs")?.args(flags).arg(source).arg(&point).stderr(Stdio::null()).status();
        let mounted = mounted.is_ok_and(|status| status.success());
        Self::of(mounted, "bindfs", place, point)
    }

    /// A directory mounted by rclone: without anonymous files, hard links, or renaming without replacing.
    pub fn rclone(source: &Path) -> Option<Self> {
        let (place, point) = place();
        let mut rclone = outside("rclone")?;
        rclone.args(["mount", "--vfs-cache-mode", "writes", "--config", "/dev/null", "--cache-dir"]);
        rclone.arg(place.path().join("cache")).arg(source).arg(&point);
        let mut program = Running::start(rclone.stdout(Stdio::null()).stderr(Stdio::null()));
        let mut ended = false;
        eventually("rclone has mounted it or exited", || {
            ended = program.try_wait().expect("a child").is_some();
            ended || is_mounted(&point)
        });
        let mut mount = Self::of(!ended, "rclone", place, point)?;
        mount.program = Some(program);
        Some(mount)
    }

    fn of(mounted: bool, what: &str, place: TempDir, point: PathBuf) -> Option<Self> {
        if !mounted {
            skip(&format!("{what}: this user may not mount it"));
        }
        mounted.then_some(Self { point, program: None, _place: place })
    }

    /// Its path.
    pub fn point(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A user who is not root unmounts with this program.
        let unmount = |program: &str, how: &str| {
            let status = Command::new(program).arg(how).arg(&self.point).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let _ = unmount("fusermount3", "-uz") || unmount("umount", "-l");
        drop(self.program.take());
    }
}

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a folder");
    let point = place.path().join("mount");
    fs::create_dir(&point).expect("a folder");
    (place, point)
}

fn is_mounted(point: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("a list");
    mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|at| Path::new(at) == point))
}
