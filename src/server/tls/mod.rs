//! TLS: the certificates of the server, and what it does with connections that do not begin with a handshake.
//!
//! The certificates are read again when their files change, and on SIGHUP. Connections keep those with which they began.

mod certificate;
mod pair;
mod self_signed;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

pub use self::pair::PairFiles;
use self::pair::{Check, Pair, Stamp, TlsSetupError};
pub use self::self_signed::{Reachable, SelfSigned};
use crate::blocking::Blocking;
use crate::net::tls_stream::TlsStream;

/// The certificates of a server; clones share them.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    /// The first is the default.
    files: Vec<PairFiles>,
    /// Makes them, if the server does that itself.
    self_signed: Option<SelfSigned>,
    check: Check,
    provider: Arc<CryptoProvider>,
    /// Encrypts what a client needs to resume a session: the server keeps nothing.
    tickets: Arc<dyn ProducesTickets>,
    /// What new connections use.
    config: Mutex<Arc<ServerConfig>>,
    /// The files as they were last read, even if in vain.
    stamps: Mutex<Vec<Stamp>>,
    /// Whether SIGHUP has asked to read them again.
    is_due: AtomicBool,
    rules: TlsRules,
}

/// Where the certificates come from.
#[derive(Debug)]
pub enum Certificates {
    /// From files of others; the first is the default.
    Files(Vec<PairFiles>),
    /// The server makes one.
    SelfSigned(SelfSigned),
}

/// What applies besides the certificates.
#[derive(Debug, Clone, Copy)]
pub struct TlsRules {
    /// Whether connections without TLS are answered: most with a redirect.
    pub plain: bool,
    /// For how long browsers shall use TLS only, in seconds (RFC 6797).
    pub hsts: Option<u64>,
}

impl Tls {
    /// Reads the certificates; a self-signed one is made if necessary.
    pub fn new(certificates: Certificates, rules: TlsRules, check: Check) -> Result<Self, TlsSetupError> {
        let (files, self_signed) = match certificates {
            Certificates::Files(files) => (files, None),
            Certificates::SelfSigned(own) => (vec![own.files()], Some(own)),
        };
        self_signed.iter().try_for_each(|own| own.ensure(SystemTime::now()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tickets =
            rustls::crypto::ring::Ticketer::new().map_err(|error| TlsSetupError::library(&error))?;
        let stamps = files.iter().map(PairFiles::stamp).collect();
        let config = configure(&files, &check, &provider, &tickets)?;
        Ok(Self(Arc::new(Shared {
            files,
            self_signed,
            check,
            provider,
            tickets,
            config: Mutex::new(config),
            stamps: Mutex::new(stamps),
            is_due: AtomicBool::new(false),
            rules,
        })))
    }

    /// A connection that begins with a handshake, of which these bytes have arrived.
    pub(super) fn begin(&self, socket: TcpStream, peer: SocketAddr, arrived: &[u8]) -> io::Result<TlsStream> {
        let config = Arc::clone(&self.0.config.lock().unwrap_or_else(PoisonError::into_inner));
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(TlsStream::new(socket, peer, session, arrived))
    }

    /// Whether connections without TLS are answered.
    pub(super) fn answers_plain(&self) -> bool {
        self.0.rules.plain
    }

    /// For how many seconds browsers shall use TLS only.
    pub(super) fn hsts(&self) -> Option<u64> {
        self.0.rules.hsts
    }

    /// The fingerprint of a self-signed certificate, as `--pin` of the clients takes it.
    pub(super) fn fingerprint(&self) -> Option<String> {
        self.0.self_signed.as_ref()?.fingerprint()
    }

    /// An error if one of the files may no longer be used.
    pub fn check(&self) -> io::Result<()> {
        self.0.files.iter().try_for_each(|files| files.check(&self.0.check))
    }

    /// Reads the certificates again within a second.
    pub fn reload_soon(&self) {
        self.0.is_due.store(true, Ordering::Relaxed);
    }

    /// Reads the certificates again if their files have changed, or if that was asked for. If one cannot be used, the old
    /// ones all stay in use. A self-signed one is made again first, if it has to be.
    pub(super) fn follow_files(&self, _: Blocking<'_>) {
        let shared = &*self.0;
        let is_due = shared.is_due.swap(false, Ordering::Relaxed);
        let mut stamps = shared.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        if let Some(own) = &shared.self_signed
            && (is_due || *stamps != shared.stamps() || own.is_due(now))
        {
            own.ensure_again(now);
        }
        let found = shared.stamps();
        if !is_due && *stamps == found {
            return;
        }
        *stamps = found;
        match configure(&shared.files, &shared.check, &shared.provider, &shared.tickets) {
            Ok(config) => {
                *shared.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
                log::info!("read the certificates again");
            }
            Err(error) => log::error!("{error}; the certificates that were read before stay in use"),
        }
    }
}

impl Shared {
    /// The files as they are now.
    fn stamps(&self) -> Vec<Stamp> {
        self.files.iter().map(PairFiles::stamp).collect()
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

/// Reads all pairs.
fn configure(
    files: &[PairFiles],
    check: &Check,
    provider: &Arc<CryptoProvider>,
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, TlsSetupError> {
    let pairs = files.iter().map(|files| files.read(check, provider)).collect::<Result<Vec<_>, _>>()?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsSetupError::library(&error))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(ByName(pairs)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = Arc::clone(tickets);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// Chooses the certificate by the name that the client asks for: the first that has it, or else the first of all.
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
