//! A target as people read it: decoded, and without the secret of a link.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::link_path::link_of;
use crate::printable::Printable;

/// Displays a target: decoded, escaped for a terminal, and through a link only what is below the link.
#[derive(Debug, Clone, Copy)]
pub struct ShownTarget<'t>(pub &'t str);

impl ShownTarget<'_> {
    /// The path as text, not yet escaped for a terminal.
    pub fn path(self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(self) -> Vec<u8> {
        let Self(target) = self;
        let below = link_of(target).and_then(|link| target.strip_prefix(link));
        let shown = below.map_or(target, |below| if below.is_empty() { "/" } else { below });
        percent_decode_str(shown).collect()
    }
}

impl fmt::Display for ShownTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.bytes()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_decoded_and_links_keep_their_secrets() {
        let table = [
            ("/a", "/a"),
            ("/%C3%BC%20x.txt", "/ü x.txt"),
            ("/a%0Ab%1B", "/a\\nb\\u{1b}"),
            ("/%FF", "/\\xff"),
            ("/a%2525", "/a%25"),
            ("/.wharf/l/aB9/d%20e/", "/d e/"),
            ("/base/.wharf/l/aB9/a", "/a"),
            ("/.wharf/l/aB9", "/"),
        ];
        for (target, shown) in table {
            assert_eq!(ShownTarget(target).to_string(), shown, "{target}");
        }
        assert_eq!(ShownTarget("/%FFa%0A").path(), "/\u{fffd}a\n");
    }
}
