//! Blocking as a type: a function that may wait for the disk takes a [`Blocking`].

use std::marker::PhantomData;

/// Proof that this thread may wait for the disk now. It has no size, cannot be sent to another thread, and lives no
/// longer than the permission that it represents. `tests/architecture.rs` lists the files that create one.
#[derive(Debug, Clone, Copy)]
pub struct Blocking<'p>(PhantomData<(&'p (), *const ())>);

impl Blocking<'_> {
    /// For a thread whose waiting delays no client: a job, a TFTP transfer, start-up, a test.
    pub fn own_thread() -> Blocking<'static> {
        Blocking(PhantomData)
    }

    /// The proof by this permission, valid for as long as the permission is held.
    pub fn with<P>(_: &P) -> Blocking<'_> {
        Blocking(PhantomData)
    }
}
