//! The cookies of the server (RFC 6265): the secret of a session, and the secret with which a client without
//! an account undoes its changes.

use std::time::Duration;

use crate::http::fields::Fields;
use crate::http::request::split_port;
use crate::server::base::Base;
use crate::server::request::{Request, Scheme};

/// A cookie, for one request: its name and attributes depend on how the server is reached.
#[derive(Debug)]
pub(super) struct Cookie {
    name: String,
    path: String,
    is_secure: bool,
}

/// A request has two cookies with the same name, so somebody else may have set one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TwoCookies;

impl Cookie {
    /// The cookie for a user's session, for requests to this host.
    #[cfg(any(feature = "accounts", test))]
    pub(super) fn of(host: Option<&str>, scheme: Option<Scheme>, base: &Base) -> Self {
        Self::named("wharf", host, scheme, base)
    }

    /// The session cookie of this request.
    #[cfg(feature = "accounts")]
    pub(super) fn of_request(request: &Request<'_, '_, '_>, base: &Base) -> Self {
        Self::of(request.head.host, request.scheme, base)
    }

    /// The cookie with which a client without an account undoes its changes.
    pub(super) fn for_undo(request: &Request<'_, '_, '_>, base: &Base) -> Self {
        Self::named("wharf-undo", request.head.host, request.scheme, base)
    }

    /// A cookie of this name. Over TLS, it has a prefix that browsers check. `__Host-` proves that this host has set
    /// the cookie, for all paths. With a base, the prefix is `__Secure-`, which proves only that the cookie was set
    /// over TLS. Without TLS, all ports of a host share cookies, so the name contains the port.
    fn named(name: &str, host: Option<&str>, scheme: Option<Scheme>, base: &Base) -> Self {
        let is_secure = scheme == Some(Scheme::Https);
        let name = match (is_secure, base.is_root()) {
            (true, true) => format!("__Host-{name}"),
            (true, false) => format!("__Secure-{name}"),
            (false, _) => with_port(name, host),
        };
        Self { name, path: base.directory(), is_secure }
    }

    /// The cookie for a visitor who has opened the link at this path. Browsers send it only there, so each
    /// link has its own cookie, and none replaces a user's session cookie.
    #[cfg(feature = "accounts")]
    pub(super) fn of_link(host: Option<&str>, scheme: Option<Scheme>, base: &Base, prefix: &str) -> Self {
        let is_secure = scheme == Some(Scheme::Https);
        let name = if is_secure { "__Secure-wharf-link".to_owned() } else { with_port("wharf-link", host) };
        Self { name, path: base.with(prefix), is_secure }
    }

    /// All values of the cookie in a request.
    pub(super) fn all<'b>(&self, fields: Fields<'_, 'b>) -> impl Iterator<Item = &'b [u8]> {
        let pairs = fields.all("Cookie").flat_map(|line| line.split(|byte| *byte == b';'));
        pairs.filter_map(|pair| {
            let rest = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
            rest.strip_prefix(b"=")
        })
    }

    /// The value of the cookie in a request.
    pub(super) fn find<'b>(&self, fields: Fields<'_, 'b>) -> Result<Option<&'b [u8]>, TwoCookies> {
        let mut values = self.all(fields);
        let first = values.next();
        if values.next().is_some() { Err(TwoCookies) } else { Ok(first) }
    }

    /// The value of `Set-Cookie` that sets it for this time.
    pub(super) fn set(&self, secret: &str, time: Duration) -> String {
        let Self { name, path, is_secure } = self;
        let secure = if *is_secure { "; Secure" } else { "" };
        let seconds = time.as_secs();
        format!("{name}={secret}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The value of `Set-Cookie` that removes it.
    #[cfg(feature = "accounts")]
    pub(super) fn clear(&self) -> String {
        self.set("", Duration::ZERO)
    }
}

/// A name, with the port of this host appended.
fn with_port(name: &str, host: Option<&str>) -> String {
    let (_, port) = split_port(host.unwrap_or(""));
    format!("{name}-{}", if port.is_empty() { "80" } else { port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    #[test]
    fn names_and_attributes() {
        let base = |text: &str| text.parse::<Base>().expect("a path");
        let https = Some(Scheme::Https);
        let table = [
            (
                Some("a.example"),
                https,
                "/",
                "__Host-wharf=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                Some("a.example:8443"),
                https,
                "/files",
                "__Secure-wharf=x; Path=/files/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            ),
            (Some("localhost:8080"), None, "/", "wharf-8080=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax"),
            (
                Some("[::1]:81"),
                Some(Scheme::Http),
                "/",
                "wharf-81=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax",
            ),
            (None, None, "/b", "wharf-80=x; Path=/b/; Max-Age=9; HttpOnly; SameSite=Lax"),
        ];
        for (host, scheme, path, expected) in table {
            let cookie = Cookie::of(host, scheme, &base(path));
            assert_eq!(cookie.set("x", Duration::from_secs(9)), expected);
        }
    }

    #[test]
    fn the_cookie_for_undo_has_a_name_of_its_own() {
        let base = |text: &str| text.parse::<Base>().expect("a path");
        let table = [
            (Some(Scheme::Https), "/", "__Host-wharf-undo"),
            (Some(Scheme::Https), "/files", "__Secure-wharf-undo"),
            (None, "/", "wharf-undo-8080"),
        ];
        for (scheme, path, expected) in table {
            let cookie = Cookie::named("wharf-undo", Some("localhost:8080"), scheme, &base(path));
            assert_eq!(cookie.name, expected);
        }
    }

    #[test]
    fn the_value_is_found_among_other_cookies() {
        let cookie = Cookie::of(Some("localhost:80"), None, &Base::default());
        let table: [(&[&str], Result<Option<&str>, TwoCookies>); 8] = [
            (&[], Ok(None)),
            (&["wharf-81=a; other=b"], Ok(None)),
            (&["wharf-80=a"], Ok(Some("a"))),
            (&["x=y; wharf-80=a;z=1"], Ok(Some("a"))),
            (&["x=y", "wharf-80=a"], Ok(Some("a"))),
            (&["wharf-80="], Ok(Some(""))),
            (&["wharf-800=a; awharf-80=b"], Ok(None)),
            (&["wharf-80=a; wharf-80=a"], Err(TwoCookies)),
        ];
        for (lines, expected) in table {
            let fields: String = lines.iter().flat_map(|line| ["Cookie: ", line, "\r\n"]).collect();
            let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
            let mut space = FieldSpace::new();
            let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
            let expected = expected.map(|value| value.map(str::as_bytes));
            assert_eq!(cookie.find(head.fields), expected, "{lines:?}");
        }
    }
}
