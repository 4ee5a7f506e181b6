//! The certificate by which the client proves who its user is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

use crate::client::error::shown;

/// A certificate with its key.
#[derive(Debug)]
pub struct ClientIdentity(Arc<SingleCertAndKey>);

/// Why a certificate and a key are no [`ClientIdentity`].
#[derive(Debug)]
pub enum ClientIdentityError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file has no certificate.
    NoCertificate(PathBuf),
    /// A certificate in the file is invalid.
    Invalid(PathBuf),
    /// The file has no key.
    NoKey(PathBuf),
    /// The key is encrypted.
    Encrypted(PathBuf),
    /// The key is of a kind that cannot be used.
    Unsupported(PathBuf),
    /// The key does not belong to the certificate.
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
}

impl ClientIdentity {
    /// Reads PEM files: the certificate, with those of its issuers, and its key.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, ClientIdentityError> {
        let read = |file: &Path| {
            std::fs::read(file).map_err(|error| ClientIdentityError::Unreadable(file.to_owned(), error))
        };
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = match chain {
            Ok(chain) if chain.is_empty() => {
                return Err(ClientIdentityError::NoCertificate(certificate.to_owned()));
            }
            Ok(chain) => chain,
            Err(_) => return Err(ClientIdentityError::Invalid(certificate.to_owned())),
        };
        let text = read(key)?;
        let own = |kind: fn(PathBuf) -> ClientIdentityError| kind(key.to_owned());
        let loaded = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            let is_encrypted = text.windows(9).any(|window| window == b"ENCRYPTED");
            own(if is_encrypted { ClientIdentityError::Encrypted } else { ClientIdentityError::NoKey })
        })?;
        let loaded =
            ring::sign::any_supported_type(&loaded).map_err(|_| own(ClientIdentityError::Unsupported))?;
        let pair = CertifiedKey::new(chain, loaded);
        match pair.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(SingleCertAndKey::from(pair))))
            }
            Err(Error::InconsistentKeys(_)) => {
                let (key, certificate) = (key.to_owned(), certificate.to_owned());
                Err(ClientIdentityError::Mismatch { key, certificate })
            }
            Err(_) => Err(ClientIdentityError::Invalid(certificate.to_owned())),
        }
    }

    /// The rustls object that presents the certificate to servers that ask for one.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::clone(&self.0) as _
    }
}

impl fmt::Display for ClientIdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "cannot read {}: {error}", shown(file)),
            Self::NoCertificate(file) => write!(f, "{} has no certificate in PEM format", shown(file)),
            Self::Invalid(file) => write!(f, "{} has an invalid certificate", shown(file)),
            Self::NoKey(file) => write!(f, "{} has no private key in PEM format", shown(file)),
            Self::Encrypted(file) => {
                write!(f, "the key {} is encrypted (decrypt it: openssl pkey -in KEY -out NEW)", shown(file))
            }
            Self::Unsupported(file) => write!(
                f,
                "the key {} is neither RSA of 2048 to 8192 bits, nor ECDSA on P-256 or P-384, nor Ed25519",
                shown(file)
            ),
            Self::Mismatch { key, certificate } => {
                write!(f, "{} is not the key of the certificate {}", shown(key), shown(certificate))
            }
        }
    }
}

impl std::error::Error for ClientIdentityError {}
