//! A directory as a page: its entries, links to the directories above, and an upload form if uploads are allowed.

use maud::{Markup, PreEscaped, html};

use super::icons::{self, Sign};
use super::room::room;
use crate::folder::{DirEntry, EntryKind, OnConflict, Rules};
use crate::format::Bytes;
use crate::http::response::Head;
use crate::http::target::encode_path;
use crate::name_pattern::LONGEST_TEXT;
use crate::own_paths::{LOGIN, LOGOUT, SESSIONS, TRASH};
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::assets::ICON;
use crate::server::base::Base;
use crate::server::features;
use crate::server::listing::{Count, Framed, ListingQuery, SortKey, SortOrder, View};
use crate::server::listing::{href, shown_path, timestamp};
use crate::server::pages::page::page;
use crate::server::pages::picture::PictureShown;
use crate::server::pages::words;
use std::os::unix::ffi::OsStrExt;

/// How many rows a browser lays out together when they scroll into view: with ten thousand at once it takes seconds
/// to open the page; with each row by itself, a second.
const CHUNK: usize = 100;

/// With more directories than this between the root and the current one, all but the last of them are folded.
const SHOWN_ABOVE: usize = 2;

/// Marks the place of the rows in a page. No name contains it, because shown names have no control characters.
const ROWS: &str = "\0";

/// A directory to show.
#[derive(Debug)]
// What the page offers are booleans.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct ListingPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    /// The base, for the paths in chat events.
    pub base: &'a Base,
    pub path: &'a SharePath,
    /// The number of its entries, and the total size.
    pub count: Count,
    pub query: ListingQuery,
    /// What happens to an upload whose name is taken; `None` leaves out the form for uploads.
    pub uploads: Option<OnConflict>,
    /// The rules of the folder.
    pub rules: &'a Rules,
    pub has_chat: bool,
    /// The name in the chat, if the visitor cannot choose one.
    pub name: Option<&'a str>,
    pub account: AccountShown,
    /// Whether it offers a QR code of its address: not to visitors who came through a link.
    pub has_qr_code: bool,
    /// Whether the visitor can make links to it.
    pub can_share: bool,
    pub may: MayChange,
    /// Whether the server makes thumbnails.
    pub has_thumbs: bool,
}

/// What the visitor may change in a directory, besides uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MayChange {
    /// Create directories, and give things new names.
    pub add: bool,
    pub remove: bool,
    /// Restore what was removed or replaced.
    pub restore: bool,
}

/// What the page shows about its user.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "there are no accounts"))]
pub(crate) enum AccountShown {
    /// Nothing: the server has no accounts, or the visitor has come through a link.
    None,
    /// A button for logging in. It leads to this path, which includes the base.
    LoggedOut(String),
    /// The name.
    User {
        /// Empty if all users share a password.
        name: String,
        /// Whether the browser has a session, and can log out.
        has_session: bool,
    },
}

