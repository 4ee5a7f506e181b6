//! Principals × paths × sets of rules: the expected rights come from a second, independent implementation.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::*;
use crate::path::SharePath;

/// The rules: each set of up to three is tried, in each order.
const RULES: [&str; 16] = [
    "everyone=view",
    "everyone=none",
    "everyone=add from 127.0.0.2",
    "everyone=write@a",
    "everyone=none@a",
    "everyone=read@a/b",
    "everyone=none@a/b from 127.0.0.0/8",
    "users=view,chat",
    "users=none@a",
    "users=write@a/b",
    "%staff=replace@a",
    "%night=none@a",
    "%staff=none from 127.0.0.2",
    "anna=list",
    "anna=read@a",
    "anna=none@a/b",
];

const PATHS: [&str; 7] = ["", "a", "a/b", "a/b/c", "ab", "a/bc", "A"];

fn principals() -> Vec<Principal> {
    let user = |name: &str, groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Arc::new(User { name: name.to_owned(), groups })
    };
    let [one, two]: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
    let users = [user("anna", &["staff"]), user("ben", &["staff", "night"]), user("staff", &[])];
    let known = users.into_iter().flat_map(|user| {
        [None, Some(one), Some(two)].map(|address| Principal::of_user(Arc::clone(&user), address))
    });
    [None, Some(one), Some(two)].map(Principal::anonymous).into_iter().chain(known).collect()
}

/// The expected rights: checks each folder from the path upwards, and in it each kind of subject.
fn expected(rules: &[Rule], principal: &Principal, path: &SharePath) -> Rights {
    let mut folder = Some(path.clone());
    while let Some(here) = folder {
        for kind in 0..4 {
            let of_kind = |rule: &&Rule| match (&rule.subject, principal.user()) {
                (Subject::User(name), Some(user)) => kind == 0 && user.name == *name,
                (Subject::Group(name), Some(user)) => {
                    kind == 1 && user.groups.iter().any(|group| group == name)
                }
                (Subject::Users, Some(_)) => kind == 2,
                (Subject::Everyone, _) => kind == 3,
                (_, None) => false,
            };
            let is_from = |rule: &&Rule| match (rule.from, principal.address()) {
                (None, _) => true,
                (Some(ClientScope::Network(network)), Some(address)) => network.contains(address),
                (Some(ClientScope::Network(_)), None) => false,
                (Some(ClientScope::ThisMachine), address) => address.is_none_or(|it| it.is_loopback()),
            };
            let given: Vec<_> =
                rules.iter().filter(|rule| rule.path == here).filter(of_kind).filter(is_from).collect();
            if given.iter().any(|rule| rule.rights == Rights::NONE) {
                return Rights::NONE;
            }
            if !given.is_empty() {
                let all = given.iter().fold(Rights::NONE, |all, rule| all.with(rule.rights));
                return if principal.user().is_some() { all } else { all.without(Rights::SHARE) };
            }
        }
        folder = here.parent();
    }
    Rights::NONE
}

#[test]
fn the_closest_folder_and_the_most_specific_subject_decide() {
    let rules: Vec<Rule> = RULES.iter().flat_map(|text| Rule::parse(text).expect("a rule")).collect();
    let (principals, all) = (principals(), 0..rules.len());
    let paths = PATHS.map(|path| SharePath::parse(path.as_bytes()).expect("a path"));
    let sets = all.clone().flat_map(|one| {
        let (rules, all) = (&rules, all.clone());
        all.clone().flat_map(move |two| {
            all.clone().map(move |three| [one, two, three].map(|index| rules[index].clone()))
        })
    });
    for set in sets {
        let access = Access::by_rules(set.clone());
        for (principal, path) in
            principals.iter().flat_map(|principal| paths.iter().map(move |path| (principal, path)))
        {
            let (rights, expected) = (access.rights(principal, path), expected(&set, principal, path));
            assert_eq!(rights, expected, "{principal:?} at {path:?} by {set:?}");
        }
    }
}

