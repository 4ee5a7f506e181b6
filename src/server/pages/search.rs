//! What a search has found, as a page: each entry with a link to it and one to its folder.

use std::os::unix::ffi::OsStrExt;

use maud::{Markup, PreEscaped, html};

use super::icons::{self, Sign};
use crate::folder::EntryKind;
use crate::format::Bytes;
use crate::http::response::Head;
use crate::name_pattern::LONGEST_TEXT;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::assets::ICON;
use crate::server::listing::{ListingQuery, shown_path, timestamp};
use crate::server::pages::page::page;
use crate::server::pages::words;
use crate::server::search::{Cut, FoundEntry, Outcome, SearchForm};

/// How many rows a browser lays out together when they scroll into view.
const CHUNK: usize = 100;

/// Marks the places of the entries and of the outcome in a page. No text on it contains control characters.
const PLACE: &str = "\0";

/// A search to show.
#[derive(Debug)]
pub(crate) struct SearchPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    /// The directory that is searched, as the visitor sees it.
    pub path: &'a SharePath,
    /// The text.
    pub text: &'a str,
    /// How the directory is shown, for the way back.
    pub query: ListingQuery,
}

impl SearchPage<'_> {
    /// The page without what is found, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, SearchForm) {
        let title = format!("{} in {}", Printable::text(self.text), Printable::text(&shown_path(self.path)));
        let body = html! {
            (icons::all())
            a .skip href="#found" { (words::SKIP_TO_RESULTS) }
            header .top {
                img src={ (self.root) (ICON.link()) } alt="" width="28" height="28";
                nav aria-label=(words::PATH) {
                    ol .way {
                        li { a href={ "./" (self.query) } { bdi { (self.folder()) } } }
                        li aria-current="page" { h1 { (words::SEARCH) } }
                    }
                }
            }
            div .sides {
                main {
                    (self.form())
                    table #found .rows tabindex="-1" {
                        caption .unseen { (words::RESULTS) }
                        thead { tr { th { (words::NAME) } th { (words::COLUMN_FOLDER) } th { (words::COLUMN_SIZE) } th { (words::COLUMN_MODIFIED) } } }
                        tbody { (PreEscaped(PLACE)) }
                    }
                    p #count role="status" { (PreEscaped(PLACE)) }
                }
            }
        };
        let (head, page) = page(head, title, &body, self.root);
        let mut parts = page.split(PLACE).map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (before, between, behind) = (part(), part(), part());
        let end = move |outcome: Outcome, out: &mut Vec<u8>| {
            for text in [&between, &in_words(outcome).into_string(), &behind] {
                out.extend_from_slice(text.as_bytes());
            }
        };
        (head, SearchForm { before: before.into(), row, end: Box::new(end) })
    }

    /// The name of the directory.
    fn folder(&self) -> String {
        self.path
            .name()
            .map_or_else(|| words::FILES.to_owned(), |name| Printable(name.as_bytes()).to_string())
    }

    /// The form for the next search. It keeps how the directory is shown.
    fn form(&self) -> Markup {
        html! {
            div #look {
                form .filter role="search" {
                    @for (name, value) in self.query.parameters() { input type="hidden" name=(name) value=(value); }
                    label .unseen for="text" { (words::NAME) }
                    input #text type="search" name="q" value=(self.text) maxlength=(LONGEST_TEXT) required autocomplete="off" spellcheck="false";
                    button .quiet { (words::SEARCH_ALL_FOLDERS) }
                }
            }
        }
    }
}

/// Writes an entry.
fn row(found: &FoundEntry, count: usize, out: &mut Vec<u8>) {
    let entry = &found.entry;
    let (sign, size) = match entry.kind {
        EntryKind::Directory => (Sign::Directory, String::new()),
        EntryKind::File { len } => (Sign::of_file(entry.name.as_bytes()), Bytes(len).to_string()),
    };
    let time = timestamp(entry.modified).to_string();
    let directory = Printable(found.directory.as_bytes()).to_string();
    let begins_chunk = count > 0 && count.is_multiple_of(CHUNK);
    let row = html! {
        @if begins_chunk { (PreEscaped("</tbody><tbody>")) }
        tr {
            td { a .(sign.class()) href=(found.href()) { (sign.drawn()) bdi { (Printable(entry.name.as_bytes()).to_string()) } } }
            td { @if !found.directory.is_root() { a href=(found.directory_href()) { bdi { (directory) "/" } } } }
            td { (size) }
            td { time datetime=(time) { (time.get(..10).unwrap_or_default()) " " (time.get(11..16).unwrap_or_default()) } }
        }
    };
    out.extend_from_slice(row.into_string().as_bytes());
}

/// The outcome in words.
fn in_words(outcome: Outcome) -> Markup {
    let count = match outcome.count {
        0 => words::NOTHING_FOUND.to_owned(),
        1 => words::ONE_RESULT.to_owned(),
        count => words::fill(words::MANY_RESULTS, &[("count", &count)]),
    };
    let cut = outcome.cut.map(|cut| match cut {
        Cut::Results => words::MORE_RESULTS,
        Cut::Time => words::SEARCH_TOOK_LONG,
        Cut::Directories => words::FOLDERS_LEFT_OUT,
    });
    html! { (count) @if let Some(cut) = cut { " " (cut) } }
}
