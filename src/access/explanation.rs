//! Why a principal has a right at a path, or lacks it, for people who write rules.

use super::decision::Access;
use super::principal::Principal;
use super::right::{Right, Rights};
use super::rule::Rule;
use crate::path::SharePath;

/// Why a principal has a right at a path, or lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation<'a> {
    /// This rule decides, perhaps together with others, and gives the right.
    Given(&'a Rule),
    /// These rules decide, and none of them gives the right.
    NotGiven(Vec<&'a Rule>),
    /// This rule decides, and says that the principal has no right.
    None(&'a Rule),
    /// No rule for the principal holds there.
    NoRule,
    /// Only a user can have the right.
    NeedsAccount,
    /// Nobody has the right, whatever the rules say.
    Withheld,
}

impl Access {
    /// Whether this principal has this right at this path, and why. All rights of its user count. A right for the whole
    /// server is decided at the root.
    pub fn explain(&self, principal: &Principal, path: &SharePath, right: Right) -> (bool, Explanation<'_>) {
        let root = SharePath::root();
        let path = if Rights::OF_SERVER.has(right) { &root } else { path };
        let mut rules = Vec::new();
        self.decide(principal, path, |rule| rules.push(rule));
        let gives = rules.iter().find(|rule| rule.rights.has(right));
        let why = if self.withheld().has(right) {
            Explanation::Withheld
        } else if let Some(none) = rules.iter().find(|rule| rule.rights == Rights::NONE) {
            Explanation::None(none)
        } else {
            match gives {
                Some(_) if right == Right::Share && principal.user().is_none() => Explanation::NeedsAccount,
                Some(rule) => Explanation::Given(rule),
                None if rules.is_empty() => Explanation::NoRule,
                None => Explanation::NotGiven(rules),
            }
        };
        (self.rights(principal, path).has(right), why)
    }
}
