//! Why the room rejects a call.

use std::fmt;
use std::time::Duration;

use super::limits::{MAX_MEMBERS, MEMBERS_PER_CLIENT, STREAMS_PER_MEMBER};
use super::name::Name;

/// Why a call was rejected. The other members do not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomError {
    /// Another member has this name; case is ignored.
    NameTaken(Name),
    /// The room has [`MAX_MEMBERS`] members.
    RoomFull,
    /// The room has [`MEMBERS_PER_CLIENT`] members from the client's network.
    PlaceFull,
    /// The member has [`STREAMS_PER_MEMBER`] open streams.
    EnoughStreams,
    /// The room has this many open streams, which is its maximum.
    TooManyStreams(usize),
    /// The caller is not a member: it never joined, has left, or was absent for too long.
    NotAMember,
    /// No member has the name that the message is for.
    NoSuchUser,
    /// The member, or all members of its client together, send too fast.
    TooFast {
        /// How long the member has to wait before the next message.
        wait: Duration,
    },
}

impl fmt::Display for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(f, "the name {name} is taken (choose another)"),
            Self::RoomFull => write!(f, "the room is full with {MAX_MEMBERS} members (try again later)"),
            Self::PlaceFull => {
                write!(f, "your address has {MEMBERS_PER_CLIENT} members already (try again later)")
            }
            Self::EnoughStreams => {
                write!(f, "you have {STREAMS_PER_MEMBER} streams open already (close one)")
            }
            Self::TooManyStreams(most) => {
                write!(f, "{most} streams are open already (close one, or try again later)")
            }
            Self::NotAMember => write!(f, "not in the room (join first)"),
            Self::NoSuchUser => write!(f, "User not found."),
            Self::TooFast { wait } => {
                write!(f, "too many messages at once (try again in {} ms)", wait.as_millis().max(1))
            }
        }
    }
}

impl std::error::Error for RoomError {}
