//! The client gate: where a request comes from, and what its proxies say about it. It refuses no request.

use std::net::IpAddr;

use crate::http::fields::Fields;
use crate::http::forwarded::{self, Hop};
use crate::net::peer::Peer;
use crate::server::request::{ClientAddress, RequestSource, Scheme};
use crate::server::trusted_proxies::{Family, TrustedProxies};

/// Finds the client of a request that this peer has sent. Only the fields of a trusted proxy count.
pub(crate) fn find<'b>(peer: Peer, fields: Fields<'_, 'b>, proxies: &TrustedProxies) -> RequestSource<'b> {
    match proxies.family(peer) {
        None => RequestSource::direct(ClientAddress::of_peer(peer)),
        Some(Family::XForwarded) => by_x_forwarded(peer, fields, proxies),
        Some(Family::Forwarded) => by_forwarded(peer, fields, proxies),
    }
}

fn by_x_forwarded<'b>(peer: Peer, fields: Fields<'_, 'b>, proxies: &TrustedProxies) -> RequestSource<'b> {
    let hop = farthest(forwarded::x_forwarded_for(fields), proxies);
    let mut protos = fields.list("X-Forwarded-Proto");
    let proto = protos.next();
    // If two values differ, one of them does not come from a proxy.
    let agree = protos.all(|other| proto.is_some_and(|proto| proto.eq_ignore_ascii_case(other)));
    RequestSource {
        client: client(peer, hop),
        scheme: proto.map(|proto| if agree { Scheme::parse(proto) } else { Scheme::Http }),
        // The last value counts, because a proxy replaces the client's value, or appends its own.
        host: fields.list("X-Forwarded-Host").last(),
        prefix: fields.get("X-Forwarded-Prefix"),
        certificate: None,
        is_by_proxy: true,
        verdict: None,
    }
}

fn by_forwarded<'b>(peer: Peer, fields: Fields<'_, 'b>, proxies: &TrustedProxies) -> RequestSource<'b> {
    let hop = farthest(forwarded::forwarded(fields), proxies);
    RequestSource {
        client: client(peer, hop),
        scheme: hop.and_then(|hop| hop.proto).map(Scheme::parse),
        host: hop.and_then(|hop| hop.host),
        prefix: None,
        certificate: None,
        is_by_proxy: true,
        verdict: None,
    }
}

/// Finds the client among the hops, starting at the nearest: it is the first hop that is not a trusted proxy, or the
/// farthest if all are trusted. An element without an address ends the search: the client is the hop before it.
fn farthest<'b>(hops: impl Iterator<Item = Hop<'b>>, proxies: &TrustedProxies) -> Option<Hop<'b>> {
    let mut farthest = None;
    for hop in hops {
        let Some(address) = hop.address else { break };
        farthest = Some(hop);
        if !proxies.trust(address) {
            break;
        }
    }
    farthest
}

