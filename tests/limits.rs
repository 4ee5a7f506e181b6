//! The table of limits in SECURITY.md agrees with the constants and the defaults of flags.
//!
//! A row's last cell names them: `` `src/file.rs` (`NAME`, 2 × `NAME`, `NAME` × `NAME`) `` or `` `--flag` ``.
//! Each number in the row's other cells must be the value of one of them, and each of them must appear in the
//! row.

use std::fs;

use crate::common::{root, run};

/// A number with its unit, in a row or in the source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    /// A count, or a number whose unit is not in the source: bytes, or seconds.
    Plain(u64),
    Bytes(u64),
    Nanoseconds(u64),
}

const SECOND: u64 = 1_000_000_000;

/// Names of units in a row, and their values in bytes.
const SIZES: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// The same for times, in nanoseconds.
const TIMES: [(&str, u64); 5] = [
    ("s", SECOND),
    ("minute", 60 * SECOND),
    ("minutes", 60 * SECOND),
    ("hours", 3600 * SECOND),
    ("day", 24 * 3600 * SECOND),
];

impl Value {
    /// Whether a number in a row agrees with a number in the source.
    fn is_that_of(self, source: Self) -> bool {
        match (self, source) {
            (Self::Bytes(said), Self::Plain(is)) => said == is,
            (Self::Nanoseconds(said), Self::Plain(is)) => said == is * SECOND,
            (said, is) => said == is,
        }
    }
}

/// The numbers of a cell: `10,000`, `8 KiB`, `5 s`, `a day`.
fn numbers(cell: &str) -> Vec<Value> {
    let words: Vec<_> = cell.split_whitespace().map(|word| word.trim_end_matches([',', ';', '.'])).collect();
    let number = |(at, word): (usize, &&str)| {
        let unit = words.get(at + 1).copied().unwrap_or_default();
        let of = |units: &[(&str, u64)]| units.iter().find(|(name, _)| *name == unit).map(|(_, of)| *of);
        let (size, time) = (of(&SIZES), of(&TIMES));
        let count = match *word {
            "a" | "one" if time.is_some() => 1,
            word => word.replace(',', "").parse::<u64>().ok()?,
        };
        let sized = size.map(|of| Value::Bytes(count * of));
        Some(sized.or(time.map(|of| Value::Nanoseconds(count * of))).unwrap_or(Value::Plain(count)))
    };
    words.iter().enumerate().filter_map(number).collect()
}

/// Evaluates a constant expression: integers, names of the same file, `+`, `-`, `*`, `/`, `<<` and brackets.
struct Expression<'a> {
    left: &'a str,
    source: &'a str,
}

impl Expression<'_> {
    fn value(source: &str, text: &str) -> Option<u64> {
        let mut expression = Expression { left: text, source };
        let value = expression.shift()?;
        expression.left.trim().is_empty().then_some(value)
    }

    fn eat(&mut self, what: &str) -> bool {
        let rest = self.left.trim_start().strip_prefix(what);
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }

    fn shift(&mut self) -> Option<u64> {
        let mut value = self.sum()?;
        while self.eat("<<") {
            value <<= self.sum()?;
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<u64> {
        let mut value = self.product()?;
        loop {
            value = match () {
                () if self.eat("+") => value + self.product()?,
                () if self.eat("-") => value - self.product()?,
                () => return Some(value),
            };
        }
    }

    fn product(&mut self) -> Option<u64> {
        let mut value = self.atom()?;
        loop {
            value = match () {
                () if self.eat("*") => value * self.atom()?,
                () if self.eat("/") => value / self.atom()?,
                () => return Some(value),
            };
        }
    }

    fn atom(&mut self) -> Option<u64> {
        if self.eat("(") {
            let value = self.shift()?;
            return self.eat(")").then_some(value);
        }
        let text = self.left.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.left = rest;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.replace('_', "").parse().ok();
        }
        match defined(self.source, word)?[..] {
            [Value::Plain(value)] => Some(value),
            _ => None,
        }
    }
}

/// The value of `Duration::from_…(…)`, in nanoseconds.
fn duration(source: &str, text: &str) -> Option<u64> {
    let (unit, amount) = text.trim().strip_prefix("Duration::from_")?.strip_suffix(')')?.split_once('(')?;
    let nanoseconds = match unit {
        "secs" => SECOND,
        "millis" => SECOND / 1000,
        "micros" => SECOND / 1_000_000,
        _ => return None,
    };
    Some(Expression::value(source, amount)? * nanoseconds)
}

/// The values of a constant in a file, or of an enum variant with a number (`Self::Small => 1024,`). A `Rate`
/// has two: its number per second, and its burst.
fn defined(source: &str, name: &str) -> Option<Vec<Value>> {
    let variant = || source.split_once(&format!("Self::{name} => "))?.1.split_once(',');
    let Some((_, rest)) = source.split_once(&format!("const {name}: ")) else {
        return Some(vec![Value::Plain(Expression::value(source, variant()?.0)?)]);
    };
    let text = rest.split_once(" = ")?.1.split_once(';')?.0;
    if let Some(rate) = text.strip_prefix("Rate { interval: ") {
        let (interval, burst) = rate.strip_suffix(" }")?.split_once(", burst: ")?;
        let rate = SECOND / duration(source, interval)?;
        return Some(vec![Value::Plain(rate), Value::Plain(Expression::value(source, burst)?)]);
    }
    if let Some(nanoseconds) = duration(source, text) {
        return Some(vec![Value::Nanoseconds(nanoseconds)]);
    }
    Some(vec![Value::Plain(Expression::value(source, text)?)])
}

