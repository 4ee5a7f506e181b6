//! What a server holds: memory, threads and descriptors.

use super::common::Wharf;

/// What memory may grow by, in KB: what an allocator keeps for later.
const SLACK: u64 = 4 * 1024;

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

    /// Whether nothing has grown since.
    pub fn is_back_to(self, before: Self) -> bool {
        self.memory <= before.memory + SLACK && self.threads <= before.threads && self.files <= before.files
    }
}
