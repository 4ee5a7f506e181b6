//! The commands of the prompt that change something on the server.

use super::change::{Relocate, RelocateOptions, RemoveOptions};
use super::words::{CommandError, Words};

/// The words that may follow `trash`.
pub const TRASH_VERBS: [&str; 3] = ["list", "restore", "empty"];

/// The usages.
const RM: &str = "rm [-rfn] path …";
const MV: &str = "mv [-n] [--no-clobber] path … to";
const CP: &str = "cp [-rn] [--no-clobber] path … to";
const MKDIR: &str = "mkdir [-p] dir …";
const TRASH: &str = "trash list, trash restore id … or trash empty [-fn] [id …]";

/// The options of `rm`, `cp`, `mv` and `trash empty`: letters and names. `--no-clobber` has no letter.
const RECURSIVE: (char, &str) = ('r', "recursive");
const FORCE: (char, &str) = ('f', "force");
const DRY_RUN: (char, &str) = ('n', "dry-run");
const NO_CLOBBER: (char, &str) = ('\0', "no-clobber");
const PARENTS: (char, &str) = ('p', "parents");

/// A change of something on the server, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeCommand {
    /// Remove these.
    Remove(Vec<String>, RemoveOptions),
    /// Move or copy these.
    Relocate {
        /// The sources.
        from: Vec<String>,
        /// The new name, or the directory into which they go.
        to: String,
        /// The options.
        options: RelocateOptions,
    },
    /// Make these directories.
    MakeDirectories {
        /// Their paths.
        paths: Vec<String>,
        /// Whether missing directories above them are made too.
        parents: bool,
    },
    /// Restore what was removed or replaced last.
    Undo,
    /// Print the entries of the trash.
    ListTrash,
    /// Restore the entries with these ids.
    Restore(Vec<String>),
    /// Delete entries for good.
    Empty(EmptyTrash),
}

/// Which entries of the trash are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmptyTrash {
    /// The ids of the entries; all entries if the list is empty.
    pub ids: Vec<String>,
    /// Nobody is asked.
    pub force: bool,
    /// Nothing is deleted.
    pub dry_run: bool,
}

/// A change that waits for the user's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AskedChange {
    /// Remove these targets.
    Remove(Vec<String>, RemoveOptions),
    /// Delete entries of the trash.
    Empty(EmptyTrash),
}

impl ChangeCommand {
    /// Parses what follows a verb in lower case; `None` if it changes nothing.
    pub(super) fn parse(verb: &str, words: &mut Words<'_>) -> Result<Option<Self>, CommandError> {
        Ok(Some(match verb {
            "rm" => {
                let [recursive, force, dry_run] = words.options(RM, [RECURSIVE, FORCE, DRY_RUN])?;
                let options = RemoveOptions { recursive, force, dry_run };
                Self::Remove(words.rest("rm", "a path")?, options)
            }
            "mv" => {
                let [dry_run, no_clobber] = words.options(MV, [DRY_RUN, NO_CLOBBER])?;
                let options = RelocateOptions { how: Relocate::Move, recursive: false, no_clobber, dry_run };
                Self::relocate("mv", words, options)?
            }
            "cp" => {
                let [recursive, dry_run, no_clobber] = words.options(CP, [RECURSIVE, DRY_RUN, NO_CLOBBER])?;
                let options = RelocateOptions { how: Relocate::Copy, recursive, no_clobber, dry_run };
                Self::relocate("cp", words, options)?
            }
            "mkdir" => {
                let [parents] = words.options(MKDIR, [PARENTS])?;
                Self::MakeDirectories { paths: words.rest("mkdir", "a path")?, parents }
            }
            "undo" => Self::Undo,
            "trash" => Self::trash(words)?,
            _ => return Ok(None),
        }))
    }

    fn relocate(
        verb: &'static str,
        words: &mut Words<'_>,
        options: RelocateOptions,
    ) -> Result<Self, CommandError> {
        let mut from = words.rest(verb, "a path")?;
        match from.pop() {
            Some(to) if !from.is_empty() => Ok(Self::Relocate { from, to, options }),
            _ => Err(CommandError::Missing(verb, "a path and a new one")),
        }
    }