/// The default of a flag, if it is a number.
fn default(help: &str, flag: &str) -> Result<Option<Value>, String> {
    let mut lines = help.lines().skip_while(|line| {
        !line.trim_start().starts_with('-') || !line.split([' ', ',']).any(|word| word == flag)
    });
    lines.next().ok_or_else(|| format!("`wharf serve` has no {flag}"))?;
    let described = lines.take_while(|line| !line.trim_start().starts_with('-'));
    let default = described.collect::<Vec<_>>().join(" ");
    let default = default.split_once("[default: ").and_then(|(_, rest)| rest.split(']').next()?.parse().ok());
    Ok(default.map(Value::Plain))
}

/// The constants and flags in the last cell of a row, with their values.
fn named(cell: &str, help: &str) -> Result<Vec<(String, Vec<Value>)>, String> {
    let mut named: Vec<(String, Vec<Value>)> = Vec::new();
    let mut source = String::new();
    let parts: Vec<_> = cell.split('`').collect();
    for pair in parts.chunks_exact(2) {
        let [before, span] = pair else { unreachable!("chunks of two") };
        if span.starts_with("src/") {
            source = fs::read_to_string(root().join(span)).map_err(|error| format!("{span}: {error}"))?;
        } else if span.starts_with("--") {
            named.extend(default(help, span)?.map(|value| ((*span).to_owned(), vec![value])));
        } else {
            let mut values = defined(&source, span).ok_or_else(|| {
                format!("{span} is not a constant of the file before it, or cannot be evaluated")
            })?;
            let factor =
                before.trim().strip_suffix('×').map(|factor| factor.trim_start_matches([',', '(', ' ']));
            let factors = match factor.map(str::trim) {
                None => None,
                // The product of the two names.
                Some("") => named.pop().map(|(_, values)| values),
                Some(number) => Some(numbers(number)),
            };
            if let Some(factors) = factors {
                let ([Value::Plain(left)], [Value::Plain(right)]) = (&factors[..], &values[..]) else {
                    return Err(format!("{span} cannot be multiplied"));
                };
                values = vec![Value::Plain(left * right)];
            }
            named.push(((*span).to_owned(), values));
        }
    }
    Ok(named)
}

/// The errors in a row.
fn check(row: &str, help: &str) -> Result<(), String> {
    let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
    let [what, limit, place] = cells[..] else { return Err("it does not have three cells".to_owned()) };
    let said = [numbers(what), numbers(limit)].concat();
    let named = named(place, help)?;
    let known: Vec<_> = named.iter().flat_map(|(_, values)| values).collect();
    if let Some(wrong) = said.iter().find(|said| !known.iter().any(|known| said.is_that_of(**known))) {
        return Err(format!("{wrong:?} is none of {named:?}"));
    }
    for (name, values) in &named {
        if let Some(missing) = values.iter().find(|value| !said.iter().any(|said| said.is_that_of(**value))) {
            return Err(format!("{name} is {missing:?}, which is missing in the row"));
        }
    }
    Ok(())
}

#[test]
fn the_table_of_limits_agrees_with_the_source() {
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("a page");
    let section = security.split("\n## Limits\n").nth(1).expect("a section of limits");
    let section = section.split("\n## ").next().unwrap_or_default();
    let help = run(&["serve", "--help"], "", &root()).stdout;
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 20, "the table was not found");
    let wrong: Vec<_> =
        rows.iter().filter_map(|row| Some(format!("{}\n{row}", check(row, &help).err()?))).collect();
    assert!(wrong.is_empty(), "SECURITY.md, limits:\n{}", wrong.join("\n\n"));
}

#[test]
fn a_row_is_compared_with_the_values_that_it_names() {
    let source = "const A: usize = 2 * (1 << 10); pub const B: u64 = A / 4;\nconst T: Duration = Duration::from_secs(2 * 60);\
                  const R: Rate = Rate { interval: Duration::from_millis(50), burst: 40 };\nSelf::Small => 3 * 1_000,";
    let value = |name| defined(source, name);
    assert_eq!(value("A"), Some(vec![Value::Plain(2048)]));
    assert_eq!(value("B"), Some(vec![Value::Plain(512)]));
    assert_eq!(value("T"), Some(vec![Value::Nanoseconds(120 * SECOND)]));
    assert_eq!(value("R"), Some(vec![Value::Plain(20), Value::Plain(40)]));
    assert_eq!(value("Small"), Some(vec![Value::Plain(3000)]));
    assert_eq!(value("None"), None);
    let help = "      --most <N>\n          At once\n\n          [default: 64]\n\n      --other\n          No number";
    let table = [
        ("| a | 64 | `--most` |", true),
        ("| a | 65 | `--most` |", false),
        ("| a | as the flag says | `--other` |", true),
        ("| a | 1 | `--missing` |", false),
        ("| a | 16 KiB, 100 fields | `src/http/request/error.rs` (`HEAD_LIMIT`, `FIELD_LIMIT`) |", true),
        ("| a | 16 KiB, 100 fields; 7 | `src/http/request/error.rs` (`HEAD_LIMIT`, `FIELD_LIMIT`) |", false),
        ("| a | 16 KiB | `src/http/request/error.rs` (`HEAD_LIMIT`, `FIELD_LIMIT`) |", false),
        ("| a | 32 KiB | `src/http/request/error.rs` (2 × `HEAD_LIMIT`) |", true),
        ("| a | 1 | `src/http/request/error.rs` (`NO_LIMIT`) |", false),
    ];
    for (row, is_right) in table {
        assert_eq!(check(row, help).is_ok(), is_right, "{row}: {:?}", check(row, help));
    }
}
