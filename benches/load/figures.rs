//! What a server holds: memory, threads and descriptors.

use super::common::Wharf;

/// What memory may grow by in a soak once it is warm, in KB: what an allocator makes of it.
pub const SOAK_SLACK: u64 = 4 * 1024;

/// What memory may grow by in an attack on a server that has just been started, in KB: the buffers of its 64 workers, the
/// pool that listings are written to (8 MiB), and pages of the allocator that cannot be returned, as something in them is
/// still in use.
pub const ATTACK_SLACK: u64 = 48 * 1024;

/// What must not grow.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Resident memory, in KB.
    pub memory: u64,
    pub threads: u64,
    /// Open descriptors.
    pub files: usize,
}

impl Figures {
    /// What the server holds now.
    pub fn of(wharf: &Wharf) -> Self {
        Self { memory: wharf.status("VmRSS"), threads: wharf.status("Threads"), files: wharf.open_files() }
    }

    /// Whether nothing has grown since, but memory by this slack.
    pub fn is_back_to(self, before: Self, slack: u64) -> bool {
        self.memory <= before.memory + slack && self.threads <= before.threads && self.files <= before.files
    }
}
