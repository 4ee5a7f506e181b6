//! Responses as XML (RFC 4918 §13, §14): `multistatus`, `prop` and `error`.
//!
//! The prefix of `DAV:` is always `D`: Windows Explorer understands no responses in which it is the default namespace.

use std::fmt::Write as _;

use super::property::{NAMESPACE, PropertyName};
use super::xml::{Element, XmlNode};

/// The namespace whose prefix is always `xml`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// What every document begins with.
pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// What a `multistatus` begins with.
pub const BEFORE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n";

/// What a `multistatus` ends with.
pub const BEHIND: &str = "</D:multistatus>\n";

/// The body of an error with this precondition or postcondition, an empty element (§16).
pub fn error(condition: &str) -> String {
    format!("{DECLARATION}<D:error xmlns:D=\"DAV:\"><D:{condition}/></D:error>\n")
}

/// The body of an error about other resources, with their encoded paths (§16: `lock-token-submitted`,
/// `no-conflicting-lock`).
pub fn error_at<'a>(condition: &str, paths: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = format!("{DECLARATION}<D:error xmlns:D=\"DAV:\"><D:{condition}>");
    for path in paths {
        body.push_str("<D:href>");
        escape(path, &mut body);
        body.push_str("</D:href>");
    }
    body.push_str("</D:");
    body.push_str(condition);
    body.push_str("></D:error>\n");
    body
}

/// The properties of a resource that have one status (§14.22).
pub struct PropStat<'p> {
    /// The status and its reason, such as `200 OK`.
    pub status: &'static str,
    /// The elements of `prop`.
    pub properties: &'p str,
    /// The precondition that failed, as an element; empty if there is none.
    pub error: &'static str,
}

/// Writes a `response` with the encoded path of a resource, and its properties.
pub fn write_response<'p>(href: &str, stats: impl IntoIterator<Item = PropStat<'p>>, xml: &mut String) {
    xml.push_str(RESPONSE);
    escape(href, xml);
    xml.push_str(END_OF_HREF);
    stats.into_iter().for_each(|stat| write_stat(&stat, xml));
    xml.push_str(END_OF_RESPONSE);
}

