//! Where a server listens, and why it cannot.

use std::net::SocketAddr;
use std::{fmt, io};

use rustix::fs::Mode;

use crate::net::inherited::Inherited;
use crate::net::listener::Listener;
use crate::net::unix::{CannotBind, SocketName};

/// The doors that a server is to open.
#[derive(Debug)]
pub struct Doors {
    /// HTTP over TCP; port 0 takes a free one.
    pub tcp: Vec<SocketAddr>,
    /// HTTP over Unix-domain sockets.
    pub unix: Vec<SocketName>,
    /// The mode of those that have a path.
    pub unix_mode: Mode,
    /// Those that are open already, and stay so when the server leaves.
    pub inherited: Inherited,
}

/// Why a door cannot be opened.
#[derive(Debug)]
pub enum CannotOpen {
    /// The address cannot be had.
    Tcp(SocketAddr, io::Error),
    /// The name cannot be had.
    Unix(SocketName, CannotBind),
}

impl Doors {
    /// Opens them all, or none.
    pub fn open(self) -> Result<Vec<Listener>, CannotOpen> {
        let Self { tcp, unix, unix_mode, inherited } = self;
        let mut listeners = inherited.listeners;
        for address in tcp {
            listeners.push(Listener::bind(address).map_err(|error| CannotOpen::Tcp(address, error))?);
        }
        for name in unix {
            let bound = Listener::bind_unix(name.clone(), unix_mode);
            listeners.push(bound.map_err(|error| CannotOpen::Unix(name, error))?);
        }
        Ok(listeners)
    }
}

impl fmt::Display for CannotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, error) => write!(f, "cannot bind {address}: {}", advice(error)),
            Self::Unix(name, CannotBind::Live) => write!(f, "another server is listening on {name}"),
            Self::Unix(name, error) => write!(f, "cannot bind {name}: {error}"),
        }
    }
}

/// What the system said of an address, and what may help.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address in use (is another server running? try --port 0)".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (ports below 1024 are the system's; try --port 8080)".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address (try --ip 0.0.0.0)".to_owned(),
        _ => error.to_string(),
    }
}

impl std::error::Error for CannotOpen {}
