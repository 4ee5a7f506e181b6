//! Whose requests are taken: what stands between the folder and the web pages of others.
//!
//! A browser sends requests for whatever page it shows. So a page of another site can make it write here (cross-site
//! request forgery), and one whose name is made to resolve to this machine (DNS rebinding) can make it read here
//! too. The first is seen by `Origin` and `Sec-Fetch-Site`, the second by `Host`: no such page can choose them.

use std::net::IpAddr;

use crate::http::fields::Fields;
use crate::http::request::split_port;

/// The names under which this server may be asked.
#[derive(Debug, Clone)]
pub struct Site {
    names: Vec<String>,
}

impl Site {
    /// The machine's own name, with and without `.local`, `localhost`, and these. IP addresses need not be named:
    /// no name can be made to resolve to a page that is asked for by address.
    pub fn new(given: impl IntoIterator<Item = String>) -> Self {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let local = format!("{machine}.local");
        let names = ["localhost".to_owned(), machine, local].into_iter().chain(given);
        Self { names: names.filter(|name| !name.is_empty()).collect() }
    }

    /// Whether a request with this Host is meant for this server. HTTP/1.0 may do without: no browser sends it.
    pub fn is_asked(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        let (name, _) = split_port(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        is_address(name) || self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a write comes from a page of this server, or from no page at all (WHATWG Fetch §3.2, W3C Fetch
    /// Metadata §2.3). Programs like curl send neither field.
    pub fn may_write(host: Option<&str>, fields: Fields<'_, '_>) -> bool {
        let from_here = |origin: &str| origin.strip_prefix("http://").is_some_and(|rest| Some(rest) == host);
        let fetched_here = |site: &[u8]| site == b"same-origin" || site == b"none";
        fields.all("Sec-Fetch-Site").all(fetched_here)
            && fields.all("Origin").all(|origin| std::str::from_utf8(origin).is_ok_and(from_here))
    }
}

/// Whether this is an IPv4 address, or an IPv6 address in brackets.
fn is_address(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
        None => name.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    #[test]
    fn hosts_that_are_ours() {
        let site = Site::new(["files.example".to_owned()]);
        let cases = [
            (Some("127.0.0.1:8080"), true),
            (Some("[::1]:8080"), true),
            (Some("192.168.1.7"), true),
            (Some("LOCALHOST:1"), true),
            (Some("localhost."), true),
            (Some("files.example:80"), true),
            (Some("evil.example"), false),
            (Some("127.0.0.1.evil.example"), false),
            (Some("localhost.evil.example"), false),
            (Some(""), false),
            (None, true),
        ];
        for (host, expected) in cases {
            assert_eq!(site.is_asked(host), expected, "{host:?}");
        }
    }

    #[test]
    fn writes_from_pages() {
        let cases = [
            ("curl", "", true),
            ("our own page", "Origin: http://h:1\r\nSec-Fetch-Site: same-origin\r\n", true),
            ("typed into the address bar", "Sec-Fetch-Site: none\r\n", true),
            ("another site", "Origin: http://evil\r\n", false),
            ("another port", "Origin: http://h:2\r\n", false),
            ("another scheme", "Origin: https://h:1\r\n", false),
            ("a sandboxed page", "Origin: null\r\n", false),
            ("same site is not same origin", "Sec-Fetch-Site: same-site\r\n", false),
            ("cross-site without Origin", "Sec-Fetch-Site: cross-site\r\n", false),
            ("one good, one bad", "Origin: http://h:1\r\nOrigin: http://evil\r\n", false),
        ];
        for (name, lines, expected) in cases {
            let bytes = format!("POST /x HTTP/1.1\r\nHost: h:1\r\n{lines}\r\n");
            let mut space = FieldSpace::new();
            let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
            assert_eq!(Site::may_write(head.host, head.fields), expected, "{name}");
        }
    }
}