/// The explanation agrees with the decision: the principal has a right exactly if the explanation names a rule that
/// gives it.
#[test]
fn an_explanation_names_what_decides() {
    let all: Vec<Rule> = RULES.iter().flat_map(|text| Rule::parse(text).expect("a rule")).collect();
    let paths = PATHS.map(|path| SharePath::parse(path.as_bytes()).expect("a path"));
    let sets = all.iter().flat_map(|one| all.iter().map(move |two| [one.clone(), two.clone()]));
    let (principals, root) = (principals(), SharePath::root());
    for access in sets.map(Access::by_rules).flat_map(|access| [access.clone().read_only(), access]) {
        for (principal, path, right) in principals.iter().flat_map(|principal| {
            paths.iter().flat_map(move |path| Right::ALL.map(|right| (principal, path, right)))
        }) {
            let (has, why) = access.explain(principal, path, right);
            let path = if Rights::OF_SERVER.has(right) { &root } else { path };
            let case = format!("{right:?} of {principal:?} at {path:?} by {access:?}: {why:?}");
            assert_eq!(has, access.rights(principal, path).has(right), "{case}");
            let holds = |rule: &Rule| path.is_below(&rule.path) && rule.matches(principal);
            match why {
                Explanation::Given(rule) => {
                    assert!(has && holds(rule) && rule.rights.has(right), "{case}");
                }
                Explanation::None(rule) => {
                    assert!(!has && holds(rule) && rule.rights == Rights::NONE, "{case}");
                }
                Explanation::NotGiven(rules) => {
                    let lacks = |rule: &&Rule| holds(rule) && !rule.rights.has(right);
                    assert!(!has && !rules.is_empty() && rules.iter().all(lacks), "{case}");
                }
                Explanation::NoRule => assert!(!has && !access.rules().iter().any(holds), "{case}"),
                Explanation::NeedsAccount => {
                    assert!(!has && right == Right::Share && principal.user().is_none(), "{case}");
                }
                Explanation::Withheld => assert!(!has && access.withheld().has(right), "{case}"),
            }
        }
    }
}

#[test]
fn programs_on_this_machine_may_have_more_rights() {
    let (view, all) = (Rights::VIEW, Rights::VIEW.with(Rights::SAVE));
    let root = SharePath::root();
    let of = |access: &Access, address: Option<&str>| {
        let address = address.map(|text| text.parse().expect("an address"));
        access.rights(&Principal::anonymous(address), &root)
    };
    let access = Access::with_more_on_this_machine(view, Rights::SAVE);
    for (address, expected) in [
        (None, all),
        (Some("127.0.0.1"), all),
        (Some("::1"), all),
        (Some("192.0.2.1"), view),
        (Some("2001:db8::1"), view),
    ] {
        assert_eq!(of(&access, address), expected, "{address:?}");
        assert_eq!(of(&access.clone().read_only(), address), view, "{address:?}");
        assert_eq!(of(&Access::with_more_on_this_machine(view, view), address), view, "{address:?}");
    }
    assert!(!access.depends_on_address(), "everyone sees the same");
    let elsewhere = Principal::anonymous(Some([192, 0, 2, 1].into()));
    let refused = access.require(Rights::SAVE, &elsewhere, &root).map(|_| ());
    assert_eq!(refused, Err(Denied::NoRight(Rights::SAVE)), "it is no secret");
}

#[test]
fn what_flags_withhold_no_rule_gives() {
    let rules = || Rule::parse("everyone=write,chat,admin").expect("a rule");
    let (nobody, root) = (Principal::anonymous(None), SharePath::root());
    let all = Rights::VIEW.with(Rights::SAVE).with(Rights::OF_SERVER);
    let anna = Principal::of_user(Arc::new(User { name: "anna".into(), groups: vec![] }), None);
    assert_eq!(Access::by_rules(rules()).rights(&nobody, &root), all, "without an account, no links");
    assert_eq!(Access::by_rules(rules()).rights(&anna, &root), all.with(Rights::SHARE));
    let withheld = Access::by_rules(rules()).withholding(Rights::CHAT).withholding(Rights::ADMIN);
    assert_eq!(withheld.rights(&nobody, &root), Rights::VIEW.with(Rights::SAVE));
    assert_eq!(withheld.read_only().rights(&nobody, &root), Rights::VIEW);
}

