//! Judges a server's certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use super::trust::{Pin, Trust};
use crate::client::tls_error::TlsError;

/// rustls's error for a server that presents the certificate of an issuer.
const SELF_ISSUED: &str = "CaUsedAsEndEntity";

/// Verifies certificates according to a [`Trust`]. The server must always prove that the certificate is its own.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Rule {
    /// The chain leads to a root, or the certificate is itself one of the roots, because some programs create
    /// self-signed certificates.
    Chain(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
    Pins(Vec<Pin>),
    Everything,
}

/// The hash of a certificate that is not pinned.
#[derive(Debug)]
struct NotPinned([u8; 32]);

impl Verifier {
    pub(super) fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let rule = match trust {
            Trust::System => Rule::Chain(chain(system_roots()?, provider)?, Vec::new()),
            Trust::Only(certificates) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates.iter().cloned());
                Rule::Chain(chain(roots, provider)?, certificates.clone())
            }
            Trust::Pinned(pins) => Rule::Pins(pins.clone()),
            Trust::Everything => Rule::Everything,
        };
        Ok(Self { rule, algorithms: provider.signature_verification_algorithms })
    }
}

fn chain(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsError::NoRoots(error.to_string()))
}

/// The system's certificates; those that cannot be used are left out.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(roots)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.rule {
            Rule::Everything => Ok(ServerCertVerified::assertion()),
            // Certificates are public, so the comparison need not take constant time.
            Rule::Pins(pins) => match Sha256::digest(certificate).into() {
                sum if pins.contains(&Pin(sum)) => Ok(ServerCertVerified::assertion()),
                sum => Err(CertificateError::Other(OtherError(Arc::new(NotPinned(sum)))).into()),
            },
            Rule::Chain(chain, own) => {
                match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
                    // An issuer's certificate presented as the server's: the library refuses it only after checking its
                    // dates.
                    Err(Error::InvalidCertificate(CertificateError::Other(_)))
                        if own.contains(certificate) =>
                    {
                        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                        Ok(ServerCertVerified::assertion())
                    }
                    // A certificate whose issuer only has the name of a trusted issuer.
                    Err(Error::InvalidCertificate(CertificateError::BadSignature)) => {
                        Err(CertificateError::UnknownIssuer.into())
                    }
                    outcome => outcome,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => error.into(),
            Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion) => {
                Self::Incompatible("the server supports neither TLS 1.3 nor 1.2".to_owned())
            }
            Error::AlertReceived(AlertDescription::CertificateRequired) => {
                Self::Refused("it requires a client certificate (--cert FILE --key FILE)".to_owned())
            }
            Error::AlertReceived(
                alert @ (AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA),
            ) => Self::Refused(format!("it does not accept the client certificate ({alert:?})")),
            Error::AlertReceived(alert) => Self::Refused(format!("alert {alert:?}")),
            Error::PeerIncompatible(why) => Self::Incompatible(format!("{why:?}")),
            Error::InvalidMessage(_) => Self::Other("the server sent an invalid record".to_owned()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<CertificateError> for TlsError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired => Self::Expired(None),
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(system_time(not_after)),
            CertificateError::NotValidYet => Self::NotYetValid(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(system_time(not_before))
            }
            CertificateError::NotValidForName => Self::OtherNames(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::OtherNames(presented.iter().map(|name| bare(name).to_owned()).collect())
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<NotPinned>() {
                Some(NotPinned(sum)) => Self::OtherPin(*sum),
                None if other.to_string() == SELF_ISSUED => Self::UnknownIssuer,
                None => Self::Certificate(other.to_string()),
            },
            other => Self::Certificate(other.to_string()),
        }
    }
}

/// The name in `DnsName("h")` or `IpAddress(::1)`, as rustls writes them.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

/// `None` beyond what the clock can express.
fn system_time(time: UnixTime) -> Option<std::time::SystemTime> {
    std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(time.as_secs()))
}

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is not pinned")
    }
}

impl std::error::Error for NotPinned {}
