//! Bytes that nobody can foretell.

use rustix::rand::{GetRandomFlags, getrandom};

/// Sixteen of them, from the system.
pub fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        // It is interrupted at most: once the machine has started, the system has random bytes for everybody.
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}
