//! Reproducible random numbers: the same sequence for the same seed.

/// A random number generator. If a test fails while it holds one, its seed is printed.
#[derive(Debug)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// A number below this one, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) % limit as u64) as usize
    }

    /// A length of at least 1 and at most 2 to the power of `most`, evenly distributed over the orders of
    /// magnitude.
    pub fn length(&mut self, most: usize) -> usize {
        let magnitude = 1 << self.below(most);
        1 + self.below(magnitude)
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- random numbers from the seed {}", self.seed);
        }
    }
}
