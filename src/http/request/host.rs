//! The form of a host: `host[:port]`.

use std::net::Ipv6Addr;

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2) with a host in it. RFC 9112 §3.2 allows an empty Host for a
/// target without an authority; every target here has one.
pub fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let is_port =
        port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = match name.strip_prefix('[') {
        // A zone has a meaning on the client's machine only, and is not sent (RFC 6874 §3). No other literal exists yet.
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        None => is_reg_name(name),
    };
    is_name && is_port
}

/// Whether this is a `reg-name` (RFC 3986 §3.2.2) that is not empty; an IPv4 address is one, too.
fn is_reg_name(name: &str) -> bool {
    let mut parts = name.split('%');
    let is_plain =
        |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b));
    let is_encoded = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    !name.is_empty()
        && parts.next().is_some_and(is_plain)
        && parts.all(|part| is_encoded(part) && is_plain(part))
}

/// The name and the port of `host:port`; the port is empty where there is none.
pub fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => (&host[..colon], &host[colon + 1..]),
        _ => (host, ""),
    }
}
