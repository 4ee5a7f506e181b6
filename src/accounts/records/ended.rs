//! The records that a server has seen go a short while ago.
//!
//! A session that ends is removed from the store. If the store then loses this change, the session is there again, and looks like one that
//! another server has just made. The time at which it was made shows the difference only if it is older than the clocks of the servers
//! may differ.

use std::collections::HashMap;
use std::time::Duration;

use super::id::RecordId;
use super::time::WallTime;

/// How long they are known. Sessions that were made before that are older than clocks may differ (`limits::CLOCKS`).
const KEPT: Duration = Duration::from_secs(300);

/// Their ids, and when they were seen to go.
#[derive(Debug, Default)]
pub(super) struct EndedRecords(HashMap<RecordId, WallTime>);

impl EndedRecords {
    pub(super) fn note(&mut self, ids: impl IntoIterator<Item = RecordId>, now: WallTime) {
        let before = self.0.len();
        self.0.extend(ids.into_iter().map(|id| (id, now)));
        if self.0.len() > before {
            self.0.retain(|_, at| now.since(*at) < KEPT);
        }
    }

    pub(super) fn has(&self, id: RecordId) -> bool {
        self.0.contains_key(&id)
    }
}
