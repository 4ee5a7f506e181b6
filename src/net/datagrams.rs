//! A UDP socket that receives requests, and the sockets that answer them.
//!
//! Each answer comes from the address that the request was sent to, and from a separate port. On a machine with several
//! addresses, the client would reject an answer from a different one. The kernel reports the address with each datagram
//! (`IP_PKTINFO`, ip(7)).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, cmsg_space, recvmsg, setsockopt, sockopt,
};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The receive buffer of a socket, in bytes; the kernel lowers it to `net.core.rmem_max`. A window of blocks arrives in one
/// burst.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A UDP socket that receives requests.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    address: SocketAddr,
}

/// A datagram that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Its length in bytes, at most the length of the buffer.
    pub length: usize,
    /// The sender.
    pub from: SocketAddr,
    /// The address of this machine that the datagram was sent to, with port 0. The answer must come from this address.
    /// `None` for a broadcast or multicast.
    pub to: Option<SocketAddr>,
}

impl Datagrams {
    /// Listens on this address; port 0 chooses a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_among(address, &[])
    }

    /// Like [`Self::bind`], for one of several sockets: `all` has the addresses of all of them.
    pub fn bind_among(address: SocketAddr, all: &[SocketAddr]) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        choose_versions(&socket, address, all)?;
        socket.bind(&address.into())?;
        Self::inherit(UdpSocket::from(socket))
    }

    /// Uses a socket that another process has bound.
    pub fn inherit(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        if address.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Self { socket, address })
    }

    /// The address that it listens on, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address `0.0.0.0` with its port, if it receives IPv4 too.
    pub fn ipv4_address(&self) -> Option<SocketAddr> {
        ipv4_of(self.address, &SockRef::from(&self.socket))
    }

    /// The next datagram, or `None` if none is waiting. A datagram longer than `into` is truncated.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<Option<Arrived>> {
        let mut parts = [IoSliceMut::new(into)];
        // A dual-stack socket reports an IPv4 address in both forms.
        let mut control = [0; cmsg_space::<in_pktinfo>() + cmsg_space::<in6_pktinfo>()];
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = self.socket.as_raw_fd();
        let message = match recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags) {
            Ok(message) => message,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(from) = message.address.and_then(address_of) else { return Ok(None) };
        let mut to = Some((self.address.ip(), 0));
        for control in message.cmsgs()? {
            to = match control {
                ControlMessageOwned::Ipv4PacketInfo(found) => to.and(unicast_v4(&found)),
                ControlMessageOwned::Ipv6PacketInfo(found) => to.and(unicast_v6(&found)),
                _ => to,
            };
        }
        let to = to.map(|(ip, interface)| any_port(ip.to_canonical(), interface));
        Ok(Some(Arrived { length: message.bytes, from: canonical(from), to }))
    }
}

impl AsFd for Datagrams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Lets a socket for `::` accept IPv4 too, unless one of the other addresses is IPv4 with the same port.
pub(super) fn choose_versions(socket: &Socket, address: SocketAddr, all: &[SocketAddr]) -> io::Result<()> {
    if address.is_ipv4() {
        return Ok(());
    }
    let has_other = all.iter().any(|other| other.is_ipv4() && other.port() == address.port());
    let is_dual = address.ip().is_unspecified() && !has_other;
    socket.set_only_v6(!is_dual).map_err(|error| {
        let what = "this system does not let an IPv6 socket accept IPv4 (try --ip :: --ip 0.0.0.0)";
        if is_dual { io::Error::new(io::ErrorKind::Unsupported, what) } else { error }
    })
}