    fn trash(words: &mut Words<'_>) -> Result<Self, CommandError> {
        let verb = words.next().map(|verb| verb.to_ascii_lowercase());
        match verb.as_deref() {
            Some("list") => Ok(Self::ListTrash),
            Some("restore") => {
                words.rest("trash restore", "an id (trash list shows them)").map(Self::Restore)
            }
            Some("empty") => {
                let [force, dry_run] = words.options(TRASH, [FORCE, DRY_RUN])?;
                let ids = words.0.by_ref().cloned().collect();
                Ok(Self::Empty(EmptyTrash { ids, force, dry_run }))
            }
            _ => Err(CommandError::Missing("trash", "list, restore or empty")),
        }
    }

    /// Its usage.
    pub(super) fn usage(&self) -> &'static str {
        match self {
            Self::Remove(..) => RM,
            Self::Relocate { options: RelocateOptions { how: Relocate::Move, .. }, .. } => MV,
            Self::Relocate { .. } => CP,
            Self::MakeDirectories { .. } => MKDIR,
            Self::Undo => "undo",
            Self::ListTrash | Self::Restore(_) | Self::Empty(_) => TRASH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<ChangeCommand>, CommandError> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let mut rest = Words(words[1..].iter());
        let parsed = ChangeCommand::parse(&words[0], &mut rest)?;
        rest.finish("usage").map(|()| parsed)
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn valid_lines() {
        let removed = |line, recursive, force, dry_run| {
            ChangeCommand::Remove(words(line), RemoveOptions { recursive, force, dry_run })
        };
        let relocated = |from, to: &str, how, [recursive, no_clobber, dry_run]: [bool; 3]| {
            let options = RelocateOptions { how, recursive, no_clobber, dry_run };
            ChangeCommand::Relocate { from: words(from), to: to.to_owned(), options }
        };
        let emptied =
            |ids, force, dry_run| ChangeCommand::Empty(EmptyTrash { ids: words(ids), force, dry_run });
        let made = |paths, parents| ChangeCommand::MakeDirectories { paths: words(paths), parents };
        let none = [false; 3];
        let cases = [
            ("rm a b", removed("a b", false, false, false)),
            ("rm -rf a", removed("a", true, true, false)),
            ("rm -n --recursive a", removed("a", true, false, true)),
            ("rm -- -r", removed("-r", false, false, false)),
            ("rm - -r", removed("- -r", false, false, false)),
            ("mv a b", relocated("a", "b", Relocate::Move, none)),
            ("mv --no-clobber -n a b c/", relocated("a b", "c/", Relocate::Move, [false, true, true])),
            ("cp -r a b", relocated("a", "b", Relocate::Copy, [true, false, false])),
            ("mkdir a b", made("a b", false)),
            ("mkdir -p a/b", made("a/b", true)),
            ("undo", ChangeCommand::Undo),
            ("trash LIST", ChangeCommand::ListTrash),
            ("trash restore 1 2", ChangeCommand::Restore(words("1 2"))),
            ("trash empty", emptied("", false, false)),
            ("trash empty -fn 1", emptied("1", true, true)),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line), Ok(Some(expected)), "{line}");
        }
        assert_eq!(parse("get"), Ok(None));
    }

    #[test]
    fn invalid_lines() {
        let option = |usage, word: &str| CommandError::Option(usage, word.to_owned());
        let cases = [
            ("rm", CommandError::Missing("rm", "a path")),
            ("rm -r", CommandError::Missing("rm", "a path")),
            ("rm -x a", option(RM, "-x")),
            ("rm --no-clobber a", option(RM, "--no-clobber")),
            ("mv -r a b", option(MV, "-r")),
            ("mv a", CommandError::Missing("mv", "a path and a new one")),
            ("mkdir", CommandError::Missing("mkdir", "a path")),
            ("trash", CommandError::Missing("trash", "list, restore or empty")),
            ("trash all", CommandError::Missing("trash", "list, restore or empty")),
            ("trash restore", CommandError::Missing("trash restore", "an id (trash list shows them)")),
            ("trash list a", CommandError::TooMany("usage", "a".to_owned())),
            ("undo a", CommandError::TooMany("usage", "a".to_owned())),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line), Err(expected), "{line}");
        }
    }
}
