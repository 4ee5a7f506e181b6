//! Which spellings each cell of a table is tried in.

use super::spellings::{SPELLINGS, Spelling};

/// Gives each cell the usual spelling and some of the others, which differ from cell to cell: all cells in all spellings would
/// take minutes. The order is the same in each run.
pub struct Rotation {
    /// In how many cells a spelling has one turn. A prime number, so that no spelling meets only some of the paths, the callers or
    /// the operations.
    period: usize,
    cells: usize,
}

impl Rotation {
    pub fn new(period: usize) -> Self {
        Self { period, cells: 0 }
    }

    /// The spellings of the next cell.
    pub fn next_cell(&mut self) -> impl Iterator<Item = &'static Spelling> + use<> {
        let (cell, period) = (self.cells, self.period);
        self.cells += 1;
        let has_turn = move |number: &usize| *number == 0 || (number + cell).is_multiple_of(period);
        (0..SPELLINGS.len()).filter(has_turn).map(|number| &SPELLINGS[number])
    }

    /// Fails if a spelling had too few turns, or if a cell was tried in one spelling only.
    pub fn assert_complete(&self) {
        assert!(self.period < SPELLINGS.len(), "each cell has another spelling than the usual one");
        assert!(self.cells >= 20 * self.period, "each spelling has 20 turns at least: {} cells", self.cells);
    }
}
