//! The header that a proxy sends before the first request on a connection, to name its client: the PROXY
//! protocol, versions 1 and 2 (HAProxy, "The PROXY protocol", 2020).
//!
//! ```text
//! version 1   PROXY TCP4 192.0.2.7 198.51.100.1 5000 80\r\n
//! version 2   signature, command, family, length, addresses, extensions
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, in bytes, as the protocol defines.
const LIMIT_1: usize = 107;

/// The longest header of version 2, in bytes. That leaves room for a client certificate's subject in its
/// extensions, but not for a whole certificate.
pub const LIMIT: usize = 4096;

/// The first bytes of a header of version 1.
const NAME_1: &[u8] = b"PROXY ";

/// The first bytes of a header of version 2.
const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, the command, the family and the length.
const START_2: usize = 16;

/// The program that opened the connection to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxySource {
    /// The proxy itself, for a health check, or a client without a network address.
    Itself,
    /// The client at this address.
    Client(SocketAddr),
}

/// Why the bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeaderError {
    /// They do not begin with a header.
    Missing,
    /// The header is malformed.
    Malformed,
    /// The header is longer than [`LIMIT`].
    TooLong,
}

/// Parses the header at the start of these bytes, and returns its length; `None` if it is not complete yet.
pub fn parse(bytes: &[u8]) -> Result<Option<(ProxySource, usize)>, ProxyHeaderError> {
    if begins(bytes, SIGNATURE_2) {
        return parse_2(bytes);
    }
    if begins(bytes, NAME_1) {
        return parse_1(bytes);
    }
    Err(ProxyHeaderError::Missing)
}

/// Whether the bytes begin with `with`, or `with` begins with the bytes.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let common = bytes.len().min(with.len());
    bytes[..common] == with[..common]
}

fn parse_1(bytes: &[u8]) -> Result<Option<(ProxySource, usize)>, ProxyHeaderError> {
    let within = &bytes[..bytes.len().min(LIMIT_1)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LIMIT_1 { Ok(None) } else { Err(ProxyHeaderError::Malformed) };
    };
    let line = within.get(NAME_1.len()..end).and_then(|line| std::str::from_utf8(line).ok());
    let source = line.and_then(source_1).ok_or(ProxyHeaderError::Malformed)?;
    Ok(Some((source, end + 2)))
}

/// The source in a line of version 1, after `PROXY `.
fn source_1(line: &str) -> Option<ProxySource> {
    // Anything after UNKNOWN is ignored.
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(ProxySource::Itself);
    }
    let words: Vec<&str> = line.split(' ').collect();
    let &[family, source, destination, source_port, destination_port] = words.as_slice() else { return None };
    let ip = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse().map(IpAddr::V4).ok(),
            "TCP6" => text.parse().map(IpAddr::V6).ok(),
            _ => None,
        }
    };
    ip(destination)?;
    port_1(destination_port)?;
    Some(ProxySource::Client(SocketAddr::new(ip(source)?.to_canonical(), port_1(source_port)?)))
}

/// A port in version 1: decimal digits without a leading zero.
fn port_1(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_number.then(|| text.parse().ok())?
}

fn parse_2(bytes: &[u8]) -> Result<Option<(ProxySource, usize)>, ProxyHeaderError> {
    let Some(start) = bytes.first_chunk::<START_2>() else { return Ok(None) };
    let [.., command, family, high, low] = *start;
    let length = START_2 + usize::from(u16::from_be_bytes([high, low]));
    let is_proxied = match command {
        0x20 => false,
        0x21 => true,
        _ => return Err(ProxyHeaderError::Malformed),
    };
    if length > LIMIT {
        return Err(ProxyHeaderError::TooLong);
    }
    let Some(rest) = bytes.get(START_2..length) else { return Ok(None) };
    let source = if is_proxied {
        source_2(family, rest).ok_or(ProxyHeaderError::Malformed)?
    } else {
        ProxySource::Itself
    };
    Ok(Some((source, length)))
}

/// The source in a header of version 2; `rest` follows the length. A header that names a datagram protocol is
/// malformed.
fn source_2(family: u8, rest: &[u8]) -> Option<ProxySource> {
    match family {
        0x00 => Some(ProxySource::Itself),
        0x11 => {
            let (ip, rest) = rest.split_first_chunk::<4>()?;
            client_2(Ipv4Addr::from(*ip).into(), rest.get(4..)?)
        }
        0x21 => {
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            client_2(Ipv6Addr::from(*ip).into(), rest.get(16..)?)
        }
        // Two paths of 108 bytes.
        0x31 => (rest.len() >= 216).then_some(ProxySource::Itself),
        _ => None,
    }
}

/// The client at this address; the two ports follow.
fn client_2(ip: IpAddr, ports: &[u8]) -> Option<ProxySource> {
    let [high, low, _, _] = *ports.first_chunk::<4>()?;
    Some(ProxySource::Client(SocketAddr::new(ip.to_canonical(), u16::from_be_bytes([high, low]))))
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the PROXY header is missing"),
            Self::Malformed => f.write_str("the PROXY header is malformed"),
            Self::TooLong => write!(f, "the PROXY header is longer than {LIMIT} bytes"),
        }
    }
}

