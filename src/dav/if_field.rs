//! The field `If` (RFC 4918 §10.4): conditions on the locks and the entity tags of resources.

use std::collections::HashMap;
use std::fmt;

use crate::http::fields::Fields;
use crate::http::validators::EntityTag;

/// How many conditions a request may have. Known clients send up to four.
pub const MAX_CONDITIONS: usize = 64;

/// The conditions of a request. They are met if one of the lists is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfField {
    lists: Vec<List>,
}

/// Conditions that must all be met.
#[derive(Debug, Clone, PartialEq, Eq)]
struct List {
    /// The resource that they are about, as a path or URI; `None` for the target of the request.
    resource: Option<Box<str>>,
    conditions: Vec<Condition>,
}

/// A condition about the state of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    is_negated: bool,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The resource has the lock with this token.
    Token(Box<str>),
    /// The resource has this entity tag: its bytes.
    Tag(Box<[u8]>),
}

/// What is known about a resource.
pub struct ResourceState<'r> {
    /// Its current entity tag, if it is a file.
    pub tag: Option<EntityTag<'r>>,
    /// The tokens of the locks on it.
    pub tokens: Vec<String>,
}

/// Why the field was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfFieldError {
    /// It does not follow the syntax.
    Malformed,
    /// It mixes lists with and without a resource.
    Mixed,
    /// It has more than [`MAX_CONDITIONS`].
    TooMany,
}

impl IfField {
    /// Parses the fields of a request; `None` if it has no conditions.
    pub fn of(fields: Fields<'_, '_>) -> Result<Option<Self>, IfFieldError> {
        let mut conditions = Self::default();
        let mut is_there = false;
        for value in fields.all("If") {
            is_there = true;
            let text = std::str::from_utf8(value).map_err(|_| IfFieldError::Malformed)?;
            conditions.parse(text)?;
        }
        if is_there && conditions.lists.is_empty() {
            return Err(IfFieldError::Malformed);
        }
        let tagged = conditions.lists.iter().filter(|list| list.resource.is_some()).count();
        if tagged != 0 && tagged != conditions.lists.len() {
            return Err(IfFieldError::Mixed);
        }
        Ok(is_there.then_some(conditions))
    }

    /// The tokens that the request submits (§10.4.1), wherever they stand.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().flat_map(|list| &list.conditions).filter_map(|condition| match &condition.state {
            State::Token(token) => Some(&**token),
            State::Tag(_) => None,
        })
    }

    /// Whether they are met. `state` finds the state of a resource, or of the target of the request for `None`.
    /// Resources that the server does not know have no state.
    pub fn are_met<'s>(&self, state: impl Fn(Option<&str>) -> Option<ResourceState<'s>>) -> bool {
        // Several lists may be about one resource. Its state is found once.
        let mut known = HashMap::new();
        self.lists.iter().any(|list| {
            let resource = list.resource.as_deref();
            let found = known.entry(resource).or_insert_with(|| state(resource));
            list.conditions.iter().all(|condition| {
                let holds = found.as_ref().is_some_and(|found| condition.state.holds(found));
                holds != condition.is_negated
            })
        })
    }

    fn parse(&mut self, text: &str) -> Result<(), IfFieldError> {
        let mut rest = Rest(text);
        let mut resource = None;
        while !rest.is_empty() {
            if let Some(uri) = rest.enclosed('<', '>')? {
                resource = Some(uri);
                if !rest.starts_with('(') {
                    return Err(IfFieldError::Malformed);
                }
                continue;
            }
            let conditions = rest.list()?;
            let count: usize = self.lists.iter().map(|list| list.conditions.len()).sum();
            if count + conditions.len() > MAX_CONDITIONS {
                return Err(IfFieldError::TooMany);
            }
            self.lists.push(List { resource: resource.map(Into::into), conditions });
        }
        Ok(())
    }
}

impl State {
    fn holds(&self, resource: &ResourceState<'_>) -> bool {
        match self {
            Self::Token(token) => resource.tokens.iter().any(|its| **its == **token),
            Self::Tag(bytes) => {
                let wanted = EntityTag::parse(bytes);
                wanted.zip(resource.tag.as_ref()).is_some_and(|(wanted, tag)| wanted.strongly_matches(tag))
            }
        }
    }
}

