//! The page of the trash: each entry has buttons that restore or discard it.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};

use crate::folder::TrashItem;
use crate::format::Bytes;
use crate::http::response::Head;
use crate::own_paths::TRASH;
use crate::printable::Printable;
use crate::server::assets::ICON;
use crate::server::listing::timestamp;
use crate::server::pages::page::page;
use crate::server::pages::words;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct TrashPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    /// The entries, the newest first, and their paths as the visitor sees them.
    pub items: &'a [(&'a TrashItem, String)],
    /// The user whose page it is.
    pub user: Option<&'a str>,
    /// How long entries are kept.
    pub kept_for: Duration,
    /// Whether the page shows everybody's entries; then each entry names its owner.
    pub names_users: bool,
    /// Whether there are older entries.
    pub has_more: bool,
}

impl TrashPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let body = html! {
            header .top {
                img src={ (self.root) (ICON.link()) } alt="" width="28" height="28";
                nav aria-label=(words::PATH) {
                    ol .way { li { a href={ (self.root) "/?list" } { (words::FILES) } } li aria-current="page" { h1 tabindex="-1" { (words::TRASH) } } }
                }
            }
            div .sides { main #trash data-user=[self.user] { (self.entries()) } }
        };
        page(head, words::TRASH, &body, self.root)
    }

    fn entries(&self) -> Markup {
        html! {
            div #look {
                p .hint { (words::fill(words::KEPT_FOR, &[("time", &in_words(self.kept_for))])) }
                @if !self.items.is_empty() {
                    form method="post" action={ (self.root) (TRASH) } {
                        button .quiet name="discard" value="all" { (words::EMPTY_TRASH) }
                    }
                }
            }
            @if self.items.is_empty() {
                div #nothing { p { (words::TRASH_IS_EMPTY) } }
            } @else {
                ul .sessions .trash { @for (item, path) in self.items { (self.item(item, &Printable::text(path).to_string())) } }
            }
            @if let Some((last, _)) = self.items.last().filter(|_| self.has_more) {
                form action={ (self.root) (TRASH) } { button .quiet name="before" value=(last.id) { (words::OLDER_ENTRIES) } }
            }
        }
    }

    fn item(&self, item: &TrashItem, path: &str) -> Markup {
        let (at, id) = (format!("{}{TRASH}", self.root), item.id.to_string());
        html! {
            li {
                p {
                    strong { bdi { (path) } }
                    br;
                    span .hint {
                        @if let Some(size) = item.size { (Bytes(size)) ", " }
                        (time(item.time))
                        @if let Some(name) = item.principal.as_ref().filter(|_| self.names_users) {
                            (words::phrase(words::BY_USER, &[("user", html! { bdi { (Printable::text(name)) } })]))
                        }
                    }
                }
                form method="post" action={ (at) "/" (id) "/restore" } {
                    button aria-label=(words::fill(words::RESTORE_NAME, &[("name", &path)])) { (words::RESTORE) }
                }
                form method="post" action=(at) {
                    button .quiet name="discard" value=(id) aria-label=(words::fill(words::DELETE_NAME_FOR_GOOD, &[("name", &path)])) { (words::DELETE_FOR_GOOD) }
                }
            }
        }
    }
}

/// A time as people say it, if it is whole days or hours.
fn in_words(time: Duration) -> String {
    const HOUR: u64 = 3600;
    let whole = |unit| {
        (time.subsec_nanos() == 0 && time.as_secs().is_multiple_of(unit)).then(|| time.as_secs() / unit)
    };
    match (whole(24 * HOUR), whole(HOUR)) {
        (Some(1), _) => words::A_DAY.to_owned(),
        (Some(days), _) => words::fill(words::MANY_DAYS, &[("count", &days)]),
        (_, Some(1)) => words::AN_HOUR.to_owned(),
        (_, Some(hours)) => words::fill(words::MANY_HOURS, &[("count", &hours)]),
        _ => humantime::format_duration(time).to_string(),
    }
}

/// A time to the minute; the script shows it as local time.
fn time(time: SystemTime) -> Markup {
    let text = timestamp(time).to_string();
    html! {
        time datetime=(text) { (text.get(..10).unwrap_or_default()) " " (text.get(11..16).unwrap_or_default()) " UTC" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_words() {
        let table = [
            (3600, "an hour"),
            (12 * 3600, "12 hours"),
            (24 * 3600, "a day"),
            (7 * 24 * 3600, "7 days"),
            (36 * 3600, "36 hours"),
            (90, "1m 30s"),
        ];
        for (seconds, expected) in table {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }
}
