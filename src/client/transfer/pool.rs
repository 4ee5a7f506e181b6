//! Threads that take orders from a queue, and an observer of their results.
//!
//! The observer checks for results every [`TICK`]: waking it for each of many short files would slow down the workers. It is
//! also woken whenever a thread ends that could have sent a result, so the end is never late.

use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, Thread};
use std::time::Duration;
use std::vec::IntoIter;

use super::progress::{TransferProgress, WorkerProgress};
use crate::client::error::ClientError;

/// How often the observer runs.
const TICK: Duration = Duration::from_millis(100);

/// Observes the results of orders. The first error that it returns ends the run.
pub trait TransferObserver<O, T> {
    /// An order is finished.
    fn finished(&mut self, order: &O, result: Result<T, ClientError>) -> io::Result<()>;

    /// Some time has passed: a progress bar can be drawn.
    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Orders that no worker has taken yet, each with its number.
pub(in crate::client) struct Queue<'o, O>(Mutex<IntoIter<(usize, &'o O)>>);

/// Where threads send results. The observer is woken when one is dropped.
pub(in crate::client) struct Results<T> {
    /// `None` only while it is dropped.
    sender: Option<Sender<Numbered<T>>>,
    observer: Thread,
}

/// The number of an order, and its result.
type Numbered<T> = (usize, Result<T, ClientError>);

impl<'o, O> Queue<'o, O> {
    pub(in crate::client) fn new(orders: Vec<(usize, &'o O)>) -> Self {
        Self(Mutex::new(orders.into_iter()))
    }

    /// Takes the next order.
    pub(in crate::client) fn next(&self) -> Option<(usize, &'o O)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl<T> Results<T> {
    /// Sends the result of an order; false if the observer has ended.
    pub(in crate::client) fn send(&self, number: usize, result: Result<T, ClientError>) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.send((number, result)).is_ok())
    }
}

impl<T> Clone for Results<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), observer: self.observer.clone() }
    }
}

impl<T> Drop for Results<T> {
    fn drop(&mut self) {
        // The sender is dropped first, so that the observer, once it is woken, finds it gone.
        drop(self.sender.take());
        self.observer.unpark();
    }
}

/// Runs the threads that `spawn` starts, and passes their results to the observer until all of them have
/// ended. Fails if the observer fails, or if the system has no threads left.
pub(in crate::client) fn run<'env, O, T>(
    orders: &[O],
    observer: &mut dyn TransferObserver<O, T>,
    spawn: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>, Results<T>) -> io::Result<()>,
) -> io::Result<()> {
    let (sender, results) = channel();
    // `move`: after an error the receiver is dropped before the scope waits for the workers, so they stop.
    thread::scope(move |scope| {
        spawn(scope, Results { sender: Some(sender), observer: thread::current() })?;
        observe(&results, orders, observer)
    })
}

/// Starts a thread for each worker of `progress`, but at most `most`.
pub(in crate::client) fn spawn<'scope, F: FnOnce() + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    progress: &'scope TransferProgress,
    most: usize,
    work: impl Fn(&'scope Arc<WorkerProgress>) -> F,
) -> io::Result<()> {
    progress.workers().iter().take(most).try_for_each(|worker| {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn_scoped(scope, work(worker)).map(drop)
    })
}

fn observe<O, T>(
    results: &Receiver<Numbered<T>>,
    orders: &[O],
    observer: &mut dyn TransferObserver<O, T>,
) -> io::Result<()> {
    loop {
        match results.try_recv() {
            Ok((number, result)) => {
                if let Some(order) = orders.get(number) {
                    observer.finished(order, result)?;
                }
            }
            Err(TryRecvError::Empty) => {
                observer.tick()?;
                thread::park_timeout(TICK);
            }
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the results, and returns an error at the third.
    #[derive(Default)]
    struct Third(Vec<u32>);

    impl TransferObserver<u32, u32> for Third {
        fn finished(&mut self, order: &u32, result: Result<u32, ClientError>) -> io::Result<()> {
            assert_eq!(result.expect("sent"), 10 * order);
            self.0.push(*order);
            if self.0.len() < 3 { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        }
    }

    #[test]
    fn each_result_is_observed_with_its_order() {
        let (orders, progress, mut observer) = ([1, 2], TransferProgress::new(4), Third::default());
        let queue = Queue::new(orders.iter().enumerate().collect());
        let run = run(&orders, &mut observer, |scope, results| {
            spawn(scope, "test", &progress, 4, |_| {
                let (queue, results) = (&queue, results.clone());
                move || {
                    while let Some((number, order)) = queue.next() {
                        assert!(results.send(number, Ok(10 * order)));
                    }
                }
            })
        });
        run.expect("no error");
        observer.0.sort_unstable();
        assert_eq!(observer.0, orders);
    }

    #[test]
    fn an_error_of_the_observer_stops_the_workers() {
        let (orders, progress, mut observer) = ([1], TransferProgress::new(2), Third::default());
        let run = run(&orders, &mut observer, |scope, results| {
            spawn(scope, "test", &progress, 2, |_| {
                let results = results.clone();
                move || while results.send(0, Ok(10)) {}
            })
        });
        assert_eq!(run.expect_err("the observer's").kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(observer.0.len(), 3);
    }
}
