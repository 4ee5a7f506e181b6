//! The peer of a socket.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroI32;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};

/// A peer, displayed in the log as `127.0.0.1:5000` or `unix:uid=1000,pid=42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP or UDP, from this address.
    Inet(SocketAddr),
    /// A program on this machine.
    Unix(Option<PeerCredentials>),
}

/// The credentials of a program, as the kernel recorded them when the program connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCredentials {
    uid: u32,
    /// `None` if the program runs in another pid namespace, for example in a container.
    pid: Option<NonZeroI32>,
}

impl Peer {
    /// The peer at the other end of this Unix-domain socket (`SO_PEERCRED`, unix(7)).
    pub fn of_unix(socket: &impl AsFd) -> Self {
        let credentials = getsockopt(socket, sockopt::PeerCredentials).ok();
        Self::Unix(
            credentials.map(|found| PeerCredentials { uid: found.uid(), pid: NonZeroI32::new(found.pid()) }),
        )
    }
}

impl PeerCredentials {
    /// The user that runs the program.
    pub fn uid(self) -> u32 {
        self.uid
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(None) => f.write_str("unix:?"),
            Self::Unix(Some(PeerCredentials { uid, pid: None })) => write!(f, "unix:uid={uid},pid=?"),
            Self::Unix(Some(PeerCredentials { uid, pid: Some(pid) })) => {
                write!(f, "unix:uid={uid},pid={pid}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_peer_is_named() {
        let me = format!("unix:uid={},pid={}", rustix::process::getuid().as_raw(), std::process::id());
        let (socket, _other) = UnixStream::pair().expect("two sockets");
        assert_eq!(Peer::of_unix(&socket).to_string(), me);
        let elsewhere = Peer::Unix(Some(PeerCredentials { uid: 7, pid: None }));
        assert_eq!(elsewhere.to_string(), "unix:uid=7,pid=?");
        assert_eq!(Peer::Inet(SocketAddr::from(([127, 0, 0, 1], 5000))).to_string(), "127.0.0.1:5000");
    }
}
