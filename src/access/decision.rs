//! The decision: the rights of a principal at a path.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use super::denied::Denied;
use super::principal::Principal;
use super::right::{Right, Rights};
use super::rule::{ClientScope, Rule};
use super::subject::Subject;
use crate::path::SharePath;

/// The rights of everybody in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The deepest path first; for the same path, the most specific kind of subject first.
    rules: Arc<[Rule]>,
    /// Rights that nobody has, whatever the rules say.
    withheld: Rights,
    is_read_only: bool,
    /// Whether a refused path looks absent.
    hides: bool,
    depends_on_path: bool,
    /// The only rule, if it holds everywhere. Then no search for a rule is needed.
    everywhere: Option<OnlyRule>,
}

/// A rule that holds everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnlyRule {
    /// Everybody has these rights.
    Everyone(Rights),
    /// Everybody with an account has these rights.
    Users(Rights),
}

/// The rights of one principal: for operations that outlive a request, and for walks, which leave out what the
/// principal may not see.
#[derive(Clone, Debug)]
pub struct Judge {
    access: Access,
    principal: Principal,
}

impl Access {
    /// Everyone has these rights, everywhere. A refusal says which right is missing.
    pub fn new(everyone: Rights) -> Self {
        Self::with_more_on_this_machine(everyone, Rights::NONE)
    }

    /// Like [`Access::new`], but programs on the server's machine have the rights `more` too.
    pub fn with_more_on_this_machine(everyone: Rights, more: Rights) -> Self {
        let rule = |rights, from| Rule { subject: Subject::Everyone, rights, path: SharePath::root(), from };
        let here = (!everyone.has_all(more)).then(|| rule(more, Some(ClientScope::ThisMachine)));
        let rules = [rule(everyone, None)].into_iter().chain(here);
        Self { hides: false, ..Self::by_rules(rules) }
    }

    /// Nobody has a right that none of these rules gives. A refused path looks absent, so that nobody learns
    /// what exists where they have no rights.
    pub fn by_rules(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::by_list(rules.into_iter().collect())
    }

