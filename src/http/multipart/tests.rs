//! Whole forms, in pieces of every size.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The events from a decoder, with adjacent data joined.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Begins(PartHead),
    Data(Vec<u8>),
    Ends,
    Finished,
}

/// Decodes a body in these pieces; returns the events and how the body ends.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Result<(), MultipartError>) {
    let mut decoder = MultipartDecoder::new(&Boundary::new(b"AaB03x").expect("valid"));
    let mut events = Vec::new();
    for mut piece in pieces {
        let mut without_progress = 0;
        while !piece.is_empty() {
            let step = match decoder.decode(piece) {
                Ok(step) => step,
                Err(error) => return (events, Err(error)),
            };
            without_progress = if step.used == 0 { without_progress + 1 } else { 0 };
            assert!(without_progress < 2, "stuck before {piece:?}");
            match (step.event, events.last_mut()) {
                (Some(MultipartEvent::Data(more)), Some(Event::Data(data))) => data.extend_from_slice(more),
                (Some(MultipartEvent::Data(data)), _) => events.push(Event::Data(data.to_vec())),
                (Some(MultipartEvent::PartBegins(head)), _) => events.push(Event::Begins(head)),
                (Some(MultipartEvent::PartEnds), _) => events.push(Event::Ends),
                (Some(MultipartEvent::Finished), _) => events.push(Event::Finished),
                (None, _) => {}
            }
            piece = &piece[step.used..];
        }
    }
    let end = decoder.finish();
    (events, end)
}

/// The events of a part without a file.
fn part(name: &str, data: &str) -> Vec<Event> {
    let head = PartHead { name: name.into(), filename: None, content_type: None };
    let data = (!data.is_empty()).then(|| Event::Data(data.into()));
    [Event::Begins(head)].into_iter().chain(data).chain([Event::Ends]).collect()
}

const A: &str = "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n\r\n";

#[test]
fn whole_bodies_in_pieces_of_every_size() {
    let b = A.replace("name=a", "name=b");
    let cases: [(&str, String, Vec<Vec<Event>>); 14] = [
        ("one part", format!("{A}x\r\n--AaB03x--\r\n"), vec![part("a", "x")]),
        ("two parts", format!("{A}x\r\n{b}yz\r\n--AaB03x--\r\n"), vec![part("a", "x"), part("b", "yz")]),
        ("no parts", "--AaB03x--\r\n".into(), vec![]),
        ("nothing after the end", format!("{A}x\r\n--AaB03x--"), vec![part("a", "x")]),
        ("epilogue (RFC 2046 §5.1.1)", format!("{A}x\r\n--AaB03x--\r\nbye\r\n{b}"), vec![part("a", "x")]),
        ("preamble (§5.1.1)", format!("hello\r\n\r\n--AaB03\r\n{A}x\r\n--AaB03x--"), vec![part("a", "x")]),
        ("an empty line before all", format!("\r\n{A}x\r\n--AaB03x--"), vec![part("a", "x")]),
        (
            "white space after boundaries (§5.1.1)",
            A.replace("--AaB03x", "--AaB03x \t") + "x\r\n--AaB03x-- \r\n",
            vec![part("a", "x")],
        ),
        ("empty part", format!("{A}\r\n--AaB03x--"), vec![part("a", "")]),
        ("empty part, the short way (§5.1.1)", format!("{A}--AaB03x--"), vec![part("a", "")]),
        ("line breaks are data", format!("{A}\r\n\r\n\n\r\r\n--AaB03x--"), vec![part("a", "\r\n\r\n\n\r")]),
        (
            "an incomplete delimiter is data",
            format!("{A}--AaB03\r\n--AaB03\r\n-AaB03x\n--AaB03x\r\n--AaB03x--"),
            vec![part("a", "--AaB03\r\n--AaB03\r\n-AaB03x\n--AaB03x")],
        ),
        ("a line break before a delimiter", format!("{A}x\r\n\r\n--AaB03x--"), vec![part("a", "x\r\n")]),
        (
            "a longer one",
            format!("{A}{}\r\n--AaB03x--", "long\r\n".repeat(99)),
            vec![part("a", &"long\r\n".repeat(99))],
        ),
    ];
    for (name, body, parts) in cases {
        let expected: Vec<_> = parts.into_iter().flatten().chain([Event::Finished]).collect();
        for size in 1..=body.len() {
            let found = decode(body.as_bytes().chunks(size));
            assert_eq!(found, (expected.clone(), Ok(())), "{name}, {size} at a time");
        }
    }
}

#[test]
fn a_file_as_a_browser_sends_it() {
    let body = "--AaB03x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--AaB03x--\r\n";
    let head = PartHead {
        name: b"file".to_vec(),
        filename: Some(b"a\"b.txt".to_vec()),
        content_type: Some(b"text/plain".to_vec()),
    };
    let expected = vec![Event::Begins(head), Event::Data(b"hello".to_vec()), Event::Ends, Event::Finished];
    assert_eq!(decode([body.as_bytes()]), (expected, Ok(())));
}

