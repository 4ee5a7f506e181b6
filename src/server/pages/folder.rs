//! A directory as a page: its entries, links to the directories above, and an upload form if uploads are allowed.

use maud::{Markup, PreEscaped, html};

use super::icons::{self, Sign};
use super::room::room;
use crate::folder::{DirEntry, EntryKind, OnConflict, Rules};
use crate::format::Bytes;
use crate::http::response::Head;
use crate::http::target::encode_path;
use crate::own_paths;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::assets::ICON;
use crate::server::features;
use crate::server::listing::{Count, Framed, href, shown_path, timestamp};
use crate::server::listing::{SortKey, SortOrder};
use crate::server::pages::page::page;
use std::os::unix::ffi::OsStrExt;

/// How many rows a browser lays out together when they scroll into view: with ten thousand at once it takes seconds
/// to open the page; with each row by itself, a second.
const CHUNK: usize = 100;

/// Marks the place of the rows in a page. No name contains it, because shown names have no control characters.
const ROWS: &str = "\0";

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum View {
    /// One line each.
    #[default]
    Rows,
    /// One card each, with a thumbnail for images.
    Grid,
}

/// A directory to show.
#[derive(Debug)]
pub(crate) struct ListingPage<'a> {
    pub path: &'a SharePath,
    /// How much is in it.
    pub count: Count,
    pub order: SortOrder,
    pub view: View,
    /// Whether it shows a form for uploads.
    pub accepts_uploads: bool,
    /// What is allowed in it.
    pub rules: &'a Rules,
    pub has_chat: bool,
}

impl ListingPage<'_> {
    /// The page without its rows, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, Framed) {
        let body = html! {
                (icons::all())
                a .skip href="#files" { "Skip to the files" }
                header .top {
                    img src=(ICON.path()) alt="" width="28" height="28";
                    (self.way())
                    @if features::QR { a href=(qr_link(self.path)) { "QR code" } }
                    @if self.has_chat {
                        button #open-room .js .quiet type="button" aria-expanded="false" { "Chat" }
                    }
                }
                div .sides {
                    main {
                        (self.tools())
                        (self.table())
                        (self.nothing())
                        p #count role="status" { (self.count) }
                    }
                    @if self.has_chat { (room(self.path)) }
                }
        };
        let (head, text) = page(head, Printable::text(&shown_path(self.path)), &body);
        let (before, behind) = text.split_once(ROWS).unwrap_or((&text, ""));
        let row = if self.view == View::Grid { card } else { row };
        (head, Framed { before: before.into(), row, behind: behind.into() })
    }

    /// The path, with a link for each directory above.
    fn way(&self) -> Markup {
        let last = self.path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        html! {
            nav aria-label="Path" {
                ol .way {
                    @if self.path.is_root() {
                        li { h1 { "Files" } }
                    } @else {
                        li { a href="/?list" { "Files" } }
                        @for (link, name) in above(self.path.as_bytes()) { li { a href=(link) { bdi { (name) } } } }
                        li aria-current="page" { h1 { bdi { (shown(last)) } } }
                    }
                }
            }
        }
    }

    /// The toolbar: filter, view, downloads, upload form.
    fn tools(&self) -> Markup {
        let view = |view, name| {
            html! {
                a href=(query(self.order, view)) aria-current=[(self.view == view).then_some("true")] { (name) }
            }
        };
        html! {
            div .tools {
                div #look {
                    @if self.count.entries() > 0 {
                        div .js .filter {
                            label .unseen for="filter" { "Filter by name" }
                            input #filter type="search" placeholder="Filter" autocomplete="off" spellcheck="false";
                        }
                        nav aria-label="View" { (view(View::Rows, "List")) (view(View::Grid, "Grid")) }
                        @if features::ARCHIVE {
                            nav aria-label="Download all" { a href="?zip" download { "Zip" } a href="?tar" download { "Tar" } }
                        }
                    }
                }
                @if self.accepts_uploads { (self.form()) }
            }
        }
    }

    /// Without JavaScript, the response redirects to the listing. With it, the script uploads the chosen files.
    fn form(&self) -> Markup {
        let on_conflict = match self.rules.on_conflict {
            OnConflict::Overwrite => "overwrite",
            OnConflict::Refuse => "refuse",
            OnConflict::Rename => "rename",
        };
        html! {
            form #give method="post" enctype="multipart/form-data" data-conflict=(on_conflict) data-hidden[self.rules.hidden] {
                label { span { "Add files" } input type="file" name="file" multiple required; }
                button { "Upload" }
            }
        }
    }

    fn table(&self) -> Markup {
        let class = match self.view {
            _ if self.count.entries() == 0 => "empty",
            View::Rows => "rows",
            View::Grid => "grid",
        };
        html! {
            table #files class=(class) tabindex="-1" {
                caption .unseen { "Files" }
                thead {
                    tr { (self.column(SortKey::Name, "Name")) (self.column(SortKey::Size, "Size")) (self.column(SortKey::Time, "Modified")) }
                }
                @if self.count.entries() > 0 { tbody { (PreEscaped(ROWS)) } }
            }
        }
    }

    fn column(&self, key: SortKey, name: &str) -> Markup {
        let sorted = match self.order {
            order if order.key != key => None,
            SortOrder { descending: true, .. } => Some("descending"),
            _ => Some("ascending"),
        };
        html! {
            th aria-sort=[sorted] { a href=(query(self.order.after_click(key), self.view)) { (name) } }
        }
    }

    fn nothing(&self) -> Markup {
        html! {
            div #nothing hidden[self.count.entries() > 0] {
                p { "No shared files" }
                @if self.accepts_uploads { p .hint { "Add files with the button above" span .js { ", or drop them anywhere on this page" } "." } }
            }
        }
    }
}