impl std::error::Error for ProxyHeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2.
    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [SIGNATURE_2, &[command, family], &length, rest].concat()
    }

    fn client(address: &str) -> ProxySource {
        ProxySource::Client(address.parse().expect("an address"))
    }

    #[test]
    fn lines_of_version_1() {
        let itself = Some(ProxySource::Itself);
        let table = [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 5000 80\r\n", Some(client("192.0.2.7:5000"))),
            (
                "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                Some(client("255.255.255.255:65535")),
            ),
            ("PROXY TCP6 2001:db8::7 ::1 5000 80\r\n", Some(client("[2001:db8::7]:5000"))),
            ("PROXY TCP6 ::ffff:192.0.2.7 ::1 5000 80\r\n", Some(client("192.0.2.7:5000"))),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 0 80\r\n", Some(client("192.0.2.7:0"))),
            ("PROXY UNKNOWN\r\n", itself),
            ("PROXY UNKNOWN ffff::1 anything\r\n", itself),
            ("PROXY UNKNOWNS\r\n", None),
            ("PROXY TCP4 2001:db8::7 ::1 5000 80\r\n", None),
            ("PROXY TCP6 192.0.2.7 198.51.100.1 5000 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 65536 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 05000 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 +5000 80\r\n", None),
            ("PROXY TCP4 192.0.2.07 198.51.100.1 5000 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 5000\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 5000 \r\n", None),
            ("PROXY TCP4 192.0.2.7  198.51.100.1 5000 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 nowhere 5000 80\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 5000 80 x\r\n", None),
            ("PROXY tcp4 192.0.2.7 198.51.100.1 5000 80\r\n", None),
            ("PROXY \r\n", None),
        ];
        for (line, expected) in table {
            let followed = format!("{line}GET / HTTP/1.1\r\n\r\n");
            let expected = match expected {
                Some(source) => Ok(Some((source, line.len()))),
                None => Err(ProxyHeaderError::Malformed),
            };
            assert_eq!(parse(followed.as_bytes()), expected, "{line:?}");
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(LIMIT_1));
        assert_eq!(parse(endless.as_bytes()), Err(ProxyHeaderError::Malformed));
    }

    #[test]
    fn headers_of_version_2() {
        let (v4, v6) = (
            [192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0, 80],
            [Ipv6Addr::LOCALHOST.octets(), Ipv6Addr::UNSPECIFIED.octets()].concat(),
        );
        let v6 = [v6.as_slice(), &[0x13, 0x88, 0, 80]].concat();
        let extended = [v4.as_slice(), &[0x04, 0, 1, 0]].concat();
        let itself = Some(ProxySource::Itself);
        let table: [(&str, Vec<u8>, Option<ProxySource>); 14] = [
            ("IPv4", version_2(0x21, 0x11, &v4), Some(client("192.0.2.7:5000"))),
            ("with extensions", version_2(0x21, 0x11, &extended), Some(client("192.0.2.7:5000"))),
            ("IPv6", version_2(0x21, 0x21, &v6), Some(client("[::1]:5000"))),
            ("LOCAL", version_2(0x20, 0x00, &[]), itself),
            ("LOCAL, with addresses", version_2(0x20, 0x11, &v4), itself),
            ("UNSPEC", version_2(0x21, 0x00, b"whatever"), itself),
            ("AF_UNIX", version_2(0x21, 0x31, &[0; 216]), itself),
            ("AF_UNIX, cut", version_2(0x21, 0x31, &[0; 215]), None),
            ("IPv4, cut", version_2(0x21, 0x11, &v4[..11]), None),
            ("IPv6, cut", version_2(0x21, 0x21, &v6[..35]), None),
            ("datagrams", version_2(0x21, 0x12, &v4), None),
            ("no family", version_2(0x21, 0x41, &v4), None),
            ("no command", version_2(0x22, 0x11, &v4), None),
            ("version 1", version_2(0x11, 0x11, &v4), None),
        ];
        for (name, bytes, expected) in table {
            let followed = [bytes.as_slice(), b"GET / HTTP/1.1\r\n\r\n"].concat();
            let expected = match expected {
                Some(source) => Ok(Some((source, bytes.len()))),
                None => Err(ProxyHeaderError::Malformed),
            };
            assert_eq!(parse(&followed), expected, "{name}");
        }
        let long = version_2(0x21, 0x11, &[0; LIMIT]);
        assert_eq!(parse(&long[..START_2]), Err(ProxyHeaderError::TooLong));
    }

    #[test]
    fn a_header_that_is_not_complete_is_awaited_and_anything_else_refused_at_its_first_byte() {
        let whole: [&[u8]; 2] = [
            b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 80\r\n",
            &version_2(0x21, 0x11, &[192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0, 80]),
        ];
        for bytes in whole {
            for length in 0..bytes.len() {
                assert_eq!(parse(&bytes[..length]), Ok(None), "{length} bytes");
            }
        }
        for other in [&b"G"[..], b"\r\n\r\nG", b"PROXx", b"proxy ", b"\0"] {
            assert_eq!(parse(other), Err(ProxyHeaderError::Missing), "{other:?}");
        }
    }
}
