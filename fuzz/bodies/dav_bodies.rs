//! Bodies of WebDAV: within their limits, the same in UTF-8 and UTF-16, and the same after they were written again.

use wharf::dav::multistatus::write_element;
use wharf::dav::propfind::MAX_NAMES;
use wharf::dav::xml::{Element, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACE};
use wharf::dav::{LockRequest, Propfind, Proppatch};

/// The bytes are a body.
pub(crate) fn check(data: &[u8]) {
    if let Ok(Propfind::Named(names) | Propfind::All(names)) = Propfind::parse(data) {
        assert!(names.len() <= MAX_NAMES);
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)), "one is there twice");
    }
    if let Ok(patch) = Proppatch::parse(data) {
        assert!(!patch.changes.is_empty());
    }
    let _ = LockRequest::parse(data);
    let parsed = Element::parse(data).ok();
    in_utf16(data, parsed.as_ref());
    if let Some(root) = parsed {
        let (depth, count) = measure(&root);
        assert!(depth <= MAX_DEPTH && count <= MAX_ELEMENTS);
        written_again(&root, depth, count);
    }
}

/// How deeply the elements are nested, and how many there are.
fn measure(element: &Element) -> (usize, usize) {
    assert!(element.name.namespace.len() <= MAX_NAMESPACE && !element.name.local.is_empty());
    let inner = element.elements().map(measure);
    let (depth, count) =
        inner.fold((0, 0), |(deepest, all), (depth, count)| (deepest.max(depth), all + count));
    (depth + 1, count + 1)
}

/// The same text in UTF-16 is the same body.
fn in_utf16(data: &[u8], expected: Option<&Element>) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.starts_with('<')) else { return };
    let units: Vec<u16> = text.encode_utf16().collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    for body in [&[0xfe, 0xff][..], &[]].map(|mark| [mark, &big].concat()) {
        assert_eq!(Element::parse(&body).ok().as_ref(), expected);
    }
    for body in [&[0xff, 0xfe][..], &[]].map(|mark| [mark, &little].concat()) {
        assert_eq!(Element::parse(&body).ok().as_ref(), expected);
    }
}

/// A property that was stored is read as it was sent.
fn written_again(root: &Element, depth: usize, count: usize) {
    // A response has it in another element.
    if depth == MAX_DEPTH || count == MAX_ELEMENTS {
        return;
    }
    let within = |xml: &str| format!("<D:x xmlns:D=\"DAV:\">{xml}</D:x>");
    let mut xml = String::new();
    write_element(root, &mut xml);
    let response = Element::parse(within(&xml).as_bytes()).expect("what the server writes is XML");
    let found: Vec<_> = response.elements().collect();
    let [found] = found[..] else { panic!("one element: {xml}") };
    assert_eq!((&found.name, measure(found)), (&root.name, (depth, count)), "{xml}");
    assert_eq!(found.attributes, root.attributes, "{xml}");
    assert_eq!(found.text(), root.text(), "{xml}");
    let mut again = String::new();
    write_element(found, &mut again);
    assert_eq!(again, xml);
}
