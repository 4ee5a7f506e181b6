//! The path of a link in a target: `/.wharf/l/SECRET`, perhaps below a base.

use crate::own_paths::LINK;

/// The path of the link that a target is about, up to the end of its secret.
pub(super) fn link_of(target: &str) -> Option<&str> {
    let secret = target.find(LINK)? + LINK.len();
    let rest = target.get(secret..)?;
    target.get(..secret + rest.find(['/', '?']).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_of_a_target() {
        let table = [
            ("/.wharf/l/aB9", Some("/.wharf/l/aB9")),
            ("/.wharf/l/aB9/a/b?c", Some("/.wharf/l/aB9")),
            ("/base/.wharf/l/aB9?c", Some("/base/.wharf/l/aB9")),
            ("/.wharf/links/x", None),
            ("/a", None),
        ];
        for (target, expected) in table {
            assert_eq!(link_of(target), expected, "{target}");
        }
    }
}
