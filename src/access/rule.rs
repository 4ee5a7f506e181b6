//! A rule: who may do what below a path.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::principal::Principal;
use super::right::Rights;
use super::rule_error::RuleError;
use super::subject::Subject;
use crate::network::Network;
use crate::path::SharePath;

/// Gives a subject rights at a path and below it, until a rule for a deeper path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The principals that it applies to.
    pub subject: Subject,
    /// The rights. [`Rights::NONE`] stands for `none`, which overrides other rules for the same path and kind of
    /// subject.
    pub rights: Rights,
    /// The path.
    pub path: SharePath,
    /// The clients that it applies to; `None` for all.
    pub from: Option<ClientScope>,
}

/// The location of clients that a rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientScope {
    /// At an address in this network. A program on a Unix-domain socket has no address.
    Network(Network),
    /// On the server's machine: at a loopback address or on a Unix-domain socket.
    ThisMachine,
}

impl ClientScope {
    /// Whether a client at this address is included; `None` is a program on a Unix-domain socket.
    fn includes(self, address: Option<IpAddr>) -> bool {
        match self {
            Self::Network(network) => address.is_some_and(|address| network.contains(address)),
            Self::ThisMachine => address.is_none_or(|address| address.to_canonical().is_loopback()),
        }
    }
}

impl Rule {
    /// Parses `SUBJECT=RIGHTS[@PATH][ from CIDR]`. Several subjects, separated by commas, make several rules.
    pub fn parse(text: &str) -> Result<Vec<Self>, RuleError> {
        let (subjects, rest) = text.split_once('=').ok_or(RuleError::Form)?;
        let (rest, from) = match rest.rsplit_once(" from ") {
            Some((_, network)) if network.contains('@') => return Err(RuleError::PathAfterFrom),
            Some((rest, network)) => {
                (rest, Some(ClientScope::Network(network.parse().map_err(RuleError::From)?)))
            }
            None => (rest, None),
        };
        let (rights, path) = rest.split_once('@').unwrap_or((rest, ""));
        let rights: Rights = rights.parse()?;
        let path = SharePath::parse(path.as_bytes()).map_err(RuleError::Path)?;
        if !path.is_root() && rights.has_any(Rights::OF_SERVER) {
            return Err(RuleError::NotByPath);
        }
        let rule =
            |subject| Ok(Self { subject: Subject::from_str(subject)?, rights, path: path.clone(), from });
        subjects.split(',').map(rule).collect()
    }

    /// Whether the rule applies to this principal.
    pub(super) fn matches(&self, principal: &Principal) -> bool {
        let includes_client = |scope: ClientScope| scope.includes(principal.address());
        self.subject.includes(principal) && self.from.is_none_or(includes_client)
    }
}

/// The shortest form that [`Rule::parse`] accepts. A rule that no flag can express is described in words.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.subject, self.rights.short())?;
        if !self.path.is_root() {
            write!(f, "@/{}", self.path.display())?;
        }
        self.from.map_or(Ok(()), |from| write!(f, " from {from}"))
    }
}

impl fmt::Display for ClientScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::ThisMachine => f.write_str("this machine"),
        }
    }
}

