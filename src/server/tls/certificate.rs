//! The fields of a certificate that rustls does not expose (RFC 5280 §4.1): its validity, issuer and subject.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::printable::Printable;

/// What is read from a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CertificateFacts {
    pub issuer: Name,
    pub subject: Name,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

impl CertificateFacts {
    /// Parses a certificate; `None` if this is not one.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        Certificate::from_der(der).ok().map(|certificate| Self::of(&certificate))
    }

    /// The facts of a parsed certificate.
    pub(super) fn of(certificate: &Certificate) -> Self {
        let fields = certificate.tbs_certificate();
        let (validity, time) = (fields.validity(), |at: &Time| UNIX_EPOCH + at.to_unix_duration());
        Self {
            issuer: fields.issuer().clone(),
            subject: fields.subject().clone(),
            not_before: time(&validity.not_before),
            not_after: time(&validity.not_after),
        }
    }
}

/// Warns of a certificate that is not valid today.
pub(super) fn warn_of_dates(path: &Path, facts: &CertificateFacts) {
    let now = SystemTime::now();
    let day = |time| humantime::format_rfc3339_seconds(time);
    let path = Printable::path(path);
    if now < facts.not_before {
        log::warn!("the certificate {path} is not valid before {} (check the clock)", day(facts.not_before));
    } else if now > facts.not_after {
        log::warn!("the certificate {path} has expired on {} (renew it)", day(facts.not_after));
    }
}
