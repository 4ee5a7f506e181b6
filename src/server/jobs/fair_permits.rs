//! A bounded number of permits, shared fairly: a client never holds more permits than are left for others. So the first
//! client gets at most half of the permits, and some are left for each further client. Taking a permit never waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::client_key::ClientKey;

/// Gives out permits; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct FairPermits(Arc<Mutex<Inner>>);

/// A permit; dropping it returns it.
#[derive(Debug)]
pub(crate) struct FairPermit {
    permits: FairPermits,
    client: ClientKey,
}

#[derive(Debug)]
struct Inner {
    left: usize,
    held: HashMap<ClientKey, usize>,
}

impl FairPermits {
    /// This many permits.
    pub(crate) fn new(number: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { left: number, held: HashMap::new() })))
    }

    /// A permit for this client, if it holds fewer than are left.
    pub(crate) fn take(&self, client: ClientKey) -> Option<FairPermit> {
        let mut inner = self.lock();
        if inner.held.get(&client).copied().unwrap_or(0) >= inner.left {
            return None;
        }
        inner.left -= 1;
        *inner.held.entry(client).or_default() += 1;
        drop(inner);
        Some(FairPermit { permits: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let mut inner = self.permits.lock();
        inner.left += 1;
        if let Some(held) = inner.held.get_mut(&self.client) {
            *held -= 1;
            if *held == 0 {
                inner.held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_leaves_as_many_as_it_holds() {
        let permits = FairPermits::new(8);
        let take_all = |user| std::iter::from_fn(|| permits.take(ClientKey::User(user))).collect::<Vec<_>>();
        let held: Vec<_> = (1..6).map(take_all).collect();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 1, 1, 0]);
        drop(held);
        assert_eq!(take_all(7).len(), 4, "all permits are returned");
        assert!(permits.lock().held.is_empty(), "no client is kept");
    }

    #[test]
    fn a_single_permit_is_given_out() {
        let permits = FairPermits::new(1);
        let only = permits.take(ClientKey::Here);
        assert!(only.is_some() && permits.take(ClientKey::User(1)).is_none());
    }
}
