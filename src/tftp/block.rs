//! Block numbers: 16 bits in packets, 64 bits internally.
//!
//! RFC 1350 numbers blocks from 1 with 16 bits and does not define block 65,536. Most implementations continue with 0,
//! some with 1. Internally, blocks are counted in 64 bits, and a number in a packet means the block nearest to the
//! current one.

/// The first block whose number is not defined.
pub(super) const FIRST_WRAPPED: u64 = 1 << 16;

/// The number that follows 65,535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Numbering {
    /// Not known yet. Until the peer uses 1, the numbers are assumed to continue with 0.
    #[default]
    Undecided,
    /// The peer uses 0.
    ToZero,
    /// The peer uses 1.
    ToOne,
}

impl Numbering {
    /// Decides the numbering, if it is undecided and block 65,536 is the next one or in flight. `wire` is a
    /// number from the peer; `last` is the last block that the peer can mean.
    ///
    /// If counting from 0 would make a number mean the block after `last`, the peer counts from 1. In a
    /// window, smaller numbers are ambiguous and decide nothing: a wrong guess would damage the file.
    pub(super) fn learn(&mut self, wire: u16, last: u64) {
        if *self != Self::Undecided || last < FIRST_WRAPPED {
            return;
        }
        match Self::ToZero.nearest(FIRST_WRAPPED, wire) {
            Some(block) if block == last + 1 => *self = Self::ToOne,
            Some(FIRST_WRAPPED) => *self = Self::ToZero,
            _ => {}
        }
    }

    /// The block nearest to `near` that a packet's number can mean; `None` if that is before block 0, or if
    /// no block has the number.
    ///
    /// Correct while the peer is less than 32,768 blocks away, which [`super::options::WindowSize::MAX`] ensures.
    pub(super) fn nearest(self, near: u64, wire: u16) -> Option<u64> {
        let round = match self {
            Self::Undecided | Self::ToZero => 1 << 16,
            // This numbering never uses 0.
            Self::ToOne if wire == 0 => return None,
            Self::ToOne => (1 << 16) - 1,
        };
        let ahead = (i64::from(wire) - i64::from(self.on_wire(near))).rem_euclid(round);
        near.checked_add_signed(if ahead < (1 << 15) { ahead } else { ahead - round })
    }

    /// The number that stands for this block in packets.
    pub(super) fn on_wire(self, block: u64) -> u16 {
        match (self, block.checked_sub(1)) {
            (Self::ToOne, Some(before)) => (before % u64::from(u16::MAX)) as u16 + 1,
            _ => block as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_the_nearest_block() {
        use Numbering::{ToOne, ToZero};
        let rows: [(&str, Numbering, u64, u16, Option<u64>); 15] = [
            ("itself", ToZero, 5, 5, Some(5)),
            ("one ahead", ToZero, 5, 6, Some(6)),
            ("one behind", ToZero, 5, 4, Some(4)),
            ("over the wrap", ToZero, 65_535, 0, Some(65_536)),
            ("back over the wrap", ToZero, 65_536, 65_535, Some(65_535)),
            ("in the third round", ToZero, 131_072, 2, Some(131_074)),
            ("before the first block", ToZero, 5, 65_000, None),
            ("the farthest ahead", ToZero, 1, 32_768, Some(32_768)),
            ("itself, no 0", ToOne, 65_536, 1, Some(65_536)),
            ("over the wrap, no 0", ToOne, 65_535, 1, Some(65_536)),
            ("far over the wrap, no 0", ToOne, 65_535, 32_767, Some(98_302)),
            ("back over the wrap, no 0", ToOne, 65_536, 65_535, Some(65_535)),
            ("far back over the wrap, no 0", ToOne, 65_540, 65_530, Some(65_530)),
            ("in the third round, no 0", ToOne, 131_070, 2, Some(131_072)),
            ("0, which no block has", ToOne, 65_536, 0, None),
        ];
        for (name, numbering, near, wire, block) in rows {
            assert_eq!(numbering.nearest(near, wire), block, "{name}");
        }
    }

    #[test]
    fn each_block_has_its_number() {
        for numbering in [Numbering::ToZero, Numbering::ToOne] {
            for block in (1..10).chain(65_530..65_545).chain(131_060..131_080) {
                assert_eq!(numbering.nearest(block + 7, numbering.on_wire(block)), Some(block), "{block}");
            }
        }
    }

    #[test]
    fn only_a_number_that_can_mean_one_block_decides() {
        use Numbering::{ToOne, ToZero, Undecided};
        let rows = [
            ("lock-step", 0, 65_536, ToZero),
            ("lock-step, no 0", 1, 65_536, ToOne),
            ("the block before again", 65_535, 65_536, Undecided),
            ("before the edge", 1, 65_535, Undecided),
            ("a window of 16", 0, 65_551, ToZero),
            ("either the first or, after a gap, the second", 1, 65_551, Undecided),
            ("either the last but one or the last", 15, 65_551, Undecided),
            ("the last, no 0", 16, 65_551, ToOne),
            ("the last of the largest window, no 0", 32_767, 98_302, ToOne),
        ];
        for (name, wire, last, decided) in rows {
            let mut numbering = Undecided;
            numbering.learn(wire, last);
            assert_eq!(numbering, decided, "{name}");
        }
    }
}