/// What has not been parsed yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn is_empty(&mut self) -> bool {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self.0.is_empty()
    }

    fn starts_with(&mut self, char: char) -> bool {
        !self.is_empty() && self.0.starts_with(char)
    }

    /// What stands between these two characters, if the first one is next.
    fn enclosed(&mut self, start: char, end: char) -> Result<Option<&'t str>, IfFieldError> {
        if !self.starts_with(start) {
            return Ok(None);
        }
        let (inner, rest) = self.0[1..].split_once(end).ok_or(IfFieldError::Malformed)?;
        if inner.is_empty() || inner.contains([' ', '\t', '<', '(', ')']) {
            return Err(IfFieldError::Malformed);
        }
        self.0 = rest;
        Ok(Some(inner))
    }

    /// A list of at least one condition, in parentheses.
    fn list(&mut self) -> Result<Vec<Condition>, IfFieldError> {
        if !self.starts_with('(') {
            return Err(IfFieldError::Malformed);
        }
        self.0 = &self.0[1..];
        let mut conditions = Vec::new();
        while !self.starts_with(')') {
            conditions.push(self.condition()?);
        }
        self.0 = &self.0[1..];
        if conditions.is_empty() { Err(IfFieldError::Malformed) } else { Ok(conditions) }
    }

    fn condition(&mut self) -> Result<Condition, IfFieldError> {
        let is_negated = self.0.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("not"));
        if is_negated {
            self.0 = &self.0[3..];
        }
        let state = match self.enclosed('<', '>')? {
            Some(token) => State::Token(token.into()),
            None => State::Tag(self.tag()?.as_bytes().into()),
        };
        Ok(Condition { is_negated, state })
    }

    /// An entity tag in brackets. Its quoted part may have any character but a quote.
    fn tag(&mut self) -> Result<&'t str, IfFieldError> {
        let malformed = IfFieldError::Malformed;
        let inner = self.0.strip_prefix('[').ok_or(malformed)?;
        let first = inner.find('"').ok_or(malformed)?;
        let second = inner[first + 1..].find('"').ok_or(malformed)? + first + 2;
        let (tag, rest) = inner.split_at(second);
        self.0 = rest.strip_prefix(']').ok_or(malformed)?;
        EntityTag::parse(tag.as_bytes()).map(|_| tag).ok_or(malformed)
    }
}

impl fmt::Display for IfFieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the field If is malformed"),
            Self::Mixed => f.write_str("the field If has lists with and without a resource (use one kind)"),
            Self::TooMany => write!(f, "the field If has more than {MAX_CONDITIONS} conditions"),
        }
    }
}

impl std::error::Error for IfFieldError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    fn parse(values: &[&str]) -> Result<Option<IfField>, IfFieldError> {
        let lines: Vec<_> = values.iter().map(|value| format!("if: {value}\r\n")).collect();
        let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", lines.concat());
        let mut space = FieldSpace::new();
        IfField::of(Head::parse(bytes.as_bytes(), &mut space).expect("a head").fields)
    }

    /// The target has the lock `<urn:a>` and the tag "1"; `/b` has the lock `<urn:b>` and is a directory.
    fn state(resource: Option<&str>) -> Option<ResourceState<'static>> {
        match resource {
            None | Some("/a") => {
                Some(ResourceState { tag: EntityTag::strong(&b"1"[..]), tokens: vec!["urn:a".to_owned()] })
            }
            Some("/b") => Some(ResourceState { tag: None, tokens: vec!["urn:b".to_owned()] }),
            Some(_) => None,
        }
    }

    #[test]
    fn conditions_are_met_or_not() {
        let table: [(&[&str], bool); 21] = [
            (&["(<urn:a>)"], true),
            (&["(<urn:b>)"], false),
            (&["(<urn:b>) (<urn:a>)"], true),
            (&["(<urn:b>)", "(<urn:a>)"], true),
            (&["(<urn:a> [\"1\"])"], true),
            (&["(<urn:a>[\"2\"])"], false),
            (&["([W/\"1\"])"], false),
            (&["(Not <urn:b>)"], true),
            (&["(not <urn:a>)"], false),
            (&["(Not<urn:b> [\"1\"])"], true),
            (&["(Not [\"2\"])"], true),
            (&["(<DAV:no-lock>)"], false),
            (&["(Not <DAV:no-lock>)"], true),
            (&["(<urn:a>) (Not <DAV:no-lock>)"], true),
            (&["</a> (<urn:a>)"], true),
            (&["</b> (<urn:a>)"], false),
            (&["</b>(<urn:a>)(<urn:b>)"], true),
            (&["</b> ([\"1\"])"], false),
            (&["</none> (<urn:a>) </a> (<urn:a>)"], true),
            (&["</none> (Not <urn:a>)"], true),
            (&["  (  <urn:a>  )\t"], true),
        ];
        for (values, expected) in table {
            let conditions = parse(values).expect("valid").expect("there");
            assert_eq!(conditions.are_met(state), expected, "{values:?}");
        }
    }

    #[test]
    fn malformed_fields() {
        use IfFieldError::{Malformed, Mixed, TooMany};
        let many = "(<urn:a>)".repeat(MAX_CONDITIONS + 1);
        let table: [(&[&str], IfFieldError); 17] = [
            (&[""], Malformed),
            (&["()"], Malformed),
            (&["<urn:a>"], Malformed),
            (&["(<urn:a>"], Malformed),
            (&["(urn:a)"], Malformed),
            (&["<urn:a> x"], Malformed),
            (&["(<>)"], Malformed),
            (&["(<a b>)"], Malformed),
            (&["([1])"], Malformed),
            (&["([\"1\")"], Malformed),
            (&["([\"1)"], Malformed),
            (&["(Not)"], Malformed),
            (&["(Not Not <urn:a>)"], Malformed),
            (&["(<urn:a>), (<urn:b>)"], Malformed),
            (&["</a> </b> (<urn:a>)"], Malformed),
            (&["(<urn:a>) </b> (<urn:b>)"], Mixed),
            (&[&many], TooMany),
        ];
        for (values, expected) in table {
            assert_eq!(parse(values), Err(expected), "{values:?}");
        }
        assert_eq!(parse(&[]), Ok(None));
    }

    #[test]
    fn every_token_is_submitted() {
        let conditions = parse(&["</a> (<urn:a> [\"1\"]) (Not <urn:b>)"]).expect("valid").expect("there");
        assert_eq!(conditions.tokens().collect::<Vec<_>>(), ["urn:a", "urn:b"]);
    }
}
