//! The rights, and sets of them.

use std::fmt;

/// What a principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See the names in a directory.
    List,
    /// Read files.
    Read,
    /// Save files under new names, and create directories.
    Add,
    /// Replace existing files.
    Replace,
    /// Delete, move and rename files and directories.
    Remove,
    /// Make links to files and folders that the user may see or change.
    Share,
    /// Join the chat room.
    Chat,
    /// Stop the server.
    Admin,
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rights(u8);

impl Right {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::List,
        Self::Read,
        Self::Add,
        Self::Replace,
        Self::Remove,
        Self::Share,
        Self::Chat,
        Self::Admin,
    ];

    /// Its name in a rule.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Share => "share",
            Self::Chat => "chat",
            Self::Admin => "admin",
        }
    }
}

impl Rights {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// To list and read everything.
    pub const VIEW: Self = Self::of(&[Right::List, Right::Read]);
    /// To save files: under a new name or under one that exists.
    pub const SAVE: Self = Self::of(&[Right::Add, Right::Replace]);
    /// To change what is in the folder: the rights that a read-only folder never gives.
    pub const CHANGE: Self = Self::SAVE.with(Self::of(&[Right::Remove]));
    /// To list, read and save files, and to share.
    pub const WRITE: Self = Self::VIEW.with(Self::SAVE).with(Self::SHARE);
    /// All of that, and to remove.
    pub const EDIT: Self = Self::WRITE.with(Self::CHANGE);
    /// What a user needs to see, make and change names that begin with a dot: everything that can be done with files.
    pub(super) const HIDDEN_NAMES: Self = Self::VIEW.with(Self::CHANGE);
    /// To make links. Only users with an account have this right, because a link belongs to the user who made it.
    pub const SHARE: Self = Self::of(&[Right::Share]);

    /// All of them.
    pub const ALL: Self = Self::of(&Right::ALL);

    /// The rights that apply to the whole server, not to a path.
    pub const OF_SERVER: Self = Self::CHAT.with(Self::ADMIN);

    /// To take part in the chat.
    pub const CHAT: Self = Self::of(&[Right::Chat]);
    /// To stop the server.
    pub const ADMIN: Self = Self::of(&[Right::Admin]);

    /// The names for sets of rights.
    const PRESETS: [(&'static str, Self); 4] = [
        ("view", Self::VIEW),
        ("drop", Self::of(&[Right::Add])),
        ("write", Self::WRITE),
        ("edit", Self::EDIT),
    ];

    /// The rights that this name stands for: a preset or a single right.
    pub(super) fn named(name: &str) -> Option<Self> {
        let single =
            || Right::ALL.into_iter().find(|right| right.name() == name).map(|right| Self::of(&[right]));
        Self::PRESETS
            .into_iter()
            .find(|(preset, _)| *preset == name)
            .map(|(_, rights)| rights)
            .or_else(single)
    }

    /// All names of presets and rights.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::PRESETS.into_iter().map(|(name, _)| name).chain(Right::ALL.into_iter().map(Right::name))
    }

    /// The set of these rights.
    pub const fn of(rights: &[Right]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < rights.len() {
            bits |= 1 << rights[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    /// These rights and the others.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// These rights without the others.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether this right is in the set.
    pub const fn has(self, right: Right) -> bool {
        self.has_any(Self::of(&[right]))
    }

    /// Whether any of the others is in the set.
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names separated by commas, or `none`: in the form that is parsed.
    pub fn list(self) -> String {
        if self == Self::NONE {
            return "none".to_owned();
        }
        let names = Right::ALL.into_iter().filter(|right| self.has(*right)).map(Right::name);
        names.collect::<Vec<_>>().join(",")
    }

    /// The names of the rights, in few words: a preset stands for the rights that it gives.
    pub fn short(self) -> String {
        let is_drop = self.and(Self::EDIT) == Self::of(&[Right::Add]);
        let fits = |(name, preset): &(&str, Self)| self.has_all(*preset) && (*name != "drop" || is_drop);
        match Self::PRESETS.into_iter().rev().find(fits) {
            Some((name, preset)) if self == preset => name.to_owned(),
            Some((name, preset)) => format!("{name},{}", self.without(preset).list()),
            None => self.list(),
        }
    }

    /// Whether these rights let a principal add files, but not learn which names are taken.
    pub(super) const fn hide_names(self) -> bool {
        self.has(Right::Add) && !self.has_any(Self::VIEW.with(Self::of(&[Right::Replace])))
    }

    /// Whether all of the others are in the set.
    pub const fn has_all(self, other: Self) -> bool {
        other.without(self).0 == 0
    }
}

/// The names, as in "add or replace".
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Right::ALL.into_iter().filter(|right| self.has(*right)).map(Right::name).collect();
        f.write_str(&names.join(" or "))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}
