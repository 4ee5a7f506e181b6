//! The line at the start that says which clients may do what.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::access::{Access, Principal, Right, Rights, User};
use crate::folder::Rules;
use crate::path::SharePath;

/// Verbs for the rights over files, in the order of the line.
const WITH_FILES: [(Right, &str); 4] =
    [(Right::List, "view"), (Right::Add, "add"), (Right::Replace, "replace"), (Right::Remove, "remove")];

/// Verbs for the other rights.
const BESIDES: [(Right, &str); 2] = [(Right::Chat, "chat"), (Right::Admin, "stop the server")];

/// What sets the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetBy {
    /// The default of a server without accounts.
    Default,
    /// The default of a server without accounts, but `--on-conflict` keeps all files.
    OnConflict,
    /// The default of a server with accounts.
    Accounts,
    /// `--allow`.
    Rules,
}

/// Who may do what, in plain words. With the usual flags, it fits into 80 columns.
pub(super) fn of(access: &Access, set_by: SetBy) -> String {
    let rights = |principal| access.rights(&principal, &SharePath::root());
    let here = rights(Principal::anonymous(None));
    let elsewhere = rights(Principal::anonymous(Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))));
    match set_by {
        SetBy::Accounts => {
            let anybody = Arc::new(User { name: String::new(), groups: Vec::new() });
            let users = rights(Principal::of_user(anybody, None));
            format!("Users may {}. Others may do nothing.", verbs(users))
        }
        SetBy::Default if here == elsewhere => {
            let hint =
                if here.has(Right::Add) && !here.has(Right::Replace) { " (more: --allow)" } else { "" };
            format!("Everyone who can reach it may {}{hint}.", verbs(here))
        }
        SetBy::Default => {
            let more = verbs(here.without(elsewhere));
            format!("Everyone may {}. Only this machine may {more}.", verbs(elsewhere))
        }
        SetBy::OnConflict => format!("Everyone who can reach it may {}.", verbs(here)),
        SetBy::Rules if access.lets_everyone_change() => {
            "The rules of --allow say who may do what; everyone may change some files.".to_owned()
        }
        SetBy::Rules => "The rules of --allow say who may do what.".to_owned(),
    }
}

/// The next line, if there is no trash.
pub(super) fn without_trash(rules: &Rules) -> Option<&'static str> {
    let is_off = rules.trash.is_none() && !rules.read_only;
    is_off.then_some("\nWhat is removed or replaced is gone at once (--trash off).")
}

/// These rights as verbs, as in "view and add files, and chat".
fn verbs(rights: Rights) -> String {
    let of = |names: &[(Right, &'static str)]| {
        let has = |(right, name): &(Right, &'static str)| rights.has(*right).then_some(*name);
        listed(&names.iter().filter_map(has).collect::<Vec<_>>())
    };
    match (of(&WITH_FILES), of(&BESIDES)) {
        (None, None) => "do nothing".to_owned(),
        (Some(files), None) => format!("{files} files"),
        (None, Some(besides)) => besides,
        (Some(files), Some(besides)) => format!("{files} files, and {besides}"),
    }
}

/// The words with commas and `and`; `None` without any.
fn listed(words: &[&str]) -> Option<String> {
    let (last, before) = words.split_last()?;
    Some(if before.is_empty() { (*last).to_owned() } else { format!("{} and {last}", before.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Rule;

    #[test]
    fn rights_in_words() {
        let table = [
            ("none", "do nothing"),
            ("view", "view files"),
            ("view,add,chat", "view and add files, and chat"),
            ("write,chat,admin", "view, add and replace files, and chat and stop the server"),
            ("edit", "view, add, replace and remove files"),
            ("chat", "chat"),
        ];
        for (rights, words) in table {
            assert_eq!(verbs(rights.parse().expect("rights")), words);
        }
    }

    #[test]
    fn who_may_do_what() {
        let rights = |text: &str| text.parse::<Rights>().expect("rights");
        let (view, add, all) =
            (rights("view,chat"), rights("view,add,chat"), rights("view,add,replace,chat"));
        let by = |rule: &str| Access::by_rules(Rule::parse(rule).expect("a rule"));
        let table = [
            (
                Access::new(all),
                SetBy::Default,
                "Everyone who can reach it may view, add and replace files, and chat.",
            ),
            (Access::new(view), SetBy::Default, "Everyone who can reach it may view files, and chat."),
            (
                Access::new(add),
                SetBy::OnConflict,
                "Everyone who can reach it may view and add files, and chat.",
            ),
            (
                Access::new(add),
                SetBy::Default,
                "Everyone who can reach it may view and add files, and chat (more: --allow).",
            ),
            (
                Access::with_more_on_this_machine(add, all),
                SetBy::Default,
                "Everyone may view and add files, and chat. Only this machine may replace files.",
            ),
            (
                by("users=edit,chat"),
                SetBy::Accounts,
                "Users may view, add, replace and remove files, and chat. Others may do nothing.",
            ),
            (by("everyone=view"), SetBy::Rules, "The rules of --allow say who may do what."),
            (
                by("everyone=drop@/in"),
                SetBy::Rules,
                "The rules of --allow say who may do what; everyone may change some files.",
            ),
        ];
        for (access, set_by, line) in table {
            assert_eq!(of(&access, set_by), line);
            assert!(line.len() <= 80, "{line}");
        }
    }
}
