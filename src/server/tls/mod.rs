//! TLS: the certificates of the server, and what it does with connections that do not begin with a handshake.
//!
//! The certificates are read again when their files change, and on SIGHUP. Connections keep those with which they began.

mod certificate;
mod client_ca;
mod client_certificate;
mod files;
mod pair;
mod self_signed;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use self::client_ca::ClientCa;
pub(super) use self::client_certificate::ClientCertificate;
use self::files::TlsSetupError;
use self::pair::Pair;
pub use self::pair::PairFiles;
pub use self::self_signed::{Reachable, SelfSigned};
use crate::blocking::Blocking;
use crate::net::tls_stream::TlsStream;
use crate::printable::Printable;
use crate::server::watched_file::{self, Check, Stamp};

/// The certificates of a server; clones share them.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    files: TlsFiles,
    /// Makes the certificate, if the server does that itself.
    self_signed: Option<SelfSigned>,
    check: Check,
    provider: Arc<CryptoProvider>,
    /// What new connections use.
    current: Mutex<Current>,
    /// The state of the files when they were last read, successfully or not.
    stamps: Mutex<Vec<Stamp>>,
    /// Whether SIGHUP has requested a reload.
    is_due: AtomicBool,
    rules: TlsRules,
}

/// The files that TLS reads. None may be in the shared folder.
#[derive(Debug, Clone)]
struct TlsFiles {
    /// The certificates and keys. The first is the default.
    pairs: Vec<PairFiles>,
    /// The authorities, one of which must have issued a client's certificate. `None`: clients need no
    /// certificate.
    client_ca: Option<PathBuf>,
}

/// What was read from the files.
#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    client_ca: Option<Arc<ClientCa>>,
    /// Encrypts what a client needs to resume a session: the server keeps nothing. A ticket contains the certificate of
    /// its client, which is not checked again. So a change of the client CAs changes the key, and earlier tickets are
    /// no longer accepted.
    tickets: Arc<dyn ProducesTickets>,
}

/// Where the certificates come from.
#[derive(Debug)]
pub enum Certificates {
    /// From existing files; the first is the default.
    Files(Vec<PairFiles>),
    /// The server makes one.
    SelfSigned(SelfSigned),
}

/// What applies besides the certificates.
#[derive(Debug, Clone, Copy)]
pub struct TlsRules {
    /// Whether connections without TLS are answered: most with a redirect.
    pub plain: bool,
    /// How long browsers must use only TLS, in seconds (RFC 6797).
    pub hsts: Option<u64>,
}

impl Tls {
    /// Reads the certificates; a self-signed one is made if necessary. With client CAs, each client needs a
    /// certificate from one of them.
    pub fn new(
        certificates: Certificates,
        client_ca: Option<PathBuf>,
        rules: TlsRules,
        check: Check,
    ) -> Result<Self, TlsSetupError> {
        let (pairs, self_signed) = match certificates {
            Certificates::Files(pairs) => (pairs, None),
            Certificates::SelfSigned(own) => (vec![own.files()], Some(own)),
        };
        self_signed.iter().try_for_each(|own| own.ensure(SystemTime::now()))?;
        let files = TlsFiles { pairs, client_ca };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let stamps = files.stamps();
        let current = Current::read(&files, &check, &provider, None)?;
        Ok(Self(Arc::new(Shared {
            files,
            self_signed,
            check,
            provider,
            current: Mutex::new(current),
            stamps: Mutex::new(stamps),
            is_due: AtomicBool::new(false),
            rules,
        })))
    }

    /// A connection that begins with a handshake; these bytes of it have arrived.
    pub(super) fn begin(&self, socket: TcpStream, peer: SocketAddr, arrived: &[u8]) -> io::Result<TlsStream> {
        let config = Arc::clone(&self.0.current().config);
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(TlsStream::new(socket, peer, session, arrived))
    }

    /// Whether clients need a certificate.
    pub(super) fn asks_for_certificates(&self) -> bool {
        self.0.files.client_ca.is_some()
    }

