//! The words of a line at the prompt, and why they are not a command.

use std::fmt;

use super::address::AddressError;
use crate::printable::Printable;

/// Printed for an unknown command.
pub const KNOWN: &str =
    "commands: GET, POST, LIST, cd, pwd, rm, mv, cp, mkdir, undo, trash, shutdown, exit, quit, help";

/// Why a line is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// An unknown verb.
    Unknown(String),
    /// The verb needs this argument.
    Missing(&'static str, &'static str),
    /// An argument too many.
    TooMany(&'static str, String),
    /// The verb has no such option.
    Option(&'static str, String),
    /// A quote is not closed.
    Quote,
    /// The server of an old form is invalid.
    Server(AddressError),
}

/// The words that are not parsed yet.
pub(super) struct Words<'w>(pub(super) std::slice::Iter<'w, String>);

/// Splits a line into words. An empty line and a comment have no words.
pub fn split(line: &str) -> Result<Vec<String>, CommandError> {
    shell_words::split(line).map_err(|_| CommandError::Quote)
}

impl Words<'_> {
    pub(super) fn next(&mut self) -> Option<String> {
        self.0.next().cloned()
    }

    pub(super) fn needed(&mut self, verb: &'static str, what: &'static str) -> Result<String, CommandError> {
        self.next().filter(|word| !word.is_empty()).ok_or(CommandError::Missing(verb, what))
    }

    /// All remaining words; there must be at least one.
    pub(super) fn rest(
        &mut self,
        verb: &'static str,
        what: &'static str,
    ) -> Result<Vec<String>, CommandError> {
        let mut all = vec![self.needed(verb, what)?];
        all.extend(self.0.by_ref().cloned());
        Ok(all)
    }

    /// Reads the options at the start. For each of the known options, which have a letter and a name, returns whether
    /// it is given. `-rf` is `-r -f`, and `--` ends the options.
    pub(super) fn options<const N: usize>(
        &mut self,
        usage: &'static str,
        known: [(char, &str); N],
    ) -> Result<[bool; N], CommandError> {
        let mut given = [false; N];
        while let Some(word) =
            self.0.as_slice().first().filter(|word| word.len() > 1 && word.starts_with('-'))
        {
            self.0.next();
            let unknown = || CommandError::Option(usage, word.clone());
            if word == "--" {
                break;
            }
            let set =
                |is_it: &dyn Fn(&(char, &str)) -> bool| known.iter().position(is_it).ok_or_else(unknown);
            match word.strip_prefix("--") {
                Some(name) => given[set(&|option| option.1 == name)?] = true,
                None => {
                    for letter in word.chars().skip(1) {
                        given[set(&|option| option.0 == letter)?] = true;
                    }
                }
            }
        }
        Ok(given)
    }

    pub(super) fn finish(mut self, usage: &'static str) -> Result<(), CommandError> {
        self.next().map_or(Ok(()), |word| Err(CommandError::TooMany(usage, word)))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => f.write_str(KNOWN),
            Self::Missing(verb, what) => write!(f, "{verb} needs {what}"),
            Self::TooMany(usage, word) => {
                let word = Printable::text(word);
                write!(f, "unexpected argument \"{word}\": {usage} (quote a name that contains spaces)")
            }
            Self::Option(usage, word) => {
                write!(f, "unknown option {}: {usage} (-- ends the options)", Printable::text(word))
            }
            Self::Quote => f.write_str("unclosed quote"),
            Self::Server(error) => write!(f, "invalid server: {error}"),
        }
    }
}

impl std::error::Error for CommandError {}
