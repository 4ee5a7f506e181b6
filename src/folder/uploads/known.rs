//! Which uploads there are, whose they are, and which one makes room when there are too many.
//!
//! The bounds are for each client and for all. At its own bound, a client's own idle uploads make room; where all have
//! too many together, those of the client that holds most, for one that holds fewer. So nobody can keep others from
//! beginning uploads, and a proxy with many users behind it still works: its users lose what has been idle for longest.
//!
//! Only their number is bounded here. What they hold of the disk is bounded as for any file, by the folder's rules: a
//! client that wants the space can save files, which never expire.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::uploading::Upload;
use super::{UploadError, UploadToken};

/// How many may be unfinished at once. Each costs two names on the disk, and nobody else can have its space.
pub(in crate::folder) const MOST_UNFINISHED: usize = 256;

/// How many of them one client may have: a quarter, more than any client sends at once.
pub(in crate::folder) const MOST_OF_A_CLIENT: usize = MOST_UNFINISHED / 4;

/// How many complete ones are remembered.
const MOST_COMPLETE: usize = 1024;

/// All uploads that are known.
#[derive(Default)]
pub(super) struct Known {
    by_token: HashMap<UploadToken, Entry>,
    /// Those of them that are complete, in the order in which they became so.
    complete: VecDeque<UploadToken>,
    /// Counts requests, to tell which upload has been idle for longest.
    requests: u64,
}

struct Entry {
    upload: Arc<Mutex<Upload>>,
    owner: String,
    is_complete: bool,
    /// The number of the request that was the last to have to do with it.
    last: u64,
}

/// An upload that had to make room.
pub(super) type Evicted = (UploadToken, Arc<Mutex<Upload>>);

impl Known {
    /// Takes in an upload from an earlier run. The one that has been idle for longest comes first.
    pub(super) fn take_up(&mut self, token: UploadToken, owner: String, upload: Upload, is_complete: bool) {
        if is_complete {
            self.complete.push_back(token);
        }
        let upload = Arc::new(Mutex::new(upload));
        self.requests += 1;
        self.by_token.insert(token, Entry { upload, owner, is_complete, last: self.requests });
    }

    /// Takes in a new upload, if there is room for it or another makes some. That one is to be thrown away.
    pub(super) fn insert(
        &mut self,
        token: UploadToken,
        owner: &str,
        upload: &Arc<Mutex<Upload>>,
    ) -> Result<Option<Evicted>, UploadError> {
        let evicted = self.make_room(owner)?;
        self.requests += 1;
        let (upload, owner) = (Arc::clone(upload), owner.to_owned());
        self.by_token.insert(token, Entry { upload, owner, is_complete: false, last: self.requests });
        Ok(evicted)
    }

    /// The upload of this token, which is not idle from now on.
    pub(super) fn find(&mut self, token: &UploadToken) -> Option<Arc<Mutex<Upload>>> {
        self.requests += 1;
        let entry = self.by_token.get_mut(token)?;
        entry.last = self.requests;
        Some(Arc::clone(&entry.upload))
    }

    /// An upload is complete; the one that has been so for longest makes room, and is given.
    pub(super) fn complete(&mut self, token: UploadToken) -> Option<UploadToken> {
        if let Some(entry) = self.by_token.get_mut(&token) {
            entry.is_complete = true;
        }
        self.complete.push_back(token);
        let oldest = if self.complete.len() > MOST_COMPLETE { self.complete.pop_front() } else { None };
        oldest.inspect(|oldest| drop(self.by_token.remove(oldest)))
    }

    pub(super) fn forget(&mut self, token: &UploadToken) -> Option<Arc<Mutex<Upload>>> {
        self.complete.retain(|other| other != token);
        self.by_token.remove(token).map(|entry| entry.upload)
    }

    /// Lets another upload go, where this client could not begin one more.
    fn make_room(&mut self, owner: &str) -> Result<Option<Evicted>, UploadError> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let unfinished = self.by_token.values().filter(|entry| !entry.is_complete);
        unfinished.for_each(|entry| *counts.entry(&entry.owner).or_default() += 1);
        let own = counts.get(owner).copied().unwrap_or(0);
        if own < MOST_OF_A_CLIENT && counts.values().sum::<usize>() < MOST_UNFINISHED {
            return Ok(None);
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > own);
        let token = match most {
            Some((most, _)) if own < MOST_OF_A_CLIENT => self.idle_longest(most, true),
            _ => self.idle_longest(owner, false),
        };
        let token = token.ok_or(UploadError::TooMany)?;
        Ok(self.forget(&token).map(|upload| (token, upload)))
    }

    /// The upload of this client that can best be spared: rather one to which nobody appends just now, or else one if
    /// that may be; rather an empty one, in which nothing is lost; then the one that has been idle for longest.
    fn idle_longest(&self, owner: &str, or_busy: bool) -> Option<UploadToken> {
        let own = self.by_token.iter().filter(|(_, entry)| !entry.is_complete && entry.owner == owner);
        let ranked = own.filter_map(|(token, entry)| {
            // Somebody works on it at this very moment.
            let upload = entry.upload.try_lock().ok()?;
            Some(((upload.is_appended_to(), upload.offset() > 0, entry.last), token))
        });
        let ((is_busy, ..), token) = ranked.min_by_key(|(rank, _)| *rank)?;
        (or_busy || !is_busy).then_some(*token)
    }
}
