//! A relay that sends each request of a client to the next server, as a load balancer does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// The relay. It makes every connection carry one request, so that no client stays with one server.
pub(super) struct Relay {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    servers: Vec<SocketAddr>,
    requests: AtomicUsize,
    is_over: AtomicBool,
}

impl Relay {
    pub(super) fn to(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner =
            Arc::new(Inner { servers, requests: AtomicUsize::new(0), is_over: AtomicBool::new(false) });
        let accepting = Arc::clone(&inner);
        thread::spawn(move || accepting.accept(&listener));
        Self { address, inner }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many requests it has passed on.
    pub(super) fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().flatten() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let inner = Arc::clone(self);
            thread::spawn(move || inner.pass_on(client));
        }
    }

    fn pass_on(&self, mut client: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        let mut bytes = [0; 8192];
        let line = loop {
            let count = client.read(&mut bytes).ok().filter(|count| *count > 0)?;
            head.extend_from_slice(&bytes[..count]);
            if head.windows(4).any(|end| end == b"\r\n\r\n") {
                break head.windows(2).position(|end| end == b"\r\n")? + 2;
            }
        };
        let mut server = self.next_server()?;
        // The server's response says so too, and the client connects again.
        server.write_all(&[&head[..line], b"Connection: close\r\n", &head[line..]].concat()).ok()?;
        let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
        Some(())
    }

    /// A connection to the next server that accepts one.
    fn next_server(&self) -> Option<TcpStream> {
        let next = self.requests.fetch_add(1, Ordering::SeqCst);
        let mut in_turn =
            self.servers.iter().cycle().skip(next % self.servers.len()).take(self.servers.len());
        in_turn.find_map(|server| TcpStream::connect(server).ok())
    }
}
