//! Which order has which name in the directory for downloads.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::naming;

/// The names that orders have taken.
#[derive(Debug, Default)]
pub(super) struct ClaimedNames(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    orders: HashMap<PathBuf, usize>,
    /// Whether one of them looks like the name of a part.
    has_parts: bool,
}

impl ClaimedNames {
    /// Takes a name for an order; false if another order has it.
    pub(super) fn claim(&self, number: usize, local: &Path) -> bool {
        let mut state = self.lock();
        let owner = *state.orders.entry(local.to_owned()).or_insert(number);
        state.has_parts |= naming::is_name_of_part(local);
        owner == number
    }

    /// Whether no order has this name in the directory of `local`.
    pub(super) fn is_free(&self, local: &Path, name: &OsStr) -> bool {
        let state = self.lock();
        !state.has_parts || !state.orders.contains_key(&local.with_file_name(name))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
