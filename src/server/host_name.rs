//! A name of this server, given with `--host`.

use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::http::request::ipv6_literal;

/// A host name or an IP address, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = String;

    /// Rejects anything that could never match a Host field, so that a URL or a port given by mistake is noticed at
    /// start-up.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = canonical(text);
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let is_name = name.split('.').all(is_label);
        if is_name || ipv6(text).is_some() {
            return Ok(Self(name));
        }
        let hint =
            if text.is_ascii() { "no scheme, no port, no path" } else { "write it in ASCII, as xn--…" };
        Err(format!("it must be a host name or an IP address ({hint})"))
    }
}

/// The canonical form of a host: lower case, no final dot, an IPv6 address in its shortest form, in brackets, without
/// its zone.
pub(super) fn canonical(host: &str) -> String {
    match ipv6(host) {
        Some(ip) => format!("[{ip}]"),
        None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

/// An IPv6 address, in brackets or not. A zone in brackets is dropped.
fn ipv6(host: &str) -> Option<Ipv6Addr> {
    ipv6_literal(host).or_else(|| host.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_that_are_accepted() {
        let cases = [
            ("files.example", Some("files.example")),
            ("FILES.Example.", Some("files.example")),
            ("my_nas", Some("my_nas")),
            ("xn--gre-6ka8i.example", Some("xn--gre-6ka8i.example")),
            ("192.0.2.7", Some("192.0.2.7")),
            ("::1", Some("[::1]")),
            ("[2001:DB8:0:0::7]", Some("[2001:db8::7]")),
            ("", None),
            (".", None),
            ("files.example..", None),
            (".example", None),
            ("files.example:8080", None),
            ("[::1]:8080", None),
            ("[files.example]", None),
            ("https://files.example", None),
            ("files.example/", None),
            ("*.example", None),
            ("größe.example", None),
            ("a b", None),
        ];
        for (text, expected) in cases {
            let name = text.parse::<HostName>().ok();
            assert_eq!(name.as_ref().map(HostName::as_str), expected, "{text:?}");
        }
    }
}
