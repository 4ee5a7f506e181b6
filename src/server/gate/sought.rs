//! Looks for the record of a secret, which another server may have made a moment ago.

use crate::accounts::records::{RecordSecret, SecretUse};
use crate::server::accounts::Accounts;
use crate::server::disk::Disk;

/// What was found.
pub(super) enum Sought<T> {
    Found(T),
    /// There is no such record at any server, or it has ended.
    Nothing,
    /// Not known yet: the store has to be asked, which this thread must not do.
    NeedsStore,
    /// The record is not known here, and the store that several servers share does not respond.
    Unavailable,
}

/// Calls `find`. If it finds nothing, and the records are in a store that other servers change too, it reads the store and calls
/// `find` again.
pub(super) fn seek<T>(
    accounts: &Accounts,
    disk: &mut Disk,
    (is_for, secret): (SecretUse, &[u8]),
    find: impl Fn() -> Option<T>,
) -> Sought<T> {
    if let Some(found) = find() {
        return Sought::Found(found);
    }
    let Some(secret) = RecordSecret::parse(is_for, secret).filter(|_| accounts.share_records()) else {
        return Sought::Nothing;
    };
    if accounts.has_ended(&secret) {
        return Sought::Nothing;
    }
    if accounts.are_records_away() {
        return Sought::Unavailable;
    }
    let Some(disk) = disk.may_wait_long() else { return Sought::NeedsStore };
    match accounts.catch_up(disk) {
        Ok(()) => find().map_or(Sought::Nothing, Sought::Found),
        Err(_) => Sought::Unavailable,
    }
}
