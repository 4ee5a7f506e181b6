//! Makes a self-signed certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, SanType, SerialNumber, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

use super::judge::LIFETIME;
use super::names::CertificateName;

/// How long before its creation a certificate's validity begins, so that clients whose clocks are behind accept it too.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

/// A certificate of this key for these names, as PEM.
///
/// It may not issue other certificates, so a client trusts it only for its own names. Its serial number is random,
/// since some clients refuse two certificates of one issuer with the same number. Its subject differs from that of
/// every other key, since some clients choose between trusted certificates by their subjects.
pub(super) fn make(
    key: &KeyPair,
    names: &[CertificateName],
    now: SystemTime,
    random: [u8; 16],
) -> Result<String, rcgen::Error> {
    let from = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BACKDATED);
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + from;
    params.not_after = epoch + (from + LIFETIME);
    // Positive, and not 0.
    let number = u128::from_be_bytes(random) >> 1 | 1;
    params.serial_number = Some(SerialNumber::from_slice(&number.to_be_bytes()));
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject(key));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params.self_signed(key)?.pem())
}

fn alternative_name(name: &CertificateName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        CertificateName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        CertificateName::Ip(ip) => SanType::IpAddress(*ip),
    })
}

/// The name under which lists of certificates show it.
fn subject(key: &KeyPair) -> String {
    let sum = Sha256::digest(key.subject_public_key_info());
    format!("wharf {:02x}{:02x}{:02x}{:02x}", sum[0], sum[1], sum[2], sum[3])
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::super::facts::OwnCertificate;
    use super::*;
    use crate::server::tls::certificate::CertificateFacts;

    #[test]
    fn what_is_made_is_read_back() {
        let key = KeyPair::generate().expect("a key");
        let public = key.subject_public_key_info();
        let ips = ["127.0.0.1", "2001:db8::7"].map(|ip| CertificateName::Ip(ip.parse().expect("an address")));
        let names = [&[CertificateName::Dns("my_nas".to_owned())][..], &ips].concat();
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (names, random) in [(&names[..], [0; 16]), (&names[..1], [0xff; 16]), (&names[1..], [1; 16])] {
            let text = make(&key, names, now, random).expect("made");
            let der = CertificateDer::from_pem_slice(text.as_bytes()).expect("PEM");
            let own = OwnCertificate::read(&der, &public).expect("it is the key's");
            assert_eq!((&own.names[..], own.not_after), (names, now + LIFETIME - BACKDATED));
            let facts = CertificateFacts::read(&der).expect("a certificate");
            assert_eq!((facts.issuer, facts.not_before), (facts.subject, now - BACKDATED));
            assert!(own.fingerprint.to_string().starts_with("sha256:"));
            let other = KeyPair::generate().expect("a key").subject_public_key_info();
            assert_eq!(OwnCertificate::read(&der, &other), None);
            for length in 0..der.len() {
                // This must not panic.
                let _ = OwnCertificate::read(&der[..length], &public);
            }
        }
        let early = make(&key, &names, UNIX_EPOCH, [0; 16]).expect("made, by a clock that is not set");
        assert!(early.contains("CERTIFICATE"));
    }
}
