//! The way to the login page, and from there back to where the browser was.

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, percent_encode, utf8_percent_encode,
};

use crate::http::request::Head;
use crate::http::target::Target;
use crate::own_paths::{LOGIN, SEGMENT};
use crate::server::base::Base;

/// The characters that have to be encoded in the value of a query.
const NOT_IN_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How many times a path may be percent-encoded: a proxy decodes it once, and a file may have `%` in its name.
const ENCODED: usize = 3;

/// A path of this server that a login leads to, with its query; without the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginTarget(String);

impl LoginTarget {
    /// Accepts `/` without a second slash, backslash, dot segment or control byte, encoded or not, and
    /// nothing below `/.wharf/`. Browsers take some of the rejected forms for another server's address.
    pub(super) fn parse(text: &str, base: &Base) -> Option<Self> {
        let Ok(Target::Origin(whole)) = Target::parse(text) else { return None };
        if !is_plain(whole.raw().as_bytes()) {
            return None;
        }
        let Target::Origin(below) = base.strip(Target::Origin(whole)) else { return None };
        let path = if below.raw().is_empty() { "/" } else { below.raw() };
        let query = below.query().map(|query| format!("?{query}")).unwrap_or_default();
        is_plain(path.as_bytes()).then(|| Self(format!("{path}{query}")))
    }

    /// The target of this request.
    pub(super) fn of(head: &Head<'_, '_>) -> Option<Self> {
        let target = head.target.path()?;
        let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
        Self::parse(&format!("{}{query}", target.raw()), &Base::default())
    }

    /// The value of `Location`, without the base.
    pub(super) fn location(&self) -> String {
        utf8_percent_encode(&self.0, CONTROLS).to_string()
    }

    /// The value of `next`: the path as the browser sees it.
    pub(super) fn value(&self, base: &Base) -> String {
        base.with(&self.0)
    }

    /// The path of the login page that leads to it, without the base.
    pub(super) fn login(target: Option<&Self>, base: &Base) -> String {
        match target {
            Some(target) => {
                format!("{LOGIN}?next={}", percent_encode(target.value(base).as_bytes(), NOT_IN_VALUE))
            }
            None => LOGIN.to_owned(),
        }
    }
}

/// The root.
impl Default for LoginTarget {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

/// Whether a path means the same to everybody, however often it is decoded.
fn is_plain(path: &[u8]) -> bool {
    let mut path = path.to_vec();
    for _ in 0..=ENCODED {
        let has_control = path.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\');
        let mut segments = path.split(|byte| *byte == b'/');
        let begins_with_slash = segments.next() == Some(b"");
        let mut segments = segments.peekable();
        let is_own = segments.peek().is_some_and(|first| first.eq_ignore_ascii_case(SEGMENT));
        let is_wrong = |segment: &[u8]| matches!(segment, b"." | b"..");
        let has_wrong = segments.any(is_wrong) || path.windows(2).any(|two| two == b"//");
        if has_control || !begins_with_slash || is_own || has_wrong {
            return false;
        }
        let decoded: Vec<u8> = percent_decode(&path).collect();
        if decoded == path {
            return true;
        }
        path = decoded;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base(text: &str) -> Base {
        text.parse().expect("a path")
    }

    #[test]
    fn only_paths_of_this_server_are_accepted() {
        let table = [
            ("/", Some("/")),
            ("/a/b.txt", Some("/a/b.txt")),
            ("/a/?list&sort=-size", Some("/a/?list&sort=-size")),
            ("/a%20b/", Some("/a%20b/")),
            ("/größe", Some("/gr%C3%B6%C3%9Fe")),
            ("/100%25", Some("/100%25")),
            ("/.wharfs/a", Some("/.wharfs/a")),
            ("/a/.wharf", Some("/a/.wharf")),
            ("/a?next=//evil.example", Some("/a?next=//evil.example")),
            ("", None),
            ("a", None),
            ("//evil.example", None),
            ("///evil.example", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("/%2f/evil.example", None),
            ("/%2Fevil.example", None),
            ("/%5cevil.example", None),
            ("/%5Cevil.example", None),
            ("/%255cevil.example", None),
            ("/%252fevil.example", None),
            ("/%2525252525252fevil.example", None),
            ("/a//b", None),
            ("https://evil.example/", None),
            ("https:evil.example", None),
            ("HTTPS://evil.example/", None),
            ("javascript:alert(1)", None),
            ("evil.example:80", None),
            ("*", None),
            ("/.wharf/login", None),
            ("/.wharf/logout", None),
            ("/.wharf", None),
            ("/%2ewharf/exit", None),
            ("/.WHARF/login", None),
            ("/./evil", None),
            ("/..", None),
            ("/a/../b", None),
            ("/a/%2e%2e/b", None),
            ("/a/.%2E/b", None),
            ("/\t/evil.example", None),
            ("/\n/evil.example", None),
            ("/%09/evil.example", None),
            ("/%0d%0aSet-Cookie:x", None),
            ("/a%00", None),
            ("/a%7f", None),
            ("/a b", None),
            ("/a#b", None),
        ];
        for (text, expected) in table {
            let found = LoginTarget::parse(text, &Base::default());
            assert_eq!(found.map(|target| target.location()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_base_is_part_of_the_address_only() {
        let table = [
            ("/files/a", "/a"),
            ("/files/", "/"),
            ("/files", "/"),
            ("/files?list", "/?list"),
            ("/files/files/a", "/files/a"),
            ("/a", "/a"),
        ];
        for (text, expected) in table {
            let found = LoginTarget::parse(text, &base("/files")).expect("a path");
            assert_eq!(found.location(), expected, "{text}");
        }
        for text in ["//files/a", "/files//evil.example", "/files/.wharf/exit", "/files/%2fevil.example"] {
            assert_eq!(LoginTarget::parse(text, &base("/files")), None, "{text}");
        }
        let target = LoginTarget("/a%20b/?list&x=+".to_owned());
        let login = LoginTarget::login(Some(&target), &base("/files"));
        assert_eq!(login, "/.wharf/login?next=/files/a%2520b/%3Flist%26x%3D%2B");
        assert_eq!(LoginTarget::login(None, &base("/files")), "/.wharf/login");
    }

    proptest! {
        #[test]
        fn what_is_accepted_stays_on_this_server(text in "(/|[a-z.%25fFcCeE\\\\?:@\t]){0,12}") {
            if let Some(target) = LoginTarget::parse(&text, &Base::default()) {
                let location = target.location();
                let path = location.split('?').next().unwrap_or_default();
                let decoded = percent_decode(path.as_bytes()).decode_utf8_lossy().into_owned();
                for path in [path, &decoded] {
                    prop_assert!(path.starts_with('/') && !path.contains("//") && !path.contains('\\'), "{text:?}");
                    prop_assert!(path.split('/').all(|segment| !matches!(segment, "." | "..")), "{text:?}");
                }
                let again = LoginTarget::parse(&location, &Base::default());
                prop_assert_eq!(again, Some(target));
            }
        }
    }
}
