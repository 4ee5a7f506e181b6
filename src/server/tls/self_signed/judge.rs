//! Decides whether a self-signed certificate is kept. It reads no clock.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::facts::OwnCertificate;
use super::names::{CertificateName, WantedNames, each_once};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a certificate is valid. Some clients refuse a certificate that is valid for more than 398 days.
pub(super) const LIFETIME: Duration = DAY.saturating_mul(397);

/// How long before its expiry it is replaced, so that people have time to trust the new one.
const RENEWAL: Duration = DAY.saturating_mul(30);

/// How many names a new certificate keeps from the previous one. Two servers that share the certificate replace it in
/// turn only if each has more names of its own than this.
const MOST_KEPT: usize = 64;

/// What to do with the certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Keep,
    /// Make a certificate for these names.
    Make(Vec<CertificateName>, Reason),
}

/// Why a certificate is made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// There is no certificate.
    Missing,
    /// It expires soon, or has expired.
    Ends(SystemTime),
    /// It lacks these names.
    Lacks(Vec<CertificateName>),
}

/// Decides about the existing certificate, if there is one.
///
/// A new certificate keeps the names of the previous one, unless the previous one expires. So two servers that share a
/// certificate do not replace it in turn, and a machine that changes between two networks has one certificate for both.
/// A certificate that is not valid yet is kept: a machine whose clock is not set yet must not replace it.
pub(super) fn judge(found: Option<&OwnCertificate>, wanted: &WantedNames, now: SystemTime) -> Judgement {
    let all = wanted.needed.iter().chain(&wanted.useful).cloned();
    let Some(found) = found else { return Judgement::Make(each_once(all), Reason::Missing) };
    if found.not_after < now + RENEWAL {
        return Judgement::Make(each_once(all), Reason::Ends(found.not_after));
    }
    let lacking: Vec<_> = wanted.needed.iter().filter(|name| !found.names.contains(name)).cloned().collect();
    if lacking.is_empty() {
        return Judgement::Keep;
    }
    let all: Vec<_> = all.collect();
    let kept: Vec<_> =
        found.names.iter().filter(|name| !all.contains(name)).take(MOST_KEPT).cloned().collect();
    let names = each_once(all.into_iter().chain(kept));
    Judgement::Make(names, Reason::Lacks(lacking))
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none"),
            Self::Ends(time) => write!(f, "the old one ends on {}", humantime::format_rfc3339_seconds(*time)),
            Self::Lacks(names) => write!(f, "the old one is not for {}", listed(names)),
        }
    }
}

/// Names, for a message.
pub(super) fn listed(names: &[CertificateName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn names(text: &str) -> Vec<CertificateName> {
        let name =
            |name: &str| name.parse().map_or(CertificateName::Dns(name.to_owned()), CertificateName::Ip);
        text.split_whitespace().map(name).collect()
    }

    fn certificate(text: &str, days: u32) -> OwnCertificate {
        OwnCertificate { names: names(text), not_after: UNIX_EPOCH + DAY * days, fingerprint: [0; 32].into() }
    }

    #[test]
    fn a_certificate_is_kept_while_it_covers_all_names_for_a_month() {
        let ends = |days| Reason::Ends(UNIX_EPOCH + DAY * days);
        let lacks = |text| Reason::Lacks(names(text));
        let table = [
            ("none", None, "a", "b", 0, Some(("a b", Reason::Missing))),
            ("all is covered", Some(certificate("a b", 60)), "a", "b", 0, None),
            ("what is only useful is missing", Some(certificate("a", 60)), "a", "b", 0, None),
            ("more is covered", Some(certificate("c a", 60)), "a", "", 0, None),
            ("a month is left", Some(certificate("a", 60)), "a", "", 30, None),
            ("less is left", Some(certificate("a", 60)), "a", "b", 31, Some(("a b", ends(60)))),
            ("it has ended", Some(certificate("a", 60)), "a", "", 1000, Some(("a", ends(60)))),
            ("earlier names end with it", Some(certificate("c a", 60)), "a", "", 31, Some(("a", ends(60)))),
            ("a name is new", Some(certificate("a", 60)), "a d", "b", 0, Some(("a d b", lacks("d")))),
            ("earlier names stay", Some(certificate("c b", 60)), "a", "b", 0, Some(("a b c", lacks("a")))),
            (
                "an address is new",
                Some(certificate("::1 a", 60)),
                "a 192.0.2.1",
                "",
                0,
                Some(("a 192.0.2.1 ::1", lacks("192.0.2.1"))),
            ),
        ];
        for (name, found, needed, useful, day, expected) in table {
            let wanted = WantedNames { needed: names(needed), useful: names(useful) };
            let expected =
                expected.map_or(Judgement::Keep, |(all, reason)| Judgement::Make(names(all), reason));
            assert_eq!(judge(found.as_ref(), &wanted, UNIX_EPOCH + DAY * day), expected, "{name}");
        }
    }

    #[test]
    fn earlier_names_are_few() {
        let many = |letter: char, count: u32| {
            (0..count).map(|n| CertificateName::Dns(format!("{letter}{n}"))).collect::<Vec<_>>()
        };
        for (wanted, kept, expected) in [(1, 100, 65), (100, 100, 164), (60, 2, 62)] {
            let wanted = WantedNames { needed: many('w', wanted), useful: Vec::new() };
            let found = OwnCertificate { names: many('k', kept), ..certificate("", 60) };
            let Judgement::Make(made, _) = judge(Some(&found), &wanted, UNIX_EPOCH) else { panic!("kept") };
            assert_eq!(made.len(), expected);
            assert!(wanted.needed.iter().all(|name| made.contains(name)));
        }
    }

    #[test]
    fn two_servers_with_one_certificate_agree() {
        let servers = ["a b", "a c"].map(|text| WantedNames { needed: names(text), useful: Vec::new() });
        let mut current = None;
        for wanted in servers.iter().cycle().take(3) {
            if let Judgement::Make(names, _) = judge(current.as_ref(), wanted, UNIX_EPOCH) {
                current = Some(OwnCertificate { names, ..certificate("", 60) });
            }
        }
        for wanted in &servers {
            assert_eq!(judge(current.as_ref(), wanted, UNIX_EPOCH), Judgement::Keep);
        }
    }
}
