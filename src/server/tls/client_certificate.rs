//! The user that a client's certificate names (RFC 5280 §4.1.2.6, §4.2.1.6).

use std::fmt;
use std::time::SystemTime;

use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::certificate::CertificateFacts;
use crate::net::tls_stream::TlsStream;

/// The attribute of a common name (X.520 §6.2.2).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The longest name, in bytes. X.520 allows 64 characters in a common name, RFC 5321 allows 254 bytes in an address.
const LONGEST: usize = 256;

/// The certificate of a client that has proved that it has the key. One of the client CAs has issued it, for
/// use by clients.
#[derive(Debug)]
pub(in crate::server) struct ClientCertificate {
    name: Result<Box<str>, Nobody>,
    not_after: SystemTime,
}

/// The name of a user, from a certificate that is valid at the moment. Names are compared by their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct CertifiedName<'c>(&'c str);

/// Why a certificate names no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Nobody {
    /// It has expired since the handshake.
    Expired,
    /// It has several common names.
    SeveralNames,
    /// It has no common name, and no e-mail address or several.
    NoName,
    /// Its name is empty, too long, or contains bytes that no name has.
    UnusableName,
    /// It does not follow the standard.
    Malformed,
}

impl ClientCertificate {
    /// The certificate of this connection's client, if it has presented one. rustls keeps only certificates
    /// that it has accepted, including those from the ticket of a resumed session.
    pub(super) fn of(stream: &TlsStream) -> Option<Self> {
        stream.certificates().first().map(|certificate| Self::parse(certificate))
    }

    fn parse(der: &[u8]) -> Self {
        let Ok(certificate) = Certificate::from_der(der) else {
            return Self { name: Err(Nobody::Malformed), not_after: SystemTime::UNIX_EPOCH };
        };
        let CertificateFacts { not_after, .. } = CertificateFacts::of(&certificate);
        Self { name: name(&certificate).map(Box::from), not_after }
    }

    /// The user that it names at this time.
    pub(in crate::server) fn user(&self, now: SystemTime) -> Result<CertifiedName<'_>, Nobody> {
        let name = self.name.as_ref().map_err(|nobody| *nobody)?;
        if now > self.not_after { Err(Nobody::Expired) } else { Ok(CertifiedName(name)) }
    }
}

/// The common name, if there is one, or else the one e-mail address.
fn name(certificate: &Certificate) -> Result<String, Nobody> {
    let certificate = certificate.tbs_certificate();
    let mut names = certificate.subject().iter().filter(|attribute| attribute.oid == COMMON_NAME);
    let name = match (names.next(), names.next()) {
        (Some(name), None) => text(name).ok_or(Nobody::UnusableName)?,
        (Some(_), Some(_)) => return Err(Nobody::SeveralNames),
        (None, _) => {
            let alternatives =
                certificate.get_extension::<SubjectAltName>().map_err(|_| Nobody::Malformed)?;
            let (_, SubjectAltName(alternatives)) = alternatives.ok_or(Nobody::NoName)?;
            let mut addresses = alternatives.iter().filter_map(|name| match name {
                GeneralName::Rfc822Name(address) => Some(address.as_str()),
                _ => None,
            });
            match (addresses.next(), addresses.next()) {
                (Some(address), None) => address.to_owned(),
                _ => return Err(Nobody::NoName),
            }
        }
    };
    let is_usable = (1..=LONGEST).contains(&name.len()) && !name.chars().any(char::is_control);
    if is_usable { Ok(name) } else { Err(Nobody::UnusableName) }
}

/// The value of a common name, in one of the two encodings that RFC 5280 allows for new certificates
/// (§4.1.2.4).
fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::PrintableString => {
            value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned())
        }
        _ => None,
    }
}

impl fmt::Display for CertifiedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The words after "the client certificate".
impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired",
            Self::SeveralNames => "has more than one common name",
            Self::NoName => "has neither a common name nor exactly one e-mail address",
            Self::UnusableName => {
                "has a name that cannot be used (it is empty, too long, not in UTF-8, or holds control characters)"
            }
            Self::Malformed => "is malformed",
        })
    }
}

#[cfg(test)]
#[path = "client_certificate_tests.rs"]
mod tests;
