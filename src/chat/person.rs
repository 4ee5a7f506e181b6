//! A member as the others see it.

use std::fmt;

use super::name::Name;

/// A member's number. It is never reused: a person who joins again, under any name, is a new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) u64);

impl MemberId {
    /// Takes a number that no other member has.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Parses what [`Display`](fmt::Display) writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(u64::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

/// The number in hexadecimal.
impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A member as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The member's number.
    pub id: MemberId,
    /// The member's name.
    pub name: Name,
}
