//! Where locks are certainly seen: on one machine, through one mount.

use cap_std::fs::Dir;
use rustix::fs;

/// The random number of this start of the machine.
pub(super) const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// A machine, and a mount there. The kernel shows all locks in it to all processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain(String);

impl Domain {
    /// The domain that this directory is in; `None` if the system does not tell it.
    pub(super) fn of(dir: &Dir) -> Option<Self> {
        let boot = std::fs::read_to_string(BOOT).ok()?;
        let device = fs::fstat(dir).ok()?.st_dev;
        Some(Self(format!("{} {device:x}", boot.trim())))
    }

    /// Reads what [`Domain::text`] has written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (boot, device) = text.split_once(' ')?;
        (!boot.is_empty() && !device.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
