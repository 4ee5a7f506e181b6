//! Clients that save files while servers are killed, and try again until each is acknowledged.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::Client;
use crate::common::sample;

/// What one client has saved.
#[derive(Debug)]
pub struct Saver {
    number: usize,
    acknowledged: usize,
    /// How many attempts failed.
    pub repeated: usize,
    /// The longest time from the first attempt to the response.
    pub longest: Duration,
}

impl Saver {
    /// Saves files under new names until the flag is set.
    pub fn run(proxy: SocketAddr, number: usize, is_over: &AtomicBool) -> Self {
        let mut client = Client::new(proxy, 1);
        let mut saver = Self { number, acknowledged: 0, repeated: 0, longest: Duration::ZERO };
        while !is_over.load(Ordering::Relaxed) {
            let (target, content) =
                (format!("/{}", saver.name(saver.acknowledged)), saver.content(saver.acknowledged));
            let begun = Instant::now();
            let is_saved = |answer: &crate::common::Answer| matches!(answer.code(), 201 | 204);
            while !client.ask("PUT", &target, "", &content).is_ok_and(|answer| is_saved(&answer)) {
                saver.repeated += 1;
            }
            saver.longest = saver.longest.max(begun.elapsed());
            saver.acknowledged += 1;
        }
        saver
    }

    /// How many files were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// The names of the acknowledged files that are not there, or have another content.
    pub fn lost(&self, folder: &Path) -> Vec<String> {
        let is_lost = |count: &usize| {
            std::fs::read(folder.join(self.name(*count))).map_or(true, |saved| saved != self.content(*count))
        };
        (0..self.acknowledged).filter(is_lost).map(|count| self.name(count)).collect()
    }

    fn name(&self, count: usize) -> String {
        format!("saved-{}-{count}", self.number)
    }

    /// Some are small, and some take several reads.
    fn content(&self, count: usize) -> Vec<u8> {
        sample(1000 + 40_000 * (count % 3), (self.number * 1_000_000 + count) as u64)
    }
}
