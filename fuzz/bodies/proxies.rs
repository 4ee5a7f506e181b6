//! What proxies say about their clients: PROXY headers of both versions, and the forwarded fields.

use std::net::IpAddr;

use wharf::http::forwarded::{Hop, forwarded, x_forwarded_for};
use wharf::http::proxy_protocol::{LIMIT, ProxySource, parse};
use wharf::http::request::{FieldSpace, Head};

/// The first bytes of a header of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes are a PROXY header, and the values of fields, one per line.
pub(crate) fn check(data: &[u8]) {
    header(data);
    // Inputs rarely have the whole signature.
    header(&[SIGNATURE, data].concat());
    header(&[b"PROXY ", data].concat());
    fields(data);
}

/// A header is complete at one length only, and contains its address.
fn header(bytes: &[u8]) {
    let whole = parse(bytes);
    let end = match whole {
        Ok(Some((source, length))) => {
            assert!(length <= bytes.len() && length <= LIMIT, "{length} bytes of {}", bytes.len());
            if let ProxySource::Client(client) = source {
                assert!(has_address(&bytes[..length], client.ip()), "{client}");
            }
            // The bytes after it do not matter.
            assert_eq!(parse(&bytes[..length]), whole);
            length
        }
        Ok(None) => {
            assert!(bytes.len() < LIMIT, "{} bytes are awaited", bytes.len());
            bytes.len()
        }
        Err(_) => bytes.len(),
    };
    for cut in 0..end.min(512) {
        let part = parse(&bytes[..cut]);
        // An error may show before the whole header has arrived.
        let is_early = part.is_err() && part == whole;
        assert!(part == Ok(None) || is_early, "{cut} of {end} bytes: {part:?}, then {whole:?}");
    }
}

/// Whether the header has this address: as text, or as its bytes.
fn has_address(header: &[u8], ip: IpAddr) -> bool {
    if let Some(words) = header.strip_prefix(b"PROXY ") {
        let words = std::str::from_utf8(words).expect("it is text");
        let mut addresses = words.split(' ').filter_map(|word| word.parse::<IpAddr>().ok());
        return addresses.next().map(|first| first.to_canonical()) == Some(ip);
    }
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    header[SIGNATURE.len()..].windows(octets.len()).any(|window| window == octets)
}

/// The hops of these values: one for each element, each with an address that the element contains.
fn fields(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|&byte| byte == b'\n').take(8).collect();
    for (name, read) in [
        ("X-Forwarded-For", (|fields| x_forwarded_for(fields).map(owned).collect()) as Read),
        ("Forwarded", |fields| forwarded(fields).map(owned).collect()),
    ] {
        let mut bytes = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
        for line in &lines {
            bytes.extend([name.as_bytes(), b": ", line, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        let mut space = FieldSpace::new();
        let Ok(head) = Head::parse(&bytes, &mut space) else { continue };
        let hops = read(head.fields);
        let values: Vec<&[u8]> = head.fields.all(name).collect();
        let text = String::from_utf8_lossy(&values.join(&b","[..])).into_owned();
        let is_part = |c: char| !(c.is_ascii_hexdigit() || ".:".contains(c));
        let addresses: Vec<IpAddr> = text.split(is_part).filter_map(address).collect();
        for hop in hops.into_iter().flatten() {
            assert!(addresses.contains(&hop), "{name}: {hop} of {text:?}");
        }
        if name == "X-Forwarded-For" {
            one_by_one(&values, &read(head.fields));
        }
    }
}

type Read = fn(wharf::http::fields::Fields<'_, '_>) -> Vec<Option<IpAddr>>;

fn owned(hop: Hop<'_>) -> Option<IpAddr> {
    hop.address
}

/// A part of the text as an address, without the port.
fn address(part: &str) -> Option<IpAddr> {
    let without_port = || part.rsplit_once(':')?.0.parse().ok();
    part.parse::<IpAddr>().ok().or_else(without_port).map(|ip| ip.to_canonical())
}

/// The elements, the last one first; plain addresses among them are parsed as addresses.
fn one_by_one(values: &[&[u8]], hops: &[Option<IpAddr>]) {
    let joined = values.join(&b","[..]);
    let elements: Vec<_> = joined.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect();
    let elements: Vec<_> = elements.into_iter().rev().filter(|element| !element.is_empty()).collect();
    assert_eq!(elements.len(), hops.len());
    for (element, hop) in elements.into_iter().zip(hops) {
        let plain = std::str::from_utf8(element).ok().and_then(|text| text.parse::<IpAddr>().ok());
        if let Some(plain) = plain {
            assert_eq!(*hop, Some(plain.to_canonical()));
        }
    }
}
