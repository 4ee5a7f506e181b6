//! What was done, as one line.

use std::fmt;

use crate::client::shown_target::ShownTarget;

/// Whether the source stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relocate {
    /// The source is gone.
    Move,
    /// The source stays.
    Copy,
}

/// What a command has done on a server, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteChange {
    /// Something was removed.
    Removed {
        /// Its target.
        target: String,
        /// Whether it is known to be a directory.
        is_directory: bool,
        /// Whether the trash of the server has it.
        is_kept: bool,
    },
    /// Something was moved or copied.
    Relocated {
        /// Whether it was moved or copied.
        how: Relocate,
        /// Its target.
        from: String,
        /// The new target.
        to: String,
        /// Whether a file of this name was replaced.
        replaces: bool,
    },
    /// A directory was made.
    Made {
        /// Its target.
        target: String,
    },
    /// The directory was there already.
    Exists {
        /// Its target.
        target: String,
    },
    /// Nothing was moved or copied, because something else has the new name.
    Kept {
        /// Its target.
        from: String,
        /// The new target.
        to: String,
    },
}

/// Its line of output.
#[derive(Debug)]
pub struct ChangeLine<'c> {
    /// What was done.
    pub change: &'c RemoteChange,
    /// Whether this is a dry run: the line says what would be done.
    pub is_planned: bool,
}

impl RemoteChange {
    /// Whether nothing was done, which is not an error.
    pub fn is_skipped(&self) -> bool {
        matches!(self, Self::Kept { .. })
    }
}

/// `moved /a → /b (replaced a file)`, `removed /a for good`, `would remove /a/ and everything in it`.
impl fmt::Display for ChangeLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = |done: &'static str, planned: &'static str| if self.is_planned { planned } else { done };
        match self.change {
            RemoteChange::Removed { target, is_directory, is_kept } => {
                let verb = verb("removed", "would remove");
                let slash = if *is_directory { "/" } else { "" };
                write!(f, "{verb} {}{slash}", ShownTarget(target.trim_end_matches('/')))?;
                f.write_str(match (self.is_planned, is_directory, is_kept) {
                    (true, true, _) => " and everything in it",
                    (true, false, _) | (false, _, true) => "",
                    (false, _, false) => " for good",
                })
            }
            RemoteChange::Relocated { how, from, to, replaces } => {
                let verb = match how {
                    Relocate::Move => verb("moved", "would move"),
                    Relocate::Copy => verb("copied", "would copy"),
                };
                write!(f, "{verb} {} → {}", ShownTarget(from), ShownTarget(to))?;
                match replaces {
                    true => write!(f, " ({} a file)", verb_of_replacing(self.is_planned)),
                    false => Ok(()),
                }
            }
            RemoteChange::Made { target } => write!(f, "created {}", ShownTarget(target)),
            RemoteChange::Exists { target } => write!(f, "unchanged: {}", ShownTarget(target)),
            RemoteChange::Kept { from, to } => {
                write!(f, "skipped {}: {} exists", ShownTarget(from), ShownTarget(to))
            }
        }
    }
}

fn verb_of_replacing(is_planned: bool) -> &'static str {
    if is_planned { "would replace" } else { "replaced" }
}
