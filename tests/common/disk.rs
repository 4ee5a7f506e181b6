//! A small file system for one test, which may fill up.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::outside::{outside, skip};

/// The image file, beside the folder, and its size in bytes.
const IMAGE: &str = "image";
const IMAGE_SIZE: u64 = 8 << 20;

/// A folder on a file system of its own, if this user may mount one. Declare it before the server, so that it
/// is unmounted last.
pub struct SmallDisk {
    share: PathBuf,
    place: Cell<Option<TempDir>>,
}

impl SmallDisk {
    /// Of this size, in the format of mount(8). `None`, with a printed skip, if this user may not mount a
    /// file system.
    pub fn mount(size: &str) -> Option<Self> {
        let place = tempfile::tempdir().expect("a folder");
        let share = place.path().join("share");
        fs::create_dir(&share).expect("a folder");
        let options = format!("size={size}");
        if !mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], &share)? {
            skip(&format!("a disk of {size}: this user may not mount one"));
            return None;
        }
        Some(Self { share, place: Cell::new(Some(place)) })
    }

    /// Of ext4 with inodes of 128 bytes, which have no room for nanoseconds: timestamps are in whole seconds.
    pub fn of_whole_seconds() -> Option<Self> {
        // For `change_device`.
        outside("losetup")?;
        let place = tempfile::tempdir().expect("a folder");
        let (share, image) = (place.path().join("share"), place.path().join(IMAGE));
        fs::create_dir(&share).expect("a folder");
        fs::File::create(&image).and_then(|file| file.set_len(IMAGE_SIZE)).expect("an image");
        run(outside("mkfs.ext4")?.args(["-q", "-I", "128", "-O", "^has_journal"]).arg(&image));
        if !mount(&["-o", "loop", image.to_str().expect("text")], &share)? {
            skip("an image as a disk: this user may not mount one");
            return None;
        }
        Some(Self { share, place: Cell::new(Some(place)) })
    }

    /// Unmounts an image and mounts it through another loop device. It must not be in use.
    pub fn change_device(&self) {
        let image = self.share.with_file_name(IMAGE);
        let output =
            Command::new("losetup").args(["--find", "--show"]).arg(&image).output().expect("it runs");
        let device = String::from_utf8(output.stdout).expect("text");
        run(Command::new("umount").arg(&self.share));
        assert_eq!(mount(&[device.trim()], &self.share), Some(true), "mounted by {device}");
        // The loop device is released when it is unmounted.
        run(Command::new("losetup").args(["--detach", device.trim()]));
    }

    /// Mounts it at this directory as well. It is unmounted with the file system that the directory is on.
    pub fn mount_at(&self, directory: &Path) {
        run(Command::new("mount").arg("--bind").arg(&self.share).arg(directory));
    }

    /// Unmounts what is mounted at this directory.
    pub fn unmount_at(directory: &Path) {
        run(Command::new("umount").arg(directory));
    }

    /// Unmounts it, although it is in use: the empty directory below it has its path now.
    pub fn vanish(&self) {
        run(Command::new("umount").arg("-l").arg(&self.share));
    }

    /// The folder, for a server.
    pub fn place(&self) -> TempDir {
        self.place.take().expect("taken once")
    }

    /// Remounts it, `ro` or `rw`.
    pub fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert_eq!(mount(&["-o", &options], &self.share), Some(true), "mounted {how}");
    }

    /// How many bytes are free on it.
    pub fn free(&self) -> u64 {
        let space = rustix::fs::statvfs(&self.share).expect("told");
        space.f_bavail * space.f_frsize
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn mount(arguments: &[&str], at: &Path) -> Option<bool> {
    let output = outside("mount")?.args(arguments).arg(at).output();
    Some(output.is_ok_and(|output| output.status.success()))
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.share).stderr(Stdio::null()).status();
        // Removed here, because it could not be removed while it was mounted.
        let _ = self.share.parent().map(fs::remove_dir_all);
    }
}
