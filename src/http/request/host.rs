//! The form of a host: `host[:port]`.

use std::net::Ipv6Addr;

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2) with a non-empty host. RFC 9112 §3.2 allows an
/// empty Host for a target without an authority; every target here has one.
pub fn is_host(text: &str) -> bool {
    let is_literal = text.starts_with('[');
    let end =
        if is_literal { text.find(']').map_or(0, |at| at + 1) } else { reg_name_length(text.as_bytes()) };
    let (name, rest) = text.split_at(end);
    // No literals other than IPv6 exist yet.
    let is_name = if is_literal { ipv6_literal(name).is_some() } else { !name.is_empty() };
    is_name && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

/// Whether this is a TCP `port` (RFC 3986 §3.2.3), which may be empty.
fn is_port(text: &str) -> bool {
    const BEYOND: u32 = 1 << 16;
    let add_digit = |value: u32, byte: u8| {
        byte.is_ascii_digit().then(|| (10 * value + u32::from(byte - b'0')).min(BEYOND))
    };
    text.bytes().try_fold(0, add_digit).is_some_and(|port| port < BEYOND)
}

/// An IPv6 address in brackets. The zone of a link-local address is dropped: it is meaningful only on the
/// client's machine, and should not be sent (RFC 6874 §3), but some clients send it.
pub fn ipv6_literal(name: &str) -> Option<Ipv6Addr> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let Some((ip, zone)) = inner.split_once('%') else { return inner.parse().ok() };
    let ip: Ipv6Addr = ip.parse().ok()?;
    let is_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    (ip.is_unicast_link_local() && !zone.is_empty() && zone.bytes().all(is_zone)).then_some(ip)
}

/// The length of the `reg-name` (RFC 3986 §3.2.2) at the start; an IPv4 address is one, too.
fn reg_name_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|byte| IS_PLAIN[usize::from(**byte)]).count();
        match bytes[at..] {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 3,
            _ => return at,
        }
    }
}

/// Which bytes may be in a `reg-name`: `unreserved` and `sub-delims`.
const IS_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
        byte += 1;
    }
    table
};

/// The name and the port of `host:port`; the port is empty if there is none.
pub fn split_port(host: &str) -> (&str, &str) {
    // The search begins at the end: a port is short, and the colons of an IPv6 address are before its closing bracket.
    match host.bytes().rposition(|byte| byte == b':' || byte == b']') {
        Some(at) if host.as_bytes()[at] == b':' => (&host[..at], &host[at + 1..]),
        _ => (host, ""),
    }
}