impl ListingPage<'_> {
    /// The page without its rows, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, Framed) {
        let body = html! {
                (icons::all())
                a .skip href="#files" { (words::SKIP_TO_FILES) }
                header .top {
                    img src={ (self.root) (ICON.link()) } alt="" width="28" height="28";
                    (self.way())
                    @if let Some(on_conflict) = self.uploads { (self.form(on_conflict)) } @else { p .badge { (words::READ_ONLY) } }
                    @if self.may.restore { form action={ (self.root) (TRASH) } { button .plain { (words::TRASH) } } }
                    @if self.has_qr_code { form { button .plain name="qr" { (words::QR_CODE) } } }
                    @if self.can_share { button #share .js .plain type="button" { (words::SHARE) } }
                    (self.account())
                    @if self.has_chat {
                        button #open-room .js .quiet type="button" aria-expanded="false" data-words=(words::NEWS) { (words::CHAT) }
                    }
                }
                div .sides {
                    main data-may=[self.may.shown()] {
                        (self.tools())
                        (self.table())
                        (self.nothing())
                        p #count role="status" { (self.count) }
                    }
                    @if self.has_chat { (room(self.base, self.path, self.name)) }
                }
        };
        let title = shown_path(self.path);
        let (head, text) = page(head, Printable::text(&title), &body, self.root);
        let (before, behind) = text.split_once(ROWS).unwrap_or((&text, ""));
        let row = match self.query.view {
            View::Rows => row,
            View::Grid if features::THUMBS && self.has_thumbs => card_with_thumbnail,
            View::Grid => card,
        };
        (head, Framed { before: before.into(), row, query: self.query.to_string(), behind: behind.into() })
    }

    /// The path, with a link for each directory above. In a deep path, the directories in the middle are folded.
    fn way(&self) -> Markup {
        let last = self.path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let above = above(self.path.as_bytes());
        let (folded, near) = above.split_at(if above.len() > SHOWN_ABOVE { above.len() - 1 } else { 0 });
        let item = |(link, name): &(String, String)| {
            html! { li { a href={ (self.root) (link) (self.query) } { bdi { (name) } } } }
        };
        html! {
            nav aria-label=(words::PATH) {
                ol .way {
                    @if self.path.is_root() {
                        li { h1 { (words::FILES) } }
                    } @else {
                        li { a href={ (self.root) "/" (self.query) } { (words::FILES) } }
                        @if !folded.is_empty() {
                            li {
                                details {
                                    summary aria-label=(words::fill(words::MORE_FOLDERS, &[("count", &folded.len())])) { "…" }
                                    ol { @for directory in folded { (item(directory)) } }
                                }
                            }
                        }
                        @for directory in near { (item(directory)) }
                        li aria-current="page" { h1 { bdi { (shown(last)) } } }
                    }
                }
            }
        }
    }

    /// The user, and the way to log in or out. There are no links, because programs that follow links would follow them too.
    fn account(&self) -> Markup {
        let root = self.root;
        html! {
            @match &self.account {
                AccountShown::None => {}
                AccountShown::LoggedOut(next) => form #account action={ (root) (LOGIN) } {
                    button .plain name="next" value=(next) { (words::LOG_IN) }
                },
                AccountShown::User { name, has_session } => div #account data-user=(name) {
                    @if !name.is_empty() {
                        bdi { (name) }
                        form action={ (root) (SESSIONS) } { button .plain { (words::SESSIONS) } }
                    }
                    @if *has_session {
                        form method="post" action={ (root) (LOGOUT) } { button .plain { (words::LOG_OUT) } }
                    }
                },
            }
        }
    }

    /// The toolbar: filter, view, downloads. Only forms lead to other views and to archives, because programs that
    /// follow links would fetch all of them.
    fn tools(&self) -> Markup {
        let current = |view| (self.query.view == view).then_some("true");
        html! {
            div #look {
                @if self.count.entries() > 0 {
                    (self.filter())
                    form .views aria-label=(words::VIEW) {
                        (self.other_than("view"))
                        button aria-current=[current(View::Rows)] { (words::VIEW_LIST) }
                        button name="view" value="grid" aria-current=[current(View::Grid)] { (words::VIEW_GRID) }
                    }
                    @if features::ARCHIVE {
                        form .all aria-label=(words::DOWNLOAD_ALL) {
                            span aria-hidden="true" { (words::DOWNLOAD_ALL) }
                            button .quiet name="zip" { (words::ZIP) }
                            button .quiet name="tar" { (words::TAR) }
                        }
                    }
                }
            }
        }
    }

    /// The field that filters the rows as the user types, and searches all folders below. Without JavaScript, it only searches.
    fn filter(&self) -> Markup {
        html! {
            form .filter role="search" {
                (self.other_than(""))
                label .unseen for="filter" { (words::FILTER_BY_NAME) }
                input #filter type="search" name="q" placeholder=(words::FILTER) maxlength=(LONGEST_TEXT) required autocomplete="off" spellcheck="false";
                button .quiet { (words::SEARCH_ALL_FOLDERS) }
            }
        }
    }

    /// Without JavaScript, the response redirects to the listing. With it, a menu replaces the form, and the script uploads
    /// the chosen files.
    fn form(&self, on_conflict: OnConflict) -> Markup {
        let on_conflict = match on_conflict {
            OnConflict::Overwrite => "overwrite",
            OnConflict::Refuse => "refuse",
            OnConflict::Rename => "rename",
        };
        html! {
            form #give method="post" enctype="multipart/form-data" data-conflict=(on_conflict) data-hidden[self.rules.hidden] {
                label { (words::ADD_FILES) " " input type="file" name="file" multiple required; }
                input .js type="file" webkitdirectory multiple aria-label=(words::FOLDER);
                input .js type="file" accept="image/*" capture="environment" aria-label=(words::TAKE_PICTURE);
                button { (words::UPLOAD) }
            }
            button #add .js type="button" popovertarget="adding" { (words::ADD) }
            div #adding .js popover {
                button #add-files type="button" { (words::FILES) }
                button #add-folder type="button" { (words::FOLDER) }
                button #take-picture type="button" { (words::TAKE_PICTURE) }
                @if self.may.add {
                    button #new-file type="button" { (words::NEW_FILE) }
                    button #new-folder type="button" { (words::NEW_FOLDER) }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let class = match self.query.view {
            _ if self.count.entries() == 0 => "empty",
            View::Rows => "rows",
            View::Grid => "grid",
        };
        html! {
            form #sort { (self.other_than("sort")) }
            table #files class=(class) tabindex="-1" {
                caption .unseen { (words::FILES) }
                thead {
                    tr { (self.column(SortKey::Name, words::NAME)) (self.column(SortKey::Size, words::COLUMN_SIZE)) (self.column(SortKey::Time, words::COLUMN_MODIFIED)) }
                }
                @if self.count.entries() > 0 { tbody { (PreEscaped(ROWS)) } }
            }
        }
    }

    fn column(&self, key: SortKey, name: &str) -> Markup {
        let order = self.query.order;
        let sorted = match order {
            order if order.key != key => None,
            SortOrder { descending: true, .. } => Some("descending"),
            _ => Some("ascending"),
        };
        html! {
            th aria-sort=[sorted] { button form="sort" name="sort" value=(order.after_click(key)) { (name) } }
        }
    }

    /// The query's other choices, as hidden fields for the form that sets this parameter.
    fn other_than(&self, parameter: &str) -> Markup {
        let others = self.query.parameters().filter(|(name, _)| *name != parameter);
        html! { @for (name, value) in others { input type="hidden" name=(name) value=(value); } }
    }

    fn nothing(&self) -> Markup {
        html! {
            div #nothing hidden[self.count.entries() > 0] {
                p { (words::NOTHING_HERE) }
                @if self.uploads.is_some() { p .hint { (words::HOW_TO_ADD) span .js { (words::HOW_TO_DROP) } "." } }
            }
        }
    }
}

