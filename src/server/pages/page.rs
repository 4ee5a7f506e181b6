//! What every page has around its body: its head, and what it may do.

use std::fmt;

use maud::{DOCTYPE, Markup, html};

use crate::http::response::Head;
use crate::server::assets::{ICON, SCRIPT, STYLE};
use crate::server::random;

/// A number that only this page knows. What it loads shows it; what somebody managed to write into it could not.
struct Nonce(u128);

/// A whole page, and the head for it, which says what it may do.
pub fn page(head: Head, title: impl fmt::Display, body: &Markup) -> (Head, String) {
    let nonce = Nonce(u128::from_ne_bytes(random::bytes()));
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – wharf" }
                link rel="stylesheet" href=(STYLE.path()) nonce=(nonce);
                link rel="icon" href=(ICON.path());
                script type="module" src=(SCRIPT.path()) nonce=(nonce) {}
            }
            body { (body) }
        }
    };
    let head = head
        .field("Content-Type", "text/html; charset=utf-8")
        .field("X-Content-Type-Options", "nosniff")
        .field("Content-Security-Policy", nonce.policy())
        // Not `no-referrer`: under that, browsers send the form with `Origin: null`, and it looks like a stranger's.
        // Other sites are told as little by this one.
        .field("Referrer-Policy", "same-origin");
    (head, text.into_string())
}

impl Nonce {
    /// What a page may do (W3C CSP 3): nothing but show what is in the folder, ask this server, and run the one script
    /// and wear the one style sheet that it names. Nothing inline, nothing of others, no frame around it.
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
