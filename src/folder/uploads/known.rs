//! Which uploads exist, which client each belongs to, and which is evicted when there are too many.
//!
//! The number of uploads is limited for each client and in total. At its own limit, a client loses one of its own idle
//! uploads. At the total limit, the client with the most uploads loses one to a client with fewer. So no client can
//! keep others from beginning uploads. A proxy with many users still works: together, they lose only the upload that
//! was idle the longest.
//!
//! Only their number is limited here. Their disk space is limited by the folder's rules, as for any file: a client that
//! wants to fill the disk can save files, which never expire.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::error::UploadError;
use super::token::UploadToken;
use super::upload::Upload;

/// The maximum number of unfinished uploads. Each has two files on the disk, and takes up space.
pub(in crate::folder) const MOST_UNFINISHED: usize = 256;

/// The maximum number of unfinished uploads of one client: a quarter, more than any client sends at once.
pub(in crate::folder) const MOST_OF_A_CLIENT: usize = MOST_UNFINISHED / 4;

/// How many complete uploads are remembered. Each has a small file on the disk.
pub(in crate::folder) const MOST_COMPLETE: usize = 1024;

/// How many complete uploads of one client are remembered: a quarter, so that no client makes the server forget the
/// uploads of others. This is more than a client sends at the same time, and only the responses to its latest uploads
/// can be lost.
pub(in crate::folder) const MOST_COMPLETE_OF_A_CLIENT: usize = MOST_COMPLETE / 4;

/// All uploads that are known.
#[derive(Default)]
pub(super) struct Known {
    by_token: HashMap<UploadToken, Entry>,
    /// The complete ones, in the order of their completion.
    complete: VecDeque<UploadToken>,
    /// Counts requests, to find the upload that was idle the longest.
    requests: u64,
}

struct Entry {
    upload: Arc<Mutex<Upload>>,
    owner: String,
    is_complete: bool,
    /// The number of its latest request.
    last: u64,
}

/// An upload that was evicted.
pub(super) type Evicted = (UploadToken, Arc<Mutex<Upload>>);

impl Known {
    /// Adds an upload that an earlier run or another server has begun. After a start, call it in the order of their
    /// last use. Returns the complete upload that is forgotten in exchange, as [`Known::complete`] does.
    pub(super) fn take_up(&mut self, token: UploadToken, upload: Upload) -> Option<UploadToken> {
        let (owner, is_complete) = (upload.plan.owner.clone(), upload.is_complete());
        let upload = Arc::new(Mutex::new(upload));
        self.requests += 1;
        self.by_token.insert(token, Entry { upload, owner, is_complete, last: self.requests });
        if is_complete { self.complete(token) } else { None }
    }

    /// The tokens of all uploads, in no particular order.
    pub(super) fn tokens(&self) -> Vec<UploadToken> {
        self.by_token.keys().copied().collect()
    }

    /// Adds a new upload. Returns the upload that was evicted for it, which the caller must discard.
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

    /// The upload with this token; it counts as used now.
    pub(super) fn find(&mut self, token: &UploadToken) -> Option<Arc<Mutex<Upload>>> {
        self.requests += 1;
        let entry = self.by_token.get_mut(token)?;
        entry.last = self.requests;
        Some(Arc::clone(&entry.upload))
    }

    /// Marks an upload as complete. If there are too many complete uploads, forgets and returns the oldest of one
    /// client: of this client if it has too many, otherwise of the client with the most.
    pub(super) fn complete(&mut self, token: UploadToken) -> Option<UploadToken> {
        let entry = self.by_token.get_mut(&token)?;
        entry.is_complete = true;
        let owner = entry.owner.clone();
        self.complete.push_back(token);
        let own = self.owners().filter(|(_, other)| *other == owner).count();
        let loser = if own > MOST_COMPLETE_OF_A_CLIENT {
            owner
        } else if self.complete.len() > MOST_COMPLETE {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            self.owners().for_each(|(_, owner)| *counts.entry(owner).or_default() += 1);
            counts.into_iter().max_by_key(|(_, count)| *count)?.0.to_owned()
        } else {
            return None;
        };
        let oldest = self.owners().find(|(_, owner)| *owner == loser).map(|(token, _)| token)?;
        self.forget(&oldest);
        Some(oldest)
    }

    /// The complete uploads and their clients, in the order of their completion.
    fn owners(&self) -> impl Iterator<Item = (UploadToken, &str)> {
        self.complete.iter().filter_map(|token| Some((*token, &*self.by_token.get(token)?.owner)))
    }

    pub(super) fn forget(&mut self, token: &UploadToken) -> Option<Arc<Mutex<Upload>>> {
        self.complete.retain(|other| other != token);
        self.by_token.remove(token).map(|entry| entry.upload)
    }

    /// Evicts an upload, if this client could not begin another one.
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
            Some((most, _)) if own < MOST_OF_A_CLIENT => self.to_evict(most, true),
            _ => self.to_evict(owner, false),
        };
        let token = token.ok_or(UploadError::TooMany)?;
        Ok(self.forget(&token).map(|upload| (token, upload)))
    }

    /// The upload of this client to evict: preferably one that no request is appending to (`or_busy` allows another), then
    /// an empty one, which loses nothing, then the one that was idle the longest.
    fn to_evict(&self, owner: &str, or_busy: bool) -> Option<UploadToken> {
        let own = self.by_token.iter().filter(|(_, entry)| !entry.is_complete && entry.owner == owner);
        let ranked = own.filter_map(|(token, entry)| {
            // A locked upload is in use.
            let upload = entry.upload.try_lock().ok()?;
            Some(((upload.is_appended_to(), upload.offset() > 0, entry.last), token))
        });
        let ((is_busy, ..), token) = ranked.min_by_key(|(rank, _)| *rank)?;
        (or_busy || !is_busy).then_some(*token)
    }
}