/// Presets and rights separated by commas, or `none`.
impl FromStr for Rights {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        text.split(',').try_fold(Self::NONE, |rights, name| match (name, Self::named(name)) {
            (_, Some(named)) => Ok(rights.with(named)),
            ("none", None) => Err(RuleError::NoneAndMore),
            (_, None) => Err(RuleError::Right(name.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Right;

    fn network(text: &str) -> ClientScope {
        ClientScope::Network(text.parse().expect("a network"))
    }

    #[test]
    fn rules_are_parsed() {
        let view = Rights::VIEW;
        let add = Rights::of(&[Right::Add]);
        let table: [(&str, &[Subject], Rights, &str, Option<ClientScope>); 10] = [
            ("everyone=view", &[Subject::Everyone], view, "", None),
            ("everyone=view@/", &[Subject::Everyone], view, "", None),
            ("everyone=none@/private/", &[Subject::Everyone], Rights::NONE, "private", None),
            ("everyone=drop@in box/a", &[Subject::Everyone], add, "in box/a", None),
            ("everyone=drop,read,list", &[Subject::Everyone], view.with(add), "", None),
            (
                "everyone=view,chat from 10.0.0.0/8",
                &[Subject::Everyone],
                view.with(Rights::CHAT),
                "",
                Some(network("10.0.0.0/8")),
            ),
            (
                "everyone=view@/a from b from ::1",
                &[Subject::Everyone],
                view,
                "a from b",
                Some(network("::1")),
            ),
            ("everyone=read@a=b@c", &[Subject::Everyone], Rights::of(&[Right::Read]), "a=b@c", None),
            ("users=write", &[Subject::Users], view.with(Rights::SAVE).with(Rights::SHARE), "", None),
            (
                "anna,%staff,users=admin",
                &[Subject::User("anna".into()), Subject::Group("staff".into()), Subject::Users],
                Rights::ADMIN,
                "",
                None,
            ),
        ];
        for (text, subjects, rights, path, from) in table {
            let path = SharePath::parse(path.as_bytes()).expect("a path");
            let expected: Vec<_> = subjects
                .iter()
                .map(|subject| Rule { subject: subject.clone(), rights, path: path.clone(), from })
                .collect();
            assert_eq!(Rule::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_rules_are_refused() {
        let right = |text: &str| RuleError::Right(text.into());
        let subject = |text: &str| RuleError::Subject(text.into());
        let table = [
            ("", RuleError::Form),
            ("everyone", RuleError::Form),
            ("users=view from 10.0.0.0/8@/work", RuleError::PathAfterFrom),
            ("=view", subject("")),
            ("everyone,=view", subject("")),
            ("%=view", subject("%")),
            ("a b=view", subject("a b")),
            ("a:b=view", subject("a:b")),
            ("a\u{7}=view", subject("a\u{7}")),
            ("everyone=", right("")),
            ("everyone=view,", right("")),
            ("everyone=View", right("View")),
            ("everyone= view", right(" view")),
            ("everyone=delete", right("delete")),
            ("everyone=none,read", RuleError::NoneAndMore),
            ("everyone=read,none", RuleError::NoneAndMore),
            ("everyone=view@../a", RuleError::Path(crate::path::PathError::DotSegment)),
            ("everyone=view@/a/./b", RuleError::Path(crate::path::PathError::DotSegment)),
            ("everyone=chat@/a", RuleError::NotByPath),
            ("everyone=view,admin@/a", RuleError::NotByPath),
        ];
        for (text, error) in table {
            assert_eq!(Rule::parse(text), Err(error), "{text}");
        }
        for text in ["everyone=view from ", "everyone=view from me", "everyone=view@/a from 10.0.0.0/33"] {
            assert!(matches!(Rule::parse(text), Err(RuleError::From(_))), "{text}");
        }
    }

    #[test]
    fn rights_are_listed_as_they_are_parsed() {
        for text in ["none", "read", "list,read", "list,read,add,replace,chat,admin"] {
            assert_eq!(text.parse::<Rights>().expect("rights").list(), text);
        }
    }

    #[test]
    fn rules_are_written_as_they_are_parsed() {
        for text in [
            "everyone=view",
            "users=edit,chat",
            "%staff=drop@/in box",
            "anna=none@/a/b from 10.0.0.0/8",
            "everyone=write,chat,admin from ::1/128",
            "everyone=view,add,chat",
            "everyone=list",
            "everyone=drop,chat",
        ] {
            let rules = Rule::parse(text).expect("a rule");
            assert_eq!(rules.iter().map(Rule::to_string).collect::<Vec<_>>(), [text]);
        }
    }

    #[test]
    fn loopback_addresses_and_unix_sockets_are_on_this_machine() {
        let table = [
            (None, true),
            (Some("127.0.0.1"), true),
            (Some("127.9.9.9"), true),
            (Some("::1"), true),
            (Some("::ffff:127.0.0.1"), true),
            (Some("192.0.2.1"), false),
            (Some("0.0.0.0"), false),
            (Some("::ffff:192.0.2.1"), false),
            (Some("fe80::1"), false),
        ];
        for (address, expected) in table {
            let address = address.map(|text| text.parse().expect("an address"));
            assert_eq!(ClientScope::ThisMachine.includes(address), expected, "{address:?}");
        }
    }

    #[test]
    fn subjects_are_written_as_they_are_parsed() {
        for text in ["everyone", "users", "anna", "%staff"] {
            assert_eq!(text.parse::<Subject>().expect("a subject").to_string(), text);
        }
    }
}