#[test]
fn what_rules_refuse_looks_absent_but_read_only_is_no_secret() {
    let (nobody, path) = (Principal::anonymous(None), SharePath::parse(b"a").expect("a path"));
    let access = Access::by_rules(Rule::parse("everyone=none").expect("a rule"));
    let refused = |access: &Access, any_of| access.require(any_of, &nobody, &path).map(|_| ());
    let table = [
        (Rights::VIEW, Denied::Hidden, Denied::Hidden),
        (Rights::SAVE, Denied::Hidden, Denied::ReadOnly),
        (Rights::CHAT, Denied::NoRight(Rights::CHAT), Denied::NoRight(Rights::CHAT)),
        (Rights::ADMIN, Denied::NoRight(Rights::ADMIN), Denied::NoRight(Rights::ADMIN)),
    ];
    for (any_of, by_rules, when_read_only) in table {
        assert_eq!(refused(&access, any_of), Err(by_rules), "{any_of:?}");
        assert_eq!(refused(&access.clone().read_only(), any_of), Err(when_read_only), "{any_of:?}");
    }
}

/// Access rule 2: what a refusal says.
#[test]
fn a_refusal_says_no_more_than_the_principal_may_know() {
    let rules = [
        "everyone=view",
        "users=view@work",
        "anna=write@work/own",
        "everyone=none@team",
        "users=view@team",
        "everyone=none@work/closed",
        "%staff=view from 10.0.0.0/8",
        "%staff=view@night from 10.0.0.0/8",
    ];
    let access = Access::by_rules(rules.iter().flat_map(|rule| Rule::parse(rule).expect("a rule")));
    let user = |name: &str| Principal::of_user(Arc::new(User { name: name.into(), groups: vec![] }), None);
    let (nobody, anna, ben) = (Principal::anonymous(None), user("anna"), user("ben"));
    let inside = Principal::anonymous(Some([10, 0, 0, 1].into()));
    let save = Denied::NoRight(Rights::SAVE);
    let table = [
        ("a", Rights::VIEW, &nobody, None),
        ("a", Rights::SAVE, &nobody, Some(Denied::Hidden)),
        ("a", Rights::SAVE, &ben, Some(save)),
        ("work/a", Rights::VIEW, &nobody, None),
        ("team", Rights::VIEW, &nobody, Some(Denied::Unauthenticated)),
        ("team/a", Rights::VIEW, &nobody, Some(Denied::Unauthenticated)),
        ("team/a", Rights::SAVE, &nobody, Some(Denied::Hidden)),
        ("team/a", Rights::VIEW, &ben, None),
        ("work/a", Rights::VIEW, &ben, None),
        ("work/own/a", Rights::SAVE, &nobody, Some(Denied::Unauthenticated)),
        ("work/own/a", Rights::SAVE, &anna, None),
        ("work/own", Rights::SAVE, &ben, Some(save)),
        ("work/own/a", Rights::SAVE, &ben, Some(save)),
        ("work/closed", Rights::VIEW, &nobody, Some(Denied::Hidden)),
        ("work/closed", Rights::VIEW, &ben, Some(Denied::NoRight(Rights::VIEW))),
        ("work/closed/a", Rights::VIEW, &ben, Some(Denied::Hidden)),
        ("work/closed/a", Rights::VIEW, &anna, Some(Denied::Hidden)),
        ("night/a", Rights::SAVE, &inside, Some(Denied::Hidden)),
        ("night/a", Rights::CHAT, &anna, Some(Denied::NoRight(Rights::CHAT))),
    ];
    for (path, any_of, principal, expected) in table {
        let path = SharePath::parse(path.as_bytes()).expect("a path");
        let refused = access.require(any_of, principal, &path).err();
        assert_eq!(refused, expected, "{} {any_of:?} {principal:?}", path.display());
    }
}
