//! The URL of a folder as a QR code and as text, for a phone.

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
    /// The folder.
    pub path: &'a SharePath,
    /// The query that names the folder for the QR code.
    pub query: &'a str,
    /// Its URL.
    pub url: &'a str,
    /// Whether only this machine can reach the URL.
    pub is_local: bool,
    /// The fingerprint of the server's self-signed certificate.
    pub fingerprint: Option<&'a str>,
}

impl QrPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let folder = Printable::text(&shown_path(self.path)).to_string();
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
                form action={ (self.root) (target(self.path)) } { button name="list" { (words::phrase(words::BACK_TO, &[("folder", html! { bdi { (folder) } })])) } }
            }
        };
        page(head, words::fill(words::QR_CODE_OF, &[("url", &folder)]), &body, self.root)
    }
}

/// The target of a folder, with its slash.
pub(crate) fn target(path: &SharePath) -> String {
    if path.is_root() { "/".to_owned() } else { format!("/{}/", encode_path(path.as_bytes())) }
}
