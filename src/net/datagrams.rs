//! A UDP socket at which anybody may ask, and the sockets on which they are answered.
//!
//! Each answer comes from the address that was asked, and from a port of its own: on a machine with several addresses a
//! reply from another one would be a stranger's. Which address that was, the system tells with each datagram
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

/// What a socket may keep of what has arrived and was not read yet, in bytes; the kernel lowers it to
/// `net.core.rmem_max`. A window of blocks comes in one burst.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A socket at which anybody may ask.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    address: SocketAddr,
}

/// A datagram, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Its length in bytes, as far as there was room.
    pub length: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of this machine that it was sent to, with any port: where the answer comes from. None where it was
    /// sent to all who listen, by broadcast or multicast.
    pub to: Option<SocketAddr>,
}

impl Datagrams {
    /// Listens on this address; port 0 takes a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        Self::inherit(UdpSocket::from(socket))
    }

    /// Listens on a socket that somebody else has bound.
    pub fn inherit(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        if address.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next datagram, or `None` when there is none. What is longer than `into` is cut off.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<Option<Arrived>> {
        let mut parts = [IoSliceMut::new(into)];
        // A socket for both kinds of addresses tells of an IPv4 one in both ways.
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

/// A socket of its own for the conversation that a datagram begins.
pub fn answer_from(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(to)?;
    // A smaller buffer loses more of a burst, and the sender repeats it.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket)
}

/// How many bytes of what has arrived a socket keeps. The kernel tells twice of what it was asked for, and uses that for
/// its own notes on each datagram.
pub fn receive_room(socket: &UdpSocket) -> io::Result<usize> {
    Ok(SockRef::from(socket).recv_buffer_size()? / 2)
}

/// The next datagram of a conversation and who sent it, without waiting; `None` when there is none.
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

/// Lets the system tell this socket of what the network says to what it sends, as that nobody listens there: the next
/// [`receive_now`] fails with it. Where the system cannot, silence has to do.
pub fn hear_of_errors(socket: &UdpSocket) {
    let _ = match socket.local_addr() {
        Ok(SocketAddr::V6(_)) => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
        _ => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
    };
}

/// Whom the datagrams were for that such errors are about. They are then forgotten: as long as they are there, the socket
/// counts as ready.
pub fn take_errors(socket: &UdpSocket) -> Vec<SocketAddr> {
    let next = || recvfrom(socket, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::ERRQUEUE).ok();
    let sent_to = std::iter::from_fn(next).filter_map(|(_, _, to)| SocketAddr::try_from(to?).ok());
    sent_to.map(canonical).collect()
}

/// The address of this machine that a datagram was sent to; none if that is not one machine's.
fn unicast_v4(found: &in_pktinfo) -> Option<(IpAddr, u32)> {
    // The second is the one in the datagram's head (ip(7)); they differ for a broadcast or a multicast.
    let [here, head] = [found.ipi_spec_dst, found.ipi_addr].map(|ip| ip.s_addr.to_ne_bytes());
    (here == head).then_some((IpAddr::V4(Ipv4Addr::from(here)), 0))
}

/// As [`unicast_v4`], with the interface.
fn unicast_v6(found: &in6_pktinfo) -> Option<(IpAddr, u32)> {
    let ip = IpAddr::from(found.ipi6_addr.s6_addr);
    (!ip.is_multicast()).then_some((ip, found.ipi6_ifindex))
}

fn address_of(storage: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

/// An IPv4 address as one, also where it came through a socket for both kinds.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

/// An address with a free port; a link-local one means something only together with its interface.
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

    /// What arrives, once it has.
    fn wait(door: &Datagrams, into: &mut [u8]) -> Arrived {
        loop {
            poll(&mut [PollFd::new(door, PollFlags::IN)], None).expect("it waits");
            if let Some(arrived) = door.receive(into).expect("no error") {
                return arrived;
            }
        }
    }

    #[test]
    fn an_answer_comes_from_the_address_that_was_asked() {
        let door = Datagrams::bind(SocketAddr::from(([0, 0, 0, 0], 0))).expect("bound");
        for asked in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 1, 2, 3]] {
            let asked = SocketAddr::from((asked, door.address().port()));
            let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
            client.send_to(b"hello", asked).expect("sent");
            let mut bytes = [0; 16];
            let arrived = wait(&door, &mut bytes);
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
    fn one_socket_for_both_kinds_of_addresses() {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).expect("a socket");
        socket.set_only_v6(false).expect("set");
        let Ok(()) = socket.bind(&SocketAddr::from(([0u16; 8], 0)).into()) else { return };
        let door = Datagrams::inherit(socket.into()).expect("taken");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
        client.send_to(b"hello", ("127.0.0.2", door.address().port())).expect("sent");
        let arrived = wait(&door, &mut [0; 16]);
        assert_eq!(arrived.from, client.local_addr().expect("an address"));
        assert_eq!(arrived.to, Some(SocketAddr::from(([127, 0, 0, 2], 0))));
    }

    #[test]
    fn what_is_sent_to_all_has_no_address_to_answer_from() {
        let door = Datagrams::bind(SocketAddr::from(([0, 0, 0, 0], 0))).expect("bound");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
        client.set_broadcast(true).expect("set");
        // The address of loopback's broadcasts; a machine may have none.
        let Ok(_) = client.send_to(b"hello", ("127.255.255.255", door.address().port())) else { return };
        assert_eq!(wait(&door, &mut [0; 16]).to, None);
    }
}
