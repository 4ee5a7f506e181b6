//! The certificate authorities whose certificates clients need.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::certificate::{CertificateFacts, warn_of_dates};
use super::files::{Check, TlsSetupError, read};

/// The certificates of a file, each of an authority; at least one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientCa(Vec<CertificateDer<'static>>);

impl ClientCa {
    /// Reads and checks the file, and makes what checks the certificates of clients. An authority that has expired is only
    /// worth a warning: its certificates say themselves until when they are valid.
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
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            let facts = CertificateFacts::read(certificate)
                .filter(|_| roots.add(certificate.clone()).is_ok())
                .ok_or_else(|| in_file(&"it holds something that is not a certificate"))?;
            warn_of_dates(path, &facts);
        }
        // A client without a certificate gets a response that says what it needs: no browser explains an alert.
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| in_file(&error))?;
        Ok((Self(certificates), verifier))
    }
}