/// Writes a `response` with the properties of a resource: those that are found, and those that are not. `start` writes
/// [`RESPONSE`] and the encoded path, escaped. `found` writes the elements of the first properties, and `missing` gets those of
/// the others.
pub fn write_found(
    start: impl FnOnce(&mut String),
    found: impl FnOnce(&mut String, &mut String),
    missing: &mut String,
    xml: &mut String,
) {
    start(xml);
    xml.push_str("</D:href><D:propstat><D:prop>");
    let before = xml.len();
    missing.clear();
    found(xml, missing);
    // A response needs at least one propstat (§14.24).
    let is_found = xml.len() > before || missing.is_empty();
    if is_found && missing.is_empty() {
        xml.push_str("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\n");
        return;
    }
    if is_found {
        xml.push_str("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
    } else {
        xml.truncate(before - PROPERTIES.len());
    }
    write_stat(&PropStat { status: "404 Not Found", properties: missing, error: "" }, xml);
    xml.push_str(END_OF_RESPONSE);
}

/// What a `response` begins with.
pub const RESPONSE: &str = "<D:response><D:href>";
const END_OF_HREF: &str = "</D:href>";
const PROPERTIES: &str = "<D:propstat><D:prop>";
const END_OF_RESPONSE: &str = "</D:response>\n";

fn write_stat(stat: &PropStat<'_>, xml: &mut String) {
    xml.push_str(PROPERTIES);
    xml.push_str(stat.properties);
    xml.push_str("</D:prop><D:status>HTTP/1.1 ");
    xml.push_str(stat.status);
    xml.push_str("</D:status>");
    if !stat.error.is_empty() {
        xml.push_str("<D:error>");
        xml.push_str(stat.error);
        xml.push_str("</D:error>");
    }
    xml.push_str("</D:propstat>");
}

/// Writes a `response` with the encoded path of a resource, and its status.
pub fn write_status(href: &str, status: &str, xml: &mut String) {
    xml.push_str(RESPONSE);
    escape(href, xml);
    xml.push_str("</D:href><D:status>HTTP/1.1 ");
    xml.push_str(status);
    xml.push_str("</D:status></D:response>\n");
}

/// Writes an empty element with this name.
pub fn write_name(name: &PropertyName, xml: &mut String) {
    if &*name.namespace == XML {
        let _ = write!(xml, "<xml:{}/>", name.local);
        return;
    }
    if &*name.namespace == NAMESPACE {
        xml.push_str("<D:");
    } else if name.namespace.is_empty() {
        xml.push('<');
    } else {
        xml.push_str("<P:");
    }
    xml.push_str(&name.local);
    if &*name.namespace != NAMESPACE && !name.namespace.is_empty() {
        xml.push_str(" xmlns:P=\"");
        escape(&name.namespace, xml);
        xml.push('"');
    }
    xml.push_str("/>");
}

/// Writes an element with everything in it, where `D` stands for `DAV:` and there is no default namespace.
pub fn write_element(element: &Element, xml: &mut String) {
    write_within(element, &mut vec![("D", NAMESPACE), ("", "")], xml);
}

/// Writes an element. `scope` has the prefixes that are known there with their namespaces, the innermost last.
fn write_within<'e>(element: &'e Element, scope: &mut Vec<(&'e str, &'e str)>, xml: &mut String) {
    let outer = scope.len();
    xml.push('<');
    write_qname(&element.prefix, &element.name.local, xml);
    declare(&element.prefix, &element.name.namespace, scope, xml);
    for attribute in &element.attributes {
        if !attribute.prefix.is_empty() {
            declare(&attribute.prefix, &attribute.name.namespace, scope, xml);
        }
        xml.push(' ');
        write_qname(&attribute.prefix, &attribute.name.local, xml);
        xml.push_str("=\"");
        escape(&attribute.value, xml);
        xml.push('"');
    }
    if element.children.is_empty() {
        xml.push_str("/>");
    } else {
        xml.push('>');
        for child in &element.children {
            match child {
                XmlNode::Element(child) => write_within(child, scope, xml),
                XmlNode::Text(text) => escape(text, xml),
            }
        }
        xml.push_str("</");
        write_qname(&element.prefix, &element.name.local, xml);
        xml.push('>');
    }
    scope.truncate(outer);
}

fn write_qname(prefix: &str, local: &str, xml: &mut String) {
    if !prefix.is_empty() {
        xml.push_str(prefix);
        xml.push(':');
    }
    xml.push_str(local);
}

/// Declares a prefix, unless it already has this namespace.
fn declare<'e>(prefix: &'e str, namespace: &'e str, scope: &mut Vec<(&'e str, &'e str)>, xml: &mut String) {
    if prefix == "xml" {
        return;
    }
    let known = scope.iter().rev().find(|(known, _)| *known == prefix);
    if known.is_some_and(|(_, its)| *its == namespace) {
        return;
    }
    xml.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
    xml.push_str(prefix);
    xml.push_str("=\"");
    escape(namespace, xml);
    xml.push('"');
    scope.push((prefix, namespace));
}

/// Writes text, so that it is the same when it is read again. Characters that XML does not allow are replaced.
pub fn escape(text: &str, xml: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| IS_SPECIAL[usize::from(byte)]) {
        let (plain, special) = rest.split_at(at);
        xml.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('&') => xml.push_str("&amp;"),
            Some('<') => xml.push_str("&lt;"),
            Some('>') => xml.push_str("&gt;"),
            Some('"') => xml.push_str("&quot;"),
            // As they are, a reader would normalise them.
            Some('\t') => xml.push_str("&#9;"),
            Some('\n') => xml.push_str("&#10;"),
            Some('\r') => xml.push_str("&#13;"),
            Some('\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') => xml.push(char::REPLACEMENT_CHARACTER),
            Some(other) => xml.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    xml.push_str(rest);
}

