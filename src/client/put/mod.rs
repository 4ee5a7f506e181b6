//! Sending files, many at once and over breaks.
//!
//! ```text
//! names ── walk ──> orders ──┬──> sender ──> result
//!                            ├──> sender     (each with a connection of its own)
//!                            └──> sender <──> memory: where an upload goes on that broke off
//! ```
//!
//! A small file is sent as a whole, and again as a whole if that fails. A large one is begun as an upload that can be gone
//! on with, where the server says that it takes such (`http::resumable`): what it has of it need not be sent again, also not
//! by the same command tomorrow. What was under way when a connection broke is sent again, no more.
//!
//! What a wharf has already, with the same content, is not sent.
//!
//! This room knows nothing of terminals.

mod memory;
mod sender;
mod sent;
mod there;
mod walk;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use self::memory::Memory;
pub use self::sender::{FileSender, PutOptions, PutServer};
pub use self::sent::Sent;
pub use self::walk::{SkippedFile, WalkOptions};
use super::error::ClientError;
use super::progress::{TransferProgress, WorkerProgress};

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOrder {
    /// Where it is.
    pub file: PathBuf,
    /// Its path on the server, below the directory that is meant: names with slashes between them, not encoded.
    pub path: Vec<u8>,
}

/// A file that was taken.
#[derive(Debug)]
pub struct Carried {
    /// What is said of it.
    pub line: String,
    /// Its length in bytes.
    pub length: u64,
}

/// The result of an order.
pub type PutResult = Result<Carried, ClientError>;

/// Whatever sends one file after the other, and says what became of it.
pub type Carrier<'a> = Box<dyn FnMut(&PutOrder) -> PutResult + 'a>;

/// Observes what becomes of the orders. Their errors end it.
pub trait PutObserver {
    /// An order is finished.
    fn finished(&mut self, order: &PutOrder, result: PutResult) -> io::Result<()>;

    /// Some time has passed.
    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How often a listener may look at the progress.
const TICK: Duration = Duration::from_millis(100);

/// Sends all, by as many carriers as `progress` has workers, and tells what becomes of each as it does. A server that
/// is not there is told once, and nothing more is sent to it. An error is that of the system, or of who is told.
pub fn run<'a>(
    orders: &[PutOrder],
    progress: &TransferProgress,
    carrier: &(dyn Fn(&Arc<WorkerProgress>) -> Carrier<'a> + Sync),
    observer: &mut dyn PutObserver,
) -> io::Result<()> {
    let abandoned = AtomicBool::new(false);
    for round in rounds(orders) {
        let queue = Mutex::new(round.iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
        thread::scope(|scope| {
            let (told, results) = channel();
            for worker in progress.workers().iter().take(round.len()) {
                let (told, next, abandoned) = (told.clone(), &next, &abandoned);
                thread::Builder::new().name("sender".into()).spawn_scoped(scope, move || {
                    let mut carry = carrier(worker);
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
            loop {
                match results.recv_timeout(TICK) {
                    Ok((_, Err(ClientError::NotRunning(_)))) if abandoned.swap(true, Ordering::Relaxed) => {}
                    Ok((order, result)) => observer.finished(order, result)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok::<_, io::Error>(()),
                }
                observer.tick()?;
            }
        })?;
    }
    Ok(())
}

/// The orders, such that no two for the same name are under way at once: the later one is to win.
fn rounds(orders: &[PutOrder]) -> Vec<Vec<&PutOrder>> {
    let mut rounds: Vec<Vec<&PutOrder>> = Vec::new();
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

    fn order(file: &str, path: &str) -> PutOrder {
        PutOrder { file: file.into(), path: path.into() }
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
        let carrier = |_: &Arc<WorkerProgress>| -> Carrier<'_> {
            Box::new(|_| Err(ClientError::NotRunning("h".to_owned())))
        };
        let mut told = Told(0);
        run(&orders, &TransferProgress::new(4), &carrier, &mut told).expect("threads");
        assert_eq!(told.0, 1);
    }

    /// How often something was told.
    struct Told(usize);

    impl PutObserver for Told {
        fn finished(&mut self, _: &PutOrder, _: PutResult) -> io::Result<()> {
            self.0 += 1;
            Ok(())
        }
    }
}
