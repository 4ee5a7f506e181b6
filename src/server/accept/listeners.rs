//! The addresses that a server listens on, and the errors of opening them.

use std::net::SocketAddr;
use std::{fmt, io};

use rustix::fs::Mode;

use crate::net::datagrams::Datagrams;
use crate::net::inherited::Inherited;
use crate::net::listener::{ListenAddress, Listener};
use crate::net::unix::{CannotBind, SocketName};

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
    /// Opens all of them, or none.
    pub fn open(self) -> Result<Listeners, ListenError> {
        let Self { tcp, unix, unix_mode, udp, inherited } = self;
        let Inherited { mut listeners, mut datagrams } = inherited;
        for address in tcp {
            listeners.push(Listener::bind(address).map_err(|error| ListenError::Tcp(address, error))?);
        }
        for name in unix {
            let bound = Listener::bind_unix(name.clone(), unix_mode);
            listeners.push(bound.map_err(|error| ListenError::Unix(name, error))?);
        }
        for address in udp {
            datagrams.push(Datagrams::bind(address).map_err(|error| ListenError::Udp(address, error))?);
        }
        Ok(Listeners { listeners, datagrams })
    }
}

impl Listeners {
    /// Their addresses, with the ports that the system picked.
    pub fn addresses(&self) -> impl Iterator<Item = ListenAddress> {
        let connections = self.listeners.iter().map(|listener| listener.address().clone());
        connections.chain(self.datagrams.iter().map(|socket| ListenAddress::Udp(socket.address())))
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, error) => write!(f, "cannot bind {address}: {}", advice(error, "port", 8080)),
            Self::Udp(address, error) => {
                write!(f, "cannot bind UDP {address}: {}", advice(error, "udp", 6969))
            }
            Self::Unix(name, CannotBind::Live) => write!(f, "another server is listening on {name}"),
            Self::Unix(name, error) => write!(f, "cannot bind {name}: {error}"),
        }
    }
}

/// The system's error for an address, with advice; `flag` is the flag of the port, and `free` a port that needs no
/// privileges.
fn advice(error: &io::Error, flag: &str, free: u16) -> String {
    match error.kind() {
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

impl std::error::Error for ListenError {}
