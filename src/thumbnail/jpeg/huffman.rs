//! Huffman codes (T.81, annex C), and what they stand for in a scan.

use crate::thumbnail::error::CannotDraw;

/// The longest code, in bits.
pub(super) const LONGEST: u32 = 16;

/// How many bits are looked up at once. Nearly all codes are shorter.
const LOOKED_UP: u32 = 10;

/// How many codes there are of each length, and what they stand for.
#[derive(Debug, Clone)]
pub(super) struct Codes {
    counts: [u8; LONGEST as usize],
    symbols: Vec<u8>,
}

/// What a code is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeClass {
    /// The difference to the average of the block before.
    Average,
    /// The other coefficients of a block.
    Details,
}

/// The meaning of a code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meaning {
    /// The length of the code in bits; 0 if it is unknown.
    pub length: u8,
    /// The length of the number after it, in bits.
    pub number: u8,
    /// How many coefficients it stands for; 0: all the rest.
    pub step: u8,
}

/// Finds codes.
#[derive(Debug)]
pub(super) struct CodeTable {
    /// The meaning of each combination of [`LOOKED_UP`] bits that starts with a short code.
    short: Box<[Meaning; 1 << LOOKED_UP]>,
    /// For each length: the first code that is longer, as [`LONGEST`] bits.
    ends: [u32; LONGEST as usize + 1],
    /// For each length: what to add to a code for its place in `symbols`; it wraps around.
    offsets: [u32; LONGEST as usize + 1],
    symbols: Vec<u8>,
    class: CodeClass,
}

impl Codes {
    /// Reads codes; returns the rest of `data` too.
    pub(super) fn parse(data: &[u8]) -> Result<(Self, &[u8]), CannotDraw> {
        let (counts, data) = data.split_first_chunk().ok_or(CannotDraw::Broken)?;
        let sum = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = data.split_at_checked(sum).ok_or(CannotDraw::Broken)?;
        Ok((Self { counts: *counts, symbols: symbols.to_vec() }, rest))
    }
}

impl CodeTable {
    pub(super) fn new(class: CodeClass, codes: &Codes) -> Result<Self, CannotDraw> {
        let mut table = Self {
            short: Box::new([Meaning::default(); 1 << LOOKED_UP]),
            ends: [0; LONGEST as usize + 1],
            offsets: [0; LONGEST as usize + 1],
            symbols: codes.symbols.clone(),
            class,
        };
        let (mut code, mut place) = (0u32, 0usize);
        for (length, count) in (1..=LONGEST).zip(codes.counts) {
            let count = u32::from(count);
            if code + count > 1 << length {
                return Err(CannotDraw::Broken);
            }
            table.offsets[length as usize] = (place as u32).wrapping_sub(code);
            for symbol in &codes.symbols[place..place + count as usize] {
                if length <= LOOKED_UP {
                    let free = LOOKED_UP - length;
                    let first = (code << free) as usize;
                    table.short[first..first + (1 << free)].fill(class.meaning(*symbol, length));
                }
                code += 1;
            }
            place += count as usize;
            table.ends[length as usize] = code << (LONGEST - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// The code at the start of these [`LONGEST`] bits.
    #[inline]
    pub(super) fn find(&self, bits: u32) -> Option<Meaning> {
        let short = self.short[(bits >> (LONGEST - LOOKED_UP)) as usize % (1 << LOOKED_UP)];
        if short.length > 0 { Some(short) } else { self.find_long(bits) }
    }

    #[cold]
    fn find_long(&self, bits: u32) -> Option<Meaning> {
        let length = (LOOKED_UP + 1..=LONGEST).find(|length| bits < self.ends[*length as usize])?;
        let place = (bits >> (LONGEST - length)).wrapping_add(self.offsets[length as usize]);
        Some(self.class.meaning(*self.symbols.get(place as usize)?, length))
    }
}

impl CodeClass {
    fn meaning(self, symbol: u8, length: u32) -> Meaning {
        let (zeros, number) = (symbol >> 4, symbol & 15);
        let (number, step) = match self {
            // Longer numbers are only in lossless JPEGs.
            Self::Average => (symbol.min(15), 1),
            Self::Details if number > 0 => (number, zeros + 1),
            Self::Details if zeros == 15 => (0, 16),
            Self::Details => (0, 0),
        };
        Meaning { length: length as u8, number, step }
    }
}
