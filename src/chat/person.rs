//! A member as the others see it.

use super::name::Name;

/// A member's number. It is never reused: a person who joins again, under any name, is a new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) u64);

/// A member as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The member's number.
    pub id: MemberId,
    /// The member's name.
    pub name: Name,
}