fn client(peer: Peer, hop: Option<Hop<'_>>) -> ClientAddress {
    let address: Option<IpAddr> = hop.and_then(|hop| hop.address);
    address.map_or(ClientAddress::of_peer(peer), ClientAddress::forwarded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    /// The client, the scheme, the host and the prefix of a request from `10.0.0.1` with these lines.
    fn found(proxies: &[&str], lines: &[&str]) -> (String, Option<Scheme>, String, String) {
        let given = proxies.iter().map(|text| text.parse().expect("valid")).collect();
        let proxies = TrustedProxies::new(given, false);
        let lines = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
        let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let mut space = FieldSpace::new();
        let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
        let peer = Peer::Inet(([10, 0, 0, 1], 5000).into());
        let source = find(peer, head.fields, &proxies);
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        (source.client.to_string(), source.scheme, text(source.host), text(source.prefix))
    }

    #[test]
    fn the_first_address_that_is_not_trusted_is_the_client() {
        let (itself, outside) = ("10.0.0.1:5000", "203.0.113.9");
        let ten = "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.9, 10.0.0.8, 10.0.0.7, 10.0.0.6, 10.0.0.5, \
                   10.0.0.4, 10.0.0.3, 10.0.0.2";
        let table: [(&str, &[&str], &str); 14] = [
            ("nothing is said", &[], itself),
            ("one hop", &["X-Forwarded-For: 203.0.113.9"], outside),
            ("forged before the proxy's", &["X-Forwarded-For: 198.51.100.1, 203.0.113.9"], outside),
            (
                "forged on a line before",
                &["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.9"],
                outside,
            ),
            ("ten hops", &[ten], outside),
            ("all are trusted", &["X-Forwarded-For: 10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("unknown", &["X-Forwarded-For: 203.0.113.9, unknown"], itself),
            ("hidden behind a proxy", &["X-Forwarded-For: 203.0.113.9, _hidden, 10.0.0.2"], "10.0.0.2"),
            ("garbage", &["X-Forwarded-For: \u{1f}203.0.113.9"], itself),
            ("empty members", &["X-Forwarded-For: , 203.0.113.9,, 10.0.0.2, ,"], outside),
            ("IPv6 in brackets, with a port", &["X-Forwarded-For: [2001:db8::7]:5000"], "2001:db8::7"),
            ("with a port", &["X-Forwarded-For: 203.0.113.9:5000"], outside),
            ("the other family", &["Forwarded: for=203.0.113.9"], itself),
            ("with underscores", &["X_Forwarded_For: 203.0.113.9"], itself),
        ];
        for (name, lines, expected) in table {
            // httparse refuses control characters, so such a head never gets here.
            let lines: Vec<String> = lines.iter().map(|line| line.replace('\u{1f}', "x")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(found(&["10.0.0.0/8"], &lines).0, expected, "{name}");
            assert_eq!(
                found(&["192.0.2.1", "unix"], &lines).0,
                itself,
                "{name}, from a peer that is not trusted"
            );
        }
    }

    #[test]
    fn scheme_host_and_prefix() {
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        let table: [(&[&str], Option<Scheme>, &str, &str); 10] = [
            (&[], None, "", ""),
            (&["X-Forwarded-Proto: https", "X-Forwarded-Host: files.example"], https, "files.example", ""),
            (&["X-Forwarded-Proto: HTTPS, https"], https, "", ""),
            (&["X-Forwarded-Proto: https, http"], http, "", ""),
            (&["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], http, "", ""),
            (&["X-Forwarded-Proto: wss"], http, "", ""),
            (&["X-Forwarded-Prefix: /files"], None, "", "/files"),
            (&["X-Forwarded-Host: forged.example, files.example:8443"], None, "files.example:8443", ""),
            (
                &["X-Forwarded-Host: forged.example", "X-Forwarded-Host: files.example"],
                None,
                "files.example",
                "",
            ),
            (&["Forwarded: for=203.0.113.9;proto=https;host=files.example"], None, "", ""),
        ];
        for (lines, scheme, host, prefix) in table {
            let (_, found_scheme, found_host, found_prefix) = found(&["10.0.0.1"], lines);
            assert_eq!((found_scheme, &*found_host, &*found_prefix), (scheme, host, prefix), "{lines:?}");
            assert_eq!(found(&["10.0.0.2"], lines).1, None, "{lines:?}, from a peer that is not trusted");
        }
    }

    #[test]
    fn the_element_of_the_client_says_its_scheme_and_host() {
        let (outside, https) = ("203.0.113.9".to_owned(), Some(Scheme::Https));
        let inner =
            "Forwarded: for=203.0.113.9;proto=https;host=files.example, for=10.0.0.2;proto=http;host=inner";
        let expected = (outside.clone(), https, "files.example".to_owned(), String::new());
        assert_eq!(found(&["10.0.0.0/8=forwarded"], &[inner]), expected);
        let forged = "Forwarded: for=198.51.100.1;proto=https;host=evil, for=203.0.113.9";
        assert_eq!(
            found(&["10.0.0.0/8=forwarded"], &[forged]),
            (outside, None, String::new(), String::new())
        );
        let other =
            found(&["10.0.0.0/8=forwarded"], &["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"]);
        assert_eq!(other, ("10.0.0.1:5000".to_owned(), None, String::new(), String::new()));
    }
}
