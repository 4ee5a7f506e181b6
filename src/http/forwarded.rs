//! The fields in which proxies describe a request: `X-Forwarded-*` and `Forwarded` (RFC 7239).
//!
//! Each proxy appends its peer, so the nearest hop comes last. Lists are read from the end, because a client
//! can write anything before the proxies' entries.

use std::net::{IpAddr, SocketAddr};

use crate::http::fields::Fields;

/// One hop, as the next proxy saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop<'b> {
    /// Its address; `None` for `unknown`, `_hidden` and anything malformed.
    pub address: Option<IpAddr>,
    /// The scheme of its request, if this element names one.
    pub proto: Option<&'b [u8]>,
    /// The host of its request, if this element names one.
    pub host: Option<&'b [u8]>,
}

/// The hops of `X-Forwarded-For`, the nearest first.
pub fn x_forwarded_for<'b>(fields: Fields<'_, 'b>) -> impl Iterator<Item = Hop<'b>> {
    from_the_end(fields, "X-Forwarded-For", false).map(|element| Hop {
        address: std::str::from_utf8(element).ok().and_then(node),
        proto: None,
        host: None,
    })
}

/// The hops of `Forwarded`, the nearest first.
pub fn forwarded<'b>(fields: Fields<'_, 'b>) -> impl Iterator<Item = Hop<'b>> {
    from_the_end(fields, "Forwarded", true).map(hop)
}

/// The non-empty elements of a list on one or several lines, the last first (RFC 9110 §5.6.1.2).
fn from_the_end<'b>(
    fields: Fields<'_, 'b>,
    name: &'static str,
    has_quotes: bool,
) -> impl Iterator<Item = &'b [u8]> {
    let lines = fields.iter_from_the_end().filter(move |(given, _)| given.eq_ignore_ascii_case(name));
    lines
        .flat_map(move |(_, line)| {
            let mut in_quotes = false;
            line.rsplit(move |&byte| {
                in_quotes ^= has_quotes && byte == b'"';
                byte == b',' && !in_quotes
            })
        })
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// An element of `Forwarded` (RFC 7239 §4). A malformed one has no address, scheme or host.
fn hop(element: &[u8]) -> Hop<'_> {
    const MALFORMED: Hop<'static> = Hop { address: None, proto: None, host: None };
    let (mut client, mut proto, mut host) = (None, None, None);
    let pairs = element.split(quoted_splitter(b';')).map(<[u8]>::trim_ascii);
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let Some(at) = pair.iter().position(|&byte| byte == b'=') else { return MALFORMED };
        let (name, value) = (&pair[..at], unquoted(&pair[at + 1..]));
        let parameters = [("for", &mut client), ("proto", &mut proto), ("host", &mut host)];
        let known = parameters.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        // Each parameter may occur once.
        if known.is_some_and(|(_, parameter)| parameter.replace(value).is_some()) {
            return MALFORMED;
        }
    }
    let address = client.and_then(|client| std::str::from_utf8(client).ok()).and_then(node);
    Hop { address, proto, host }
}

/// Splits at this byte outside quotes.
fn quoted_splitter(at: u8) -> impl FnMut(&u8) -> bool {
    let mut in_quotes = false;
    move |&byte| {
        in_quotes ^= byte == b'"';
        byte == at && !in_quotes
    }
}

