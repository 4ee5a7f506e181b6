//! Chunked bodies: the decoder agrees with a simple implementation of RFC 9112 §7.1, however the bytes
//! arrive.

use wharf::http::body::{BodyDecoder, BodyError, CHUNK_LINE_LIMIT, Framing};

/// The result of decoding these bytes.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// This content, from this many bytes.
    Whole(Vec<u8>, usize),
    /// It is incomplete.
    Unfinished,
    /// It is invalid.
    Broken,
}

/// The first byte determines where the others are cut.
pub(crate) fn check(data: &[u8]) {
    let (data, cut) = super::cut(data);
    let [whole, in_two, by_byte] = super::pieces(data, cut).map(|pieces| decode(&pieces));
    assert_eq!(whole, in_two, "cut at {cut}");
    assert_eq!(whole, by_byte, "byte by byte");
    // The limits are the decoder's own; below them, only the grammar decides.
    if data.len() < CHUNK_LINE_LIMIT {
        assert_eq!(whole, read(data));
    }
}

fn decode(pieces: &[&[u8]]) -> Found {
    let (mut decoder, mut content, mut used) = (BodyDecoder::new(Framing::Chunked), Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && !decoder.is_done() {
            let found = match decoder.decode(rest) {
                Ok(found) => found,
                Err(error) => return broken(error),
            };
            assert!(found.used > 0 && found.used <= rest.len(), "it makes progress within the input");
            assert!(found.content.end <= found.used);
            content.extend_from_slice(&rest[found.content]);
            used += found.used;
            rest = &rest[found.used..];
        }
    }
    if decoder.is_done() { Found::Whole(content, used) } else { Found::Unfinished }
}

fn broken(error: BodyError) -> Found {
    assert!(!error.to_string().is_empty());
    Found::Broken
}

/// The simple implementation. The inner `None`: the input is incomplete.
fn read(data: &[u8]) -> Found {
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let (size, next) = match size_line(data, at) {
            Ok(found) => found,
            Err(found) => return found,
        };
        at = next;
        if size == 0 {
            return trailers(data, at, content);
        }
        let left = (data.len() - at) as u64;
        if size > left {
            return Found::Unfinished;
        }
        content.extend_from_slice(&data[at..at + size as usize]);
        at += size as usize;
        match line_end(data, at) {
            Ok(next) => at = next,
            Err(found) => return found,
        }
    }
}

/// A chunk size with its extensions, and the start of the line after it.
fn size_line(data: &[u8], from: usize) -> Result<(u64, usize), Found> {
    let digits = data[from..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let zeros = data[from..].iter().take_while(|&&byte| byte == b'0').count();
    if digits.saturating_sub(zeros) > 15 {
        return Err(Found::Broken);
    }
    let at = from + digits;
    if at == data.len() {
        return Err(Found::Unfinished);
    }
    if digits == 0 {
        return Err(Found::Broken);
    }
    let size = std::str::from_utf8(&data[from + zeros..at]).expect("digits");
    let size = if size.is_empty() { 0 } else { u64::from_str_radix(size, 16).expect("15 digits fit") };
    Ok((size, line_end(data, extensions(data, at)?)?))
}

/// The end of the extensions that begin here (§7.1.1).
fn extensions(data: &[u8], mut at: usize) -> Result<usize, Found> {
    loop {
        let end = at;
        at = past_space(data, at)?;
        if data[at] != b';' {
            // White space belongs to an extension.
            return if at == end { Ok(end) } else { Err(Found::Broken) };
        }
        at = past_token(data, past_space(data, at + 1)?)?;
        let sign = past_space(data, at)?;
        if data[sign] == b'=' {
            let value = past_space(data, sign + 1)?;
            at = if data[value] == b'"' { past_quoted(data, value + 1)? } else { past_token(data, value)? };
        }
    }
}

fn past_space(data: &[u8], at: usize) -> Result<usize, Found> {
    let end = at + data[at..].iter().take_while(|byte| b" \t".contains(byte)).count();
    if end == data.len() { Err(Found::Unfinished) } else { Ok(end) }
}

fn past_token(data: &[u8], at: usize) -> Result<usize, Found> {
    let length = data[at..].iter().take_while(|byte| super::is_token(&[**byte])).count();
    match at + length {
        end if end == data.len() => Err(Found::Unfinished),
        _ if length == 0 => Err(Found::Broken),
        end => Ok(end),
    }
}

fn past_quoted(data: &[u8], mut at: usize) -> Result<usize, Found> {
    loop {
        match &data[at..] {
            [] | [b'"' | b'\\'] => return Err(Found::Unfinished),
            [byte, ..] if *byte != b'\t' && byte.is_ascii_control() => return Err(Found::Broken),
            [b'"', ..] => return Ok(at + 1),
            [b'\\', byte, ..] if *byte != b'\t' && byte.is_ascii_control() => return Err(Found::Broken),
            [b'\\', ..] => at += 2,
            [..] => at += 1,
        }
    }
}

fn line_end(data: &[u8], at: usize) -> Result<usize, Found> {
    match &data[at..] {
        [b'\r', b'\n', ..] => Ok(at + 2),
        [] | [b'\r'] => Err(Found::Unfinished),
        _ => Err(Found::Broken),
    }
}

fn trailers(data: &[u8], mut at: usize, content: Vec<u8>) -> Found {
    loop {
        match line_end(data, at) {
            Ok(end) => return Found::Whole(content, end),
            Err(Found::Unfinished) => return Found::Unfinished,
            Err(_) => {}
        }
        let name = data[at..].iter().take_while(|byte| super::is_token(&[**byte])).count();
        match data.get(at + name) {
            None => return Found::Unfinished,
            Some(b':') if name > 0 => at += name + 1,
            Some(_) => return Found::Broken,
        }
        at += data[at..].iter().take_while(|&&byte| byte == b'\t' || !byte.is_ascii_control()).count();
        match line_end(data, at) {
            Ok(next) => at = next,
            Err(found) => return found,
        }
    }
}
