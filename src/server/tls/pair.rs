//! A certificate and its key, read from files.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fmt, fs, io};

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::certificate::CertificateFacts;
use crate::printable::Printable;

/// The largest file, in bytes: more than any chain has.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The files of a certificate, with those of its issuers, and of its key, as PEM.
#[derive(Debug, Clone)]
pub struct PairFiles {
    /// The certificate of the server, then its issuers'.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Whether a file may be used: one in the shared folder may not.
pub(super) type Check = Box<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// A file as it was last seen. `None`: it cannot be found.
pub(super) type Stamp = [Option<(u64, u64, i64, i64, u64)>; 2];

/// A certificate and its key.
#[derive(Debug)]
pub(super) struct Pair(Arc<CertifiedKey>);

/// Why a certificate cannot be used: one line.
#[derive(Debug)]
pub struct TlsSetupError(String);

impl TlsSetupError {
    /// An error that says all.
    pub(super) fn line(error: &dyn fmt::Display) -> Self {
        Self(error.to_string())
    }

    pub(super) fn of(kind: &str, path: &Path, why: impl fmt::Display) -> Self {
        Self(format!("cannot use the {kind} {}: {why}", Printable::path(path)))
    }

    /// An error of the library.
    pub(super) fn library(error: &Error) -> Self {
        Self(format!("cannot set up TLS: {error}"))
    }
}

impl fmt::Display for TlsSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsSetupError {}

impl PairFiles {
    /// What the files are now.
    pub(super) fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let facts = fs::metadata(path).ok()?;
            Some((facts.dev(), facts.ino(), facts.mtime(), facts.mtime_nsec(), facts.size()))
        })
    }

    /// An error if one of the files may not be used.
    pub(super) fn check(&self, check: &Check) -> io::Result<()> {
        [&self.certificate, &self.key].into_iter().try_for_each(|path| {
            let name = Printable::path(path);
            check(path).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
        })
    }

    /// Reads and checks the pair. An expired certificate is only worth a warning: clients may know better.
    pub(super) fn read(&self, check: &Check, provider: &CryptoProvider) -> Result<Pair, TlsSetupError> {
        let in_certificate =
            |why: &dyn fmt::Display| TlsSetupError::of("certificate", &self.certificate, why);
        let in_key = |why: &dyn fmt::Display| TlsSetupError::of("key", &self.key, why);
        let chain = read(&self.certificate, check).and_then(|text| chain(&text));
        let chain = chain.map_err(|why| in_certificate(&why))?;
        let key = read(&self.key, check).and_then(|text| key(&text)).map_err(|why| in_key(&why))?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| {
            in_key(&"it is neither RSA of 2048 to 8192 bits, nor ECDSA on P-256 or P-384, nor Ed25519")
        })?;
        let matches = |certificate: &CertificateDer<'static>| {
            CertifiedKey::new(vec![certificate.clone()], Arc::clone(&key)).keys_match()
        };
        let first = chain.first().map_or(Err(Error::NoCertificatesPresented), &matches);
        let is_elsewhere = || chain.iter().skip(1).any(|certificate| matches(certificate).is_ok());
        match first {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) if is_elsewhere() => return Err(in_certificate(&WRONG_ORDER)),
            Err(Error::InconsistentKeys(_)) => {
                let certificate = Printable::path(&self.certificate);
                return Err(in_key(&format_args!("it is not the key of the certificate {certificate}")));
            }
            Err(error) => return Err(in_certificate(&error)),
        }
        if let Some(facts) = chain.first().and_then(|first| CertificateFacts::read(first)) {
            warn_of_dates(&self.certificate, &facts);
        }
        Ok(Pair(Arc::new(CertifiedKey::new(chain, key))))
    }
}

const WRONG_ORDER: &str =
    "its chain is in the wrong order (the server's certificate comes first, then the issuer of each before)";

/// Reads a file that is not in the shared folder.
fn read(path: &Path, check: &Check) -> Result<Vec<u8>, String> {
    let file = check(path).and_then(|()| fs::metadata(path));
    let size = file.map_err(|error| reason(&error))?.len();
    if size > FILE_LIMIT {
        return Err(format!("it has {size} bytes, more than a certificate or key"));
    }
    let bytes = fs::read(path).map_err(|error| reason(&error))?;
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    if is_pem {
        Ok(bytes)
    } else {
        Err("it is not PEM (convert it with openssl, from DER or PKCS #12)".to_owned())
    }
}

/// What a system error means here.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied (this user must be able to read it)".to_owned(),
        _ => error.to_string(),
    }
}

/// The certificates of a file, in their order.
fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("it is not valid PEM: {error}"))?;
    if chain.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    let mut facts = Vec::new();
    for certificate in &chain {
        facts
            .push(CertificateFacts::read(certificate).ok_or("it holds something that is not a certificate")?);
    }
    let is_in_order = facts.windows(2).all(|pair| pair[0].issuer == pair[1].subject);
    if is_in_order { Ok(chain) } else { Err(WRONG_ORDER.to_owned()) }
}

/// The key of a file.
fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if text.windows(9).any(|window| window == b"ENCRYPTED") {
        return Err("it is encrypted (decrypt it: openssl pkey -in KEY -out NEW)".to_owned());
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => "it holds no private key".to_owned(),
        error => format!("it is not valid PEM: {error}"),
    })
}

/// Warns of a certificate that is not valid today.
fn warn_of_dates(path: &Path, facts: &CertificateFacts<'_>) {
    let now = SystemTime::now();
    let day = |time| humantime::format_rfc3339_seconds(time);
    let path = Printable::path(path);
    if now < facts.not_before {
        log::warn!("the certificate {path} is not valid before {} (check the clock)", day(facts.not_before));
    } else if now > facts.not_after {
        log::warn!("the certificate {path} has expired on {} (renew it)", day(facts.not_after));
    }
}

impl Pair {
    /// Whether the certificate has this name.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let (Some(certificate), Ok(name)) = (self.0.cert.first(), ServerName::try_from(name)) else {
            return false;
        };
        ParsedCertificate::try_from(certificate).is_ok_and(|it| verify_server_name(&it, &name).is_ok())
    }

    /// For a handshake.
    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}
