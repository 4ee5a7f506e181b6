//! The configuration of rustls, shared by all connections of the process, as are the proxies from the environment.

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::ring;

use super::trust::Trust;
use super::verifier::Verifier;
use crate::client::tls_error::TlsError;

/// The protocol that is spoken over TLS (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// What [`trust`] has set.
static TRUST: OnceLock<Trust> = OnceLock::new();

/// The configuration of all connections; sharing it lets them share session tickets.
static CONFIG: OnceLock<Result<Arc<ClientConfig>, TlsError>> = OnceLock::new();

/// Decides which certificates this process trusts. Only the first call counts, before the first connection.
pub fn trust(trust: Trust) {
    let _ = TRUST.set(trust);
}

/// The configuration of a connection. The system's certificates are read at the first call.
pub(super) fn config() -> Result<Arc<ClientConfig>, TlsError> {
    CONFIG.get_or_init(|| build(TRUST.get_or_init(Trust::default))).clone()
}

fn build(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(trust, &provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}
