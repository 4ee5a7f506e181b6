//! A certificate and its key, read from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::certificate::{CertificateFacts, warn_of_dates};
use super::files::{TlsSetupError, read};
use crate::printable::Printable;
use crate::server::watched_file::Check;

/// The files of a certificate (with its issuers' certificates) and of its key, as PEM.
#[derive(Debug, Clone)]
pub struct PairFiles {
    /// The certificate of the server, then its issuers'.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate and its key.
#[derive(Debug)]
pub(super) struct Pair(Arc<CertifiedKey>);

impl PairFiles {
    /// The paths.
    pub(super) fn paths(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }

    /// Reads and checks the pair. Its dates only cause a warning: clients check them too.
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
    "its chain is in the wrong order (the server's certificate comes first, then its issuer's, and so on)";

/// The certificates of a file, in their order.
fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("it is not valid PEM: {error}"))?;
    if chain.is_empty() {
        return Err("it contains no certificate".to_owned());
    }
    let mut facts = Vec::new();
    for certificate in &chain {
        facts.push(
            CertificateFacts::read(certificate).ok_or("it contains something that is not a certificate")?,
        );
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
        pem::Error::NoItemsFound => "it contains no private key".to_owned(),
        error => format!("it is not valid PEM: {error}"),
    })
}

impl Pair {
    /// Whether the certificate has this name.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let (Some(certificate), Ok(name)) = (self.0.cert.first(), ServerName::try_from(name)) else {
            return false;
        };
        ParsedCertificate::try_from(certificate).is_ok_and(|it| verify_server_name(&it, &name).is_ok())
    }

    /// The certificate and key, for a handshake.
    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}
