//! The subject of a rule.

use std::fmt;
use std::str::FromStr;

use super::principal::{Principal, User};
use super::rule_error::RuleError;

/// The principals that a rule applies to, from the most specific kind to the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The user with this name.
    User(String),
    /// The users in this group.
    Group(String),
    /// Every user with an account.
    Users,
    /// Every principal, anonymous ones too.
    Everyone,
}

impl Subject {
    /// Whether the subject includes this principal.
    pub(super) fn includes(&self, principal: &Principal) -> bool {
        let account = principal.user();
        match self {
            Self::Everyone => true,
            Self::Users => account.is_some(),
            Self::Group(group) => account.is_some_and(|user| user.groups.contains(group)),
            Self::User(name) => account.is_some_and(|user| user.name == *name),
        }
    }

    /// An example of a user that it includes, with no other name or groups; `None` for everyone.
    pub(super) fn example(&self) -> Option<User> {
        let (name, groups) = match self {
            Self::Everyone => return None,
            Self::Users => (String::new(), Vec::new()),
            Self::Group(group) => (String::new(), vec![group.clone()]),
            Self::User(name) => (name.clone(), Vec::new()),
        };
        Some(User { name, groups })
    }

    /// The rank of its kind: the lowest is the most specific.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::User(_) => 0,
            Self::Group(_) => 1,
            Self::Users => 2,
            Self::Everyone => 3,
        }
    }
}

/// `everyone`, `users`, `%group` or a name.
impl FromStr for Subject {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let group = text.strip_prefix('%');
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.contains(|c: char| "%:/".contains(c) || c.is_whitespace() || c.is_control())
        };
        match (text, group) {
            ("everyone", _) => Ok(Self::Everyone),
            ("users", _) => Ok(Self::Users),
            (_, Some(group)) if is_name(group) => Ok(Self::Group(group.to_owned())),
            (name, None) if is_name(name) => Ok(Self::User(name.to_owned())),
            _ => Err(RuleError::Subject(text.to_owned())),
        }
    }
}

/// As written in a rule.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Group(name) => write!(f, "%{name}"),
            Self::Users => f.write_str("users"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}
