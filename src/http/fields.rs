//! Field lines (RFC 9110 §5): lookup by name, and lists in their values.

/// The field lines of one head, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'h, 'b> {
    lines: &'h [httparse::Header<'b>],
    /// The [initials](initial) of all names. Most requests lack most of the fields that are looked up, and need no search.
    initials: u32,
}

impl<'h, 'b> Fields<'h, 'b> {
    /// The lines as `httparse` found them.
    pub(super) fn new(lines: &'h [httparse::Header<'b>]) -> Self {
        let initials = lines.iter().fold(0, |initials, line| initials | initial(line.name));
        Self { lines, initials }
    }

    /// Every field line: its name as it was sent, and its value without the white space around it.
    pub fn iter(self) -> impl Iterator<Item = (&'b str, &'b [u8])> + Clone + use<'h, 'b> {
        self.lines.iter().map(|line| (line.name, line.value))
    }

    /// Like [`Self::iter`], from the last line to the first.
    pub fn iter_from_the_end(self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'h, 'b> {
        self.lines.iter().rev().map(|line| (line.name, line.value))
    }

    /// The values of all lines with this name (case is ignored), in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let lines = if self.initials & initial(name) == 0 { &[] } else { self.lines };
        // Most clients write a name as it is written here, and an exact comparison takes fewer instructions.
        let is_same = move |given: &str| given == name || given.eq_ignore_ascii_case(name);
        lines.iter().filter(move |line| is_same(line.name)).map(|line| line.value)
    }

    /// The value of the first line with this name.
    pub fn get(self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    /// The value of the first line with this name, as text; a value that is not ASCII counts as absent.
    pub fn text(self, name: &str) -> Option<&'b str> {
        self.get(name).filter(|value| value.is_ascii()).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The members of a comma-separated list on one or several lines (RFC 9110 §5.6.1). Empty members, and the white
    /// space around members, are left out. Do not use it for values with quoted commas.
    pub fn list(self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        self.all(name).flat_map(members)
    }

    /// Whether the list with this name has this token; case is ignored.
    pub fn has_token(self, name: &str, token: &str) -> bool {
        self.has_member(name, |member| member.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether `is_so` is true for any member of the list with this name.
    pub fn has_member(self, name: &str, is_so: impl Fn(&[u8]) -> bool) -> bool {
        self.all(name).any(|value| members(value).any(&is_so))
    }
}

/// One bit for the first letter of a name; both cases have the same bit.
fn initial(name: &str) -> u32 {
    name.bytes().next().map_or(0, |letter| 1 << (letter % 32))
}

/// The members of one list value.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Whether a token may have this byte (RFC 9110 §5.6.2).
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The number that these digits form. `None` if it does not fit in 64 bits, or if there is anything but digits, such as
/// a sign or a list.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stand_on_several_lines_and_have_empty_members() {
        let lines = [
            httparse::Header { name: "Connection", value: b"close, ,Upgrade" },
            httparse::Header { name: "X", value: b"y" },
            httparse::Header { name: "connection", value: b"\tKeep-Alive ," },
        ];
        let fields = Fields::new(&lines);
        let members: Vec<_> = fields.list("CONNECTION").collect();
        assert_eq!(members, [b"close".as_slice(), b"Upgrade", b"Keep-Alive"]);
        assert!(fields.has_token("Connection", "keep-alive"));
        assert!(!fields.has_token("Connection", "keep"));
        assert_eq!(fields.get("x"), Some(b"y".as_slice()));
        assert_eq!(fields.get("absent"), None);
    }
}