/// The content of a quoted string, or the token itself. The values used here contain no quoted pairs (`\"`).
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// The address of a node (RFC 7239 §6): `192.0.2.7`, `192.0.2.7:5000`, `[2001:db8::7]:5000`; also
/// `2001:db8::7`, as in `X-Forwarded-For`. A port is dropped.
fn node(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().map(IpAddr::V6).ok();
    let with_port = || text.parse::<SocketAddr>().ok().filter(|_| !text.contains('%')).map(|node| node.ip());
    ip.or_else(in_brackets).or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    fn with_lines<T>(lines: &[&str], read: impl Fn(Fields<'_, '_>) -> T) -> T {
        let lines = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
        let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        read(Head::parse(bytes.as_bytes(), &mut FieldSpace::new()).expect("valid").fields)
    }

    /// The addresses, the nearest first; `-` for an element without one.
    fn addresses(hops: impl Iterator<Item = Hop<'static>>) -> String {
        let texts = hops.map(|hop| hop.address.map_or_else(|| "-".to_owned(), |ip| ip.to_string()));
        texts.collect::<Vec<_>>().join(" ")
    }

    fn without_life(hop: Hop<'_>) -> Hop<'static> {
        Hop { address: hop.address, proto: None, host: None }
    }

    #[test]
    fn hops_of_x_forwarded_for() {
        let table: [(&[&str], &str); 15] = [
            (&[], ""),
            (&["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
            (&["X-Forwarded-For: 192.0.2.7, 10.0.0.1,10.0.0.2"], "10.0.0.2 10.0.0.1 192.0.2.7"),
            (&["x-forwarded-for: 192.0.2.7", "Accept: a", "X-FORWARDED-FOR: 10.0.0.1"], "10.0.0.1 192.0.2.7"),
            (&["X-Forwarded-For: 192.0.2.7:5000, [2001:db8::7]:5000"], "2001:db8::7 192.0.2.7"),
            (&["X-Forwarded-For: 2001:db8::7, [2001:db8::8]"], "2001:db8::8 2001:db8::7"),
            (&["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7"),
            (&["X-Forwarded-For: unknown, _hidden, 192.0.2.7"], "192.0.2.7 - -"),
            (&["X-Forwarded-For: , ,192.0.2.7, ,"], "192.0.2.7"),
            (&["X-Forwarded-For:"], ""),
            (&["X-Forwarded-For: 192.0.2.7 10.0.0.1"], "-"),
            (&["X-Forwarded-For: 192.0.2.256, 010.0.0.1, 1, fe80::1%eth0, [fe80::1%1]:80"], "- - - - -"),
            (&["X-Forwarded-For: \"192.0.2.7\""], "-"),
            (&["X-Forwarded-For: 192.0.2.7:99999, [::1]x, [192.0.2.7]"], "- - -"),
            (&["X_Forwarded_For: 192.0.2.7"], ""),
        ];
        for (lines, expected) in table {
            let found = with_lines(lines, |fields| addresses(x_forwarded_for(fields).map(without_life)));
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn hops_of_forwarded() {
        let table: [(&[&str], &str); 20] = [
            (&["Forwarded: for=192.0.2.7"], "192.0.2.7"),
            (&["Forwarded: for=192.0.2.7;"], "192.0.2.7"),
            (&["Forwarded: ;for=192.0.2.7; ;proto=http"], "192.0.2.7"),
            (&["Forwarded: for=192.0.2.7;proto=http;Proto=https"], "-"),
            (&["Forwarded: for=192.0.2.7;host=a;host=a"], "-"),
            (&["Forwarded: FOR=192.0.2.7;proto=https;by=10.0.0.1"], "192.0.2.7"),
            (&["Forwarded: for=192.0.2.7, for=\"[2001:db8::7]:5000\""], "2001:db8::7 192.0.2.7"),
            (&["Forwarded: for=192.0.2.7", "Forwarded: for=10.0.0.1"], "10.0.0.1 192.0.2.7"),
            (&["Forwarded: proto=https; for=192.0.2.7"], "192.0.2.7"),
            (&["Forwarded: for=unknown, for=_hidden"], "- -"),
            (&["Forwarded: for=192.0.2.7;for=192.0.2.8"], "-"),
            (&["Forwarded: proto=https"], "-"),
            (&["Forwarded: 192.0.2.7"], "-"),
            (&["Forwarded: for=192.0.2.7;x"], "-"),
            (&["Forwarded: for=\"192.0.2.7, for=10.0.0.1"], "10.0.0.1 -"),
            (&["Forwarded: for=\"a,b\";host=\"c;d\", for=10.0.0.1"], "10.0.0.1 -"),
            (&["Forwarded: for=\"\\\"\", for=10.0.0.1"], "10.0.0.1 -"),
            (&["Forwarded: for = 192.0.2.7"], "-"),
            (&["Forwarded: ,,"], ""),
            (&["X-Forwarded-For: 192.0.2.7"], ""),
        ];
        for (lines, expected) in table {
            let found = with_lines(lines, |fields| addresses(forwarded(fields).map(without_life)));
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_hop_of_forwarded_has_a_scheme_and_a_host() {
        with_lines(&["Forwarded: host=\"files.example:8443\";Proto=https;for=192.0.2.7"], |fields| {
            let hop = forwarded(fields).next().expect("a hop");
            assert_eq!(hop.proto, Some(b"https".as_slice()));
            assert_eq!(hop.host, Some(b"files.example:8443".as_slice()));
        });
    }
}
