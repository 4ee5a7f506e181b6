//! A connection between a client and a server that can be cut: at once, or after a number of bytes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use socket2::{Domain, SockRef, Socket, Type};

use super::eventually;

/// The maximum number of bytes that the kernel may buffer at either end.
const HELD: usize = 32 * 1024;

/// How many bytes are copied at a time.
const STEP: usize = 8 * 1024;

/// A forwarder. Its listening address stays the same while the server behind it may change.
pub struct Forwarder {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    server: Mutex<SocketAddr>,
    /// How many bytes have been forwarded to the server.
    carried: AtomicU64,
    /// The number of bytes after which it stops forwarding.
    stop_at: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    /// Whether responses are lost.
    loses: AtomicBool,
    is_over: AtomicBool,
}

impl Forwarder {
    /// Forwards to this server.
    pub fn to(server: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(HELD).expect("set");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
        socket.listen(16).expect("a listener");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            server: Mutex::new(server),
            carried: AtomicU64::new(0),
            stop_at: AtomicU64::new(u64::MAX),
            open: Mutex::default(),
            loses: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&inner);
        thread::spawn(move || accepting.accept(&listener));
        Self { address, inner }
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards to this server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.inner.server.lock().expect("locked") = server;
    }

    /// How many bytes it has forwarded to the server.
    pub fn carried(&self) -> u64 {
        self.inner.carried.load(Ordering::SeqCst)
    }

    /// Stops forwarding after this many more bytes.
    pub fn stop_after(&self, bytes: u64) {
        self.inner.stop_at.store(self.carried() + bytes, Ordering::SeqCst);
    }

    /// Waits until that limit is reached.
    pub fn wait_until_stopped(&self) {
        let until = self.inner.stop_at.load(Ordering::SeqCst);
        eventually("the limit is reached", || self.carried() >= until);
    }

    /// Whether what the server sends from now on is lost.
    pub fn lose_responses(&self, loses: bool) {
        self.inner.loses.store(loses, Ordering::SeqCst);
    }

    /// Closes all connections. New ones are accepted, but while it is stopped nothing is forwarded.
    pub fn cut(&self) {
        for stream in self.inner.open.lock().expect("locked").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Forwards everything again.
    pub fn let_pass(&self) {
        self.inner.stop_at.store(u64::MAX, Ordering::SeqCst);
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(client) = client else { continue };
            let server = *self.server.lock().expect("locked");
            let Ok(server) = TcpStream::connect(server) else { continue };
            SockRef::from(&server).set_send_buffer_size(HELD).expect("set");
            server.set_nodelay(true).expect("set");
            let ends = || [&client, &server].map(|end| end.try_clone().expect("a descriptor"));
            self.open.lock().expect("locked").extend(ends());
            let ([from, to], [back_to, back_from]) = (ends(), ends());
            let (inner, back) = (Arc::clone(self), Arc::clone(self));
            thread::spawn(move || inner.carry(from, to));
            thread::spawn(move || back.carry_back(back_from, back_to));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; STEP];
        loop {
            let left = || {
                let carried = self.carried.load(Ordering::SeqCst);
                usize::try_from(self.stop_at.load(Ordering::SeqCst).saturating_sub(carried)).unwrap_or(STEP)
            };
            // Stalls until the test raises the limit, the test is over, or the client is gone.
            while left() == 0 && !self.is_over.load(Ordering::SeqCst) {
                if from.peek(&mut [0]).is_ok_and(|count| count == 0) {
                    break;
                }
                thread::sleep(std::time::Duration::from_millis(1));
            }
            match from.read(&mut bytes[..left().clamp(1, STEP)]) {
                Ok(count) if count > 0 && to.write_all(&bytes[..count]).is_ok() => {
                    self.carried.fetch_add(count as u64, Ordering::SeqCst);
                }
                _ => break,
            }
        }
        // One side has ended or closed: closes the other side too.
        let _ = to.shutdown(Shutdown::Write);
    }

    fn carry_back(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; STEP];
        while let Ok(count) = from.read(&mut bytes)
            && count > 0
        {
            let loses = self.loses.load(Ordering::SeqCst);
            if !loses && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