    fn by_list(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| (Reverse(rule.path.as_bytes().len()), rule.subject.kind()));
        let depends_on_path = rules.iter().any(|rule| !rule.path.is_root());
        let everywhere = match &*rules {
            [Rule { subject: Subject::Everyone, rights, path, from: None }]
                if path.is_root() && !rights.has_any(Rights::SHARE) =>
            {
                Some(OnlyRule::Everyone(*rights))
            }
            [Rule { subject: Subject::Users, rights, path, from: None }] if path.is_root() => {
                Some(OnlyRule::Users(*rights))
            }
            _ => None,
        };
        Self {
            rules: rules.into(),
            withheld: Rights::NONE,
            is_read_only: false,
            hides: true,
            depends_on_path,
            everywhere,
        }
    }

    /// Nobody has these rights, whatever the rules say.
    #[must_use]
    pub fn withholding(self, rights: Rights) -> Self {
        Self { withheld: self.withheld.with(rights), ..self }
    }

    /// Nobody may change anything, whatever the rules say.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { is_read_only: true, ..self.withholding(Rights::CHANGE) }
    }

    /// The rights that this principal has at this path. Access is decided only here; the methods below call this one.
    ///
    /// The closest folder with a rule for the principal decides, by its rules for the most specific kind of
    /// subject. Several rules of that kind add up, unless one of them gives nothing.
    #[inline]
    pub fn rights(&self, principal: &Principal, path: &SharePath) -> Rights {
        let given = match self.everywhere {
            Some(OnlyRule::Everyone(rights)) => rights,
            Some(OnlyRule::Users(rights)) if principal.user().is_some() => rights,
            Some(OnlyRule::Users(_)) => Rights::NONE,
            None => self.decide(principal, path, |_| {}),
        };
        let given = given.without(self.withheld);
        match principal.scope() {
            None => given,
            Some(scope) if path.is_below(&scope.path) => given.and(scope.rights),
            Some(_) => Rights::NONE,
        }
    }

    /// The rights that the rules give; each rule that decides is passed to the callback. Kept out of line, as most
    /// servers have only one rule.
    #[inline(never)]
    pub(super) fn decide<'r>(
        &'r self,
        principal: &Principal,
        path: &SharePath,
        mut decides: impl FnMut(&'r Rule),
    ) -> Rights {
        let mut matching =
            self.rules.iter().filter(|rule| path.is_below(&rule.path) && rule.matches(principal));
        let Some(first) = matching.next() else { return Rights::NONE };
        decides(first);
        let not_without_user = if principal.user().is_none() { Rights::SHARE } else { Rights::NONE };
        let is_beside = |rule: &&Rule| rule.path == first.path && rule.subject.kind() == first.subject.kind();
        let mut given = first.rights;
        for rule in matching.take_while(is_beside) {
            decides(rule);
            let is_none = given == Rights::NONE || rule.rights == Rights::NONE;
            given = if is_none { Rights::NONE } else { given.with(rule.rights) };
        }
        given.without(not_without_user)
    }

    /// Fails if the principal has none of these rights at this path; otherwise returns all rights that the principal
    /// has there.
    pub fn require(&self, any_of: Rights, principal: &Principal, path: &SharePath) -> Result<Rights, Denied> {
        let rights = self.rights(principal, path);
        if rights.has_any(any_of) {
            Ok(rights)
        } else {
            Err(self.denied(any_of, |rights: Rights| rights.has_any(any_of), principal, path))
        }
    }

    /// The refusal of an operation that needs any of these rights at this path; `allows` says which rights
    /// would suffice. It depends on the rules alone, not on what exists.
    pub(super) fn denied(
        &self,
        any_of: Rights,
        allows: impl Fn(Rights) -> bool,
        principal: &Principal,
        path: &SharePath,
    ) -> Denied {
        if self.is_read_only && Rights::CHANGE.has_all(any_of) {
            Denied::ReadOnly
        } else if !self.hides {
            Denied::NoRight(any_of)
        } else if principal.user().is_none() && self.lets_a_user(allows, principal.address(), path) {
            Denied::Unauthenticated
        } else if any_of.has_any(Rights::OF_SERVER)
            || self.shows_neighbours(principal, path)
            || opened_link_to(principal, path)
        {
            Denied::NoRight(any_of)
        } else {
            Denied::Hidden
        }
    }

    /// Whether any user at this address could have sufficient rights there, by a rule that matches only
    /// users.
    fn lets_a_user(
        &self,
        allows: impl Fn(Rights) -> bool,
        address: Option<IpAddr>,
        path: &SharePath,
    ) -> bool {
        let examples = self.rules.iter().filter_map(|rule| rule.subject.example());
        examples
            .map(|user| Principal::of_user(Arc::new(user), address))
            .any(|user| allows(self.rights(&user, path)))
    }

    /// Whether the principal is a user who may list the parent directory: then a refusal names the missing
    /// right.
    fn shows_neighbours(&self, principal: &Principal, path: &SharePath) -> bool {
        let parent = path.parent().unwrap_or_default();
        principal.user().is_some() && self.rights(principal, &parent).has(Right::List)
    }

    /// The rules, in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rights that nobody has, whatever the rules say.
    pub fn withheld(&self) -> Rights {
        self.withheld
    }

    /// Whether any rule lets anybody add, replace or remove files.
    pub fn lets_anyone_change(&self) -> bool {
        self.rules.iter().any(|rule| rule.rights.without(self.withheld).has_any(Rights::CHANGE))
    }

    /// Whether any rule lets clients without an account add, replace or remove files.
    pub fn lets_everyone_change(&self) -> bool {
        let changes = |rule: &Rule| rule.rights.without(self.withheld).has_any(Rights::CHANGE);
        self.rules.iter().any(|rule| rule.subject == Subject::Everyone && changes(rule))
    }

    /// The decisions for this principal alone.
    pub fn judge(&self, principal: &Principal) -> Judge {
        Judge { access: self.clone(), principal: principal.clone() }
    }

    /// Whether what a client may see can depend on its address. The additional rights of programs on this
    /// machine ([`Access::with_more_on_this_machine`]) do not count: they only allow changing files.
    pub fn depends_on_address(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.from, Some(ClientScope::Network(_))))
    }

    /// Whether rights may differ between users at this path or below it.
    pub fn depends_on_user(&self, path: &SharePath) -> bool {
        self.rules.iter().any(|rule| {
            rule.subject != Subject::Everyone && (path.is_below(&rule.path) || rule.path.is_below(path))
        })
    }

    /// Whether rights may differ between paths. If so, a file reached through a link needs them at both
    /// paths.
    pub fn depends_on_path(&self) -> bool {
        self.depends_on_path
    }

    /// Whether this principal's rights may differ between paths.
    pub(super) fn depends_on_path_for(&self, principal: &Principal) -> bool {
        self.depends_on_path || principal.scope().is_some_and(|scope| !scope.path.is_root())
    }
}

/// Whether the principal has opened a link to this path. If so, a refusal says that the link does not give the right.
fn opened_link_to(principal: &Principal, path: &SharePath) -> bool {
    principal.scope().is_some_and(|scope| scope.link.is_some() && path.is_below(&scope.path))
}

impl Judge {
    /// Like [`Access::rights`], for the principal.
    pub(super) fn rights(&self, path: &SharePath) -> Rights {
        self.access.rights(&self.principal, path)
    }

    /// Whether the principal may continue what this owner began: see [`Principal::owner`].
    pub fn is_owner(&self, owner: &str) -> bool {
        self.principal.is_owner(owner)
    }

    /// The paths at which rights may change: the paths of the rules, deepest first, then the path of the principal's
    /// scope.
    pub(super) fn rule_paths(&self) -> impl Iterator<Item = &SharePath> {
        let scope = self.principal.scope().map(|scope| &scope.path);
        self.access.rules.iter().map(|rule| &rule.path).chain(scope)
    }

    /// Like [`Access::denied`], for the principal.
    pub(super) fn denied(&self, any_of: Rights, allows: impl Fn(Rights) -> bool, path: &SharePath) -> Denied {
        self.access.denied(any_of, allows, &self.principal, path)
    }

    /// The rules and the principal.
    pub(super) fn parts(&self) -> (&Access, &Principal) {
        (&self.access, &self.principal)
    }
}