impl MayChange {
    /// The words that the script reads; `None` if the visitor may neither add nor remove anything.
    fn shown(self) -> Option<String> {
        let words = [(self.add, "add"), (self.remove, "remove"), (self.restore, "restore")];
        let words: Vec<_> = words.iter().filter(|(may, _)| *may).map(|(_, word)| *word).collect();
        (self.add || self.remove).then(|| words.join(" "))
    }
}

/// Writes an entry as a line.
fn row(entry: &DirEntry, count: usize, query: &str, out: &mut Vec<u8>) {
    write_row(entry, count, query, PictureShown::Icon, out);
}

/// Writes an entry as a card.
fn card(entry: &DirEntry, count: usize, query: &str, out: &mut Vec<u8>) {
    write_row(entry, count, query, PictureShown::Whole, out);
}

/// Writes an entry as a card, without large pictures.
fn card_with_thumbnail(entry: &DirEntry, count: usize, query: &str, out: &mut Vec<u8>) {
    write_row(entry, count, query, PictureShown::small(entry), out);
}

fn write_row(entry: &DirEntry, count: usize, query: &str, picture: PictureShown, out: &mut Vec<u8>) {
    let (sign, size) = match entry.kind {
        EntryKind::Directory => (Sign::Directory, String::new()),
        EntryKind::File { len } => (Sign::of_file(entry.name.as_bytes()), Bytes(len).to_string()),
    };
    let mut link = href(&entry.name, entry.kind == EntryKind::Directory);
    if entry.kind == EntryKind::Directory {
        link.push_str(query);
    }
    let time = timestamp(entry.modified).to_string();
    let begins_chunk = count > 0 && count.is_multiple_of(CHUNK);
    let row = html! {
        @if begins_chunk { (PreEscaped("</tbody><tbody>")) }
        tr {
            td {
                a .(sign.class()) href=(link) {
                    (picture.drawn(sign, &link))
                    bdi { (shown(entry.name.as_bytes())) }
                }
            }
            td { (size) }
            td { time datetime=(time) { (time.get(..10).unwrap_or_default()) " " (time.get(11..16).unwrap_or_default()) } }
        }
    };
    out.extend_from_slice(row.into_string().as_bytes());
}

/// The directories between the root and the last segment of this path: their links and names.
fn above(path: &[u8]) -> Vec<(String, String)> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let directories = ends.map(|end| path.get(..end).unwrap_or_default());
    let named = directories.map(|directory| {
        let name = directory.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        (format!("/{}/", encode_path(directory)), shown(name))
    });
    named.collect()
}

/// A name as harmless text.
fn shown(name: &[u8]) -> String {
    Printable(name).to_string()
}

impl maud::Render for Count {
    fn render(&self) -> Markup {
        let number = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(one.to_owned()),
            count => Some(words::fill(many, &[("count", &count)])),
        };
        let counted = [
            number(self.directories, words::ONE_FOLDER, words::MANY_FOLDERS),
            number(self.files, words::ONE_FILE, words::MANY_FILES),
            (self.files > 0).then(|| Bytes(self.bytes).to_string()),
        ];
        html! { (counted.into_iter().flatten().collect::<Vec<_>>().join(", ")) }
    }
}

#[cfg(test)]
mod tests;