#[test]
fn bodies_that_are_refused() {
    let long = format!("--AaB03x\r\nX: {}", "y".repeat(PART_HEAD_LIMIT));
    let parts = format!("{A}\r\n").repeat(PARTS_LIMIT);
    let cases: [(&str, &str, usize, MultipartProblem); 14] = [
        ("text after a boundary", "--AaB03xy\r\n", 0, MultipartProblem::Delimiter),
        ("text after white space", "--AaB03x y\r\n", 0, MultipartProblem::Delimiter),
        ("bare CR", "--AaB03x\ry", 0, MultipartProblem::Delimiter),
        ("bare LF", "--AaB03x\ny", 0, MultipartProblem::Delimiter),
        ("one dash", "--AaB03x-\r\n", 0, MultipartProblem::Delimiter),
        (
            "bare LF in a head",
            "--AaB03x\r\nContent-Disposition: form-data; name=a\n\n",
            1,
            MultipartProblem::Head,
        ),
        ("no name (RFC 7578 §4.2)", "--AaB03x\r\n\r\n", 1, MultipartProblem::Disposition),
        ("endless head", &long, 1, MultipartProblem::HeadTooLarge),
        ("too many parts", &format!("{parts}--AaB03x\r\n"), PARTS_LIMIT, MultipartProblem::TooManyParts),
        ("nothing", "", 0, MultipartProblem::Truncated),
        ("no delimiter", "hello", 0, MultipartProblem::Truncated),
        ("ends in a head", "--AaB03x\r\nContent-Dis", 1, MultipartProblem::Truncated),
        ("ends in data", &format!("{A}x\r\n--AaB0"), 1, MultipartProblem::Truncated),
        ("ends in the closing delimiter", &format!("{A}x\r\n--AaB03x-"), 1, MultipartProblem::Truncated),
    ];
    for (name, body, part, problem) in cases {
        for size in [1, body.len().max(1)] {
            let (_, end) = decode(body.as_bytes().chunks(size));
            assert_eq!(end, Err(MultipartError { part, problem }), "{name}, {size} at a time");
        }
    }
}

#[test]
fn the_most_parts_are_not_too_many() {
    let body = format!("{A}\r\n").repeat(PARTS_LIMIT) + "--AaB03x--";
    let (events, end) = decode([body.as_bytes()]);
    assert_eq!((events.len(), end), (2 * PARTS_LIMIT + 1, Ok(())));
}

#[test]
fn the_longest_head_is_not_too_long() {
    let fields = "Content-Disposition: form-data; name=a\r\nX: ";
    for (more, expected) in
        [(0, Ok(())), (1, Err(MultipartError { part: 1, problem: MultipartProblem::HeadTooLarge }))]
    {
        let filler = "y".repeat(PART_HEAD_LIMIT - fields.len() - "\r\n\r\n".len() + more);
        let body = format!("--AaB03x\r\n{fields}{filler}\r\n\r\n\r\n--AaB03x--");
        assert_eq!(decode([body.as_bytes()]).1, expected, "{more} bytes more");
    }
}

#[test]
fn errors_say_where() {
    let error = MultipartError { part: 3, problem: MultipartProblem::Truncated };
    assert_eq!(error.to_string(), "multipart body, part 3: the body ends before its closing boundary");
}

/// Content that often looks like a delimiter, but contains none.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let fragments = vec!["\r", "\n", "\r\n", "-", "--", "AaB03x", "AaB0", "\r\n--AaB03", "x", "\0"];
    vec(select(fragments), 0..30).prop_map(|fragments| fragments.concat().into_bytes()).prop_filter(
        "a delimiter",
        |content| {
            let after_head = [b"\r\n", content.as_slice()].concat();
            !after_head.windows(10).any(|window| window == b"\r\n--AaB03x")
        },
    )
}

/// The fragments from which bodies are made, well-formed or not.
const FRAGMENTS: &[&str] = &[A, "\r\n", "\r", "--AaB03x", "--", "x", "\n", "\r\n--AaB03x--"];

/// The body cut at these places.
fn cut<'a>(body: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| &body[ends[0]..ends[1]]).collect()
}

proptest! {
    #[test]
    fn any_form_comes_out_as_it_went_in(
        contents in vec(content(), 0..4),
        places in vec(any::<Index>(), 0..20),
    ) {
        let mut body = Vec::new();
        let mut expected = Vec::new();
        for content in contents {
            body.extend_from_slice(A.as_bytes());
            body.extend_from_slice(&content);
            body.extend_from_slice(b"\r\n");
            expected.extend(part("a", &String::from_utf8_lossy(&content)));
        }
        body.extend_from_slice(b"--AaB03x--");
        expected.push(Event::Finished);
        prop_assert_eq!(decode(cut(&body, &places)), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_decode_the_same_in_pieces(
        fragments in vec(select(FRAGMENTS), 0..20),
        places in vec(any::<Index>(), 0..20),
    ) {
        let body = fragments.concat().into_bytes();
        prop_assert_eq!(decode(cut(&body, &places)), decode([body.as_slice()]));
    }
}
