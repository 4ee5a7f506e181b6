//! Forms: the decoder agrees with a simple implementation of RFC 2046 §5.1.1, however the bytes arrive.

use wharf::http::multipart::{
    Boundary, MultipartDecoder, MultipartEvent, PART_HEAD_LIMIT, PARTS_LIMIT, PartHead, boundary,
};

const BOUNDARY: &[u8] = b"b";
const DELIMITER: &[u8] = b"\r\n--b";

/// The parts of a form: the head, the content, and whether it is complete.
type Parts = Vec<(PartHead, Vec<u8>, bool)>;

/// The bytes are a body, cut where the first byte says, and a `Content-Type`.
pub(crate) fn check(data: &[u8]) {
    if let Ok(found) = boundary(data) {
        assert_eq!(
            boundary(format!("multipart/form-data; boundary={}", found.as_parameter()).as_bytes()),
            Ok(found)
        );
    }
    let (data, cut) = super::cut(data);
    let [whole, in_two, by_byte] = super::pieces(data, cut).map(|pieces| decode(&pieces));
    assert_eq!(whole, in_two, "cut at {cut}");
    assert_eq!(whole, by_byte, "byte by byte");
    if let (parts, Ok(())) = &whole {
        let contents: Vec<_> = parts.iter().map(|(_, content, _)| content.clone()).collect();
        assert!(parts.iter().all(|(.., has_ended)| *has_ended), "a complete form has complete parts");
        assert_eq!(contents, read(data));
    }
    let names = whole.0.iter().filter_map(|(head, ..)| head.filename.as_deref());
    assert!(names.into_iter().all(|name| !name.contains(&b'/') && !name.contains(&b'\\')));
}

fn decode(pieces: &[&[u8]]) -> (Parts, Result<(), String>) {
    let mut decoder = MultipartDecoder::new(&Boundary::new(BOUNDARY).expect("valid"));
    let mut parts: Parts = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        let mut silent = 0;
        while !rest.is_empty() {
            let step = match decoder.decode(rest) {
                Ok(step) => step,
                Err(error) => return (parts, Err(error.to_string())),
            };
            silent = if step.used == 0 { silent + 1 } else { 0 };
            assert!(step.used <= rest.len() && silent <= 2, "it makes progress");
            match step.event {
                Some(MultipartEvent::PartBegins(head)) => parts.push((head, Vec::new(), false)),
                Some(MultipartEvent::Data(content)) => {
                    let (_, so_far, has_ended) = parts.last_mut().expect("a part has started");
                    assert!(!content.is_empty() && !*has_ended);
                    so_far.extend_from_slice(content);
                }
                Some(MultipartEvent::PartEnds) => parts.last_mut().expect("a part has started").2 = true,
                Some(MultipartEvent::Finished) | None => {}
            }
            rest = &rest[step.used..];
        }
    }
    assert!(parts.len() <= PARTS_LIMIT);
    (parts, decoder.finish().map_err(|error| error.to_string()))
}

/// The contents of a complete form, according to the simple implementation.
fn read(data: &[u8]) -> Vec<Vec<u8>> {
    // The first delimiter needs no line break before it.
    let data = [b"\r\n", data].concat();
    let mut contents = Vec::new();
    let mut at = find(&data, 0, DELIMITER).expect("it is complete") + DELIMITER.len();
    while !data[at..].starts_with(b"--") {
        at = find(&data, at, b"\r\n").expect("a line break") + 2;
        // A head without field lines would be rejected: there is at least one.
        let end = find(&data, at, b"\r\n\r\n").expect("a part head") + 2;
        assert!(end - at <= PART_HEAD_LIMIT);
        // The line break of the empty line may be that of the delimiter.
        let delimiter = find(&data, end, DELIMITER).expect("it is complete");
        contents.push(data.get(end + 2..delimiter).unwrap_or_default().to_vec());
        at = delimiter + DELIMITER.len();
    }
    contents
}

fn find(data: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    data[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}
