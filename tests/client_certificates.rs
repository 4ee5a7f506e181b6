//! Client certificates: which certificates the server accepts (`--tls-client-ca`), and to which servers the client
//! presents its own.

mod accepted;
mod presented;
mod tickets;
#[cfg(feature = "accounts")]
mod users;

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{DnType, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};

use crate::common::tls_fake::{Authority, Identity};
use crate::common::{ClientTls, PATIENCE, Wharf, pem};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// A server, and the authority whose certificates its clients need.
struct Guarded {
    wharf: Wharf,
    authority: Authority,
    place: tempfile::TempDir,
}

impl Guarded {
    fn serve(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let ca = authority.write(place.path());
        let [certificate, key] = ["localhost.pem", "localhost.key"].map(|name| path_text(&pem(name)));
        let ca = path_text(&ca);
        let flags =
            [&["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &ca], flags].concat();
        let wharf = Wharf::serve(&flags);
        wharf.write("a", "content");
        Self { wharf, authority, place }
    }

    /// The certificate of this user.
    fn user(&self, name: &str) -> Identity {
        self.authority.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, name))
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.wharf.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// Sends one request; its response and how the handshake went, or the error of the connection.
    fn ask(&self, config: &ClientConfig, request: &str) -> Result<(HandshakeKind, String), String> {
        self.ask_at("localhost", config, request)
    }

    fn ask_at(
        &self,
        name: &str,
        config: &ClientConfig,
        request: &str,
    ) -> Result<(HandshakeKind, String), String> {
        let mut stream = self.tcp();
        let mut exchange = || {
            let mut tls = ClientTls::begin(config.clone(), name, &mut stream)?;
            let host = self.wharf.address();
            let head = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            tls.write_all(&mut stream, head.as_bytes())?;
            let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
            loop {
                match tls.read(&mut stream, &mut bytes)? {
                    0 => break,
                    count => answer.extend_from_slice(&bytes[..count]),
                }
            }
            let kind = tls.session().handshake_kind().expect("it is over");
            Ok((kind, String::from_utf8_lossy(&answer).into_owned()))
        };
        exchange().map_err(|error: std::io::Error| error.to_string())
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// The configuration of a client that may have a certificate.
fn config(versions: &[&'static SupportedProtocolVersion], identity: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("ca.pem")).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let builder = builder.expect("versions").with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder.with_client_auth_cert(identity.chain(), identity.key()).expect("a pair"),
    }
}

/// The configuration of a client with this certificate.
pub fn both(identity: &Identity) -> ClientConfig {
    config(&[&rustls::version::TLS12, &rustls::version::TLS13], Some(identity))
}

fn mail(address: &str) -> SanType {
    SanType::Rfc822Name(Ia5String::try_from(address).expect("ASCII"))
}
