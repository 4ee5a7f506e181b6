//! Unpredictable bytes and numbers.

use rustix::rand::{GetRandomFlags, getrandom};

/// A random number from the system.
pub(super) fn number() -> u64 {
    u128::from_ne_bytes(bytes()) as u64
}

/// 16 random bytes from the system.
pub(super) fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        // Only a signal can interrupt it: once the machine has started, the system never lacks random bytes.
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}
