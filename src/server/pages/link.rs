//! The pages of links. They work without a script.

use maud::html;

use super::page::page;
use super::words;
use crate::http::response::Head;

/// The page that opens a link. It says nothing about what is shared.
#[derive(Debug)]
pub(crate) struct LinkPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    pub has_password: bool,
    /// Why it was not opened.
    pub failure: Option<&'a str>,
}

/// The page of a link that only takes files.
#[derive(Debug)]
pub(crate) struct DropPage<'a> {
    /// The relative path to the root of the link, without its final slash.
    pub root: &'a str,
    /// Whether files were sent just now.
    pub has_arrived: bool,
}

impl LinkPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let body = html! {
            main .error {
                h1 { (words::OPEN_LINK) }
                p { (words::SOMETHING_SHARED) }
                @if let Some(failure) = self.failure { p role="alert" { (failure) } }
                form method="post" {
                    @if self.has_password {
                        p { label { (words::PASSWORD) " " input type="password" name="password" required autofocus autocomplete="off"; } }
                    }
                    button { (words::OPEN) }
                }
            }
        };
        page(head, words::OPEN_LINK, &body, self.root)
    }
}

impl DropPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let body = html! {
            main .error {
                @if self.has_arrived {
                    h1 { (words::THANK_YOU) }
                    p role="status" { (words::FILES_ARRIVED) }
                } @else {
                    h1 { (words::SEND_FILES) }
                    p { (words::CHOOSE_AND_SEND) }
                }
                form method="post" enctype="multipart/form-data" {
                    p { label { (words::FILES) " " input type="file" name="file" multiple required; } }
                    button { (words::SEND) }
                }
            }
        };
        page(head, if self.has_arrived { words::THANK_YOU } else { words::SEND_FILES }, &body, self.root)
    }
}
