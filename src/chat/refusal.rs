//! Refusals: why the room does not do what it was asked.

use std::fmt;
use std::time::Duration;

use super::member::{MAX_MEMBERS, MEMBERS_PER_PLACE, STREAMS_PER_MEMBER};
use super::name::Name;

/// Why not. Nobody else hears of what was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another member has that name, in whatever case.
    NameTaken(Name),
    /// [`MAX_MEMBERS`] are here.
    RoomFull,
    /// [`MEMBERS_PER_PLACE`] are here from where whoever asks comes from.
    PlaceFull,
    /// [`STREAMS_PER_MEMBER`] are open of this member's.
    EnoughStreams,
    /// As many streams are open as there may be: so many.
    TooManyStreams(usize),
    /// Whoever asks is not in the room: never was, has left, or was away for too long.
    NotAMember,
    /// Nobody here has the name that the message was for.
    NoSuchUser,
    /// Speaking too fast.
    TooFast {
        /// The same message will be taken after so long.
        wait: Duration,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(f, "the name {name} is taken (choose another)"),
            Self::RoomFull => write!(f, "the room is full with {MAX_MEMBERS} members (try again later)"),
            Self::PlaceFull => {
                write!(f, "{MEMBERS_PER_PLACE} members are here from your address (try again later)")
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

impl std::error::Error for Refusal {}
