//! Returns freed memory to the system.
//!
//! glibc keeps what a thread frees for later, in an arena of that thread, and there are many threads: after a
//! few hundred listings at once the server permanently kept ten times the memory that it needs.

use std::fs;

/// Below this much resident memory, in bytes, nothing is returned: a busy server needs that much anyway.
const ENOUGH: u64 = 16 * 1024 * 1024;

/// Returns freed memory to the system, if the process holds more than [`ENOUGH`]. Takes up to a few milliseconds.
pub(super) fn return_freed() {
    if resident().is_some_and(|bytes| bytes > ENOUGH) {
        trim();
    }
}

/// How much memory the process occupies, in bytes.
fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Returns freed memory to the system. Call once before the server's threads start: reading the command line and the
/// configuration leaves some 150 KB, half of the heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn trim() {
    #[allow(unsafe_code)]
    // SAFETY: malloc_trim(3) takes one size_t, returns an int, and is thread-safe; the signature below is glibc's.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // It makes no difference whether anything was returned.
    malloc_trim(0);
}

/// Other allocators return freed memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn trim() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn freed_memory_returns_to_the_system() {
        const BLOCKS: usize = 4096;
        const SIZE: usize = 16 * 1024;
        // The last block stays, and so the allocator cannot shrink its heap by itself.
        let mut blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![1; SIZE]).collect();
        let last = blocks.pop();
        let before = resident().expect("Linux reports it");
        drop(blocks);
        return_freed();
        let after = resident().expect("Linux reports it");
        assert!(after + (BLOCKS * SIZE / 2) as u64 <= before, "{before} bytes before, {after} after");
        assert!(last.is_some());
    }
}
