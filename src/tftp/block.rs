//! Block numbers: 16 bits in packets, 64 bits inside.
//!
//! RFC 1350 numbers blocks from 1 with 16 bits and does not define block 65,536. All implementations continue with 0. Inside,
//! blocks are counted in 64 bits, and a number of a packet means the block nearest to the current one.

/// The block nearest to `near` that a packet's number means; `None` if it is before block 0.
///
/// Correct while the peer is less than 32,768 blocks away, which [`super::options::WindowSize::MAX`]
/// ensures.
pub(super) fn nearest(near: u64, wire: u16) -> Option<u64> {
    let ahead = wire.wrapping_sub(on_wire(near)).cast_signed();
    near.checked_add_signed(i64::from(ahead))
}

/// The number of a block in packets.
pub(super) fn on_wire(block: u64) -> u16 {
    block as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_the_nearest_block() {
        let rows: [(&str, u64, u16, Option<u64>); 8] = [
            ("itself", 5, 5, Some(5)),
            ("one ahead", 5, 6, Some(6)),
            ("one behind", 5, 4, Some(4)),
            ("over the edge", 65_535, 0, Some(65_536)),
            ("back over the edge", 65_536, 65_535, Some(65_535)),
            ("in the third round", 131_072, 2, Some(131_074)),
            ("before the first block", 5, 65_000, None),
            ("the farthest ahead", 1, 32_768, Some(32_768)),
        ];
        for (name, near, wire, block) in rows {
            assert_eq!(nearest(near, wire), block, "{name}");
        }
    }
}
