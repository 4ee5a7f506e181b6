//! Mutations of valid input.

use crate::common::Random;
use crate::fuzz::TOKENS;

/// The longest input, in bytes.
const LONGEST: usize = 48 * 1024;

/// Numbers at the edges of what programs store, and beyond.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "+1",
    "1e3",
    "0x10",
    "007",
    "65536",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999999",
];

/// One of these inputs, sometimes followed by another, with up to five mutations.
pub(super) fn input(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = any(corpus, random).clone();
    if random.below(4) == 0 {
        bytes.extend(any(corpus, random));
    }
    // Few, so that most of an input stays valid.
    let most = 1 + random.below(6);
    for _ in 0..random.below(most) {
        mutate(&mut bytes, corpus, random);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn any<'c>(corpus: &'c [Vec<u8>], random: &mut Random) -> &'c Vec<u8> {
    &corpus[random.below(corpus.len())]
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = bytes.len().min(at + random.length(6));
    match random.below(10) {
        0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.below(256) as u8),
        2 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
        3 => {
            let new: Vec<_> = (0..random.length(8)).map(|_| random.below(256) as u8).collect();
            bytes.splice(at..at, new);
        }
        4 => drop(bytes.drain(at..end)),
        5 => {
            let again = bytes[at..end].repeat(random.length(4));
            bytes.splice(at..at, again);
        }
        6 => {
            let other = any(corpus, random);
            bytes.truncate(at);
            bytes.extend(&other[random.below(other.len() + 1)..]);
        }
        7 => bytes.truncate(at),
        8 => {
            let line = line(bytes, at);
            let again = bytes[line.clone()].repeat(random.length(7));
            bytes.splice(line.start..line.start, again);
        }
        _ => {
            if let Some(number) = number(bytes, at) {
                bytes.splice(number, NUMBERS[random.below(NUMBERS.len())].bytes());
            }
        }
    }
}

/// The line that contains this position, with its line end.
fn line(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
    start..end
}

/// The first number from here on.
fn number(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let start = at + bytes[at..].iter().position(u8::is_ascii_digit)?;
    let length = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - start);
    Some(start..start + length)
}
