//! `--allow`: who may do what in the folder.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use clap::Args;

use crate::access::{Access, Rights, Rule, RuleError, Subject};
use crate::printable::Printable;

/// The flags of access by rules.
#[derive(Debug, Args)]
pub(super) struct AllowArgs {
    /// Give these rights, and no others: everyone=RIGHTS, everyone=RIGHTS@PATH, with " from CIDR" at the end for some
    /// addresses only; can be repeated
    ///
    /// RIGHTS are `view` (list, read), `drop` (add), `write` (view, add, replace), single ones (list, read, add, replace, chat,
    /// admin) separated by commas, or `none`. The rule for the closest folder decides. What a rule refuses looks absent.
    #[arg(long, value_name = "RULE")]
    allow: Vec<AllowedRules>,
}

/// The rules that one flag makes.
#[derive(Debug, Clone)]
struct AllowedRules(Vec<Rule>);

/// Why a rule is not accepted.
#[derive(Debug)]
enum CannotAllow {
    Rule(RuleError),
    /// It is about users, who cannot be known yet.
    NoAccounts(Subject),
}

impl AllowArgs {
    /// Who may do what: by the rules, or, without any, these rights for everyone.
    pub(super) fn access(&self, without_rules: Rights) -> Access {
        if self.allow.is_empty() {
            Access::new(without_rules)
        } else {
            Access::by_rules(self.rules().cloned())
        }
    }

    /// Warns of rules that have no effect.
    pub(super) fn warn(&self, root: &Path, allows_exit: bool) {
        for path in self.rules().map(|rule| &rule.path) {
            let shown = Printable(path.as_bytes());
            let (named, root) = (root.join(path.as_path()), root.canonicalize());
            if named.symlink_metadata().is_err() {
                log::warn!(
                    "--allow: there is nothing at /{shown} in the folder (the rule holds as soon as there is)"
                );
            } else if named.canonicalize().ok() != root.ok().map(|root| root.join(path.as_path())) {
                log::warn!(
                    "--allow: /{shown} leads through a link (the rule holds for this name; add one for its target)"
                );
            }
        }
        let is_admin = |rule: &Rule| rule.rights.has_any(Rights::ADMIN);
        if allows_exit && !self.allow.is_empty() && !self.rules().any(is_admin) {
            log::warn!(
                "--allow-exit has no effect: no rule gives the right admin (add --allow everyone=admin)"
            );
        }
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.allow.iter().flat_map(|AllowedRules(rules)| rules)
    }
}

impl FromStr for AllowedRules {
    type Err = CannotAllow;

    fn from_str(text: &str) -> Result<Self, CannotAllow> {
        let rules = Rule::parse(text).map_err(CannotAllow::Rule)?;
        match rules.iter().find(|rule| rule.subject != Subject::Everyone) {
            Some(rule) => Err(CannotAllow::NoAccounts(rule.subject.clone())),
            None => Ok(Self(rules)),
        }
    }
}

impl fmt::Display for CannotAllow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(error) => error.fmt(f),
            Self::NoAccounts(subject) => {
                write!(f, "wharf has no accounts yet, so a rule cannot be about {subject} (use everyone)")
            }
        }
    }
}

impl std::error::Error for CannotAllow {}
