//! Globs, for one name and for a path.
//!
//! After a mismatch, only the last wildcard is extended: what an earlier one matches is already the shortest possible. So no
//! combination of wildcards is tried twice.

use std::str::{Chars, Split};

use super::error::PatternError;
use crate::folding::{composed, lowered_into};

/// A glob for a name: `*` matches any characters, `?` one, and `[a-z]` one of these.
#[derive(Debug)]
pub(super) struct Glob(Vec<Token>);

/// A glob for a path: each part matches one name, and `**` any number of them.
#[derive(Debug)]
pub(super) struct PathGlob(Vec<Part>);

#[derive(Debug)]
enum Token {
    /// Any number of characters.
    Many,
    /// One character.
    One,
    /// This character.
    Letter(char),
    /// One of these characters, or none of them.
    Class { is_negated: bool, ranges: Vec<(char, char)> },
}

#[derive(Debug)]
enum Part {
    /// Any number of names.
    Many,
    Name(Glob),
}

impl Glob {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut glob = Self(Vec::new());
        let mut rest = text.chars();
        let mut letters = String::new();
        while let Some(next) = rest.next() {
            let token = match next {
                '*' => Token::Many,
                '?' => Token::One,
                '[' => class(&mut rest)?,
                letter => {
                    letters.push(letter);
                    continue;
                }
            };
            glob.push_letters(&std::mem::take(&mut letters));
            if !matches!((&token, glob.0.last()), (Token::Many, Some(Token::Many))) {
                glob.0.push(token);
            }
        }
        glob.push_letters(&letters);
        Ok(glob)
    }

    /// Adds letters in the form in which names are compared. A letter has that form only together with the marks behind it.
    fn push_letters(&mut self, letters: &str) {
        let mut lowered = String::new();
        lowered_into(letters.as_bytes(), &mut lowered);
        self.0.extend(lowered.chars().map(Token::Letter));
    }

    /// Whether the whole name matches. The name is in the form in which names are compared.
    pub(super) fn fits(&self, name: &str) -> bool {
        let (mut at, mut rest) = (0, name.chars());
        let mut wildcard: Option<(usize, Chars<'_>)> = None;
        loop {
            let mut next = rest.clone();
            match (self.0.get(at), next.next()) {
                (Some(Token::Many), _) => {
                    at += 1;
                    wildcard = Some((at, rest.clone()));
                }
                (None, None) => return true,
                (Some(token), Some(letter)) if token.fits(letter) => (at, rest) = (at + 1, next),
                // What is left of the name is too short, whatever the wildcards match.
                (Some(_), None) => return false,
                (_, Some(_)) => {
                    let Some((after, from)) = &mut wildcard else { return false };
                    from.next();
                    (at, rest) = (*after, from.clone());
                }
            }
        }
    }
}

impl Token {
    fn fits(&self, letter: char) -> bool {
        match self {
            Self::Many | Self::One => true,
            Self::Letter(wanted) => *wanted == letter,
            Self::Class { is_negated, ranges } => {
                let has = |c: char| ranges.iter().any(|(first, last)| (*first..=*last).contains(&c));
                // The letter is lower case. A range such as `A-Z` has its upper case.
                let mut upper = letter.to_uppercase();
                let upper = upper.next().filter(|_| upper.next().is_none());
                *is_negated != (has(letter) || upper.is_some_and(has))
            }
        }
    }
}

/// Parses a class after its `[`. A `]` at the beginning is one of its characters.
fn class(rest: &mut Chars<'_>) -> Result<Token, PatternError> {
    let mut text = String::new();
    let is_negated = rest.as_str().starts_with(['!', '^']);
    if is_negated {
        rest.next();
    }
    loop {
        match rest.next().ok_or(PatternError::Class)? {
            ']' if !text.is_empty() => break,
            letter => text.push(letter),
        }
    }
    // With their case: a range such as `A-Z` has no lower-case letters.
    let text: String = composed(&text).collect();
    let mut letters = text.chars();
    let mut ranges = Vec::new();
    while let Some(first) = letters.next() {
        let mut after = letters.clone();
        let last = match (after.next(), after.next()) {
            (Some('-'), Some(last)) => {
                letters = after;
                last
            }
            _ => first,
        };
        if last < first {
            return Err(PatternError::Range);
        }
        ranges.push((first, last));
    }
    Ok(Token::Class { is_negated, ranges })
}

impl PathGlob {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let names = text.split('/').filter(|name| !name.is_empty());
        let part = |name| if name == "**" { Ok(Part::Many) } else { Glob::parse(name).map(Part::Name) };
        names.map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the whole path matches. The path is in the form in which names are compared.
    pub(super) fn fits(&self, path: &str) -> bool {
        let (mut at, mut rest) = (0, path.split('/'));
        let mut wildcard: Option<(usize, Split<'_, char>)> = None;
        loop {
            let mut next = rest.clone();
            match (self.0.get(at), next.next()) {
                (Some(Part::Many), _) => {
                    at += 1;
                    wildcard = Some((at, rest.clone()));
                }
                (None, None) => return true,
                (Some(Part::Name(glob)), Some(name)) if glob.fits(name) => (at, rest) = (at + 1, next),
                (Some(_), None) => return false,
                (_, Some(_)) => {
                    let Some((after, from)) = &mut wildcard else { return false };
                    from.next();
                    (at, rest) = (*after, from.clone());
                }
            }
        }
    }
}
