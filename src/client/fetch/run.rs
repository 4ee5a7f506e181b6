//! Many orders, by workers or one after the other.

use std::io;
use std::sync::mpsc::SyncSender;

use super::context::FetchContext;
use super::downloads::Downloads;
use super::fetched::{FetchResult, Fetched};
use super::options::FetchOptions;
use super::order::FetchOrder;
use super::sessions::SessionPool;
use super::settle::{self, Landed};
use super::worker::{End, Worker};
use crate::client::session::Session;
use crate::client::transfer::pool::{self, Queue, Results};
use crate::client::transfer::{TransferObserver, TransferProgress, WorkerProgress};

/// Fetches all, by as many workers as `progress` has, and passes each result to the observer. Fails if the
/// observer fails, or if the system has no threads left.
pub fn run(
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    progress: &TransferProgress,
    observer: &mut dyn TransferObserver<FetchOrder, Fetched>,
) -> io::Result<()> {
    let context = FetchContext::new(options, downloads);
    let mut claimed = Vec::with_capacity(orders.len());
    for (number, order) in orders.iter().enumerate() {
        match downloads.claim(number, &order.local) {
            Ok(()) => claimed.push((number, order)),
            Err(error) => observer.finished(order, Err(error))?,
        }
    }
    let queue = Queue::new(claimed);
    pool::run(orders, observer, |scope, results| {
        let landed = settle::spawn(scope, downloads, options.sync, orders.len(), &results)?;
        pool::spawn(scope, "fetcher", progress, orders.len(), |progress| {
            let (context, queue, results, landed) = (&context, &queue, results.clone(), landed.clone());
            move || work(context, progress, queue, &results, &landed)
        })
    })
}

/// Fetches files until there are no more orders, or no observer.
fn work(
    context: &FetchContext<'_>,
    progress: &WorkerProgress,
    queue: &Queue<'_, FetchOrder>,
    results: &Results<Fetched>,
    landed: &SyncSender<(usize, Landed)>,
) {
    let mut worker = Worker { sessions: SessionPool::new(context.options.timeouts), context, progress };
    while let Some((number, order)) = queue.next() {
        let is_observed = match worker.fetch(number, order) {
            Ok(End::Landed(file)) => landed.send((number, *file)).is_ok(),
            Ok(End::Unchanged(fetched)) => results.send(number, Ok(fetched)),
            Err(error) => results.send(number, Err(error)),
        };
        if !is_observed {
            return;
        }
    }
}

/// Fetches one file after another over an existing session, and passes each result to the observer.
pub(in crate::client) fn run_over(
    session: &mut Session,
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    observer: &mut dyn TransferObserver<FetchOrder, Fetched>,
) -> io::Result<()> {
    let context = FetchContext::new(options, downloads);
    for (number, order) in orders.iter().enumerate() {
        let result =
            downloads.claim(number, &order.local).and_then(|()| one_of(session, number, order, &context));
        observer.finished(order, result)?;
    }
    Ok(())
}

/// Fetches one file over an existing session.
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
