//! The field `Authorization`: an accepted value has exactly one meaning, which can be read back from it.

use wharf::http::authorization::Credentials;

/// The input is first used as the whole value of a field, and then as the credentials within one.
pub(crate) fn check(data: &[u8]) {
    let found = Credentials::parse(data);
    let shown = format!("{found:?}");
    assert!(["Ok(Basic(…))", "Ok(Bearer(…))", "Err(MalformedCredentials)"].contains(&&*shown), "{shown}");
    match &found {
        Ok(Credentials::Basic { name, password }) => {
            assert!(!name.contains(':'));
            let text = [name.as_bytes(), b":", password].concat();
            let text = String::from_utf8(text).expect("both are UTF-8");
            let token = &data[data.iter().rposition(|byte| *byte == b' ').expect("a space") + 1..];
            let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
            let is_latin1 = latin1.is_some_and(|latin1| {
                std::str::from_utf8(&latin1).is_err() && encode(&latin1).as_bytes() == token
            });
            assert!(encode(text.as_bytes()).as_bytes() == token || is_latin1, "{}", data.escape_ascii());
        }
        Ok(Credentials::Bearer(token)) => {
            assert!(data.ends_with(token.as_bytes()) && data.len() > token.len());
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Err(_) => {}
    }
    // Any bytes with a colon can be sent, and arrive if they are UTF-8.
    let sent = format!("bAsIc  {}", encode(data));
    match Credentials::parse(sent.as_bytes()) {
        Ok(Credentials::Basic { name, password }) => {
            let text = [name.as_bytes(), b":", &password].concat();
            assert!(text == data || std::str::from_utf8(data).is_err(), "{sent}");
        }
        Ok(Credentials::Bearer(_)) => panic!("{sent}"),
        Err(_) => assert!(!data.contains(&b':'), "{sent}"),
    }
}

/// Base64 by a second implementation.
fn encode(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = char::from(alphabet[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    text
}
