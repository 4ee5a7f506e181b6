//! One TLS client, over a socket that does not block.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::ring::cipher_suite::TLS13_AES_256_GCM_SHA384;
use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore};
use wharf::http::response::Received;

use super::Result;

/// How long a response may take before a server counts as unresponsive.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes are read at once.
pub const READ: usize = 256 * 1024;

/// What a client offers: one version, one cipher and one group, so that all servers do the same work.
#[derive(Clone)]
pub struct Offer(Arc<ClientConfig>);

/// A connection, and the response that it waits for.
pub struct Client {
    socket: TcpStream,
    session: ClientConnection,
    wanted: u64,
    state: State,
}

/// The progress of a response.
enum State {
    /// These bytes of the head have arrived.
    Head(Vec<u8>),
    /// This many bytes of the content are missing.
    Content(u64),
}

/// What has arrived.
#[derive(Default)]
pub struct Arrived {
    /// How many bytes of content.
    pub bytes: u64,
    /// Whether the response is complete.
    pub is_complete: bool,
}

impl Offer {
    /// To a server with this certificate, with sessions that can be resumed, or without.
    pub fn new(certificate: &CertificateDer<'static>, resumes: bool) -> Result<Self> {
        let mut provider: CryptoProvider = ring::default_provider();
        provider.cipher_suites = vec![TLS13_AES_256_GCM_SHA384];
        provider.kx_groups = vec![X25519];
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = if resumes {
            Resumption::store(Arc::new(ClientSessionMemoryCache::new(1)))
        } else {
            Resumption::disabled()
        };
        Ok(Self(Arc::new(config)))
    }
}

impl Client {
    /// Connects to a port of this machine. The handshake begins with the first request.
    pub fn connect(port: u16, offer: &Offer) -> Result<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let session = ClientConnection::new(Arc::clone(&offer.0), ServerName::try_from("localhost")?)?;
        Ok(Self { socket, session, wanted: 0, state: State::Head(Vec::new()) })
    }

    /// Requests a file of this name and size.
    pub fn request(&mut self, (name, size): (&str, u64)) -> Result<()> {
        (self.state, self.wanted) = (State::Head(Vec::new()), size);
        write!(self.session.writer(), "GET /{name} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        self.send()
    }

    /// Requests a file, and waits for its end.
    pub fn get(&mut self, file: (&str, u64)) -> Result<()> {
        self.request(file)?;
        let patience = Timespec::try_from(PATIENCE)?;
        let mut buffer = vec![0; 16 * 1024];
        while !self.receive(&mut buffer)?.is_complete {
            if poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience))? == 0 {
                return Err("no response".into());
            }
        }
        Ok(())
    }

    /// Reads what has arrived, through this buffer.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Arrived> {
        let mut arrived = Arrived::default();
        let count = match self.socket.read(buffer) {
            Ok(0) => return Err("the server has closed the connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(arrived),
            Err(error) => return Err(error.into()),
        };
        let (mut records, mut plain) = (&buffer[..count], [0; 16 * 1024]);
        while !records.is_empty() {
            self.session.read_tls(&mut records)?;
            let mut readable = self.session.process_new_packets()?.plaintext_bytes_to_read();
            while readable > 0 {
                let count = self.session.reader().read(&mut plain)?;
                readable -= count;
                self.take(&plain[..count], &mut arrived)?;
            }
        }
        self.send()?;
        Ok(arrived)
    }

    /// Takes bytes of the response.
    fn take(&mut self, bytes: &[u8], arrived: &mut Arrived) -> Result<()> {
        let length = match &mut self.state {
            State::Content(_) => bytes.len() as u64,
            State::Head(head) => {
                head.extend_from_slice(bytes);
                let Some((received, end)) = Received::parse(head, false)? else { return Ok(()) };
                if received.status.code() != 200 || received.content_length() != Some(self.wanted) {
                    return Err(format!("an unexpected response: {received:?}").into());
                }
                let length = (head.len() - end) as u64;
                self.state = State::Content(self.wanted);
                length
            }
        };
        let State::Content(left) = &mut self.state else { return Ok(()) };
        *left = left.checked_sub(length).ok_or("more content than was announced")?;
        arrived.bytes += length;
        arrived.is_complete = *left == 0;
        Ok(())
    }

    /// Whether its session was resumed.
    pub fn is_resumed(&self) -> bool {
        self.session.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Says that it ends. Its socket is closed when it is dropped.
    pub fn end(&mut self) -> Result<()> {
        self.session.send_close_notify();
        self.send()
    }

    /// The socket alone.
    pub fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Requests are small: a socket that is full is an error.
    fn send(&mut self) -> Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
