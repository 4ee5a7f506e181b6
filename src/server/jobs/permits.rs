//! A bounded number of permits; dropping one returns it. Taking one never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives out permits; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    left: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) struct Permit {
    left: Arc<AtomicUsize>,
}

impl Permits {
    /// This many permits.
    pub(crate) fn new(number: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(number)) }
    }

    /// A permit, if one is left.
    pub(crate) fn take(&self) -> Option<Permit> {
        let taken = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        taken.is_ok().then(|| Permit { left: Arc::clone(&self.left) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.left.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permit_is_given_out_once_and_returned() {
        let permits = Permits::new(2);
        let (first, second) = (permits.take(), permits.take());
        assert!(first.is_some() && second.is_some() && permits.take().is_none());
        drop(first);
        let third = permits.take();
        assert!(third.is_some() && permits.take().is_none());
    }
}
