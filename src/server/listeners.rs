//! Where a server listens, and why it cannot.

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
    /// HTTP over TCP; port 0 takes a free one.
    pub tcp: Vec<SocketAddr>,
    /// HTTP over Unix-domain sockets.
    pub unix: Vec<SocketName>,
    /// The mode of those that have a path.
    pub unix_mode: Mode,
    /// TFTP over UDP; port 0 takes a free one.
    pub udp: Vec<SocketAddr>,
    /// Those that are open already, and stay so when the server leaves.
    pub inherited: Inherited,
}

/// The open listeners.
#[derive(Debug)]
pub struct Listeners {
    /// Where connections come in.
    pub listeners: Vec<Listener>,
    /// Where datagrams come in.
    pub datagrams: Vec<Datagrams>,
}

/// Why a listener cannot be opened.
#[derive(Debug)]
pub enum ListenError {
    /// The address cannot be had.
    Tcp(SocketAddr, io::Error),
    /// The name cannot be had.
    Unix(SocketName, CannotBind),
    /// The address cannot be had for UDP.
    Udp(SocketAddr, io::Error),
}

impl ListenConfig {
    /// Opens them all, or none.
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
    /// Where they are, with the ports that they got.
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

/// What the system said of an address, and what may help; `flag` names the port, and `free` is one that anybody may have.
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
