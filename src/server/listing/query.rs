//! The choices in the query of a listing's URL. Links to other directories repeat only the choices that differ from the
//! defaults. So a program that follows every link finds each directory under one URL.

use std::fmt;

use super::sort_order::SortOrder;
use crate::http::target::PathAndQuery;

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum View {
    /// One line each.
    #[default]
    Rows,
    /// One card each, with a thumbnail for images.
    Grid,
}

/// The choices in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ListingQuery {
    /// Whether it asks for the listing even of a directory that has an index page.
    pub list: bool,
    /// The order of the entries.
    pub order: SortOrder,
    /// How they are shown.
    pub view: View,
}

impl ListingQuery {
    /// Reads the query of a target. Other parameters and unknown values are ignored.
    pub(crate) fn of(target: PathAndQuery<'_>) -> Self {
        let is_grid = target.parameter("view") == Some("grid");
        Self {
            list: target.parameter("list").is_some(),
            order: target.parameter("sort").and_then(SortOrder::parse).unwrap_or_default(),
            view: if is_grid { View::Grid } else { View::Rows },
        }
    }

    /// The name and value of each parameter that is not the default.
    pub(crate) fn parameters(self) -> impl Iterator<Item = (&'static str, String)> {
        let list = self.list.then(String::new);
        let order = (self.order != SortOrder::default()).then(|| self.order.to_string());
        let view = (self.view == View::Grid).then(|| "grid".to_owned());
        [("list", list), ("sort", order), ("view", view)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Writes the query with its `?`, or nothing if everything is the default.
impl fmt::Display for ListingQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (before, (name, value)) in
            std::iter::once('?').chain(std::iter::repeat('&')).zip(self.parameters())
        {
            let equals = if value.is_empty() { "" } else { "=" };
            write!(f, "{before}{name}{equals}{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::target::Target;

    #[test]
    fn only_what_was_chosen_is_written() {
        let table = [
            ("/", ""),
            ("/?sort=name&view=list", ""),
            ("/?list", "?list"),
            ("/?list=&sort=-size", "?list&sort=-size"),
            ("/?view=grid&sort=time", "?sort=time&view=grid"),
            ("/?sort=size%0d%0aX:1&view=x&zip&a=b", ""),
        ];
        for (target, expected) in table {
            let target = Target::parse(target).expect("a target").path().expect("a path");
            assert_eq!(ListingQuery::of(target).to_string(), expected, "{target:?}");
        }
    }
}
