//! Block numbers: 16 bits on the wire, as many as a file needs in here.
//!
//! RFC 1350 numbers blocks from 1 with 16 bits and says nothing of block 65,536. Everyone goes on with 0, and
//! so do we: inside, blocks are counted in 64 bits, and a number from the wire means the block nearest to
//! where we are.

/// The block next to `near`, before or after, that the wire's number means; `None` if that lies before block
/// 0.
///
/// Right as long as the peer is less than 32,768 blocks away, which [`super::options::WindowSize::MAX`]
/// ensures.
pub(super) fn nearest(near: u64, wire: u16) -> Option<u64> {
    let ahead = wire.wrapping_sub(on_wire(near)).cast_signed();
    near.checked_add_signed(i64::from(ahead))
}

/// The number that a block has on the wire.
pub(super) fn on_wire(block: u64) -> u16 {
    block as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_number_means_the_nearest_block() {
        let rows: [(&str, u64, u16, Option<u64>); 8] = [
            ("itself", 5, 5, Some(5)),
            ("one ahead", 5, 6, Some(6)),
            ("one behind", 5, 4, Some(4)),
            ("over the edge", 65_535, 0, Some(65_536)),
            ("back over the edge", 65_536, 65_535, Some(65_535)),
            ("in the third round", 131_072, 2, Some(131_074)),
            ("before the first block", 5, 65_000, None),
            ("as far ahead as can be told", 1, 32_768, Some(32_768)),
        ];
        for (name, near, wire, block) in rows {
            assert_eq!(nearest(near, wire), block, "{name}");
        }
    }
}
