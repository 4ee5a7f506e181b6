//! Texts of searches: a glob matches what a second matcher with a table matches, and any other text is found in what contains it.

use wharf::folding::lowered_into;
use wharf::name_pattern::NamePattern;

/// The first line is the text; the rest is the path.
pub(crate) fn check(data: &[u8]) {
    let (text, path) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let path = path.strip_prefix(b"\n").unwrap_or(path);
    // A path of the folder has no empty names.
    let names: Vec<_> = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
    let (Ok(text), Some((name, directory))) = (std::str::from_utf8(text), names.split_last()) else { return };
    let directory = directory.join(&b'/');
    let Ok(mut pattern) = NamePattern::parse(text) else { return };
    for is_directory in [false, true] {
        let found = pattern.finds(&directory, name, is_directory);
        assert_eq!(found, pattern.finds(&directory, name, is_directory), "it keeps no state");
        if !text.contains(['/', '[', ']']) {
            let (text, name) = (lowered(text.as_bytes()), lowered(name));
            let is_glob = text.contains(&'*') || text.contains(&'?');
            let expected = if is_glob { matches(&text, &name) } else { contains(&name, &text) };
            // Letters and marks on both sides of a wildcard are composed only together.
            if text.iter().chain(&name).all(char::is_ascii) {
                assert_eq!(found, expected, "{text:?} {name:?}");
            }
        }
    }
}

fn lowered(text: &[u8]) -> Vec<char> {
    let mut out = String::new();
    lowered_into(text, &mut out);
    out.chars().collect()
}

fn contains(name: &[char], part: &[char]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}

/// Whether a glob without classes matches, by a table of all prefixes.
fn matches(glob: &[char], name: &[char]) -> bool {
    let mut row: Vec<bool> = std::iter::once(true).chain(name.iter().map(|_| false)).collect();
    for token in glob {
        let mut next = vec![*token == '*' && row[0]];
        for (at, letter) in name.iter().enumerate() {
            next.push(match token {
                '*' => row[at + 1] || next[at],
                '?' => row[at],
                token => row[at] && token == letter,
            });
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}
