//! Every set of rights, with and without `--read-only`, and every operation: one function computes the expected
//! outcome.

use super::super::*;
use crate::path::SharePath;

/// The principals and paths of the table.
const PRINCIPALS: [Principal; 1] = [Principal::anonymous(None)];
const PATHS: [&str; 4] = ["", "a", "a/b", "a/.hidden"];

/// What a case requests: an operation with its grant, or a right that a gate requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    List,
    Read,
    Write,
    MakeDirectory,
    Gate(Right),
}

const ASKED: [Asked; 6] = [
    Asked::List,
    Asked::Read,
    Asked::Write,
    Asked::MakeDirectory,
    Asked::Gate(Right::Chat),
    Asked::Gate(Right::Admin),
];

/// Whether a grant to write allows new names, and existing ones.
type Writes = (bool, bool);

/// The expected outcome.
fn expected(given: &[Right], is_read_only: bool, asked: Asked) -> Result<Writes, Denied> {
    let has =
        |right| given.contains(&right) && !(is_read_only && matches!(right, Right::Add | Right::Replace));
    let outcome = |any_of: &[Right]| {
        let is_allowed = any_of.iter().any(|right| has(*right));
        if is_allowed { Ok((false, false)) } else { Err(Denied::NoRight(Rights::of(any_of))) }
    };
    match asked {
        Asked::List => outcome(&[Right::List]),
        Asked::Read => outcome(&[Right::Read]),
        Asked::Write | Asked::MakeDirectory if is_read_only => Err(Denied::ReadOnly),
        // The response would show which names are taken.
        Asked::MakeDirectory if !(has(Right::List) || has(Right::Read) || has(Right::Replace)) => {
            Err(Denied::NoRight(Rights::of(&[Right::Add])))
        }
        Asked::MakeDirectory => outcome(&[Right::Add]),
        Asked::Write => {
            outcome(&[Right::Add, Right::Replace]).map(|_| (has(Right::Add), has(Right::Replace)))
        }
        Asked::Gate(right) => outcome(&[right]),
    }
}

/// The actual outcome.
fn outcome(access: &Access, principal: &Principal, path: &SharePath, asked: Asked) -> Result<Writes, Denied> {
    fn is_of<O>(grant: &Grant<'_, O>, path: &SharePath) {
        assert_eq!(grant.path(), path);
    }
    match asked {
        Asked::List => access.check::<ToList>(principal, path).map(|grant| is_of(&grant, path)),
        Asked::Read => access.check::<ToRead>(principal, path).map(|grant| is_of(&grant, path)),
        Asked::Write => {
            return access.check::<ToWrite>(principal, path).map(|grant| {
                is_of(&grant, path);
                (grant.may_add(), grant.may_replace())
            });
        }
        Asked::MakeDirectory => {
            access.check::<ToMakeDirectory>(principal, path).map(|grant| is_of(&grant, path))
        }
        Asked::Gate(right) => access.require(Rights::of(&[right]), principal, path).map(|_| ()),
    }
    .map(|()| (false, false))
}

#[test]
fn each_operation_needs_its_rights() {
    for set in 0..1_u32 << Right::ALL.len() {
        let given: Vec<_> =
            (0..).zip(Right::ALL).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, right)| right).collect();
        for is_read_only in [false, true] {
            let access = Access::new(Rights::of(&given));
            let access = if is_read_only { access.read_only() } else { access };
            let changes =
                [Right::Add, Right::Replace, Right::Remove].iter().any(|right| given.contains(right));
            assert_eq!(access.lets_anyone_change(), changes && !is_read_only, "{given:?}");
            for (principal, path, asked) in cases() {
                let outcome = outcome(&access, &principal, &path, asked);
                let expected = expected(&given, is_read_only, asked);
                let case =
                    format!("{principal:?} with {given:?}, read-only {is_read_only}: {asked:?} {path:?}");
                assert_eq!(outcome, expected, "{case}");
            }
        }
    }
}

fn cases() -> impl Iterator<Item = (Principal, SharePath, Asked)> {
    PRINCIPALS.into_iter().flat_map(|principal| {
        PATHS.into_iter().flat_map(move |path| {
            let path = SharePath::parse(path.as_bytes()).expect("a path");
            let principal = principal.clone();
            ASKED.into_iter().map(move |asked| (principal.clone(), path.clone(), asked))
        })
    })
}

#[test]
fn a_judge_decides_as_the_rules_do_and_its_grants_can_be_kept() {
    let path = SharePath::parse(b"a").expect("a path");
    let judge = Access::new(Rights::VIEW.with(Rights::of(&[Right::Add]))).judge(&Principal::anonymous(None));
    let kept = judge.check::<ToWrite>(&path).expect("it may add").into_owned();
    assert_eq!((kept.path(), kept.may_add(), kept.may_replace()), (&path, true, false));
    let judge = Access::new(Rights::SAVE).judge(&Principal::anonymous(None));
    assert_eq!(judge.check::<ToRead>(&path).map(|_| ()), Err(Denied::NoRight(Rights::of(&[Right::Read]))));
}

#[test]
fn rights_have_names() {
    assert_eq!(Rights::SAVE.to_string(), "add or replace");
    assert_eq!(format!("{:?}", Rights::VIEW), "Rights(list or read)");
    assert!(Rights::VIEW.with(Rights::SAVE).has_all(Rights::SAVE) && !Rights::VIEW.has_all(Rights::SAVE));
}

/// A whole directory is moved, replaced or filled only if no rule below it takes the necessary right away.
#[test]
fn rules_below_a_directory_count() {
    let path = |text: &str| SharePath::parse(text.as_bytes()).expect("a path");
    let rule = |rights, text: &str| Rule { subject: Subject::Everyone, rights, path: path(text), from: None };
    let access = Access::by_rules([
        rule(Rights::EDIT, ""),
        rule(Rights::VIEW, "a/b/view"),
        rule(Rights::WRITE, "c/write"),
        rule(Rights::EDIT, "d/edit"),
    ]);
    let judge = access.judge(&Principal::anonymous(None));
    for (text, may_remove, may_add) in [
        ("a", false, false),
        ("a/b", false, false),
        ("a/b/other", true, true),
        ("a/b/vie", true, true),
        ("c", false, true),
        ("d", true, true),
        ("d/edit", true, true),
        ("", false, false),
    ] {
        let path = path(text);
        let from = judge.check::<ToRemove>(&path).expect("everybody may");
        assert_eq!(from.may_remove_below(&path).is_ok(), may_remove, "{text}");
        let to = judge.check::<ToWrite>(&path).expect("everybody may");
        assert_eq!(to.may_add_below(&path).is_ok(), may_add, "{text}");
        assert_eq!(to.may_replace_directory(&path).is_ok(), may_remove, "{text}");
    }
    let view = path("c/write");
    let to = judge.check::<ToWrite>(&view).expect("everybody may");
    assert!(to.may_replace_directory(&view).is_err(), "the right itself is missing");
}