/// The address `0.0.0.0` with the socket's port, if a socket at this address accepts IPv4 too.
pub(super) fn ipv4_of(address: SocketAddr, socket: &SockRef<'_>) -> Option<SocketAddr> {
    let is_dual = address.is_ipv6() && address.ip().is_unspecified() && !socket.only_v6().unwrap_or(true);
    is_dual.then(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
}

/// A new socket for a transfer, bound to the address at which its request arrived.
pub fn answer_from(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(to)?;
    // An error is ignored: with a smaller buffer, more of a burst is lost, and is sent again.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket)
}

/// The size of a socket's receive buffer, in bytes. The kernel reports twice the requested size, and uses half of the
/// buffer for its own data.
pub fn receive_room(socket: &UdpSocket) -> io::Result<usize> {
    Ok(SockRef::from(socket).recv_buffer_size()? / 2)
}

/// The next datagram of a transfer and its sender, without waiting; `None` if there is none.
pub fn receive_now(socket: &UdpSocket, into: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    match recvfrom(socket, into, RecvFlags::DONTWAIT) {
        Ok((length, _, from)) => {
            let from = from.and_then(|from| SocketAddr::try_from(from).ok());
            Ok(from.map(|from| (length, canonical(from))))
        }
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Enables the reporting of ICMP errors, such as a closed port: the next [`receive_now`] then fails with the
/// error. Ignored if the system does not support it.
pub fn hear_of_errors(socket: &UdpSocket) {
    let _ = match socket.local_addr() {
        Ok(SocketAddr::V6(_)) => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
        _ => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
    };
}

/// The destinations of the datagrams that caused ICMP errors. This clears the errors: while one is queued,
/// the socket counts as ready.
pub fn take_errors(socket: &UdpSocket) -> Vec<SocketAddr> {
    let next = || recvfrom(socket, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::ERRQUEUE).ok();
    let sent_to = std::iter::from_fn(next).filter_map(|(_, _, to)| SocketAddr::try_from(to?).ok());
    sent_to.map(canonical).collect()
}

/// The address of this machine that a datagram was sent to; `None` for a broadcast or multicast.
fn unicast_v4(found: &in_pktinfo) -> Option<(IpAddr, u32)> {
    // `ipi_addr` is the destination in the datagram's header (ip(7)). It differs from the local address for a broadcast
    // or multicast.
    let [here, head] = [found.ipi_spec_dst, found.ipi_addr].map(|ip| ip.s_addr.to_ne_bytes());
    (here == head).then_some((IpAddr::V4(Ipv4Addr::from(here)), 0))
}

/// Like [`unicast_v4`], for IPv6 and with the interface.
fn unicast_v6(found: &in6_pktinfo) -> Option<(IpAddr, u32)> {
    let ip = IpAddr::from(found.ipi6_addr.s6_addr);
    (!ip.is_multicast()).then_some((ip, found.ipi6_ifindex))
}

fn address_of(storage: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

/// Converts an IPv4-mapped IPv6 address, which a dual-stack socket reports, to IPv4.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

/// This address with port 0. A link-local address is valid only with its interface.
fn any_port(ip: IpAddr, interface: u32) -> SocketAddr {
    match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, 0, 0, interface).into(),
        ip => SocketAddr::new(ip, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    /// Waits for a datagram.
    fn wait(server: &Datagrams, into: &mut [u8]) -> Arrived {
        loop {
            poll(&mut [PollFd::new(server, PollFlags::IN)], None).expect("polled");
            if let Some(arrived) = server.receive(into).expect("no error") {
                return arrived;
            }
        }
    }

    #[test]
    fn an_answer_comes_from_the_address_of_the_request() {
        let server = Datagrams::bind(SocketAddr::from(([0, 0, 0, 0], 0))).expect("bound");
        for asked in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 1, 2, 3]] {
            let asked = SocketAddr::from((asked, server.address().port()));
            let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
            client.send_to(b"hello", asked).expect("sent");
            let mut bytes = [0; 16];
            let arrived = wait(&server, &mut bytes);
            assert_eq!(arrived.from, client.local_addr().expect("an address"));
            assert_eq!((arrived.length, arrived.to), (5, Some(SocketAddr::new(asked.ip(), 0))));
            let answer = answer_from(SocketAddr::new(asked.ip(), 0)).expect("a socket");
            answer.send_to(b"hi", arrived.from).expect("sent");
            let (length, from) = client.recv_from(&mut bytes).expect("an answer");
            assert_eq!((length, from.ip()), (2, asked.ip()));
            assert_ne!(from.port(), asked.port());
        }
    }

    #[test]
    fn a_dual_stack_socket() {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).expect("a socket");
        socket.set_only_v6(false).expect("set");
        let Ok(()) = socket.bind(&SocketAddr::from(([0u16; 8], 0)).into()) else { return };
        let server = Datagrams::inherit(socket.into()).expect("taken");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
        client.send_to(b"hello", ("127.0.0.2", server.address().port())).expect("sent");
        let arrived = wait(&server, &mut [0; 16]);
        assert_eq!(arrived.from, client.local_addr().expect("an address"));
        assert_eq!(arrived.to, Some(SocketAddr::from(([127, 0, 0, 2], 0))));
    }

    #[test]
    fn a_broadcast_has_no_address_to_answer_from() {
        let server = Datagrams::bind(SocketAddr::from(([0, 0, 0, 0], 0))).expect("bound");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
        client.set_broadcast(true).expect("set");
        // The loopback's broadcast address; a machine may have none.
        let Ok(_) = client.send_to(b"hello", ("127.255.255.255", server.address().port())) else { return };
        assert_eq!(wait(&server, &mut [0; 16]).to, None);
    }
}
