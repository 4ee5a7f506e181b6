//! The addresses that a server listens on, and why they cannot be opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::{fmt, io};

use rustix::fs::Mode;
use rustix::io::Errno;

use crate::net::datagrams::Datagrams;
use crate::net::inherited::Inherited;
use crate::net::listener::{ListenAddress, Listener};
use crate::net::unix::{CannotBind, SocketName};
use crate::net::zone::authority;

/// Which listeners a server opens.
#[derive(Debug)]
pub struct ListenConfig {
    /// HTTP over TCP; port 0 picks a free one.
    pub tcp: Vec<SocketAddr>,
    /// HTTP over Unix-domain sockets.
    pub unix: Vec<SocketName>,
    /// The file mode of Unix-domain sockets that have a path.
    pub unix_mode: Mode,
    /// TFTP over UDP; port 0 picks a free one.
    pub udp: Vec<SocketAddr>,
    /// Sockets that are already open, and stay open when the server exits.
    pub inherited: Inherited,
}

#[derive(Debug)]
pub struct Listeners {
    /// Listeners for connections.
    pub listeners: Vec<Listener>,
    /// Sockets for datagrams.
    pub datagrams: Vec<Datagrams>,
}

/// Why a listener cannot be opened.
#[derive(Debug)]
pub enum ListenError {
    /// The TCP address cannot be bound.
    Tcp(SocketAddr, io::Error),
    /// The Unix-domain socket cannot be bound.
    Unix(SocketName, CannotBind),
    /// The UDP address cannot be bound.
    Udp(SocketAddr, io::Error),
}

impl ListenConfig {
    /// The TCP addresses at which the listeners will be: two for a listener that accepts IPv4 and IPv6.
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        let ipv4 = |address: &SocketAddr| {
            let is_any = address.is_ipv6() && address.ip().is_unspecified();
            is_any.then(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        };
        let own = self.tcp.iter().flat_map(|address| ipv4(address).into_iter().chain([*address]));
        let inherited = self.inherited.listeners.iter().flat_map(addresses_of);
        own.chain(inherited.filter_map(|address| address.tcp())).collect()
    }

    /// All addresses at which the listeners will be. Port 0 stands for a port that the system picks.
    pub fn addresses(&self) -> Vec<ListenAddress> {
        let tcp = self.tcp_addresses().into_iter().map(ListenAddress::Tcp);
        let inherited = self.inherited.listeners.iter().flat_map(addresses_of);
        let inherited = inherited.filter(|address| matches!(address, ListenAddress::Unix(_)));
        let unix = self.unix.iter().cloned().map(ListenAddress::Unix).chain(inherited);
        let datagrams = self.inherited.datagrams.iter().map(Datagrams::address);
        let udp = self.udp.iter().copied().chain(datagrams).map(ListenAddress::Udp);
        tcp.chain(unix).chain(udp).collect()
    }

    /// Whether only programs on this machine can reach them.
    pub fn are_on_this_machine(&self) -> bool {
        let inherited = self.inherited.datagrams.iter().map(Datagrams::address);
        let all = self.tcp_addresses().into_iter().chain(self.udp.iter().copied()).chain(inherited);
        all.into_iter().all(|address| address.ip().to_canonical().is_loopback())
    }

    /// Opens all listeners, or none.
    pub fn open(self) -> Result<Listeners, ListenError> {
        let Self { tcp, unix, unix_mode, udp, inherited } = self;
        let Inherited { mut listeners, mut datagrams } = inherited;
        for address in &tcp {
            let bound = Listener::bind_among(*address, &tcp);
            listeners.push(bound.map_err(|error| ListenError::Tcp(*address, error))?);
        }
        for name in unix {
            let bound = Listener::bind_unix(name.clone(), unix_mode);
            listeners.push(bound.map_err(|error| ListenError::Unix(name, error))?);
        }
        for address in &udp {
            let bound = Datagrams::bind_among(*address, &udp);
            datagrams.push(bound.map_err(|error| ListenError::Udp(*address, error))?);
        }
        Ok(Listeners { listeners, datagrams })
    }
}

impl Listeners {
    /// Their addresses, with the ports that the system picked: two for a socket that accepts IPv4 and IPv6.
    pub fn addresses(&self) -> impl Iterator<Item = ListenAddress> {
        let of_datagrams = |socket: &Datagrams| socket.ipv4_address().into_iter().chain([socket.address()]);
        let udp = self.datagrams.iter().flat_map(of_datagrams).map(ListenAddress::Udp);
        self.listeners.iter().flat_map(addresses_of).chain(udp)
    }
}

/// The addresses of a listener.
fn addresses_of(listener: &Listener) -> impl Iterator<Item = ListenAddress> + use<> {
    listener.ipv4_address().into_iter().chain([listener.address().clone()])
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, error) => {
                write!(f, "cannot bind {}: {}", authority(*address), advice(*address, error, "port", 8080))
            }
            Self::Udp(address, error) => {
                write!(f, "cannot bind UDP {}: {}", authority(*address), advice(*address, error, "udp", 6969))
            }
            Self::Unix(name, CannotBind::Live) => write!(f, "another server is listening on {name}"),
            Self::Unix(name, error) => write!(f, "cannot bind {name}: {error}"),
        }
    }
}

/// The system's error for an address, with advice; `flag` is the flag that sets the port, and `free` is a port that
/// needs no privileges.
fn advice(address: SocketAddr, error: &io::Error, flag: &str, free: u16) -> String {
    if Errno::from_io_error(error) == Some(Errno::AFNOSUPPORT) {
        return "this system has no IPv6 (try --ip 0.0.0.0)".to_owned();
    }
    match error.kind() {
        io::ErrorKind::InvalidInput if needs_zone(address) => {
            format!("a link-local address needs its interface (try --ip {}%eth0)", address.ip())
        }
        io::ErrorKind::AddrInUse => {
            format!("address already in use (is another server running? try --{flag} 0)")
        }
        io::ErrorKind::PermissionDenied => {
            format!("permission denied (ports below 1024 need root; try --{flag} {free})")
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address (try --ip 0.0.0.0)".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether this is a link-local address without its interface.
fn needs_zone(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

impl std::error::Error for ListenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let cases = [
            (
                "[::]:80",
                Errno::AFNOSUPPORT,
                "cannot bind [::]:80: this system has no IPv6 (try --ip 0.0.0.0)",
            ),
            (
                "[fe80::1]:80",
                Errno::INVAL,
                "cannot bind [fe80::1]:80: a link-local address needs its interface (try --ip fe80::1%eth0)",
            ),
            (
                "[::1]:80",
                Errno::ADDRNOTAVAIL,
                "cannot bind [::1]:80: this machine has no such address (try --ip 0.0.0.0)",
            ),
        ];
        for (address, error, expected) in cases {
            let address = address.parse().expect("an address");
            assert_eq!(ListenError::Tcp(address, error.into()).to_string(), expected);
        }
    }
}
