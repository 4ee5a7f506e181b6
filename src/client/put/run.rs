//! Many orders, by several senders at once.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::order::{PutOrder, PutResult};
use crate::client::error::ClientError;
use crate::client::progress::{TransferProgress, WorkerProgress};

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
