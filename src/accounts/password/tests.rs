//! Hashes from other programs, invalid hashes, and refused passwords.

use super::*;

/// Hashes of `correct horse` from other programs.
const ARGON2: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$k9ohroejZy1PN5E1SbHNPug6vB8eQAahb5SOAp6iGF4";
const BCRYPT: &str = "$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

fn password(text: &str) -> Password {
    Password::new(text.into())
}

#[test]
fn hashes_of_other_programs_are_read() {
    let disk = Blocking::own_thread();
    for text in [ARGON2, BCRYPT] {
        let hash: PasswordHash = text.parse().expect("a hash");
        assert!(hash.is_of(&password("correct horse"), disk), "{text}");
        for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
            assert!(!hash.is_of(&password(wrong), disk), "{wrong:?}: {text}");
        }
        assert_eq!(hash.as_str(), text);
    }
}

#[test]
fn a_new_hash_is_argon2id_with_a_salt_of_its_own() {
    let disk = Blocking::own_thread();
    let of = || PasswordHash::of(&password("größe"), disk).expect("a hash");
    let (one, other) = (of(), of());
    assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
    assert_ne!(one.as_str(), other.as_str());
    let read: PasswordHash = one.as_str().parse().expect("a hash");
    assert!(read.is_of(&password("größe"), disk));
    assert_eq!(read, one, "its cost too");
    let nothing = PasswordHash::of_nothing();
    assert_eq!(nothing.as_str().parse(), Ok(nothing));
}

#[test]
fn an_account_keeps_its_part_when_the_password_changes() {
    let disk = Blocking::own_thread();
    let hash = |text: &str| text.parse::<PasswordHash>().expect("a hash");
    let first = hash(ARGON2);
    assert_eq!(first.account_part(), "c29tZXNhbHRz");
    let [second, third] = [(); 2].map(|()| first.successor(&password("two"), disk).expect("a hash"));
    assert!(second.is_of(&password("two"), disk));
    assert_eq!([second.account_part(), third.account_part()], [first.account_part(); 2]);
    assert_ne!(second.as_str(), third.as_str(), "the rest of the salt is new");
    let foreign = [BCRYPT, &ARGON2.replace("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHQ")].map(hash);
    for hash in &foreign {
        assert_eq!(hash.account_part(), hash.as_str());
    }
    let new = foreign[0].successor(&password("two"), disk).expect("a hash");
    assert_eq!(new.account_part().len(), 12, "the next one keeps this");
    assert_eq!(new.successor(&password(""), disk), Err(PasswordError::Empty));
}

#[test]
fn the_same_password() {
    for (one, other, are_same) in [("a", "a", true), ("a", "b", false), ("a", "ab", false), ("", "", true)] {
        assert_eq!(password(one).is(&password(other)), are_same, "{one:?} {other:?}");
    }
}

#[test]
fn passwords_without_a_hash() {
    let table = [
        (String::new(), Err(PasswordError::Empty)),
        ("x".to_owned(), Ok(())),
        ("x".repeat(PASSWORD_LIMIT), Ok(())),
        ("x".repeat(PASSWORD_LIMIT + 1), Err(PasswordError::TooLong)),
        ("a\0b".to_owned(), Err(PasswordError::Nul)),
    ];
    for (text, expected) in table {
        assert_eq!(password(&text).check(), expected, "{} bytes", text.len());
    }
}

/// The hashes of these bytes, computed by the crates themselves, which have no limits.
fn hashes_of(bytes: &[u8]) -> [PasswordHash; 2] {
    let params = Params::new(16, 1, 1, Some(32)).expect("the least cost");
    let argon2: phc::PasswordHash = Argon2::from(params).hash_password(bytes).expect("a hash");
    let bcrypt = bcrypt::hash_with_salt(bytes, 4, [1; 16]).expect("a hash");
    [argon2.to_string(), bcrypt.to_string()].map(|text| text.parse().expect("a hash"))
}

