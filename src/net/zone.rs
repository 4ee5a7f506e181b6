//! IPv6 addresses with a zone: `fe80::1%eth0` (RFC 4007 §11). A link-local address is valid only with its interface.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use nix::net::if_::{if_indextoname, if_nametoindex};

/// An IP address of this machine, with its interface if one was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZonedIp {
    ip: IpAddr,
    /// The number of the interface, or 0.
    interface: u32,
}

/// Why text is not a [`ZonedIp`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoneError {
    /// It is not an IP address.
    NotAnAddress,
    /// The address is IPv4, which has no zones.
    NoZones,
    /// No interface has this name.
    NoInterface(String),
}

impl ZonedIp {
    /// This address with a port.
    pub fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.interface).into(),
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, port),
        }
    }
}

impl From<IpAddr> for ZonedIp {
    fn from(ip: IpAddr) -> Self {
        Self { ip, interface: 0 }
    }
}

impl FromStr for ZonedIp {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let (ip, zone) = text.split_once('%').map_or((text, None), |(ip, zone)| (ip, Some(zone)));
        let ip: IpAddr = ip.parse().map_err(|_| ZoneError::NotAnAddress)?;
        let interface = match zone {
            None => 0,
            Some(_) if ip.is_ipv4() => return Err(ZoneError::NoZones),
            Some(zone) => index_of(zone).ok_or_else(|| ZoneError::NoInterface(zone.to_owned()))?,
        };
        Ok(Self { ip, interface })
    }
}

/// The number of an interface, by its name or its number.
fn index_of(zone: &str) -> Option<u32> {
    if_nametoindex(zone).ok().or_else(|| zone.parse().ok().filter(|index| *index != 0))
}

/// The form of an address in a URL: `127.0.0.1:8080`, `[::1]:8080`, `[fe80::1%25eth0]:8080` (RFC 6874).
pub fn authority(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let index = v6.scope_id();
            let name = if_indextoname(index).ok().and_then(|name| name.into_string().ok());
            let zone = name.unwrap_or_else(|| index.to_string());
            format!("[{}%25{zone}]:{}", v6.ip(), v6.port())
        }
        address => address.to_string(),
    }
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress => {
                f.write_str("it must be an IP address, such as 127.0.0.1, ::1 or fe80::1%eth0")
            }
            Self::NoZones => f.write_str("an IPv4 address has no zone"),
            Self::NoInterface(name) => write!(f, "this machine has no network interface {name:?}"),
        }
    }
}

impl std::error::Error for ZoneError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_a_zone() {
        let cases = [
            ("127.0.0.1", Ok("127.0.0.1:80")),
            ("::1", Ok("[::1]:80")),
            ("fe80::1%lo", Ok("[fe80::1%25lo]:80")),
            ("fe80::1%1", Ok("[fe80::1%25lo]:80")),
            ("fe80::1%no-such", Err(ZoneError::NoInterface("no-such".to_owned()))),
            ("fe80::1%", Err(ZoneError::NoInterface(String::new()))),
            ("fe80::1%0", Err(ZoneError::NoInterface("0".to_owned()))),
            ("127.0.0.1%lo", Err(ZoneError::NoZones)),
            ("localhost", Err(ZoneError::NotAnAddress)),
            ("[::1]", Err(ZoneError::NotAnAddress)),
            ("", Err(ZoneError::NotAnAddress)),
        ];
        for (text, expected) in cases {
            let found = text.parse::<ZonedIp>().map(|ip| authority(ip.at(80)));
            assert_eq!(found, expected.map(str::to_owned), "{text:?}");
        }
    }
}
