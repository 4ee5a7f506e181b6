//! Addresses that refuse connections and stay reserved during the test: a port that was free a moment ago may
//! belong to another test by now.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};

/// A TCP port that is reserved and refuses all connections.
pub struct ClosedPort(Socket);

impl ClosedPort {
    /// Reserves a loopback port.
    pub fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().ok().and_then(|address| address.as_socket()).expect("an address")
    }
}

/// A UDP port that is reserved and refuses all datagrams: its socket is connected to itself, so it accepts
/// only its own.
pub struct ClosedUdpPort(UdpSocket);

impl ClosedUdpPort {
    /// Reserves a loopback port.
    pub fn reserve() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(socket.local_addr().expect("an address")).expect("connected");
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }
}
