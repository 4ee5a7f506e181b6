//! The HTML that the server writes. Templates escape every name by themselves.

use maud::{DOCTYPE, Markup, html};

use super::listing::{href, shown_path, timestamp};
use crate::figures::Bytes;
use crate::folder::{Entry, Kind, SharePath};

/// What a page of the server may do: show itself, and send its form back. It holds no script, and runs none.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th{text-align:left}\
th,td{padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884}\
td:first-child{overflow-wrap:anywhere}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}";

/// A directory's listing, with a form to add to it where that is allowed.
pub fn listing(path: &SharePath, entries: &[Entry], can_write: bool) -> String {
    let title = shown_path(path);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – wharf" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    @if can_write { (form()) }
                    (table(path, entries))
                }
            }
        }
    };
    page.into_string()
}

/// Works without script: the answer sends the browser back to the listing.
fn form() -> Markup {
    html! {
        form method="post" enctype="multipart/form-data" {
            label { "Add files: " input type="file" name="file" multiple required; }
            " "
            button { "Upload" }
        }
    }
}

fn table(path: &SharePath, entries: &[Entry]) -> Markup {
    html! {
        table {
            thead { tr { th { "Name" } th.n { "Size" } th.n { "Modified" } } }
            tbody {
                @if !path.is_root() { tr { td { a href="../?list" { "../" } } td {} td {} } }
                @for entry in entries { (row(entry)) }
            }
        }
        @if entries.is_empty() { p { "No shared files" } }
    }
}

fn row(entry: &Entry) -> Markup {
    let name = entry.name.to_string_lossy();
    let (slash, size) = match entry.kind {
        Kind::Directory => ("/", String::new()),
        Kind::File { len } => ("", Bytes(len).to_string()),
    };
    html! {
        tr {
            td { a href=(href(&entry.name, entry.kind == Kind::Directory)) { (name) (slash) } }
            td.n { (size) }
            td.n { time datetime=(timestamp(entry.modified)) { (timestamp(entry.modified).to_string().replace('T', " ").trim_end_matches('Z')) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_hostile_name_is_text() {
        let name = OsStr::from_bytes(b"<img src=x onerror=alert(1)>\"'&\xff");
        let entry =
            Entry { name: name.to_owned(), kind: Kind::File { len: 1 }, modified: SystemTime::UNIX_EPOCH };
        let page = listing(&SharePath::root(), &[entry], true);
        assert!(!page.contains("<img"), "{page}");
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"), "{page}");
        assert!(page.contains("href=\"./%3Cimg%20src=x%20onerror=alert(1)%3E%22'&amp;%FF\""), "{page}");
    }
}
