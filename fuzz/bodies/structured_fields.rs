//! Structured fields: the two types that are used have exactly the right values, and parameters and spaces around them
//! change nothing.

use wharf::http::resumable::Limits;
use wharf::http::structured::{BareItem, dictionary, item};

/// The input is the value of a field.
pub(crate) fn check(data: &[u8]) {
    let found = item(data);
    let bare: Vec<u8> = trim(data).to_vec();
    if !bare.contains(&b';') {
        match found {
            Some(BareItem::Boolean(value)) => assert_eq!(bare, if value { b"?1" } else { b"?0" }),
            Some(BareItem::Integer(value)) => assert_eq!(integer(&bare), Some(value)),
            Some(BareItem::Other) | None => {
                assert!(integer(&bare).is_none() && !matches!(&*bare, b"?0" | b"?1"));
            }
        }
    }
    if let Some(found) = found {
        assert_eq!(item(&[&bare, &b";a=1; b"[..]].concat()), Some(found), "parameters are ignored");
        assert_eq!(dictionary(&[b"k=", &*bare].concat()), Some(vec![("k", found)]), "it can be a member");
        assert_eq!(item(&[&bare, &b", ?1"[..]].concat()), None, "it cannot be a list");
    }
    let Some(members) = dictionary(data) else { return };
    for (at, (key, _)) in members.iter().enumerate() {
        assert!(members[at + 1..].iter().all(|(other, _)| other != key), "a key occurs once");
    }
    if !members.is_empty() {
        let twice = [data, b", ", trim(data)].concat();
        assert_eq!(dictionary(&twice).as_deref(), Some(&*members), "the last one counts");
    }
    if let Some(limits) = Limits::parse([data].into_iter()) {
        assert_eq!(Limits::parse([limits.to_string().as_bytes()].into_iter()), Some(limits));
    }
}

fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().take_while(|byte| **byte == b' ').count();
    let end = value.iter().rev().take_while(|byte| **byte == b' ').count();
    value.get(start..value.len() - end).unwrap_or_default()
}

/// An Integer without parameters, parsed by a second implementation.
fn integer(value: &[u8]) -> Option<i64> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let is_valid = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let value = std::str::from_utf8(value).ok().filter(|_| is_valid)?;
    value.parse().ok()
}
