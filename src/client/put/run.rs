//! Many orders, by several senders at once.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::order::{PutOrder, PutResult, SentSummary};
use crate::client::error::ClientError;
use crate::client::transfer::pool::{self, Queue, Results};
use crate::client::transfer::{TransferObserver, TransferProgress, WorkerProgress};

/// Sends one file after another, each with a result.
pub type SendOrder<'a> = Box<dyn FnMut(&PutOrder) -> PutResult + 'a>;

/// Sends all, by as many senders as `progress` has workers, and passes each result to the observer. A server
/// that cannot be reached is reported once, and nothing more is sent to it. Fails if the observer fails, or if
/// the system has no threads left.
pub fn run<'a>(
    orders: &[PutOrder],
    progress: &TransferProgress,
    new_sender: &(dyn Fn(&Arc<WorkerProgress>) -> SendOrder<'a> + Sync),
    observer: &mut dyn TransferObserver<PutOrder, SentSummary>,
) -> io::Result<()> {
    let is_abandoned = AtomicBool::new(false);
    for round in rounds(orders) {
        let (most, queue) = (round.len(), Queue::new(round));
        pool::run(orders, observer, |scope, results| {
            pool::spawn(scope, "sender", progress, most, |progress| {
                let (queue, is_abandoned, results) = (&queue, &is_abandoned, results.clone());
                move || work(new_sender(progress), queue, is_abandoned, &results)
            })
        })?;
    }
    Ok(())
}

/// Sends files until there are no more orders, no observer or no server.
fn work(
    mut send: SendOrder<'_>,
    queue: &Queue<'_, PutOrder>,
    is_abandoned: &AtomicBool,
    results: &Results<SentSummary>,
) {
    while !is_abandoned.load(Ordering::Relaxed) {
        let Some((number, order)) = queue.next() else { return };
        let result = send(order);
        let is_gone =
            matches!(result, Err(ClientError::NotRunning(_) | ClientError::Tls(..) | ClientError::Proxy(..)));
        if is_gone && is_abandoned.swap(true, Ordering::Relaxed) || !results.send(number, result) {
            return;
        }
    }
}

/// The orders in rounds, so that no two files of the same name are sent at the same time: the later file must win.
fn rounds(orders: &[PutOrder]) -> Vec<Vec<(usize, &PutOrder)>> {
    let mut rounds: Vec<Vec<_>> = Vec::new();
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for order in orders.iter().enumerate() {
        let round = seen.entry(&order.1.path).and_modify(|round| *round += 1).or_insert(0);
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
        PutOrder { file: file.into(), path: path.into(), is_directory: false }
    }

    #[test]
    fn files_of_the_same_name_are_sent_one_after_another() {
        let orders = [order("x/a", "a"), order("b", "b"), order("y/a", "a"), order("z/a", "a")];
        let rounds: Vec<Vec<_>> = rounds(&orders)
            .iter()
            .map(|round| round.iter().map(|(_, it)| it.file.to_str()).collect())
            .collect();
        assert_eq!(rounds, [vec![Some("x/a"), Some("b")], vec![Some("y/a")], vec![Some("z/a")]]);
    }

    #[test]
    fn a_missing_server_is_reported_once() {
        let orders: Vec<_> = (0..9).map(|number| order("f", &number.to_string())).collect();
        let new_sender = |_: &Arc<WorkerProgress>| -> SendOrder<'_> {
            Box::new(|_| Err(ClientError::NotRunning("h".to_owned())))
        };
        let mut counter = Counter(0);
        run(&orders, &TransferProgress::new(4), &new_sender, &mut counter).expect("threads");
        assert_eq!(counter.0, 1);
    }

    /// Counts results.
    struct Counter(usize);

    impl TransferObserver<PutOrder, SentSummary> for Counter {
        fn finished(&mut self, _: &PutOrder, _: PutResult) -> io::Result<()> {
            self.0 += 1;
            Ok(())
        }
    }
}
