//! Sending files, many at once and over breaks.
//!
//! ```text
//! names ── tree ──> orders ──┬──> sender ──> outcome
//!                            ├──> sender     (each with a connection of its own)
//!                            └──> sender <──> memory: where an upload goes on that broke off
//! ```
//!
//! A small file is sent as a whole, and again as a whole if that fails. A large one is begun as an upload that can be gone
//! on with, where the server says that it takes such (`http::resumable`): what it has of it need not be sent again, also not
//! by the same command tomorrow. What was under way when a connection broke is sent again, no more.
//!
//! This room knows nothing of terminals.

mod memory;
mod sender;
mod tree;

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

pub use self::memory::Memory;
pub use self::sender::{Manner, Sender, Sent, Server};
pub use self::tree::{Skipped, Tree};
use super::error::Error;

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Where it is.
    pub file: PathBuf,
    /// Its path on the server, below the directory that is meant: names with slashes between them, not encoded.
    pub path: Vec<u8>,
}

/// Whatever sends one file after the other, and says what became of it.
pub type Carrier<'a> = Box<dyn FnMut(&Order) -> Result<String, Error> + 'a>;

/// Sends all, by so many carriers at once, and tells what becomes of each as it does. A server that is not there is
/// told once, and nothing more is sent to it. An error is that of the system, or of who is told.
pub fn run<'a>(
    orders: &[Order],
    jobs: NonZeroUsize,
    carrier: &(dyn Fn() -> Carrier<'a> + Sync),
    heard: &mut dyn FnMut(&Order, Result<String, Error>) -> io::Result<()>,
) -> io::Result<()> {
    let abandoned = AtomicBool::new(false);
    for round in rounds(orders) {
        let queue = Mutex::new(round.iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
        thread::scope(|scope| {
            let (told, outcomes) = channel();
            for _ in 0..jobs.get().min(round.len()) {
                let (told, next, abandoned) = (told.clone(), &next, &abandoned);
                thread::Builder::new().name("sender".into()).spawn_scoped(scope, move || {
                    let mut carry = carrier();
                    while !abandoned.load(Ordering::Relaxed) {
                        let Some(order) = next() else { return };
                        // Whoever is told may have gone; then nobody waits for the rest either.
                        if told.send((order, carry(order))).is_err() {
                            return;
                        }
                    }
                })?;
            }
            drop(told);
            for (order, outcome) in outcomes {
                let is_gone = matches!(outcome, Err(Error::NotRunning(_)));
                if !is_gone || !abandoned.swap(true, Ordering::Relaxed) {
                    heard(order, outcome)?;
                }
            }
            Ok::<_, io::Error>(())
        })?;
    }
    Ok(())
}

/// The orders, such that no two for the same name are under way at once: the later one is to win.
fn rounds(orders: &[Order]) -> Vec<Vec<&Order>> {
    let mut rounds: Vec<Vec<&Order>> = Vec::new();
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for order in orders {
        let round = seen.entry(&order.path).and_modify(|round| *round += 1).or_insert(0);
        match rounds.get_mut(*round) {
            Some(orders) => orders.push(order),
            None => rounds.push(vec![order]),
        }
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(file: &str, path: &str) -> Order {
        Order { file: file.into(), path: path.into() }
    }

    #[test]
    fn the_same_name_is_sent_one_after_the_other() {
        let orders = [order("x/a", "a"), order("b", "b"), order("y/a", "a"), order("z/a", "a")];
        let rounds: Vec<Vec<_>> =
            rounds(&orders).iter().map(|round| round.iter().map(|it| it.file.to_str()).collect()).collect();
        assert_eq!(rounds, [vec![Some("x/a"), Some("b")], vec![Some("y/a")], vec![Some("z/a")]]);
    }

    #[test]
    fn a_server_that_is_gone_is_told_once() {
        let orders: Vec<_> = (0..9).map(|number| order("f", &number.to_string())).collect();
        let carrier = || -> Carrier<'_> { Box::new(|_| Err(Error::NotRunning("h".to_owned()))) };
        let mut told = 0;
        let jobs = NonZeroUsize::new(4).expect("some");
        run(&orders, jobs, &carrier, &mut |_, _| {
            told += 1;
            Ok(())
        })
        .expect("threads");
        assert_eq!(told, 1);
    }
}