/// The bytes that characters begin with that are perhaps not written as they are. Most text has none of them.
const IS_SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        // U+FFFE and U+FFFF begin with the last one.
        table[byte] = matches!(byte as u8, 0..=0x1f | b'&' | b'<' | b'>' | b'"' | 0xef);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(xml: &str) -> String {
        let mut written = String::new();
        write_element(&Element::parse(xml.as_bytes()).expect("valid"), &mut written);
        written
    }

    #[test]
    fn elements_keep_their_prefixes_and_content() {
        for xml in [
            "<a/>",
            "<a>text &amp; &lt;more&gt;</a>",
            "<Z:a xmlns:Z=\"urn:z\"><Z:b/><D:c/></Z:a>",
            "<a xmlns=\"urn:a\"><b><c xmlns=\"\"/></b></a>",
            "<D:a xml:lang=\"en\" x=\"1 &quot;2&quot;\"><y xmlns:p=\"urn:p\" p:z=\"&#10;\"/></D:a>",
            "<D:a xmlns:D=\"urn:other\"><b/></D:a>",
        ] {
            let document = xml.replacen("<D:a xml:", "<D:a xmlns:D=\"DAV:\" xml:", 1);
            let document = document.replacen("<Z:a ", "<Z:a xmlns:D=\"DAV:\" ", 1);
            assert_eq!(rewritten(&document), xml);
        }
    }

    #[test]
    fn a_prefix_that_was_declared_further_out_is_declared_again() {
        let outer = Element::parse(b"<o xmlns:Z=\"urn:&amp;\"><Z:a><Z:b/></Z:a></o>").expect("valid");
        let mut written = String::new();
        write_element(outer.elements().next().expect("one"), &mut written);
        assert_eq!(written, "<Z:a xmlns:Z=\"urn:&amp;\"><Z:b/></Z:a>");
    }

    #[test]
    fn names() {
        for (name, expected) in [
            (PropertyName::new("DAV:", "getetag"), "<D:getetag/>"),
            (PropertyName::new("", "a"), "<a/>"),
            (PropertyName::new("urn:\"x\"&", "a"), "<P:a xmlns:P=\"urn:&quot;x&quot;&amp;\"/>"),
        ] {
            let mut written = String::new();
            write_name(&name, &mut written);
            assert_eq!(written, expected);
            let parsed =
                Element::parse(written.replace("<D:getetag", "<D:getetag xmlns:D=\"DAV:\"").as_bytes());
            assert_eq!(parsed.expect("valid").name, name);
        }
    }

    #[test]
    fn responses() {
        let mut xml = String::new();
        let stats = [
            PropStat { status: "200 OK", properties: "<D:getetag>\"1\"</D:getetag>", error: "" },
            PropStat {
                status: "403 Forbidden",
                properties: "<D:a/>",
                error: "<D:cannot-modify-protected-property/>",
            },
        ];
        write_response("/a&b", stats, &mut xml);
        write_status("/c", "423 Locked", &mut xml);
        assert_eq!(
            xml,
            "<D:response><D:href>/a&amp;b</D:href><D:propstat><D:prop><D:getetag>\"1\"</D:getetag></D:prop><D:status>HTTP/1.1 \
             200 OK</D:status></D:propstat><D:propstat><D:prop><D:a/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>\
             <D:error><D:cannot-modify-protected-property/></D:error></D:propstat></D:response>\n\
             <D:response><D:href>/c</D:href><D:status>HTTP/1.1 423 Locked</D:status></D:response>\n"
        );
        let document = format!("{BEFORE}{xml}{BEHIND}");
        assert_eq!(Element::parse(document.as_bytes()).expect("valid").elements().count(), 2);
    }

    #[test]
    fn characters_that_xml_does_not_allow_are_replaced() {
        let mut xml = String::new();
        escape("a\u{1}b\u{ffff}\r\n\u{fffc}ü\u{10ffff}", &mut xml);
        assert_eq!(xml, "a\u{fffd}b\u{fffd}&#13;&#10;\u{fffc}ü\u{10ffff}");
    }
}
