//! What is read from a self-signed certificate (RFC 5280 §4.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::names::CertificateName;
use crate::server::tls::certificate::{CertificateFacts, Elements};

/// Tags of DER (X.690).
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// The version of a certificate, and its extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Names in the extension (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// The extension with the names: 2.5.29.17.
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];

/// A certificate of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnCertificate {
    pub names: Vec<CertificateName>,
    pub not_after: SystemTime,
    pub fingerprint: Fingerprint,
}

/// The SHA-256 of a certificate in DER form. It is shown as clients take it with `--pin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl OwnCertificate {
    /// Reads a certificate; `None` if it is that of another key, or no certificate. The public key is DER
    /// (`SubjectPublicKeyInfo`).
    pub(super) fn read(der: &[u8], public_key: &[u8]) -> Option<Self> {
        let not_after = CertificateFacts::read(der)?.not_after;
        let mut certificate = Elements::of(der);
        let mut fields = Elements::of(certificate.next(SEQUENCE)?);
        let mut fields = Elements::of(fields.next(SEQUENCE)?);
        let _ = fields.next(VERSION);
        let _serial_number = fields.next(INTEGER)?;
        let [_algorithm, _issuer, _validity, _subject] = [(); 4].map(|()| fields.next(SEQUENCE));
        let is_own = fields.next(SEQUENCE)? == Elements::of(public_key).next(SEQUENCE)?;
        let names = fields.next(EXTENSIONS).map_or(Some(Vec::new()), alternative_names)?;
        let fingerprint = Fingerprint::from(<[u8; 32]>::from(Sha256::digest(der)));
        is_own.then_some(Self { names, not_after, fingerprint })
    }
}

/// The names in the extension that has them; none without it. Names of another kind end the list: wharf makes none.
fn alternative_names(extensions: &[u8]) -> Option<Vec<CertificateName>> {
    let mut extensions = Elements::of(Elements::of(extensions).next(SEQUENCE)?);
    while let Some(extension) = extensions.next(SEQUENCE) {
        let mut parts = Elements::of(extension);
        if parts.next(OBJECT)? != ALTERNATIVE_NAMES {
            continue;
        }
        let _is_critical = parts.next(BOOLEAN);
        let mut names = Elements::of(Elements::of(parts.next(OCTETS)?).next(SEQUENCE)?);
        let next = || {
            let dns = |name: &[u8]| Some(CertificateName::Dns(str::from_utf8(name).ok()?.to_owned()));
            names.next(DNS_NAME).and_then(dns).or_else(|| names.next(IP_ADDRESS).and_then(address))
        };
        return Some(std::iter::from_fn(next).collect());
    }
    Some(Vec::new())
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
