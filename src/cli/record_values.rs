//! What `wharf share` and `wharf token` have in common: the values of flags, which are checked before anything is sent,
//! and the printed list.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::access::Rights;

/// The rights that no link has.
const NEVER_OF_LINKS: Rights = Rights::OF_SERVER;

/// How long a link or a token works: a time, or `never`. The server reads the text.
pub(super) fn life(text: &str) -> Result<String, String> {
    const SUCH_AS: &str = "such as 12h or 30d, or never";
    let time = if text == "never" { Ok(Duration::MAX) } else { humantime::parse_duration(text) };
    match time {
        Ok(time) if time < Duration::from_secs(1) => Err(format!("it must be at least 1s ({SUCH_AS})")),
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error} ({SUCH_AS})")),
    }
}

/// Parses rights; there must be at least one.
pub(super) fn rights(text: &str) -> Result<String, String> {
    parsed(text).map(|_| text.to_owned())
}

/// The rights of a link.
pub(super) fn link_rights(text: &str) -> Result<String, String> {
    // The presets contain `share`, which the server leaves out.
    if parsed(text)?.has_any(NEVER_OF_LINKS) {
        return Err("a link cannot have the rights chat and admin".to_owned());
    }
    Ok(text.to_owned())
}

fn parsed(text: &str) -> Result<Rights, String> {
    match text.parse() {
        Ok(Rights::NONE) => Err("name at least one right".to_owned()),
        Ok(rights) => Ok(rights),
        Err(error) => Err(error.to_string()),
    }
}

/// The first line of a list: the names of its fields, for people. A pipe gets entries only.
pub(super) fn header(names: &str) -> Option<String> {
    io::stdout().is_terminal().then(|| names.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_before_they_are_sent() {
        type Parse = fn(&str) -> Result<String, String>;
        let table: [(Parse, &[&str], &[&str]); 3] = [
            (life, &["1s", "12h", "30d", "1h 30m", "never"], &["", "2x", "0d", "0s", "5", "-1h"]),
            (rights, &["view", "read,add", "admin"], &["", "none", "fly", "view,fly", "view,none"]),
            (link_rights, &["view", "edit", "view,share"], &["none", "fly", "edit,admin", "chat"]),
        ];
        for (parse, good, bad) in table {
            for text in good {
                assert_eq!(parse(text).as_deref(), Ok(*text));
            }
            for text in bad {
                assert!(parse(text).is_err(), "{text}");
            }
        }
    }
}
