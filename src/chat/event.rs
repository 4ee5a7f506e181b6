//! Events: what happens in the room, as values.
//!
//! An event has a time, the members that it concerns, and the members that may see it. The caller decides how events
//! are encoded.

use std::fmt;
use std::time::SystemTime;

use super::id::EventId;
use super::name::Name;
use super::person::{MemberId, Person};
use super::text::MessageText;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its time, by the wall clock.
    pub at: SystemTime,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A message to all. Its sender receives it too, once, and recognises it by `from`.
    Message {
        /// The sender.
        from: Person,
        /// The text.
        text: MessageText,
    },
    /// A message to one member: only this member and its sender receive it.
    Private {
        /// The sender.
        from: Person,
        /// The recipient, identified by number: a member that takes the name later does not receive the
        /// message.
        to: Person,
        /// The text.
        text: MessageText,
    },
    /// A member joined.
    Join {
        /// The member.
        who: Person,
    },
    /// A member left, or was absent for too long.
    Leave {
        /// The member.
        who: Person,
    },
    /// A file was uploaded to the folder.
    Upload {
        /// The uploader.
        by: Uploader,
        /// Its path in the folder: untrusted bytes; escape them before showing them.
        path: Vec<u8>,
        /// The file's real path, if that differs: only members that may see both paths receive the event.
        lies_at: Option<Vec<u8>>,
        /// Its size in bytes.
        size: u64,
    },
    /// A file or directory of the folder was removed, moved or restored.
    Change {
        /// Who did it.
        by: Uploader,
        /// Its path in the folder, or its new path if it was moved: untrusted bytes.
        path: Vec<u8>,
        /// Whether it is a directory.
        is_directory: bool,
        /// What was done.
        change: FileChange,
        /// Its other paths, before or after the change: only members that may see all of them receive the event.
        also_at: Vec<Vec<u8>>,
    },
}

/// What was done to a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// It was removed.
    Removed,
    /// It was moved from this path: untrusted bytes.
    Moved {
        /// The old path.
        from: Vec<u8>,
    },
    /// It was restored from the trash.
    Restored,
}

/// The uploader of a file, or the author of another change: a name, or the address of a client. These
/// are two variants, because `10.0.0.7` can be a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uploader {
    /// A member of the room, or a user with an account.
    Named(Name),
    /// Any other client, by its address as the caller writes it.
    Address(String),
}

impl Event {
    /// Whether this member may see the event. `may_see` says which paths the member may see now.
    pub fn is_heard_by(&self, member: MemberId, may_see: impl Fn(&[u8]) -> bool) -> bool {
        match &self.kind {
            EventKind::Private { from, to, .. } => member == from.id || member == to.id,
            EventKind::Upload { path, lies_at, .. } => {
                may_see(path) && lies_at.as_deref().is_none_or(may_see)
            }
            EventKind::Change { path, change, also_at, .. } => {
                let moved_from = match change {
                    FileChange::Moved { from } => Some(from),
                    FileChange::Removed | FileChange::Restored => None,
                };
                [path].into_iter().chain(moved_from).chain(also_at).all(|path| may_see(path))
            }
            EventKind::Message { .. } | EventKind::Join { .. } | EventKind::Leave { .. } => true,
        }
    }

    /// How many bytes of untrusted text it holds.
    pub(super) fn text_len(&self) -> usize {
        match &self.kind {
            EventKind::Message { text, .. } | EventKind::Private { text, .. } => text.as_str().len(),
            EventKind::Upload { path, lies_at, .. } => path.len() + lies_at.as_ref().map_or(0, Vec::len),
            EventKind::Change { path, change, also_at, .. } => {
                let from = match change {
                    FileChange::Moved { from } => from.len(),
                    FileChange::Removed | FileChange::Restored => 0,
                };
                path.len() + from + also_at.iter().map(Vec::len).sum::<usize>()
            }
            EventKind::Join { .. } | EventKind::Leave { .. } => 0,
        }
    }
}

/// For a log.
impl fmt::Display for Uploader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name.fmt(f),
            Self::Address(address) => f.write_str(address),
        }
    }
}
