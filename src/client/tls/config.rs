//! The configuration of rustls, shared by all connections of the process.

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::ring;

use super::identity::ClientIdentity;
use super::trust::Trust;
use super::verifier::Verifier;
use crate::client::address::NamedBy;
use crate::client::tls_error::TlsError;

/// The protocol that is spoken over TLS (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// What [`trust`] has set.
static TRUST: OnceLock<Trust> = OnceLock::new();

/// What [`present`] has set.
static IDENTITY: OnceLock<ClientIdentity> = OnceLock::new();

/// A configuration, once it is needed. Its connections share their session tickets.
type Shared = OnceLock<Result<Arc<ClientConfig>, TlsError>>;

/// For servers that the user has named.
static CONFIG: Shared = OnceLock::new();

/// For servers that other servers have named. They do not get the client's certificate.
static ANONYMOUS: Shared = OnceLock::new();

/// Decides which certificates this process trusts. Only the first call counts, before the first connection.
pub fn trust(trust: Trust) {
    let _ = TRUST.set(trust);
}

/// Presents this to each server that the user names and that asks for it. Only the first call counts, before the first
/// connection.
pub fn present(identity: ClientIdentity) {
    let _ = IDENTITY.set(identity);
}

/// The configuration of a connection. The system's certificates are read at the first call.
pub(super) fn config(named_by: NamedBy) -> Result<Arc<ClientConfig>, TlsError> {
    let (config, identity) = match (named_by, IDENTITY.get()) {
        (NamedBy::Redirect, Some(_)) => (&ANONYMOUS, None),
        (_, identity) => (&CONFIG, identity),
    };
    config.get_or_init(|| build(TRUST.get_or_init(Trust::default), identity)).clone()
}

fn build(trust: &Trust, identity: Option<&ClientIdentity>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(trust, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}
