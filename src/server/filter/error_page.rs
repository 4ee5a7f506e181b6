//! An error as a page, for people who use a browser. Programs get only its line of text.

use maud::{Markup, html};

use crate::http::status::Status;
use crate::server::base::Base;
use crate::server::filter::wanted::Wanted;
use crate::server::pages::{page, words};
use crate::server::response::Response;
use crate::server::state::State;

/// Turns an error response into a page, for a client that wants HTML.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, state: &State) {
    let status = response.head.status();
    if !wanted.html || !status.is_error() {
        return;
    }
    // Some errors are pages already.
    let is_page = response.head.get("Content-Type").is_some_and(|kind| kind.starts_with("text/html"));
    let Some(line) = response.content.as_bytes().filter(|_| !is_page) else { return };
    // A visitor who comes through a link knows no other page of the server, and the path of the link is a secret.
    let base = wanted.link.is_none().then_some(&state.base);
    let body = body(status, String::from_utf8_lossy(line).trim_end(), base);
    let mut head = response.head.with_status(status);
    head.remove("Content-Type");
    head.remove("X-Content-Type-Options");
    let (head, text) = page(head, title(status), &body, state.base.as_str());
    (response.head, response.content) = (head, text.into_bytes().into());
}

fn body(status: Status, line: &str, base: Option<&Base>) -> Markup {
    html! {
        main .error {
            p .code { (status.code()) }
            h1 { (title(status)) }
            p { (sentence(line)) }
            @if let Some(advice) = advice(status, line) { p .hint { (advice) } }
            @if let Some(base) = base { form action={ (base) "/" } { button name="list" { (words::GO_TO_FILES) } } }
        }
    }
}

fn title(status: Status) -> &'static str {
    match status {
        Status::FORBIDDEN => words::ERROR_403,
        Status::NOT_FOUND => words::ERROR_404,
        Status::CONFLICT => words::ERROR_409,
        Status::GONE => words::ERROR_410,
        Status::CONTENT_TOO_LARGE => words::ERROR_413,
        Status::INSUFFICIENT_STORAGE => words::ERROR_507,
        Status::SERVICE_UNAVAILABLE => words::ERROR_503,
        Status::MISDIRECTED_REQUEST => words::ERROR_421,
        other => other.reason(),
    }
}

/// What the visitor can do, if the error's line does not say this.
fn advice(status: Status, line: &str) -> Option<&'static str> {
    match status {
        Status::NOT_FOUND if line.ends_with(')') => None,
        Status::NOT_FOUND => Some(words::ADVICE_404),
        Status::CONFLICT => Some(words::ADVICE_409),
        Status::GONE => Some(words::ADVICE_410),
        Status::CONTENT_TOO_LARGE => Some(words::ADVICE_413),
        Status::INSUFFICIENT_STORAGE => Some(words::ADVICE_507),
        Status::REQUEST_TIMEOUT | Status::SERVICE_UNAVAILABLE => Some(words::ADVICE_503),
        _ => None,
    }
}

/// A line as a sentence: with a capital letter and a full stop.
fn sentence(line: &str) -> String {
    let mut letters = line.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if line.ends_with(['.', ')']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::connection::tests::state;

    fn browser() -> Wanted {
        Wanted { html: true, ..Wanted::default() }
    }

    #[test]
    fn an_error_becomes_a_page_and_keeps_its_fields() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State { base: "/files".parse().expect("a path"), ..state(folder.path(), Duration::ZERO) };
        let mut response = Response::text(Status::NOT_FOUND, "there is no <b>\n").with("Retry-After", 5);
        apply(&browser(), &mut response, &state);
        let Response { head, content, .. } = response;
        let page = content.as_bytes().expect("bytes").to_vec();
        let (mut lines, page) = (Vec::new(), String::from_utf8(page).expect("text"));
        head.write(&mut lines);
        let lines = String::from_utf8(lines).expect("text");
        assert!(lines.starts_with("HTTP/1.1 404 ") && lines.contains("Retry-After: 5\r\n"), "{lines}");
        assert_eq!(lines.matches("Content-Type: ").count(), 1, "{lines}");
        assert!(lines.contains("Content-Type: text/html") && lines.contains("Content-Security-Policy: "));
        assert!(
            page.contains("It may have been moved or renamed.")
                && page.contains("action=\"/files/\"")
                && page.contains("href=\"/files/.wharf/assets/"),
            "{page}"
        );
        assert!(page.contains("<p>There is no &lt;b&gt;.</p>"), "{page}");
    }

    #[test]
    fn what_the_line_explains_needs_no_advice() {
        let explained = "the trash is off (the server runs with --trash off)";
        for (line, has_advice) in [("there is nothing of that name", true), (explained, false)] {
            assert_eq!(advice(Status::NOT_FOUND, line).is_some(), has_advice, "{line}");
        }
    }

    #[test]
    fn a_success_and_a_programs_error_are_no_pages() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(folder.path(), Duration::ZERO);
        let cases = [(Wanted::default(), Status::NOT_FOUND, "gone\n"), (browser(), Status::OK, "saved\n")];
        for (wanted, status, text) in cases {
            let mut response = Response::text(status, text);
            apply(&wanted, &mut response, &state);
            assert_eq!(response.content.as_bytes(), Some(text.as_bytes()));
        }
    }
}