    /// The certificate that a client has presented in its handshake.
    pub(super) fn client_certificate(stream: &TlsStream) -> Option<ClientCertificate> {
        let certificate = ClientCertificate::of(stream)?;
        match certificate.user(SystemTime::now()) {
            Ok(name) => {
                log::debug!(
                    "{} has the certificate of {}",
                    stream.peer(),
                    Printable::text(&name.to_string())
                );
            }
            Err(nobody) => log::info!("the client certificate of {} {nobody}", stream.peer()),
        }
        Some(certificate)
    }

    /// Whether connections without TLS are answered.
    pub(super) fn answers_plain(&self) -> bool {
        self.0.rules.plain
    }

    /// How many seconds browsers must use only TLS.
    pub(super) fn hsts(&self) -> Option<u64> {
        self.0.rules.hsts
    }

    /// The fingerprint of a self-signed certificate, in the format of the clients' `--pin` flag.
    pub(super) fn fingerprint(&self) -> Option<String> {
        self.0.self_signed.as_ref()?.fingerprint()
    }

    /// Fails if one of the files may no longer be used.
    pub fn check(&self) -> io::Result<()> {
        self.0.files.paths().try_for_each(|path| files::ensure_usable(path, &self.0.check))
    }

    /// Reads the certificates again within a second.
    pub fn reload_soon(&self) {
        self.0.is_due.store(true, Ordering::Relaxed);
    }

    /// Reads the certificates again if their files have changed, or if a reload was requested. If one of them cannot be
    /// used, all old ones stay in use. If necessary, a self-signed certificate is replaced first; each call tries this
    /// again until it succeeds.
    pub(super) fn follow_files(&self, _: Blocking<'_>) {
        let shared = &*self.0;
        let is_due = shared.is_due.swap(false, Ordering::Relaxed);
        let mut stamps = shared.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        if let Some(own) = &shared.self_signed
            && (is_due || *stamps != shared.files.stamps() || own.is_due(now))
            && !own.ensure_again(now)
        {
            // The other files may have changed too, for example the client CA. They are read when the replacement
            // succeeds.
            self.reload_soon();
            return;
        }
        let found = shared.files.stamps();
        if !is_due && *stamps == found {
            return;
        }
        *stamps = found;
        let before = shared.current().clone();
        match Current::read(&shared.files, &shared.check, &shared.provider, Some(&before)) {
            Ok(now) => {
                *shared.current() = now;
                log::info!("reloaded the certificates");
            }
            Err(error) => log::error!("{error}; the previous certificates stay in use"),
        }
    }
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pairs.iter().flat_map(PairFiles::paths).chain(self.client_ca.as_deref())
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.paths().map(watched_file::stamp).collect()
    }
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("files", &self.files)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Current {
    /// Reads all files.
    fn read(
        files: &TlsFiles,
        check: &Check,
        provider: &Arc<CryptoProvider>,
        before: Option<&Self>,
    ) -> Result<Self, TlsSetupError> {
        let library = |error| TlsSetupError::library(&error);
        let pairs = files.pairs.iter().map(|pair| pair.read(check, provider)).collect::<Result<_, _>>()?;
        let client_ca =
            files.client_ca.as_deref().map(|path| ClientCa::read(path, check, provider)).transpose()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(library)?;
        let (client_ca, builder) = match client_ca {
            None => (None, builder.with_no_client_auth()),
            Some((ca, verifier)) => (Some(Arc::new(ca)), builder.with_client_cert_verifier(verifier)),
        };
        let tickets = match before.filter(|before| before.client_ca == client_ca) {
            Some(before) => Arc::clone(&before.tickets),
            None => Ticketer::new().map_err(library)?,
        };
        let mut config = builder.with_cert_resolver(Arc::new(ByName(pairs)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = Arc::clone(&tickets);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // Each ticket costs time in the handshake. A client that uses up its ticket gets the next one.
        config.send_tls13_tickets = 1;
        Ok(Self { config: Arc::new(config), client_ca, tickets })
    }
}

/// Chooses the certificate by the server name that the client sends: the first one for that name, or else the first of
/// all.
#[derive(Debug)]
struct ByName(Vec<Pair>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = match (hello.server_name(), self.0.len()) {
            (Some(name), 2..) => self.0.iter().find(|pair| pair.is_for(name)),
            _ => None,
        };
        named.or(self.0.first()).map(Pair::key)
    }
}
