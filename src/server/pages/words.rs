//! The words of the pages, from `src/server/assets/words.txt`, and how values are put into them.

use std::fmt::Display;

use maud::{Markup, PreEscaped, Render};

include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// This text, with a value for each part in braces.
pub(in crate::server) fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let filled =
        |(at, part): (usize, &str)| match values.iter().find(|(name, _)| at % 2 == 1 && *name == part) {
            Some((_, value)) => value.to_string(),
            None => part.to_owned(),
        };
    text.split(['{', '}']).enumerate().map(filled).collect()
}

/// The same with markup as values.
pub(in crate::server) fn phrase(text: &str, values: &[(&str, Markup)]) -> Markup {
    let filled =
        |(at, part): (usize, &str)| match values.iter().find(|(name, _)| at % 2 == 1 && *name == part) {
            Some((_, value)) => value.0.clone(),
            None => part.render().0,
        };
    PreEscaped(text.split(['{', '}']).enumerate().map(filled).collect())
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    #[test]
    fn values_replace_what_is_in_braces() {
        assert_eq!(fill("{count} of {all}", &[("count", &1), ("all", &"{count}")]), "1 of {count}");
        assert_eq!(fill("nothing", &[]), "nothing");
        let user = html! { bdi { "<a>" } };
        assert_eq!(phrase("{user} & you", &[("user", user)]).0, "<bdi>&lt;a&gt;</bdi> &amp; you");
    }
}
