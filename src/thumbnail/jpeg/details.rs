//! Reads over the coefficients that a thumbnail does not need. These are nearly all of a JPEG, so several are looked up at
//! once.

use super::huffman::{CodeClass, CodeTable, Codes, LONGEST, Meaning};
use crate::thumbnail::error::CannotDraw;

/// How many bits are looked up at once. The table should fit in the first cache of a processor.
pub(super) const LOOKED_UP: u32 = 13;

/// The number of coefficients in a block.
pub(super) const BLOCK: u32 = 64;

/// What some bits stand for: one code, or several.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// The length of all codes and numbers, in bits. The last number may reach beyond the bits that were looked up.
    pub length: u8,
    /// How many coefficients they stand for.
    pub step: u8,
    /// Whether the last code ends the block.
    pub ends: bool,
}

/// Finds groups of codes.
#[derive(Debug)]
pub(super) struct DetailTable {
    /// Of each combination of [`LOOKED_UP`] bits; the length is 0 if the first code is longer.
    groups: Box<[Group]>,
    single: CodeTable,
}

impl DetailTable {
    pub(super) fn new(codes: &Codes) -> Result<Self, CannotDraw> {
        let single = CodeTable::new(CodeClass::Details, codes)?;
        let groups = (0..1 << LOOKED_UP).map(|bits| Group::of(bits, &single)).collect();
        Ok(Self { groups, single })
    }

    /// The codes at the start of these [`LOOKED_UP`] bits.
    #[inline]
    pub(super) fn group(&self, bits: usize) -> Group {
        self.groups.get(bits).copied().unwrap_or_default()
    }

    /// The code at the start of these [`LONGEST`] bits.
    #[inline]
    pub(super) fn single(&self, bits: u32) -> Option<Meaning> {
        self.single.find(bits)
    }
}

impl Group {
    /// The codes that are complete in these bits.
    fn of(bits: u32, single: &CodeTable) -> Self {
        let mut group = Self::default();
        loop {
            let known = LOOKED_UP.saturating_sub(u32::from(group.length));
            let rest = (bits << (LOOKED_UP - known)) << (LONGEST - LOOKED_UP) & ((1 << LONGEST) - 1);
            let Some(code) = single.find(rest).filter(|code| u32::from(code.length) <= known) else {
                return group;
            };
            let step = group.step + code.step;
            if u32::from(step) >= BLOCK {
                return group;
            }
            group = Self { length: group.length + code.length + code.number, step, ends: code.step == 0 };
            if group.ends {
                return group;
            }
        }
    }
}
