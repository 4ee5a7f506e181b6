//! The form of a host: `host[:port]`.

use std::net::Ipv6Addr;

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2) with a non-empty host. RFC 9112 §3.2 allows an
/// empty Host for a target without an authority; every target here has one.
pub fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let add_digit = |value: u16, byte: u8| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    let is_port = port.bytes().try_fold(0, add_digit).is_some();
    let is_name = match name.strip_prefix('[') {
        // No other literal exists yet.
        Some(_) => ipv6_literal(name).is_some(),
        None => is_reg_name(name),
    };
    is_name && is_port
}

/// An IPv6 address in brackets. The zone of a link-local one is dropped: it has a meaning on the client's machine only, which
/// should not have sent it (RFC 6874 §3). Some clients do.
pub fn ipv6_literal(name: &str) -> Option<Ipv6Addr> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let Some((ip, zone)) = inner.split_once('%') else { return inner.parse().ok() };
    let ip: Ipv6Addr = ip.parse().ok()?;
    let is_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    (ip.is_unicast_link_local() && !zone.is_empty() && zone.bytes().all(is_zone)).then_some(ip)
}

/// Whether this is a `reg-name` (RFC 3986 §3.2.2) that is not empty; an IPv4 address is one, too.
fn is_reg_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => bytes.by_ref().take(2).filter(u8::is_ascii_hexdigit).count() == 2,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !is_valid {
            return false;
        }
    }
    !name.is_empty()
}

/// The name and the port of `host:port`; the port is empty if there is none.
pub fn split_port(host: &str) -> (&str, &str) {
    // From the end: a port is short, and the colons of an IPv6 address are before its bracket.
    match host.bytes().rposition(|byte| byte == b':' || byte == b']') {
        Some(at) if host.as_bytes()[at] == b':' => (&host[..at], &host[at + 1..]),
        _ => (host, ""),
    }
}
