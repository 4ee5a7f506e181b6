//! What is read from a self-signed certificate (RFC 5280 §4.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::names::CertificateName;
use crate::server::tls::certificate::CertificateFacts;

/// A certificate of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnCertificate {
    pub names: Vec<CertificateName>,
    pub not_after: SystemTime,
    pub fingerprint: Fingerprint,
}

/// The SHA-256 of a certificate in DER form. It is shown in the format that clients accept for `--pin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl OwnCertificate {
    /// Reads a certificate; `None` if it belongs to another key, or is no certificate. The public key is DER
    /// (`SubjectPublicKeyInfo`).
    pub(super) fn read(der: &[u8], public_key: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let fields = certificate.tbs_certificate();
        let is_own = fields.subject_public_key_info().to_der().ok()? == public_key;
        let names = fields.get_extension::<SubjectAltName>().ok()?;
        let names = names.iter().flat_map(|(_, names)| &names.0).filter_map(name).collect();
        let CertificateFacts { not_after, .. } = CertificateFacts::of(&certificate);
        let fingerprint = Fingerprint::from(<[u8; 32]>::from(Sha256::digest(der)));
        is_own.then_some(Self { names, not_after, fingerprint })
    }
}

/// A name, if it is of a kind that wharf puts into its certificates.
fn name(name: &GeneralName) -> Option<CertificateName> {
    match name {
        GeneralName::DnsName(name) => Some(CertificateName::Dns(name.as_str().to_owned())),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<CertificateName> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::from(Ipv4Addr::from(bytes)));
    let v6 = || <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)));
    v4.or_else(|_| v6()).ok().map(CertificateName::Ip)
}

impl From<[u8; 32]> for Fingerprint {
    fn from(sum: [u8; 32]) -> Self {
        Self(sum)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
