//! Which certificates are trusted: those that the system trusts, unless a flag says otherwise.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

use crate::client::error::shown;

/// Which certificates are trusted.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Certificates that are signed by one of the system's certificates.
    #[default]
    System,
    /// These certificates, and certificates that one of these has signed.
    Only(Vec<CertificateDer<'static>>),
    /// Certificates with one of these hashes, whatever else they contain.
    Pinned(Vec<Pin>),
    /// All certificates.
    Everything,
}

/// The SHA-256 of a certificate in DER format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub(super) [u8; 32]);

/// Why a text is not a [`Pin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinError;

/// Why a file of trusted certificates cannot be used.
#[derive(Debug)]
pub enum TrustError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It has no certificate.
    Empty(PathBuf),
    /// A certificate in it is invalid.
    Invalid(PathBuf),
}

impl Trust {
    /// Trusts only the certificates of this PEM file.
    pub fn only(file: &Path) -> Result<Self, TrustError> {
        let bytes = std::fs::read(file).map_err(|error| TrustError::Unreadable(file.to_owned(), error))?;
        let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(TrustError::Empty(file.to_owned())),
            Ok(certificates) if certificates.iter().all(can_be_root) => Ok(Self::Only(certificates)),
            _ => Err(TrustError::Invalid(file.to_owned())),
        }
    }
}

fn can_be_root(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

impl FromStr for Pin {
    type Err = PinError;

    /// Parses `sha256:HEX`; openssl writes the digits in pairs, with colons between them.
    fn from_str(text: &str) -> Result<Self, PinError> {
        let (kind, digits) = text.split_once(':').ok_or(PinError)?;
        let digits: Vec<u8> = digits.bytes().filter(|&byte| byte != b':').collect();
        if !kind.eq_ignore_ascii_case("sha256") || digits.len() != 64 {
            return Err(PinError);
        }
        let mut sum = [0; 32];
        for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: &u8| char::from(*digit).to_digit(16).ok_or(PinError);
            *byte = pair.iter().try_fold(0, |sum, digit| Ok(sum << 4 | value(digit)? as u8))?;
        }
        Ok(Self(sum))
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "write sha256: and 64 hexadecimal digits (openssl x509 -noout -fingerprint -sha256 -in FILE)",
        )
    }
}

impl std::error::Error for PinError {}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "cannot read {}: {error}", shown(file)),
            Self::Empty(file) => write!(f, "{} has no certificate in PEM format", shown(file)),
            Self::Invalid(file) => write!(f, "{} has an invalid certificate", shown(file)),
        }
    }
}

impl std::error::Error for TrustError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_64_digits() {
        let digits = "0f".repeat(32);
        let pairs = vec!["0F"; 32].join(":");
        for text in [format!("sha256:{digits}"), format!("SHA256:{pairs}")] {
            assert_eq!(text.parse(), Ok(Pin([15; 32])), "{text}");
        }
        let wrong =
            ["", "sha256:", &digits, "sha256:0f", &format!("sha1:{digits}"), &format!("sha256:{digits}0")];
        for text in wrong.into_iter().chain([format!("sha256:g{}", &digits[1..]).as_str()]) {
            assert_eq!(text.parse::<Pin>(), Err(PinError), "{text}");
        }
    }

    #[test]
    fn a_file_of_trusted_certificates_must_have_some() {
        let folder = tempfile::tempdir().expect("a folder");
        let begun = "-----BEGIN CERTIFICATE-----\n";
        let ended = "-----END CERTIFICATE-----\n";
        let cases = [
            ("none", String::new(), "has no certificate in PEM format"),
            ("other", "text\n".to_owned(), "has no certificate in PEM format"),
            ("cut", begun.to_owned(), "has an invalid certificate"),
            ("wrong", format!("{begun}AAAA\n{ended}"), "has an invalid certificate"),
        ];
        for (name, text, expected) in cases {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("written");
            let error = Trust::only(&file).expect_err(name).to_string();
            assert!(error.ends_with(expected), "{name}: {error}");
        }
        let missing = Trust::only(&folder.path().join("missing")).expect_err("missing").to_string();
        assert!(missing.starts_with("cannot read "), "{missing}");
    }
}
