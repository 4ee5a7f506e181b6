//! Many orders, by workers or one after the other.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::context::FetchContext;
use super::downloads::Downloads;
use super::fetched::FetchResult;
use super::options::FetchOptions;
use super::order::FetchOrder;
use super::sessions::SessionPool;
use super::settle::{self, Landed};
use super::worker::{End, Worker};
use crate::client::progress::{TransferProgress, WorkerProgress};
use crate::client::session::Session;

/// How often a listener may look at the progress.
const TICK: Duration = Duration::from_millis(100);

/// Observes what becomes of the orders.
pub trait FetchObserver {
    /// An order is finished.
    fn finished(&mut self, order: &FetchOrder, result: FetchResult);

    /// Some time has passed.
    fn tick(&mut self) {}
}

/// Fetches all, by as many workers as `progress` has workers, and tells what becomes of each as it does. An error is
/// the system's: it has no threads left.
pub fn run(
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    progress: &TransferProgress,
    observer: &mut dyn FetchObserver,
) -> io::Result<()> {
    let context = FetchContext::new(options, downloads);
    let (told, results) = channel();
    let mut queue = Vec::with_capacity(orders.len());
    for (number, order) in orders.iter().enumerate() {
        match downloads.claim(number, &order.local) {
            Ok(()) => queue.push(number),
            Err(error) => observer.finished(order, Err(error)),
        }
    }
    let queue = Mutex::new(queue.into_iter());
    let next = || {
        let number = queue.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        orders.get(number).map(|order| (number, order))
    };
    let listener = thread::current();
    thread::scope(|scope| {
        let landed = settle::spawn(scope, downloads, options.sync, orders.len(), told.clone(), listener)?;
        for worker in progress.workers().iter().take(orders.len()) {
            let (context, next, told, landed) = (&context, &next, told.clone(), landed.clone());
            let fetcher = thread::Builder::new().name("fetcher".to_owned());
            fetcher.spawn_scoped(scope, move || work(context, worker, next, told, landed))?;
        }
        drop((told, landed));
        listen(&results, orders, observer);
        Ok(())
    })
}

/// Passes on what is told, until nobody is left to tell more. It looks now and then: to be woken for each of many short
/// files would take the time of those who fetch them.
fn listen(results: &Receiver<(usize, FetchResult)>, orders: &[FetchOrder], observer: &mut dyn FetchObserver) {
    loop {
        match results.try_recv() {
            Ok((number, result)) => {
                if let Some(order) = orders.get(number) {
                    observer.finished(order, result);
                }
            }
            Err(TryRecvError::Empty) => {
                observer.tick();
                thread::park_timeout(TICK);
            }
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// Does orders until there are none.
fn work<'o>(
    context: &FetchContext<'_>,
    progress: &WorkerProgress,
    next: impl Fn() -> Option<(usize, &'o FetchOrder)>,
    told: Sender<(usize, FetchResult)>,
    landed: SyncSender<(usize, Landed)>,
) {
    let mut worker = Worker { sessions: SessionPool::new(context.options.timeouts), context, progress };
    while let Some((number, order)) = next() {
        // Whoever is told waits until the last worker has gone.
        let _ = match worker.fetch(number, order) {
            Ok(End::Landed(file)) => landed.send((number, *file)).map_err(drop),
            Ok(End::Unchanged(fetched)) => told.send((number, Ok(fetched))).map_err(drop),
            Err(error) => told.send((number, Err(error))).map_err(drop),
        };
    }
    // In this order: the threads that settle, which end when nothing more can land, are the last to tell something.
    drop(told);
    drop(landed);
}

/// Fetches one file after the other over a session that is there, and tells what becomes of each.
pub(in crate::client) fn run_over(
    session: &mut Session,
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    observer: &mut dyn FetchObserver,
) {
    let context = FetchContext::new(options, downloads);
    for (number, order) in orders.iter().enumerate() {
        let result =
            downloads.claim(number, &order.local).and_then(|()| one_of(session, number, order, &context));
        observer.finished(order, result);
    }
}

/// Fetches one file over a session that is there.
pub(in crate::client) fn one(
    session: &mut Session,
    order: &FetchOrder,
    downloads: &Downloads,
    options: &FetchOptions,
) -> FetchResult {
    one_of(session, 0, order, &FetchContext::new(options, downloads))
}

fn one_of(
    session: &mut Session,
    number: usize,
    order: &FetchOrder,
    context: &FetchContext<'_>,
) -> FetchResult {
    let server = session.server().clone();
    let progress = WorkerProgress::default();
    let mut sessions = SessionPool::new(context.options.timeouts);
    sessions.lend(std::mem::replace(session, Session::new(server.clone())));
    let mut worker = Worker { sessions, context, progress: &progress };
    let end = worker.fetch(number, order);
    if let Some(lent) = worker.sessions.give_back(&server) {
        *session = lent;
    }
    match end? {
        End::Landed(landed) => landed.settle(context.downloads, context.options.sync),
        End::Unchanged(fetched) => Ok(fetched),
    }
}
