use super::*;

fn names(element: &Element) -> Vec<(String, String)> {
    let own = (element.name.namespace.to_string(), element.name.local.to_string());
    std::iter::once(own).chain(element.elements().flat_map(names)).collect()
}

#[test]
fn namespaces_are_resolved() {
    let xml = "<a xmlns='urn:1' xmlns:p='urn:2'><p:b/><c xmlns=''><d xmlns:p='urn:3'><p:e/></d></c></a>";
    let expected = [("urn:1", "a"), ("urn:2", "b"), ("", "c"), ("", "d"), ("urn:3", "e")];
    let expected = expected.map(|(namespace, local)| (namespace.to_owned(), local.to_owned()));
    assert_eq!(names(&Element::parse(xml.as_bytes()).expect("valid")), expected);
}

#[test]
fn text_is_decoded() {
    for (xml, expected) in [
        ("<a>1 &lt; 2</a>", "1 < 2"),
        ("<a>&#x1F40B;&#65;</a>", "🐋A"),
        ("<a><![CDATA[<b>&amp;]]></a>", "<b>&amp;"),
        ("<a>x<b>y</b>z</a>", "xz"),
        ("<a>x<!-- y -->z</a>", "xz"),
        ("<a>1\r\n2\r3</a>", "1\n2\n3"),
        ("<a/>", ""),
    ] {
        assert_eq!(Element::parse(xml.as_bytes()).expect("valid").text(), expected, "{xml}");
    }
}

#[test]
fn encodings() {
    let xml = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>größe 🐋</a>";
    let units = |mark: &[u16], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.iter().copied().chain(xml.encode_utf16()).flat_map(bytes).collect()
    };
    let table = [
        units(&[0xfeff], u16::to_be_bytes),
        units(&[0xfeff], u16::to_le_bytes),
        units(&[], u16::to_be_bytes),
        units(&[], u16::to_le_bytes),
        xml.replace("utf-16", "UTF-8").into_bytes(),
        ["\u{feff}".as_bytes(), xml.replace("utf-16", "UTF-8").as_bytes()].concat(),
    ];
    for body in table {
        assert_eq!(Element::parse(&body).expect("valid").text(), "größe 🐋", "{body:?}");
    }
    let odd = units(&[0xfeff], u16::to_be_bytes);
    for body in [&b"<a>\xe4</a>"[..], &odd[..odd.len() - 1], b"\xfe\xff\xd8\x00"] {
        assert_eq!(Element::parse(body), Err(XmlBodyError::Encoding), "{body:?}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for xml in [
        "",
        "x",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a",
        "<a b/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a>&#0;</a>",
        "<a>&#x1;</a>",
        "<a>\u{1}</a>",
        "<a>&</a>",
        "<a b='&'/>",
        "<a b='&x;'/>",
        "<a<b/>",
        "<1/>",
        "<a:b:c xmlns:a='urn:a'/>",
        "<a\"b/>",
        "<:a/>",
        "<a 1='2'/>",
        "<a b='<'/>",
        "<xmlns:a/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<q xmlns:a='u:1' xmlns:b='u:1' a:x='1' b:x='2'/>",
        "<p:q xmlns:p='http&#58;//www.w3.org/XML/1998/namespace'/>",
        "<q xmlns='http://www.w3.org/2000/xmlns/'/>",
    ] {
        let found = Element::parse(xml.as_bytes());
        assert!(matches!(found, Err(XmlBodyError::Malformed(_))), "{xml}: {found:?}");
    }
}

#[test]
fn nothing_can_be_defined_or_nested_without_end() {
    let laughs = "<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>";
    assert_eq!(Element::parse(laughs.as_bytes()), Err(XmlBodyError::DocumentType));
    assert_eq!(Element::parse(b"<a>&b;</a>"), Err(XmlBodyError::Entity));
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(Element::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(Element::parse(nested(MAX_DEPTH + 1).as_bytes()), Err(XmlBodyError::TooDeep(MAX_DEPTH)));
    let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    assert!(Element::parse(wide(MAX_ELEMENTS).as_bytes()).is_ok());
    let refused = Err(XmlBodyError::TooManyElements(MAX_ELEMENTS));
    assert_eq!(Element::parse(wide(MAX_ELEMENTS + 1).as_bytes()), refused);
}

#[test]
fn namespaces_have_a_length() {
    let with = |length: usize| format!("<a xmlns='{}'/>", "n".repeat(length));
    assert!(Element::parse(with(MAX_NAMESPACE).as_bytes()).is_ok());
    assert_eq!(
        Element::parse(with(MAX_NAMESPACE + 1).as_bytes()),
        Err(XmlBodyError::LongNamespace(MAX_NAMESPACE))
    );
    assert!(Element::parse(b"<xml:a xml:lang='en'/>").is_ok());
}