/// Writes an entry as a line.
fn row(entry: &DirEntry, count: usize, out: &mut Vec<u8>) {
    write_row(entry, count, View::Rows, out);
}

/// Writes an entry as a card.
fn card(entry: &DirEntry, count: usize, out: &mut Vec<u8>) {
    write_row(entry, count, View::Grid, out);
}

fn write_row(entry: &DirEntry, count: usize, view: View, out: &mut Vec<u8>) {
    let (sign, size) = match entry.kind {
        EntryKind::Directory => (Sign::Directory, String::new()),
        EntryKind::File { len } => (Sign::of_file(entry.name.as_bytes()), Bytes(len).to_string()),
    };
    let link = href(&entry.name, entry.kind == EntryKind::Directory);
    let time = timestamp(entry.modified).to_string();
    let begins_chunk = count > 0 && count.is_multiple_of(CHUNK);
    let row = html! {
        @if begins_chunk { (PreEscaped("</tbody><tbody>")) }
        tr {
            td {
                a .(sign.class()) href=(link) {
                    @if sign == Sign::Image && view == View::Grid { img src=(link) alt="" loading="lazy" decoding="async"; }
                    @else { (sign.drawn()) }
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
        (format!("/{}/?list", encode_path(directory)), shown(name))
    });
    named.collect()
}

/// The page with the QR code of this directory.
fn qr_link(path: &SharePath) -> String {
    // `&` and `+` have a meaning in a query.
    let directory = encode_path(path.as_bytes()).replace('&', "%26").replace('+', "%2B");
    format!("{}?dir=/{directory}", own_paths::QR_PAGE)
}

/// A name as harmless text.
fn shown(name: &[u8]) -> String {
    Printable(name).to_string()
}

/// The link to this directory in another order or view.
fn query(order: SortOrder, view: View) -> String {
    let order = if order == SortOrder::default() { String::new() } else { format!("&sort={order}") };
    let view = if view == View::Grid { "&view=grid" } else { "" };
    format!("?list{order}{view}")
}

impl maud::Render for Count {
    fn render(&self) -> Markup {
        let number = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let counted = [
            number(self.directories, "folder", "folders"),
            number(self.files, "file", "files"),
            (self.files > 0).then(|| Bytes(self.bytes).to_string()),
        ];
        html! { (counted.into_iter().flatten().collect::<Vec<_>>().join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::time::SystemTime;

    use super::*;
    use crate::http::status::Status;

    fn html_of(path: &SharePath, entries: &[DirEntry], accepts_uploads: bool) -> String {
        let count = Count { directories: 0, files: entries.len(), bytes: 0 };
        let page = ListingPage {
            path,
            count,
            order: SortOrder::default(),
            view: View::Grid,
            accepts_uploads,
            rules: &Rules::default(),
            has_chat: true,
        };
        let (_, Framed { before: mut text, row, behind }) = page.framed(Head::new(Status::OK));
        entries.iter().enumerate().for_each(|(count, entry)| row(entry, count, &mut text));
        text.extend(behind);
        String::from_utf8(text).expect("text")
    }

    fn entry(name: &[u8], kind: EntryKind) -> DirEntry {
        DirEntry { name: OsStr::from_bytes(name).to_owned(), kind, modified: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn a_hostile_name_is_text() {
        let entry =
            entry(b"<img src=x onerror=alert(1)>\"'&\xff\n\xe2\x80\xae.jpg", EntryKind::File { len: 1 });
        let page = html_of(&SharePath::root(), &[entry], true);
        assert!(!page.contains("<img src=x"), "{page}");
        assert!(
            page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;\\xff\\n\\u{202e}.jpg<"),
            "{page}"
        );
        let link = "./%3Cimg%20src=x%20onerror=alert(1)%3E%22'&amp;%FF%0A%E2%80%AE.jpg\"";
        assert!(
            page.contains(&format!("href=\"{link}")) && page.contains(&format!("<img src=\"{link}")),
            "{page}"
        );
    }

    #[test]
    fn each_directory_above_has_a_link() {
        let path = SharePath::from_segments([&b"a b"[..], b"<c>", b"d"]).expect("a path");
        let page = html_of(&path, &[], true);
        for link in [
            "href=\"/?list\">Files<",
            "href=\"/a%20b/?list\"><bdi>a b<",
            "href=\"/a%20b/%3Cc%3E/?list\"><bdi>&lt;c&gt;<",
        ] {
            assert!(page.contains(link), "{link}: {page}");
        }
        assert!(page.contains("<h1><bdi>d</bdi></h1>"), "{page}");
    }

    #[test]
    fn entries_are_counted() {
        let count = |directories, files, bytes| Count { directories, files, bytes };
        let table = [
            (count(0, 0, 0), ""),
            (count(0, 1, 1), "1 file, 1 B"),
            (count(2, 0, 0), "2 folders"),
            (count(1, 2, 1024), "1 folder, 2 files, 1.0 KiB"),
            (count(0, 2, u64::MAX), "2 files, 16.0 EiB"),
        ];
        for (count, expected) in table {
            assert_eq!(maud::Render::render(&count).into_string(), expected);
        }
    }

    #[test]
    fn rows_come_in_chunks() {
        let entries: Vec<_> = (0..=2 * CHUNK).map(|_| entry(b"f", EntryKind::File { len: 1 })).collect();
        let page = html_of(&SharePath::root(), &entries, true);
        assert_eq!([page.matches("<tbody>").count(), page.matches("</tbody>").count()], [3, 3]);
        let rows = page.split_once("<tbody>").expect("rows").1.split_once("</table>").expect("an end").0;
        assert_eq!(rows.matches("<tr>").count(), entries.len());
    }

    #[test]
    fn a_read_only_folder_has_no_form() {
        assert!(!html_of(&SharePath::root(), &[], false).contains("<form id=\"give\""));
    }
}
