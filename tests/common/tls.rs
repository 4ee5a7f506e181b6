//! The client side of TLS for the tests.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use super::root;

thread_local! {
    /// Whether the servers of this thread's test serve over TLS.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

/// The client's end of a TLS connection.
pub struct ClientTls(Box<ClientConnection>);

/// A file of `tests/tls`.
pub fn pem(name: &str) -> PathBuf {
    root().join("tests/tls").join(name)
}

/// Runs a test with servers that serve over TLS.
pub fn over_tls(test: fn()) {
    IS_ON.set(true);
    test();
}

/// The flags for a server of this thread's test.
pub fn tls_flags() -> Vec<String> {
    if !IS_ON.get() {
        return Vec::new();
    }
    let path = |name| pem(name).to_string_lossy().into_owned();
    vec!["--tls-cert".to_owned(), path("localhost.pem"), "--tls-key".to_owned(), path("localhost.key")]
}

/// A configuration that trusts the CA of the tests.
pub fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("ca.pem")).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.expect("versions").with_root_certificates(roots).with_no_client_auth()
}

impl ClientTls {
    /// Performs the handshake with a server of this name.
    pub fn begin(config: ClientConfig, name: &str, socket: &mut TcpStream) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut session = ClientConnection::new(Arc::new(config), name).expect("a session");
        while session.is_handshaking() {
            session.complete_io(socket)?;
        }
        Ok(Self(Box::new(session)))
    }

    pub fn read(&mut self, socket: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            self.0.read_tls(socket)?;
            self.0.process_new_packets().map_err(io::Error::other)?;
        }
    }

    pub fn write_all(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        let mut stream = Stream::new(&mut *self.0, socket);
        stream.write_all(bytes).and_then(|()| stream.flush())
    }

    /// Ends the stream with `close_notify`.
    pub fn end(&mut self, socket: &mut TcpStream) {
        self.0.send_close_notify();
        // The peer may have closed.
        let _ = self.0.complete_io(socket);
    }

    /// The session.
    pub fn session(&mut self) -> &mut ClientConnection {
        &mut self.0
    }
}
