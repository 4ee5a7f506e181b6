//! The SHA-256 of a file: the server's, and the digest of the received content.
//!
//! A response may contain it (`Repr-Digest`, RFC 9530); then it is always compared. If a file was joined from several
//! responses, after a lost connection or from several ranges, a wharf server is asked for the hash (`?sha256`). Content
//! of one response is protected by its length and by TCP; a second request for each small file would double the
//! traffic.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::sessions::{SessionPool, path_of};
use crate::client::address::Resource;
use crate::client::response::HttpResponse;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::status::Status;

/// A SHA-256.
pub(in crate::client) type Sum = [u8; 32];

/// The query that requests it from a wharf server.
pub(in crate::client) const PARAMETER: &str = "sha256";

/// The product name in a wharf server's `Server` field.
const WHARF: &str = "wharf";

/// The length of the response to `?sha256`, in bytes: 64 digits and a line break.
const RESPONSE: u64 = 65;

/// How much is read at a time, in bytes.
const BLOCK: usize = 64 * 1024;

/// The length of 32 bytes in base64.
const BASE64_LENGTH: usize = 44;

/// The hash in a response's head: `sha-256=:BASE64:`, a byte sequence, possibly with others (RFC 9530 §2, RFC
/// 9651 §3.3.5).
pub(super) fn in_head(head: &Received) -> Option<Sum> {
    let value = head.field("Repr-Digest")?;
    let members = value.split(',').map(str::trim);
    let base64 = members.filter_map(|member| member.split_once('=')).find(|(key, _)| *key == "sha-256")?.1;
    from_base64(base64.strip_prefix(':')?.split(':').next()?)
}

/// Whether the response is from a wharf server: `Server: wharf`, with or without a version.
pub(in crate::client) fn is_wharf(head: &Received) -> bool {
    head.field("Server").is_some_and(|server| server.split(['/', ' ']).next() == Some(WHARF))
}

/// Requests the hash of exactly this version from a wharf server. `None` if the server has no hash of it, or the file
/// has changed.
pub(super) fn ask(sessions: &mut SessionPool, resource: &Resource, etag: &str) -> Option<Sum> {
    let target = format!("{}?{PARAMETER}", path_of(&resource.target));
    let resource = Resource { server: resource.server.clone(), target };
    sessions.ask(Method::Get, &resource, &[], |_, response| Ok(read(response, etag))).ok()?
}

/// The hash in the response, if it is of exactly this version.
pub(in crate::client) fn read(response: HttpResponse<'_>, etag: &str) -> Option<Sum> {
    let is_asked = response.head.field("ETag").as_deref() == Some(etag);
    if response.head.status != Status::OK || response.body.length() != Some(RESPONSE) {
        return None;
    }
    let mut text = Vec::new();
    response.body.pour(&mut text).ok()?;
    from_hex(text.strip_suffix(b"\n")?).filter(|_| is_asked)
}

/// The hash of the content from the current position to the end.
pub(in crate::client) fn of(content: &mut dyn Read) -> io::Result<Sum> {
    let (mut sum, mut block) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        match content.read(&mut block) {
            Ok(0) => return Ok(sum.finalize().into()),
            Ok(count) => sum.update(block.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn from_hex(digits: &[u8]) -> Option<Sum> {
    let nibbles: Vec<u8> = digits.iter().map(|&digit| nibble(digit)).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        nibbles.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, n| sum << 4 | n)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Base64 with its padding (RFC 4648 §4), of 32 bytes.
fn from_base64(text: &str) -> Option<Sum> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if text.len() != BASE64_LENGTH {
        return None;
    }
    let mut bytes = Vec::with_capacity(BASE64_LENGTH);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.strip_suffix('=')?.bytes() {
        let value = DIGITS.iter().position(|&known| known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of empty content.
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn head(fields: &str) -> Received {
        let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        Received::parse(bytes.as_bytes(), false).expect("valid").expect("whole").0
    }

    #[test]
    fn a_sum_in_the_head() {
        let nothing: Sum = Sha256::digest(b"").into();
        assert_eq!(from_hex(NOTHING.as_bytes()), Some(nothing));
        assert_eq!(from_hex(&NOTHING.as_bytes()[1..]), None);
        let cases = [
            ("alone", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", true),
            (
                "beside another",
                "sha-512=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
                true,
            ),
            ("with a parameter", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:;a=1", true),
            ("another algorithm", "sha-512=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", false),
            ("too short", "sha-256=:47DEQpj8HBSa:", false),
            ("no base64", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSu!U=:", false),
            ("not a byte sequence", "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false),
        ];
        for (name, value, is_told) in cases {
            let found = in_head(&head(&format!("Repr-Digest: {value}\r\n")));
            assert_eq!(found, is_told.then_some(nothing), "{name}");
        }
    }

    #[test]
    fn wharf_servers() {
        let cases = [("wharf", true), ("wharf/0.1", true), ("wharfs", false), ("nginx/1.2 wharf", false)];
        for (server, expected) in cases {
            assert_eq!(is_wharf(&head(&format!("Server: {server}\r\n"))), expected, "{server}");
        }
        assert!(!is_wharf(&head("")));
    }
}
