//! `--allow`: who may do what in the folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use clap::Args;

use super::accounts::UsersArgs;
use super::exit::Failure;
use crate::access::{Access, Right, Rights, Rule, RuleError, Subject};
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::Accounts;

/// The flags of access by rules.
#[derive(Debug, Clone, Args)]
pub(super) struct AllowArgs {
    /// Give these rights, and no others: SUBJECT=RIGHTS, SUBJECT=RIGHTS@PATH, with " from CIDR" at the end for some
    /// addresses only; can be repeated
    ///
    /// SUBJECT is `everyone`, `users` (all of them), a user's name, `%group`, or several, separated by commas. RIGHTS are
    /// `view` (list, read), `drop` (add), `write` (view, add, replace, share), `edit` (write, remove), single ones (list,
    /// read, add, replace, remove, share, chat, admin) separated by commas, or `none`. The rule for the closest folder
    /// decides, and there the most specific subject. What a rule refuses looks absent.
    #[arg(long, value_name = "RULE")]
    allow: Vec<AllowedRules>,
}

/// The rules that one flag makes.
#[derive(Debug, Clone)]
struct AllowedRules(Vec<Rule>);

impl AllowArgs {
    /// The access rules of the flags. Without any, users have these rights on a server with accounts, and otherwise the
    /// default applies.
    pub(super) fn access(
        &self,
        users: Rights,
        accounts: &UsersArgs,
        without_both: impl FnOnce() -> Access,
    ) -> Result<Access, Failure> {
        self.rules().try_for_each(|rule| accounts.ensure_known(&rule.subject))?;
        let users = || Rule { subject: Subject::Users, rights: users, path: SharePath::root(), from: None };
        Ok(match (self.allow.is_empty(), accounts.are_given()) {
            (true, false) => without_both(),
            (true, true) => Access::by_rules([users()]),
            (false, _) => Access::by_rules(self.rules().cloned()),
        })
    }

    /// Whether there are rules.
    pub(super) fn is_given(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Warns of each name or group in a rule that no user has.
    pub(super) fn warn_of_nobody(&self, accounts: &Accounts) {
        let subjects: BTreeSet<_> = self.rules().map(|rule| &rule.subject).collect();
        for subject in subjects
            .into_iter()
            .filter(|subject| !matches!(subject, Subject::Users) && !accounts.has(subject))
        {
            let shown = subject.to_string();
            let (shown, what) = match subject {
                Subject::Group(_) => (Printable::text(&shown), "nobody is in the group"),
                _ => (Printable::text(&shown), "there is no user"),
            };
            log::warn!("--allow: {what} {shown} (the rule holds as soon as there is one)");
        }
    }

    /// Warns of rules that give everybody the right to make links, which only users can use. Presets have it too.
    fn warn_of_share(&self) {
        let is_named = |rule: &&Rule| {
            let rights = rule.rights;
            rights.has(Right::Share) && !rights.has_all(Rights::VIEW.with(Rights::SAVE))
        };
        for rule in self.rules().filter(|rule| rule.subject == Subject::Everyone).filter(is_named) {
            let shown = rule.to_string();
            log::warn!(
                "--allow {}: only users with an account can make links (use users=share)",
                Printable::text(&shown)
            );
        }
    }

    /// Warns if all users or all clients get the right `admin`. The right also opens the trash of all users, which its name does not say.
    pub(super) fn warn_of_admin(&self, allows_exit: bool, has_accounts: bool, keeps_trash: bool) {
        const OPENS: &str = "every user can see, restore and discard what anybody has removed (give admin to a user or a %group)";
        if has_accounts && keeps_trash && allows_exit && !self.is_given() {
            log::warn!("--allow-exit: without --allow, {OPENS}");
        }
        let is_for_all = |rule: &&Rule| {
            matches!(rule.subject, Subject::Everyone | Subject::Users) && rule.rights.has(Right::Admin)
        };
        for rule in self.rules().filter(is_for_all) {
            let shown = rule.to_string();
            let shown = Printable::text(&shown);
            if has_accounts && keeps_trash {
                log::warn!("--allow {shown}: {OPENS}");
            } else if !has_accounts && !allows_exit {
                log::warn!(
                    "--allow {shown}: admin has no effect without accounts (--allow-exit lets it stop the server)"
                );
            }
        }
    }

    /// Warns of rules that have no effect.
    pub(super) fn warn(&self, root: &Path, allows_exit: bool) {
        let paths: BTreeSet<_> = self.rules().map(|rule| &rule.path).collect();
        for path in paths {
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
        self.warn_of_share();
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
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Rule::parse(text).map(Self)
    }
}
