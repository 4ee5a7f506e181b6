//! A volume of `GlusterFS` with three copies, mounted three times, as on three machines. All of it listens on one loopback
//! address.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::outside::{outside, skip};
use super::{Running, eventually};

/// No other test uses it.
const ADDRESS: &str = "127.0.0.3";

/// The settings with which a file that another machine has replaced can be read.
const OFF: [&str; 4] = ["quick-read", "open-behind", "stat-prefetch", "io-cache"];

/// The volume. Declare it before the servers, so that it is unmounted last.
pub struct Gluster {
    place: TempDir,
    _daemon: Running,
}

impl Gluster {
    /// `None`, with a printed skip, if it is not installed, or if this user may not mount it.
    pub fn start() -> Option<Self> {
        outside("gluster").and(outside("glusterfs"))?;
        let mut daemon = outside("glusterd")?;
        if !geteuid().is_root() {
            skip("GlusterFS needs root");
            return None;
        }
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name).display().to_string();
        for name in ["work", "run", "copy1", "copy2", "copy3", "0", "1", "2"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        let options = [
            ("working-directory", &*path("work")),
            ("run-directory", &path("run")),
            ("glusterd-sockfile", &path("socket")),
            ("transport-type", "socket"),
            ("transport.address-family", "inet"),
            ("transport.socket.bind-address", ADDRESS),
        ];
        let options = options.map(|(name, value)| format!("option {name} {value}\n")).concat();
        let configuration = format!("volume management\ntype mgmt/glusterd\n{options}end-volume\n");
        fs::write(path("glusterd.vol"), configuration).expect("written");
        daemon.args(["-N", "-f", &path("glusterd.vol"), "-l", &path("log"), "-p", &path("run/pid")]);
        let daemon = Running::start(daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        let volume = Self { place, _daemon: daemon };
        eventually("it takes commands", || volume.command("volume list"));
        let copies = [1, 2, 3].map(|number| format!("{ADDRESS}:{}", volume.path(&format!("copy{number}"))));
        let create = format!("volume create files replica 3 {} force", copies.join(" "));
        assert!(volume.command(&create), "the volume is created");
        for name in OFF {
            assert!(volume.command(&format!("volume set files performance.{name} off")), "{name}");
        }
        assert!(volume.command("volume start files"), "the volume is started");
        for mount in volume.mounts() {
            let mut client = Command::new("glusterfs");
            client.arg(format!("--volfile-server={ADDRESS}")).args(["--volfile-id=files", "-l"]);
            client.arg(volume.path("client-log")).arg(&mount);
            eventually("it is mounted", || client.status().is_ok_and(|status| status.success()));
            eventually("it can be written", || fs::write(mount.join("written"), "").is_ok());
        }
        fs::remove_file(volume.mounts()[0].join("written")).expect("removed");
        Some(volume)
    }

    /// The mounts.
    pub fn mounts(&self) -> [PathBuf; 3] {
        ["0", "1", "2"].map(|name| self.place.path().join(name))
    }

    fn path(&self, name: &str) -> String {
        self.place.path().join(name).display().to_string()
    }

    /// Whether this command of the administrator succeeds.
    fn command(&self, words: &str) -> bool {
        let mut command = Command::new("gluster");
        command.args(["--mode=script", "--timeout=20", &format!("--glusterd-sock={}", self.path("socket"))]);
        command.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Gluster {
    fn drop(&mut self) {
        for mount in self.mounts() {
            let _ = Command::new("umount").arg("-l").arg(mount).stderr(Stdio::null()).status();
        }
        // Ends the daemons of the copies.
        self.command("volume stop files force");
    }
}
