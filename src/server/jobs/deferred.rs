//! Values whose destructor may wait for the disk.

use std::fmt;
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::blocking::Blocking;
use crate::server::jobs::chores::Chores;

/// A value that the chores thread drops. Only with a [`Blocking`] can another thread drop it itself. So a worker that
/// polls, the timer and the acceptor cannot get stuck in its destructor. Once the chores thread has ended, the server
/// exits, and any thread drops the value.
///
/// These values need it:
///
/// - a sink (`receive::Sink`): the temporary file of an upload is deleted, and its directory handle closed;
/// - a job that has not started: it owns a sink, or a file to hash;
/// - a source of content (`content::ContentSource`): an archive's walk and a listing keep directories and files open;
/// - an open file, sent or cached ([`OpenedFile`]): a network file system may write it back when it is closed.
///
/// Everything else that waits in a queue or a table is memory and sockets, which are freed in place. A cached file
/// whose content is in memory needs no `Deferred`, so a response with it has no such cost.
pub(crate) struct Deferred<T: Send + 'static> {
    /// `None` only once it has been taken out.
    value: Option<T>,
    chores: Chores,
}

/// The maximum number of descriptors that such a value keeps open: an archive has two directory handles and a
/// file.
pub(crate) const DESCRIPTORS: u64 = 3;

/// An open file, shared by the cache and the responses with it.
pub(crate) type OpenedFile = Arc<Deferred<File>>;

impl<T: Send> Deferred<T> {
    pub(crate) fn new(value: T, chores: &Chores) -> Self {
        Self { value: Some(value), chores: chores.clone() }
    }

    /// Takes the value out. Dropping it may wait for the disk.
    pub(crate) fn into_inner(mut self, _: Blocking<'_>) -> T {
        self.value.take().expect(PRESENT)
    }

    /// Drops the value here, which saves waking the chores thread.
    pub(crate) fn close(self, disk: Blocking<'_>) {
        drop(self.into_inner(disk));
    }

    /// Drops a reference here, and the value too if it was the last.
    pub(crate) fn close_shared(shared: Arc<Self>, disk: Blocking<'_>) {
        if let Some(last) = Arc::into_inner(shared) {
            last.close(disk);
        }
    }

    /// Makes another value that owns this one.
    pub(crate) fn map<U: Send>(mut self, into: impl FnOnce(T) -> U) -> Deferred<U> {
        Deferred { value: self.value.take().map(into), chores: self.chores.clone() }
    }
}

const PRESENT: &str = "only the end of its life takes the value";

impl<T: Send> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.chores.drop_later(value);
        }
    }
}

impl<T: Send> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect(PRESENT)
    }
}

impl<T: Send> DerefMut for Deferred<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(PRESENT)
    }
}

impl<T: Send + fmt::Debug> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{self, ThreadId};

    use super::*;

    /// Sends the id of the thread that drops it.
    struct Tell(Sender<ThreadId>);

    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).expect("the test waits");
        }
    }

    #[test]
    fn a_value_is_dropped_on_the_chores_thread() {
        let (chores, to_do) = Chores::new();
        let (tell, told) = channel();
        let value = || Deferred::new(Tell(tell.clone()), &chores);
        let disk = Blocking::own_thread();
        let here = thread::current().id();

        value().close(disk);
        assert_eq!(told.try_recv(), Ok(here), "with a Blocking, at once");
        let shared = Arc::new(value());
        Deferred::close_shared(Arc::clone(&shared), disk);
        assert!(told.try_recv().is_err(), "there is another reference");
        Deferred::close_shared(shared, disk);
        assert_eq!(told.try_recv(), Ok(here), "the last reference");

        drop(value());
        drop(value().map(Some));
        let unwound = value();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _unwound = unwound;
            panic!("on purpose")
        }));
        assert!(panicked.is_err());
        assert!(told.try_recv().is_err(), "not here");
        let thread = thread::spawn(move || {
            to_do.iter().take(3).for_each(|chore| chore());
            thread::current().id()
        });
        let there = thread.join().expect("no panic");
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [there; 3]);

        drop(value());
        assert_eq!(told.try_recv(), Ok(here), "the thread has ended");
    }
}
