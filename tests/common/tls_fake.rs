//! TLS for tests: an authority with certificates, and a server whose responses a test chooses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientCertVerifierBuilder, ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConnection, StreamOwned};
use sha2::{Digest, Sha256};

use super::{PATIENCE, fake};

/// The number of authorities so far, so that each gets its own name.
static MADE: AtomicU32 = AtomicU32::new(0);

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    /// In PEM format.
    pub pem: String,
}

/// The server's end of a connection.
pub type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A server that answers one request on each connection.
pub struct TlsFake {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Authority {
    pub fn new() -> Self {
        Self::until(4096)
    }

    /// A server whose certificate expires in this year.
    pub fn until(year: i32) -> Self {
        Self::valid((1975, year))
    }

    /// A server whose certificate is valid from the first of these years to the second.
    pub fn valid(years: (i32, i32)) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self::named(&format!("authority {number}"), years)
    }

    /// An authority with this name.
    pub fn named(name: &str, years: (i32, i32)) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = parameters(&[], years);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.self_signed(&key).expect("signed");
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    /// A certificate for these names, valid from the first of these years to the second.
    pub fn issue(&self, names: &[&str], (from, to): (i32, i32)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(names, (from, to)).signed_by(&key, &self.issuer).expect("signed");
        Identity::of(&certificate, &key)
    }

    /// A certificate of a client, changed by this before it is signed.
    pub fn issue_to_client(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = parameters(&[], (2020, 2090));
        parameters.distinguished_name = DistinguishedName::new();
        parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        change(&mut parameters);
        Identity::of(&parameters.signed_by(&key, &self.issuer).expect("signed"), &key)
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Writes its certificate as PEM.
    pub fn write(&self, directory: &Path) -> PathBuf {
        written(directory, "authority.pem", &self.certificate.pem())
    }

    /// Asks clients for certificates that it has signed.
    pub fn asking(&self, identity: &Identity) -> ServerConfig {
        self.verifying(identity, ClientCertVerifierBuilder::allow_unauthenticated)
    }

    /// Requires certificates of clients that it has signed.
    fn requiring(&self, identity: &Identity) -> ServerConfig {
        self.verifying(identity, |builder| builder)
    }

    fn verifying(
        &self,
        identity: &Identity,
        change: impl FnOnce(ClientCertVerifierBuilder) -> ClientCertVerifierBuilder,
    ) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).expect("a root");
        let verifier = change(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()));
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = builder.with_client_cert_verifier(verifier.build().expect("a verifier"));
        builder.with_single_cert(identity.chain.clone(), identity.key()).expect("a pair")
    }
}

impl Identity {
    /// A self-signed certificate; with `is_issuer`, it is marked as a CA, as openssl does by default.
    pub fn self_signed(names: &[&str], years: (i32, i32), is_issuer: bool) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = parameters(names, years);
        if is_issuer {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        Self::of(&parameters.self_signed(&key).expect("signed"), &key)
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let chain = vec![certificate.der().clone()];
        Self { chain, key: key.serialize_der(), pem: certificate.pem() }
    }

    /// Writes the certificate as PEM.
    pub fn write(&self, directory: &Path) -> PathBuf {
        written(directory, "certificate.pem", &self.pem)
    }

    /// Writes the certificate and its key as PEM; their paths.
    pub fn write_pair(&self, directory: &Path, name: &str) -> [String; 2] {
        let key = KeyPair::try_from(&self.key[..]).expect("a key").serialize_pem();
        [("pem", &self.pem), ("key", &key)]
            .map(|(end, text)| written(directory, &format!("{name}.{end}"), text))
            .map(|path| path.to_str().expect("text").to_owned())
    }

    /// The certificate.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// The same, followed by the certificates of these authorities.
    pub fn with_issuers<'a>(mut self, issuers: impl IntoIterator<Item = &'a Authority>) -> Self {
        self.chain.extend(issuers.into_iter().map(|issuer| issuer.certificate.der().clone()));
        self
    }

    /// `sha256:HEX` of the certificate.
    pub fn pin(&self) -> String {
        pin(&self.chain[0])
    }

    /// Its key.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).expect("a key")
    }

    /// A configuration of a server.
    pub fn config(&self) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        builder.with_no_client_auth().with_single_cert(self.chain.clone(), self.key()).expect("a pair")
    }

    /// A server configuration that requires client certificates of this authority.
    pub fn requiring(&self, authority: &Authority) -> ServerConfig {
        authority.requiring(self)
    }
}

impl TlsFake {
    /// A server that calls this for each request, with its head and the connection. Afterwards the connection is cut:
    /// [`close`] ends it properly.
    pub fn answers(
        config: ServerConfig,
        answer: impl Fn(&str, &mut TlsStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (config, answer, asked) = (Arc::new(config), Arc::new(answer), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, answer, asked) = (Arc::clone(&config), Arc::clone(&answer), Arc::clone(&asked));
                thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE)).expect("set");
                    stream.set_nodelay(true).expect("set");
                    let connection = ServerConnection::new(config).expect("a connection");
                    let mut stream = StreamOwned::new(connection, stream);
                    let Some(head) = read_head(&mut stream) else { return };
                    asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
                    answer(&head, &mut stream);
                    let _ = stream.flush();
                    // Closing with unread bytes would reset the connection.
                    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
                    while stream.sock.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
                });
            }
        });
        Self { address, requests }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a target, with this name of the server.
    pub fn url(&self, host: &str, target: &str) -> String {
        format!("https://{host}:{}{target}", self.address.port())
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads a head; `None` if the handshake failed, or at the end of the input.
pub fn read_head(stream: &mut TlsStream) -> Option<String> {
    fake::read_head(stream)
}

/// Sends bytes; ignores that the client may have disconnected.
pub fn say(stream: &mut TlsStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).and_then(|()| stream.flush());
}

/// Ends the stream with `close_notify`.
pub fn close(stream: &mut TlsStream) {
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// `sha256:HEX` of a certificate.
pub fn pin(certificate: &[u8]) -> String {
    let digits: Vec<_> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

fn parameters(names: &[&str], (from, to): (i32, i32)) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("names");
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(to, 1, 1);
    parameters
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let file = directory.join(name);
    std::fs::write(&file, text).expect("written");
    file
}
