//! Parameters of a field value, as clients write them: `form-data; name="a"; filename=b` (RFC 9110 §5.6.6).
//!
//! Two deviations suit existing clients: an unquoted value ends at the next semicolon, whatever it contains;
//! and a backslash in quotes escapes only a quote or a backslash (`"C:\a.txt"`).

/// The rest of a field value, after its first word.
#[derive(Debug, Clone)]
pub(super) struct Parameters<'a> {
    rest: &'a [u8],
}

/// A malformed parameter; nothing after it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoParameter;

/// The first word of a value, without the white space around it, and its parameters.
pub(super) fn split(value: &[u8]) -> (&[u8], Parameters<'_>) {
    let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
    let (word, rest) = value.split_at(end);
    (word.trim_ascii(), Parameters { rest })
}

impl<'a> Parameters<'a> {
    /// The value of the only parameter with this name. Two parameters with this name are an error, because it is
    /// unclear which of them another parser would use. A malformed parameter is an error too.
    pub(super) fn get(&self, wanted: &[u8]) -> Result<Option<Vec<u8>>, NoParameter> {
        let mut found = None;
        for parameter in self.clone() {
            let (name, value) = parameter?;
            if name.eq_ignore_ascii_case(wanted) && found.replace(value).is_some() {
                return Err(NoParameter);
            }
        }
        Ok(found)
    }

    /// The first parameter: its name, its value, and the rest.
    fn parameter(&self) -> Option<(&'a [u8], Vec<u8>, &'a [u8])> {
        let equals = self.rest.iter().position(|byte| b"=; \t\"".contains(byte))?;
        let (name, rest) = self.rest.split_at_checked(equals)?;
        let rest = rest.strip_prefix(b"=")?;
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted)?,
            None => until_semicolon(rest),
        };
        let rest = rest.trim_ascii_start();
        (!name.is_empty() && (rest.is_empty() || rest.starts_with(b";"))).then_some((name, value, rest))
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<(&'a [u8], Vec<u8>), NoParameter>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|byte| !b"; \t".contains(byte))?;
        self.rest = self.rest.get(start..)?;
        let (found, rest) = match self.parameter() {
            Some((name, value, rest)) => (Ok((name, value)), rest),
            None => (Err(NoParameter), &[] as &[u8]),
        };
        self.rest = rest;
        Some(found)
    }
}

/// The unquoted text up to a semicolon or the end, and the rest.
fn until_semicolon(rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let (text, rest) = rest.split_at(rest.iter().position(|&byte| byte == b';').unwrap_or(rest.len()));
    (text.trim_ascii_end().to_vec(), rest)
}

/// The text up to the closing quote, and the rest after it.
fn unquote(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some((text, after)),
            [b'\\', byte @ (b'"' | b'\\'), after @ ..] | [byte, after @ ..] => {
                text.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Expected<'a> = &'a [Result<(&'a [u8], &'a [u8]), NoParameter>];

    #[test]
    fn parameters_in_order() {
        let bad = Err(NoParameter);
        let cases: [(&str, &[u8], Expected<'_>); 14] = [
            ("none", b"x", &[]),
            ("token", b"x;a=b", &[Ok((b"a", b"b"))]),
            ("quoted", b"x; a=\"b; c\" ;d=e", &[Ok((b"a", b"b; c")), Ok((b"d", b"e"))]),
            ("empty ones", b"x;; ;a=b;", &[Ok((b"a", b"b"))]),
            ("unquoted with a space", b"x; a=b c ; d=e", &[Ok((b"a", b"b c")), Ok((b"d", b"e"))]),
            ("escaped quote and backslash", b"x; a=\"\\\"\\\\\"", &[Ok((b"a", b"\"\\"))]),
            ("backslash that escapes nothing", b"x; a=\"C:\\a.txt\"", &[Ok((b"a", b"C:\\a.txt"))]),
            ("empty values", b"x; a=\"\"; b=", &[Ok((b"a", b"")), Ok((b"b", b""))]),
            ("beyond ASCII", b"x; a=\"\xff\"", &[Ok((b"a", b"\xff"))]),
            ("no value", b"x; a; b=c", &[bad]),
            ("no name", b"x; =a", &[bad]),
            ("space before the equals sign", b"x; a =b", &[bad]),
            ("quote left open", b"x; a=b; c=\"d", &[Ok((b"a", b"b")), bad]),
            ("text after the quotes", b"x; a=\"b\"c; d=e", &[bad]),
        ];
        for (name, value, expected) in cases {
            let (word, parameters) = split(value);
            let found: Vec<_> = parameters.collect();
            let found: Vec<_> = found.iter().map(|p| p.as_ref().map(|(n, v)| (*n, v.as_slice()))).collect();
            let expected: Vec<_> = expected.iter().map(Result::as_ref).collect();
            let found: Vec<_> = found.iter().map(|p| p.as_ref().map_err(|e| *e)).collect();
            assert_eq!((word, found), (b"x".as_slice(), expected), "{name}");
        }
    }

    #[test]
    fn one_of_a_name() {
        let (word, parameters) = split(b" form-data ; NAME=a; b=c; b=d");
        assert_eq!(word, b"form-data");
        assert_eq!(parameters.get(b"name"), Ok(Some(b"a".to_vec())));
        assert_eq!(parameters.get(b"x"), Ok(None));
        assert_eq!(parameters.get(b"b"), Err(NoParameter), "two of a name");
    }
}