/// Each password is the one that was hashed: if the result is false, it was refused before hashing.
#[test]
fn passwords_that_are_refused_before_hashing() {
    let disk = Blocking::own_thread();
    let table: [(&str, Vec<u8>, [bool; 2]); 11] = [
        ("empty", vec![], [false, false]),
        ("one byte", b"x".to_vec(), [true, true]),
        ("NUL alone", vec![0], [false, false]),
        ("NUL at the end", b"x\0".to_vec(), [false, false]),
        ("NUL inside", b"x\0y".to_vec(), [false, false]),
        ("other control characters", b"\x01\x7f\r\n".to_vec(), [true, true]),
        ("invalid UTF-8", b"\xff\xfe".to_vec(), [true, true]),
        ("72 bytes", vec![b'x'; BCRYPT_LIMIT], [true, true]),
        ("73 bytes, of which bcrypt takes 72", vec![b'x'; BCRYPT_LIMIT + 1], [true, false]),
        ("1,024 bytes", vec![b'x'; PASSWORD_LIMIT], [true, false]),
        ("1,025 bytes", vec![b'x'; PASSWORD_LIMIT + 1], [false, false]),
    ];
    for (case, bytes, expected) in table {
        let found = hashes_of(&bytes).map(|hash| hash.is_of(&Password::new(bytes.clone()), disk));
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn old_versions_and_other_prefixes_are_read() {
    let disk = Blocking::own_thread();
    let params = Params::new(16, 1, 1, Some(32)).expect("the least cost");
    let old = Argon2::new(argon2::Algorithm::Argon2id, Version::V0x10, params);
    let old: phc::PasswordHash = old.hash_password(b"secret").expect("a hash");
    let bcrypt = bcrypt::hash_with_salt("secret", 4, [1; 16]).expect("a hash");
    let of = |version| bcrypt.format_for_version(version);
    let table =
        [old.to_string(), of(bcrypt::Version::TwoA), of(bcrypt::Version::TwoB), of(bcrypt::Version::TwoY)];
    for text in table {
        let hash: PasswordHash = text.parse().expect("a hash");
        assert!(hash.is_of(&password("secret"), disk), "{text}");
        assert!(!hash.is_of(&password("Secret"), disk), "{text}");
    }
}

#[test]
fn hashes_that_are_refused() {
    let argon2 = |text: &str, new: &str| ARGON2.replace(text, new);
    let bcrypt = |text: &str, new: &str| BCRYPT.replace(text, new);
    let table = [
        (String::new(), WrongHash::Unknown),
        ("secret".to_owned(), WrongHash::Unknown),
        ("$apr1$salt$hash".to_owned(), WrongHash::Unknown),
        ("$6$salt$hash".to_owned(), WrongHash::Unknown),
        (argon2("argon2id", "argon2i"), WrongHash::Unknown),
        (argon2("argon2id", "argon2d"), WrongHash::Unknown),
        (argon2("m=19456", "m=262145"), WrongHash::Memory(262_145)),
        (argon2("t=2", "t=21"), WrongHash::Passes(21)),
        (argon2("m=19456", "m=1"), WrongHash::Parameters),
        (argon2("p=1", "p=0"), WrongHash::Parameters),
        (argon2("m=19456,t=2,p=1", "m=19456,t=2"), WrongHash::Parameters),
        (argon2("m=19456,t=2,p=1", "t=2,m=19456,p=1"), WrongHash::Parameters),
        (argon2("p=1", "p=1,p=1"), WrongHash::Parameters),
        (argon2("p=1", "p=1,keyid=AAAA"), WrongHash::Parameters),
        (argon2("p=1", "p=1,data=AAAA"), WrongHash::Parameters),
        (argon2("m=19456,t=2,p=1$", ""), WrongHash::Parameters),
        (argon2("v=19$", ""), WrongHash::Truncated),
        (argon2("v=19", "v=18"), WrongHash::Version(18)),
        (argon2("m=19456", "m=019456"), WrongHash::Parameters),
        (argon2("c29tZXNhbHRzb21lc2FsdA", "c2FsdA"), WrongHash::Truncated),
        (format!("{ARGON2}$more"), WrongHash::Truncated),
        (ARGON2[..ARGON2.len() - 1].to_owned(), WrongHash::Truncated),
        (ARGON2[..ARGON2.len() - 4].to_owned(), WrongHash::Truncated),
        (ARGON2.rsplit_once('$').expect("parts").0.to_owned(), WrongHash::Truncated),
        ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), WrongHash::Truncated),
        (bcrypt("$10$", "$16$"), WrongHash::Cost(16)),
        (bcrypt("$10$", "$03$"), WrongHash::Malformed),
        (bcrypt("$10$", "$+4$"), WrongHash::Truncated),
        (bcrypt("$10$", "$ 4$"), WrongHash::Truncated),
        // Bits beyond the end of the salt and of the output, and a character that is not in base64.
        (bcrypt("4g.jIi", "4g/jIi"), WrongHash::Malformed),
        (bcrypt("XJGY.i", "XJGY.j"), WrongHash::Malformed),
        (bcrypt("YRax", "YRa+"), WrongHash::Malformed),
        (bcrypt("YRax", "YRaé")[..BCRYPT.len()].to_owned(), WrongHash::Malformed),
        (bcrypt("$10$", "$1$"), WrongHash::Truncated),
        (BCRYPT[..BCRYPT.len() - 1].to_owned(), WrongHash::Truncated),
        (format!("{BCRYPT}x"), WrongHash::Truncated),
        ("$2y$10".to_owned(), WrongHash::Truncated),
        ("$2x$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), WrongHash::Unknown),
    ];
    for (text, expected) in table {
        assert_eq!(text.parse::<PasswordHash>().map(|_| ()), Err(expected), "{text:?}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let hash: PasswordHash = BCRYPT.parse().expect("a hash");
    assert_eq!(format!("{:?} {hash:?}", password("secret")), "Password(…) PasswordHash(…)");
}
