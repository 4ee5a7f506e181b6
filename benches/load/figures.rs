//! A server's resources: memory, threads and descriptors.

use super::common::Wharf;

/// How much memory may grow in a soak test after the warm-up, in KB: tolerance for the allocator.
pub const SOAK_SLACK: u64 = 4 * 1024;

/// How much memory may grow in an attack on a new server, in KB: the buffers of its 64 workers, the pool for
/// listings (8 MiB), and pages that the allocator cannot return, because part of them is in use.
pub const ATTACK_SLACK: u64 = 48 * 1024;

/// The resources that must not grow.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Resident memory, in KB.
    pub memory: u64,
    pub threads: u64,
    /// Open descriptors.
    pub files: usize,
}

impl Figures {
    /// The server's current resources.
    pub fn of(wharf: &Wharf) -> Self {
        Self { memory: wharf.status("VmRSS"), threads: wharf.status("Threads"), files: wharf.open_files() }
    }

    /// Whether nothing has grown since, except for memory within this tolerance.
    pub fn is_back_to(self, before: Self, slack: u64) -> bool {
        self.memory <= before.memory + slack && self.threads <= before.threads && self.files <= before.files
    }
}
