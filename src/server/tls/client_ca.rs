//! The certificate authorities, one of which must have issued a client's certificate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_cert::name::Name;

use super::certificate::{CertificateFacts, warn_of_dates};
use super::files::{TlsSetupError, read};
use crate::server::watched_file::Check;

/// How many of the issuers that a client presents are examined. If ten certificates seem to have issued each other,
/// finding a chain takes 200,000 attempts per authority (webpki's limit), so anybody could keep the processors busy.
/// With five, it takes 325.
const MOST_ISSUERS: usize = 5;

/// How many bytes of authority names are sent to each client at most. The message that contains them has room for 64
/// KiB, and rustls does not check the length. A longer list is not sent, as RFC 8446 §4.3.2 and RFC 5246 §7.4.4 allow.
const NAMES_LIMIT: usize = 32 * 1024;

/// The authorities' certificates from a file; at least one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientCa(Vec<CertificateDer<'static>>);

/// Checks the certificates of clients. rustls trusts an authority whatever its dates; this trusts only those
/// that are valid now.
#[derive(Debug)]
struct Verifier {
    authorities: Vec<Authority>,
    /// The names by which browsers choose a certificate. Empty if they would take too many bytes.
    names: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Authority {
    subject: Name,
    not_before: SystemTime,
    not_after: SystemTime,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCa {
    /// Reads and checks the file, and makes the verifier for the certificates of clients. An authority that
    /// has expired is only worth a warning here: it may be one of several.
    pub(super) fn read(
        path: &Path,
        check: &Check,
        provider: &Arc<CryptoProvider>,
    ) -> Result<(Self, Arc<dyn ClientCertVerifier>), TlsSetupError> {
        let in_file = |why: &dyn fmt::Display| TlsSetupError::of("client CA", path, why);
        let text = read(path, check).map_err(|why| in_file(&why))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|error| in_file(&format_args!("it is not valid PEM: {error}")))?;
        if certificates.is_empty() {
            return Err(in_file(&"it holds no certificate"));
        }
        let (mut authorities, mut names) = (Vec::new(), Vec::new());
        for certificate in &certificates {
            let mut roots = RootCertStore::empty();
            let facts = CertificateFacts::read(certificate)
                .filter(|_| roots.add(certificate.clone()).is_ok())
                .ok_or_else(|| in_file(&"it holds something that is not a certificate"))?;
            warn_of_dates(path, &facts);
            names.extend(roots.subjects());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| in_file(&error))?;
            let CertificateFacts { subject, not_before, not_after, .. } = facts;
            authorities.push(Authority { subject, not_before, not_after, verifier });
        }
        if names.iter().map(|name: &DistinguishedName| name.as_ref().len()).sum::<usize>() > NAMES_LIMIT {
            names.clear();
        }
        let algorithms = provider.signature_verification_algorithms;
        Ok((Self(certificates), Arc::new(Verifier { authorities, names, algorithms })))
    }
}

impl Authority {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(certificate, intermediates, now)?;
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now.as_secs() < seconds(self.not_before) {
            Err(CertificateError::NotValidYet.into())
        } else if now.as_secs() > seconds(self.not_after) {
            Err(CertificateError::Expired.into())
        } else {
            Ok(verified)
        }
    }
}

impl ClientCertVerifier for Verifier {
    /// A client without a certificate gets a response that says what it needs: no browser explains an alert.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // A client sends them in order (RFC 8446 §4.4.2): the first ones are the chain.
        let intermediates = intermediates.get(..MOST_ISSUERS).unwrap_or(intermediates);
        // Only the authorities that issued one of these are tried: there may be hundreds of others.
        let chain = std::iter::once(certificate).chain(intermediates);
        let issuers: Vec<_> = chain.filter_map(|it| Some(CertificateFacts::read(it)?.issuer)).collect();
        let authorities = self.authorities.iter().filter(|it| issuers.contains(&it.subject));
        let mut why = CertificateError::UnknownIssuer.into();
        for authority in authorities {
            match authority.verify(certificate, intermediates, now) {
                Ok(verified) => return Ok(verified),
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
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
