//! `MooseFS` with one copy, mounted three times, as on three machines. Its servers refuse loopback addresses, so they run in a
//! network namespace that has only one address.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::outside::{outside, skip};
use super::{Running, eventually};

/// The only address of the namespace.
const ADDRESS: &str = "10.77.0.1";

/// Where the package has the metadata of an empty file system.
const EMPTY: &str = "/var/lib/mfs/metadata.mfs.empty";

/// The file system. Declare it before the servers, so that it is unmounted last.
pub struct MooseFs {
    place: TempDir,
    _servers: [Running; 2],
    namespace: Namespace,
}

impl MooseFs {
    /// `None`, with a printed skip, if it is not installed, or if this user may not mount it.
    pub fn start() -> Option<Self> {
        outside("mfsmaster").and(outside("mfschunkserver")).and(outside("mfsmount"))?;
        outside("ip").and(outside("nsenter"))?;
        if !geteuid().is_root() {
            skip("MooseFS needs root");
            return None;
        }
        let namespace = Namespace::new()?;
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name).display().to_string();
        for name in ["master", "chunks", "disk", "0", "1", "2"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        fs::copy(EMPTY, path("master/metadata.mfs")).expect("copied");
        let user = "WORKING_USER = root\nWORKING_GROUP = root\nNICE_LEVEL = 0\n";
        let write = |name: &str, text: String| fs::write(path(name), text).expect("written");
        write("exports", "* / rw,alldirs,maproot=0\n".to_owned());
        write(
            "master.cfg",
            format!("{user}DATA_PATH = {}\nEXPORTS_FILENAME = {}\n", path("master"), path("exports")),
        );
        write("disks", format!("{}\n", path("disk")));
        write(
            "chunks.cfg",
            format!(
                "{user}DATA_PATH = {}\nHDD_CONF_FILENAME = {}\nHDD_LEAVE_SPACE_DEFAULT = 1MiB\n\
                 MASTER_HOST = {ADDRESS}\nMASTER_RECONNECTION_DELAY = 1\n",
                path("chunks"),
                path("disks")
            ),
        );
        let start = |program: &str, configuration: &str| {
            let mut command = namespace.command(program);
            command.args(["-f", "-c", &path(configuration), "start"]);
            Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
        };
        let servers = [start("mfsmaster", "master.cfg"), start("mfschunkserver", "chunks.cfg")];
        let moose = Self { place, _servers: servers, namespace };
        for mount in moose.mounts() {
            let mut client = moose.namespace.command("mfsmount");
            client.args(["-H", ADDRESS]).arg(&mount).stdout(Stdio::null()).stderr(Stdio::null());
            eventually("it is mounted", || client.status().is_ok_and(|status| status.success()));
        }
        eventually("it can be written", || fs::write(moose.mounts()[0].join("written"), "x").is_ok());
        fs::remove_file(moose.mounts()[0].join("written")).expect("removed");
        Some(moose)
    }

    /// The mounts.
    pub fn mounts(&self) -> [PathBuf; 3] {
        ["0", "1", "2"].map(|name| self.place.path().join(name))
    }
}

impl Drop for MooseFs {
    fn drop(&mut self) {
        for mount in self.mounts() {
            let _ = Command::new("umount").arg("-l").arg(mount).stderr(Stdio::null()).status();
        }
    }
}

/// A network namespace with one address. It ends with this.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Self> {
        let namespace = Self(format!("wharf-test-{}", std::process::id()));
        let name = namespace.0.clone();
        let address = format!("{ADDRESS}/32");
        let steps: [&[&str]; 3] = [
            &["netns", "add", &name],
            &["-n", &name, "link", "set", "lo", "up"],
            &["-n", &name, "addr", "add", &address, "dev", "lo"],
        ];
        let run = |step: &[&str]| Command::new("ip").args(step).status().is_ok_and(|status| status.success());
        if !steps.iter().all(|step| run(step)) {
            skip("this user may not make a network namespace");
            return None;
        }
        Some(namespace)
    }

    /// Runs a program in it. It has the mounts of this process, unlike with `ip netns exec`.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.0)).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).stderr(Stdio::null()).status();
    }
}
