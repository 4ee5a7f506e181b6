//! Valid and malformed bodies, in pieces of every size.

use super::*;

/// Decodes the input in pieces of this size; returns the content and how many bytes were used. The body must
/// be done.
fn decode(framing: Framing, input: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BodyError> {
    decode_with(BodyDecoder::new(framing), input, piece)
}

fn decode_with(mut decoder: BodyDecoder, input: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BodyError> {
    let (mut content, mut used) = (Vec::new(), 0);
    for part in input.chunks(piece) {
        let mut at = 0;
        while at < part.len() && !decoder.is_done() {
            let found = decoder.decode(&part[at..])?;
            assert!(found.used > 0, "no progress");
            content.extend_from_slice(&part[at..][found.content]);
            at += found.used;
        }
        used += at;
    }
    assert!(decoder.is_done(), "not done after {input:?}");
    Ok((content, used))
}

#[test]
fn whole_bodies_in_pieces_of_every_size() {
    let cases: [(&str, Framing, &[u8], &[u8], usize); 9] = [
        ("empty", Framing::Empty, b"GET", b"", 0),
        ("sized", Framing::sized(3), b"abcGET", b"abc", 3),
        ("one chunk", Framing::Chunked, b"3\r\nabc\r\n0\r\n\r\nGET", b"abc", 13),
        (
            "several, odd sizes",
            Framing::Chunked,
            b"1\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\n",
            b"a0123456789",
            29,
        ),
        ("extensions (§7.1.1)", Framing::Chunked, b"1;a=\"b\";c\r\nx\r\n0 ;z\r\n\r\n", b"x", 22),
        (
            "extensions of every form",
            Framing::Chunked,
            b"01 ; a = b;c=\"d;\\\"\xff\" ; e\r\nx\r\n0\r\n\r\n",
            b"x",
            34,
        ),
        ("leading zeros", Framing::Chunked, b"00000000000000000001\r\nx\r\n0\r\n\r\n", b"x", 30),
        ("trailers (§7.1.2)", Framing::Chunked, b"1\r\nx\r\n0\r\nA: b\r\nC:\t\xff\r\n\r\n", b"x", 23),
        ("CR LF as content", Framing::Chunked, b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", 12),
    ];
    for (name, framing, input, content, used) in cases {
        for piece in 1..=input.len() {
            let found = decode(framing, input, piece);
            assert_eq!(found, Ok((content.to_vec(), used)), "{name}, {piece} at a time");
        }
    }
}

#[test]
fn bodies_that_violate_the_coding() {
    let long = format!("1;{}\r\n", "x".repeat(CHUNK_LINE_LIMIT + 1));
    let trailers = format!("0\r\n{}", "A: b\r\n".repeat(TRAILER_LIMIT));
    let cases: [(&str, &[u8], BodyError); 30] = [
        ("no size", b"\r\nabc", BodyError::ChunkSize),
        ("sign", b"+3\r\nabc\r\n", BodyError::ChunkSize),
        ("0x", b"0x3\r\nabc\r\n", BodyError::ChunkSize),
        ("space before the size", b" 3\r\nabc\r\n", BodyError::ChunkSize),
        ("16 digits", b"1000000000000003\r\n", BodyError::ChunkSize),
        ("endless zeros", &[b'0'; CHUNK_LINE_LIMIT + 1], BodyError::ChunkLine),
        ("white space after the size (§7.1)", b"3 \r\nabc\r\n", BodyError::ChunkLine),
        ("an extension without a name", b"3;\r\nabc\r\n", BodyError::ChunkLine),
        ("a name that is no token", b"3;a(b\r\nabc\r\n", BodyError::ChunkLine),
        ("two names", b"3;a b\r\nabc\r\n", BodyError::ChunkLine),
        ("no value", b"3;a=\r\nabc\r\n", BodyError::ChunkLine),
        ("a quote without its end", b"3;a=\"b\r\nabc\r\n", BodyError::ChunkLine),
        ("a word after a quote", b"3;a=\"b\"c\r\nabc\r\n", BodyError::ChunkLine),
        ("white space after a value", b"3;a=b \r\nabc\r\n", BodyError::ChunkLine),
        ("size ended by bare LF", b"3\nabc\r\n", BodyError::ChunkSize),
        ("bare CR", b"3\rabc\r\n", BodyError::ChunkLine),
        ("LF in an extension", b"3;a\nabc\r\n", BodyError::ChunkLine),
        ("endless extension", long.as_bytes(), BodyError::ChunkLine),
        ("too much content", b"3\r\nabcd\r\n", BodyError::ChunkEnd),
        ("content ended by bare LF", b"3\r\nabc\n0\r\n\r\n", BodyError::ChunkEnd),
        ("two sizes", b"3 3\r\nabc\r\n", BodyError::ChunkLine),
        ("a word after the size", b"3 x\r\nabc\r\n", BodyError::ChunkLine),
        ("trailer that is not a field line", b"0\r\n: x\r\n\r\n", BodyError::Trailer),
        ("trailer without a colon", b"0\r\nabc\r\n\r\n", BodyError::Trailer),
        ("white space before its colon (§5.1)", b"0\r\nA : b\r\n\r\n", BodyError::Trailer),
        ("folded trailer (§5.2)", b"0\r\nA: b\r\n c\r\n\r\n", BodyError::Trailer),
        ("a request as a trailer", b"0\r\nGET / HTTP/1.1\r\n\r\n", BodyError::Trailer),
        ("another chunk as a trailer", b"0\r\n3\r\nabc\r\n0\r\n\r\n", BodyError::Trailer),
        ("trailer ended by bare LF", b"0\r\nA: b\n\r\n", BodyError::Trailer),
        ("endless trailers", trailers.as_bytes(), BodyError::Trailer),
    ];
    for (name, input, expected) in cases {
        for piece in [1, input.len()] {
            assert_eq!(decode(Framing::Chunked, input, piece), Err(expected), "{name}, {piece} at a time");
        }
    }
}

#[test]
fn a_response_may_bend_the_grammar_of_extensions() {
    let cases: [(&str, &[u8]); 5] = [
        ("white space after the size", b"3   \r\nabc\r\n0\r\n\r\n"),
        ("a name that is no token", b"3;a(b\r\nabc\r\n0\r\n\r\n"),
        ("no name", b"3;\r\nabc\r\n0\r\n\r\n"),
        ("a quote without its end", b"3;a=\"b\r\nabc\r\n0\r\n\r\n"),
        ("words after the size", b"3 x y\r\nabc\r\n0 \r\n\r\n"),
    ];
    for (name, input) in cases {
        for piece in [1, input.len()] {
            let found = decode_with(BodyDecoder::of_response(Framing::Chunked), input, piece);
            assert_eq!(found, Ok((b"abc".to_vec(), input.len())), "{name}");
            assert!(decode(Framing::Chunked, input, piece).is_err(), "{name}: of a request");
        }
    }
    let mut decoder = BodyDecoder::of_response(Framing::Chunked);
    assert_eq!(decoder.decode(b"3;a\nabc"), Err(BodyError::ChunkLine), "a line must end");
}

#[test]
fn until_close_takes_everything_and_is_never_done() {
    let mut decoder = BodyDecoder::new(Framing::UntilClose);
    assert_eq!(decoder.decode(b"abc"), Ok(Decoded { used: 3, content: 0..3 }));
    assert!(!decoder.is_done());
    assert!(decoder.ends_with_connection());
    assert!(!BodyDecoder::new(Framing::sized(1)).ends_with_connection());
}
