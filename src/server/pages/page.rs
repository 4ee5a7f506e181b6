//! The frame of every page: its head, and its content security policy.

use std::fmt;

use maud::{DOCTYPE, Markup, html};

use crate::http::response::Head;
use crate::server::assets::{ABOUT, ICON, SCRIPT, SHARE, STYLE, UPLOAD, VIEW};
use crate::server::pages::words;
use crate::server::random;

/// A random number of this page. Only elements with this value are loaded, so injected elements are not.
struct Nonce(u128);

/// A whole page, and its head with the content security policy. `root` leads to the root of the server, without its final
/// slash.
pub(in crate::server) fn page(
    head: Head,
    title: impl fmt::Display,
    body: &Markup,
    root: &str,
) -> (Head, String) {
    let nonce = Nonce(u128::from_ne_bytes(random::bytes()));
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – wharf" }
                link rel="stylesheet" href={ (root) (STYLE.link()) } nonce=(nonce);
                link rel="icon" href={ (root) (ICON.link()) };
                script type="module" src={ (root) (SCRIPT.link()) } nonce=(nonce) {}
            }
            // Scripts that are loaded when they are needed.
            body data-upload={ (root) (UPLOAD.link()) } data-view={ (root) (VIEW.link()) } data-share={ (root) (SHARE.link()) } data-about={ (root) (ABOUT.link()) } data-drop=(words::DROP_HERE) { (body) }
        }
    };
    let head = head
        .field("Content-Type", "text/html; charset=utf-8")
        .field("X-Content-Type-Options", "nosniff")
        .field("Content-Security-Policy", nonce.policy())
        // Not `no-referrer`: with that policy, browsers send the form with `Origin: null`, which looks cross-site.
        // `same-origin` sends other sites just as little.
        .field("Referrer-Policy", "same-origin");
    (head, text.into_string())
}

impl Nonce {
    /// The content security policy (W3C CSP 3): a page may only show what is in the folder, send requests to this
    /// server, and use the script and the style sheet that it names. Nothing inline, nothing from other sites, no
    /// frames around it.
    fn policy(&self) -> String {
        format!(
            "default-src 'none'; script-src 'nonce-{self}'; style-src 'nonce-{self}'; img-src 'self'; \
             media-src 'self'; frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl maud::Render for Nonce {
    fn render_to(&self, buffer: &mut String) {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(buffer, "{self}");
    }
}
