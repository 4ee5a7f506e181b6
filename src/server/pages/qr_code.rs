//! The URL of a folder or a file as a QR code and as text, for a phone.

use maud::html;

use crate::http::response::Head;
use crate::http::target::encode_path;
use crate::own_paths::QR_CODE;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::listing::shown_path;
use crate::server::pages::page::page;
use crate::server::pages::words;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct QrPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    /// The folder or the file.
    pub target: &'a QrTarget,
    /// The query that names it for the QR code.
    pub query: &'a str,
    /// Its URL.
    pub url: &'a str,
    /// Whether only this machine can reach the URL.
    pub is_local: bool,
    /// The fingerprint of the server's self-signed certificate.
    pub fingerprint: Option<&'a str>,
}

/// A folder or a file whose URL is shown.
#[derive(Debug)]
pub(crate) struct QrTarget {
    pub path: SharePath,
    pub is_folder: bool,
}

impl QrTarget {
    /// Its target. That of a folder ends with a slash.
    pub(crate) fn link(&self) -> String {
        let path = encode_path(self.path.as_bytes());
        if self.is_folder && !self.path.is_root() { format!("/{path}/") } else { format!("/{path}") }
    }

    /// The folder itself, or the folder that the file is in.
    fn folder(&self) -> Self {
        let path = if self.is_folder { Some(self.path.clone()) } else { self.path.parent() };
        Self { path: path.unwrap_or_else(SharePath::root), is_folder: true }
    }
}

impl QrPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let folder = self.target.folder();
        let shown = |path: &SharePath| Printable::text(&shown_path(path)).to_string();
        let mut name = shown(&self.target.path);
        if !self.target.is_folder {
            name.truncate(name.trim_end_matches('/').len());
        }
        let body = html! {
            main .error {
                h1 { (words::QR_CODE) }
                p { img src={ (self.root) (QR_CODE) "?" (self.query) } alt=(words::fill(words::QR_CODE_OF, &[("url", &self.url)])) width="256" height="256"; }
                p { a href=(self.url) { (self.url) } }
                @if self.is_local {
                    p { (words::NO_PHONE) }
                }
                @if let Some(fingerprint) = self.fingerprint {
                    p { (words::phrase(words::SELF_SIGNED, &[("fingerprint", html! { code { (fingerprint) } })])) }
                }
                form action={ (self.root) (folder.link()) } { button name="list" { (words::phrase(words::BACK_TO, &[("folder", html! { bdi { (shown(&folder.path)) } })])) } }
            }
        };
        page(head, words::fill(words::QR_CODE_OF, &[("url", &name)]), &body, self.root)
    }
}
