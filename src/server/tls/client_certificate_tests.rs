use std::time::Duration;

use rcgen::string::{BmpString, Ia5String, PrintableString};
use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SanType, date_time_ymd};

use super::*;

/// A certificate with these common names and alternative names, valid until the start of this year.
fn certificate(names: Vec<DnValue>, alternatives: Vec<SanType>, year: i32) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "ou");
    for (number, name) in names.into_iter().enumerate() {
        // rcgen keeps one value of each type: the second has the same identifier as another type.
        let kind = if number == 0 { DnType::CommonName } else { DnType::CustomDnType(vec![2, 5, 4, 3]) };
        parameters.distinguished_name.push(kind, name);
    }
    parameters.subject_alt_names = alternatives;
    parameters.not_after = date_time_ymd(year, 1, 1);
    parameters.self_signed(&KeyPair::generate().expect("a key")).expect("signed").der().to_vec()
}

fn utf8(name: &str) -> DnValue {
    DnValue::Utf8String(name.to_owned())
}

fn mail(address: &str) -> SanType {
    SanType::Rfc822Name(Ia5String::try_from(address).expect("ASCII"))
}

/// The present time in the tests: in 2030.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(60 * 365 * 24 * 60 * 60)
}

#[test]
fn the_common_name_or_else_the_one_address_is_the_user() {
    let host = || SanType::DnsName(Ia5String::try_from("host.example").expect("ASCII"));
    let printable = DnValue::PrintableString(PrintableString::try_from("Ann").expect("printable"));
    let bmp = DnValue::BmpString(BmpString::try_from("ann").expect("UCS-2"));
    let (long, longest) = ("a".repeat(257), "a".repeat(256));
    let table: Vec<(&str, Vec<DnValue>, Vec<SanType>, Result<&str, Nobody>)> = vec![
        ("a common name", vec![utf8("ann")], vec![], Ok("ann")),
        ("another encoding", vec![printable], vec![], Ok("Ann")),
        ("as its bytes are", vec![utf8("A\u{308} b ")], vec![], Ok("A\u{308} b ")),
        ("before the address", vec![utf8("ann")], vec![mail("bob@h")], Ok("ann")),
        ("the one address", vec![], vec![host(), mail("bob@h")], Ok("bob@h")),
        ("two common names", vec![utf8("ann"), utf8("bob")], vec![], Err(Nobody::SeveralNames)),
        ("twice the same", vec![utf8("ann"), utf8("ann")], vec![mail("c@h")], Err(Nobody::SeveralNames)),
        ("two addresses", vec![], vec![mail("ann@h"), mail("bob@h")], Err(Nobody::NoName)),
        ("a host's", vec![], vec![host()], Err(Nobody::NoName)),
        ("none", vec![], vec![], Err(Nobody::NoName)),
        ("empty, with an address", vec![utf8("")], vec![mail("bob@h")], Err(Nobody::UnusableName)),
        ("NUL", vec![utf8("ann\0.example")], vec![], Err(Nobody::UnusableName)),
        ("NUL in the address", vec![], vec![mail("ann\0@h")], Err(Nobody::UnusableName)),
        ("a line end", vec![utf8("ann\nbob")], vec![], Err(Nobody::UnusableName)),
        ("UCS-2", vec![bmp], vec![], Err(Nobody::UnusableName)),
        ("too long", vec![utf8(&long)], vec![], Err(Nobody::UnusableName)),
        ("as long as allowed", vec![utf8(&longest)], vec![], Ok(&longest)),
    ];
    for (case, names, alternatives, expected) in table {
        let certificate = ClientCertificate::parse(&certificate(names, alternatives, 2031));
        assert_eq!(certificate.user(now()), expected.map(CertifiedName), "{case}");
    }
}

#[test]
fn an_expired_or_malformed_certificate_names_nobody() {
    let expired = certificate(vec![utf8("ann")], vec![], 2029);
    assert_eq!(ClientCertificate::parse(&expired).user(now()), Err(Nobody::Expired));
    let whole = certificate(vec![utf8("ann")], vec![mail("bob@h")], 2031);
    for length in 0..whole.len() {
        let found = ClientCertificate::parse(&whole[..length]);
        assert_eq!(found.user(now()), Err(Nobody::Malformed), "{length} bytes");
    }
    let longer = [&*whole, &[0]].concat();
    assert_eq!(ClientCertificate::parse(&longer).user(now()), Err(Nobody::Malformed));
}
