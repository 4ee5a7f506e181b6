//! Completion with Tab: verbs, then names on the server, or local files after POST.

use std::cell::RefCell;
use std::rc::Rc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::{Context, Helper, Highlighter, Hinter, Result, Validator};

use super::address::ServerAddress;
use super::change_command::TRASH_VERBS;
use super::command::VERBS;
use super::listing::{self, RemoteEntry};
use super::session::Session;
use crate::printable::Printable;

/// Completes words at the prompt.
#[derive(Helper, Highlighter, Hinter, Validator)]
pub(super) struct Completion {
    address: Rc<RefCell<ServerAddress>>,
    session: Rc<RefCell<Session>>,
    files: FilenameCompleter,
}

impl Completion {
    /// Completes names over this session.
    pub(super) fn new(address: Rc<RefCell<ServerAddress>>, session: Rc<RefCell<Session>>) -> Self {
        Self { address, session, files: FilenameCompleter::new() }
    }

    /// The names on the server that begin as typed. Errors are not printed while the user types: the command will report
    /// them.
    fn remote(&self, typed: &str, directories_only: bool) -> Vec<Pair> {
        let (directory, prefix) = split_directory(typed);
        let Ok(mut session) = self.session.try_borrow_mut() else { return Vec::new() };
        let Ok(listing) = listing::fetch(&mut session, &self.address.borrow().target(directory)) else {
            return Vec::new();
        };
        let fits = |entry: &&RemoteEntry| entry.is_directory() || !directories_only;
        listing.entries.iter().filter(fits).filter_map(|entry| pair(directory, prefix, entry)).collect()
    }
}

/// Splits what was typed into the directory, with its slash, and the rest.
fn split_directory(typed: &str) -> (&str, &str) {
    typed.split_at(typed.rfind('/').map_or(0, |slash| slash + 1))
}

/// The candidate for an entry; `None` if it does not begin as typed, or cannot be printed as it is.
fn pair(directory: &str, prefix: &str, entry: &RemoteEntry) -> Option<Pair> {
    let slash = if entry.is_directory() { "/" } else { "" };
    if !entry.name.starts_with(prefix) {
        return None;
    }
    let link = entry.href.as_deref().map(|href| href.trim_start_matches("./").trim_end_matches('/'));
    let name = listing::typable(&entry.name, link);
    if ![name, &entry.name].into_iter().all(|text| Printable::text(text).is_plain()) {
        return None;
    }
    let typed = format!("{directory}{name}{slash}");
    Some(Pair {
        display: format!("{}{slash}", entry.name),
        replacement: shell_words::quote(&typed).into_owned(),
    })
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or_default();
        let start = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let word = typed.get(start..).unwrap_or_default();
        let before: Vec<&str> = typed.get(..start).unwrap_or_default().split_whitespace().collect();
        let verb = before.first().map(|verb| verb.to_ascii_lowercase());
        Ok(match (verb.as_deref(), before.len()) {
            (None, _) => (start, beginning(&VERBS, word)),
            (Some("trash"), 1) => (start, beginning(&TRASH_VERBS, word)),
            (Some("trash" | "undo"), _) => (start, Vec::new()),
            (Some("post" | "put" | "client_post"), 1) => self.files.complete_path(line, pos)?,
            (Some("list" | "ls" | "/file" | "cd" | "mkdir"), 1) => (start, self.remote(word, true)),
            (Some(_), _) => (start, self.remote(word, false)),
        })
    }
}

/// The verbs that begin as typed, in any case.
fn beginning(verbs: &[&str], typed: &str) -> Vec<Pair> {
    let begins = |verb: &&str| verb.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
    let pair = |verb: &str| Pair { display: verb.to_owned(), replacement: format!("{verb} ") };
    verbs.iter().copied().filter(begins).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::listing::RemoteEntryKind;
    use crate::http::target::encode_segment;

    fn offered(typed: &str, name: &str, kind: RemoteEntryKind) -> Option<String> {
        let (directory, prefix) = split_directory(typed);
        let href = Some(format!("./{}/", encode_segment(name.as_bytes())));
        let entry = RemoteEntry { name: name.to_owned(), kind, size: None, modified: None, href };
        pair(directory, prefix, &entry).map(|pair| pair.replacement)
    }

    #[test]
    fn names_are_completed_as_they_must_be_typed() {
        let cases = [
            ("plain", "a", "ab.txt", RemoteEntryKind::File, Some("ab.txt")),
            ("below a directory", "d/a", "ab", RemoteEntryKind::File, Some("d/ab")),
            ("a directory", "", "sub", RemoteEntryKind::Directory, Some("sub/")),
            ("another name", "x", "ab", RemoteEntryKind::File, None),
            ("a space", "a", "a b", RemoteEntryKind::File, Some("'a b'")),
            ("a percent sign", "", "a%20b", RemoteEntryKind::File, Some("'a%2520b'")),
            ("no UTF-8", "", "a\u{fffd}", RemoteEntryKind::Directory, Some("'a%EF%BF%BD/'")),
            ("an escape sequence", "", "a\x1b[2J", RemoteEntryKind::File, None),
        ];
        for (name, typed, entry, kind, expected) in cases {
            assert_eq!(offered(typed, entry, kind).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn verbs_are_completed_in_any_case() {
        let verbs = |typed| beginning(&VERBS, typed);
        let offered: Vec<_> = verbs("p").into_iter().map(|pair| pair.replacement).collect();
        assert_eq!(offered, ["POST ", "PUT ", "pwd "]);
        assert_eq!(verbs("GETX").len(), 0);
        assert_eq!(verbs("").len(), VERBS.len());
        assert_eq!(beginning(&TRASH_VERBS, "R").len(), 1);
    }
}
