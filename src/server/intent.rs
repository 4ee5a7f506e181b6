//! What a request is about to do at a path, as far as locks (RFC 4918 §7) are concerned.

use crate::access::Principal;
use crate::folder::Error;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::error_response;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::response::Response;

/// What a client is about to do at a path, and what it shows for that.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only locks ask for it"))]
pub(crate) struct IntendedChange<'c> {
    /// The path.
    pub path: &'c SharePath,
    /// What happens there.
    pub intent: Intent,
    /// The tokens of locks that the client submits.
    pub tokens: &'c SubmittedTokens,
    /// The client.
    pub principal: &'c Principal,
}

/// Why a change must not be made now.
#[derive(Debug)]
#[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only locks refuse a change"))]
pub(crate) enum ChangeRefused {
    /// Another client has locked something.
    Locked,
    /// It cannot be found out what is locked.
    Folder(Error),
}

impl From<ChangeRefused> for Response {
    fn from(refused: ChangeRefused) -> Self {
        match refused {
            ChangeRefused::Locked => {
                let text = "another client has locked that (wait until its lock ends, or send the token of the lock)\n";
                Self::text(Status::LOCKED, text)
            }
            ChangeRefused::Folder(error) => error_response::of(&error),
        }
    }
}

/// What a request is about to do at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To save a file or to make a directory. Only a new name changes the directory too.
    Save,
    /// To remove or move what has the name, or to put something else there.
    Replace,
    /// To change the properties of what has the name.
    #[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only PROPPATCH does so"))]
    Describe,
}
