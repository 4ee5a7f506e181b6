//! XML (with namespaces) as a small tree, for bodies of a few kilobytes.
//!
//! There are no document types and no entities but those that XML defines, so a short body cannot stand for a long
//! one. Depth and number of elements are limited. Comments and processing instructions are left out.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::error::XmlBodyError;
use super::property::PropertyName;

/// How deeply elements may be nested. Properties of known clients need six.
pub const MAX_DEPTH: usize = 32;

/// How many elements a body may have. Known clients ask for up to 30 properties.
pub const MAX_ELEMENTS: usize = 1024;

/// The longest namespace, in bytes. It is repeated with each name in a response; known namespaces have up to 60.
pub const MAX_NAMESPACE: usize = 128;

/// The namespaces that only the prefixes `xml` and `xmlns` may have (Namespaces in XML §3).
const RESERVED: [(&str, &str); 2] =
    [("xml", "http://www.w3.org/XML/1998/namespace"), ("xmlns", "http://www.w3.org/2000/xmlns/")];

/// An element with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: PropertyName,
    /// The prefix that it was written with. A copy should have the same one (RFC 4918 §4.3).
    pub prefix: Box<str>,
    /// Its attributes, without declarations of namespaces.
    pub attributes: Vec<Attribute>,
    /// What is in it, in order.
    pub children: Vec<XmlNode>,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name. Without a prefix, it has no namespace.
    pub name: PropertyName,
    /// The prefix that it was written with.
    pub prefix: Box<str>,
    /// Its value, decoded.
    pub value: Box<str>,
}

/// What an element contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlNode {
    /// An element.
    Element(Element),
    /// Text, decoded.
    Text(String),
}

impl Element {
    /// Parses a body: exactly one element.
    pub fn parse(body: &[u8]) -> Result<Self, XmlBodyError> {
        let text = decode(body)?;
        ensure_allowed(&text)?;
        Parser::new(&text).document()
    }

    /// The elements in it, without the text between them.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            XmlNode::Element(element) => Some(element),
            XmlNode::Text(_) => None,
        })
    }

    /// The first element in it with this name in the namespace `DAV:`.
    pub fn dav(&self, local: &str) -> Option<&Self> {
        self.elements().find(|element| element.name.is_dav(local))
    }

    /// All text directly in it.
    pub fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|child| match child {
            XmlNode::Text(text) => Some(text.as_str()),
            XmlNode::Element(_) => None,
        });
        texts.collect()
    }
}

/// The body as text (RFC 4918 §19, XML 1.0 appendix F): UTF-16 begins with a byte order mark or with `<` in two bytes;
/// everything else is UTF-8.
fn decode(body: &[u8]) -> Result<Cow<'_, str>, XmlBodyError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).map(unit));
        let units = units.collect::<Result<Vec<_>, _>>().map_err(|_| XmlBodyError::Encoding)?;
        String::from_utf16(&units).map(Cow::Owned).map_err(|_| XmlBodyError::Encoding)
    };
    match body {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0, b'<', ..] => utf16(body, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(body, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(body),
    }
}

fn utf8(body: &[u8]) -> Result<Cow<'_, str>, XmlBodyError> {
    std::str::from_utf8(body).map(Cow::Borrowed).map_err(|_| XmlBodyError::Encoding)
}

/// Builds the tree from events.
struct Parser<'t> {
    reader: NsReader<&'t [u8]>,
    /// The elements that have begun and not ended, the outermost first.
    open: Vec<Element>,
    count: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, open: Vec::new(), count: 0 }
    }

    fn document(mut self) -> Result<Element, XmlBodyError> {
        let mut root = None;
        loop {
            match self.reader.read_event().map_err(|error| malformed(&error))? {
                Event::Start(_) if root.is_some() => return Err(syntax("there are two roots")),
                Event::Start(start) => {
                    let element = self.element(&start)?;
                    self.open.push(element);
                }
                Event::End(_) => root = self.close(),
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(text) => self.text(&text.xml10_content())?,
                Event::GeneralRef(entity) => {
                    let found = entity.resolve_char_ref().map_err(|error| malformed(&error))?;
                    match found {
                        Some(char) => {
                            let mut bytes = [0; 4];
                            let text = char.encode_utf8(&mut bytes);
                            ensure_allowed(text)?;
                            self.text(text)?;
                        }
                        None => self.text(resolve_predefined_entity(&entity).ok_or(XmlBodyError::Entity)?)?,
                    }
                }
                Event::DocType(_) => return Err(XmlBodyError::DocumentType),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
                Event::Eof if self.open.is_empty() => {
                    return root.ok_or_else(|| syntax("there is no element"));
                }
                Event::Eof => return Err(syntax("an element does not end")),
            }
        }
    }

    /// Ends the innermost element. Returns it if it is the root.
    fn close(&mut self) -> Option<Element> {
        let element = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(XmlNode::Element(element));
                None
            }
            None => Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlBodyError> {
        match self.open.last_mut() {
            None if text.trim_ascii().is_empty() => {}
            None => return Err(syntax("there is text outside the root")),
            Some(element) => match element.children.last_mut() {
                Some(XmlNode::Text(before)) => before.push_str(text),
                _ => element.children.push(XmlNode::Text(text.to_owned())),
            },
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, XmlBodyError> {
        self.count += 1;
        if self.count > MAX_ELEMENTS {
            return Err(XmlBodyError::TooManyElements(MAX_ELEMENTS));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(XmlBodyError::TooDeep(MAX_DEPTH));
        }
        let qname = start.name();
        check_name(qname)?;
        let (namespace, local) = self.reader.resolver().resolve_element(qname);
        let name = PropertyName::new(&bound(qname, &namespace)?, local.into_inner());
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| syntax(&error.to_string()))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            check_name(attribute.key)?;
            if attribute.value.contains('<') {
                return Err(syntax("an attribute has an unescaped <"));
            }
            let (namespace, local) = self.reader.resolver().resolve_attribute(attribute.key);
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| malformed(&error))?;
            ensure_allowed(&value)?;
            let name = PropertyName::new(&bound(attribute.key, &namespace)?, local.into_inner());
            if attributes.iter().any(|other: &Attribute| other.name == name) {
                return Err(syntax("an element has an attribute twice"));
            }
            attributes.push(Attribute { name, prefix: prefix(attribute.key), value: value.into() });
        }
        Ok(Element { name, prefix: prefix(qname), attributes, children: Vec::new() })
    }
}

/// Fails unless this is a name with at most one colon (Namespaces in XML §4). The parser does not check that, and others
/// receive names that a client has sent.
fn check_name(name: QName<'_>) -> Result<(), XmlBodyError> {
    let mut parts = name.into_inner().splitn(2, ':');
    if parts.all(is_name) { Ok(()) } else { Err(syntax("a name has a character that is not allowed")) }
}

/// Whether this is a name without a colon (XML 1.0 §2.3).
fn is_name(part: &str) -> bool {
    let may_start = |char: char| {
        matches!(char, 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let may_follow = |char: char| {
        matches!(char, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
            || may_start(char)
    };
    part.starts_with(may_start) && part.chars().all(may_follow)
}

/// Fails if XML 1.0 does not allow one of the characters: they could not be in a response. References stand for characters too.
fn ensure_allowed(text: &str) -> Result<(), XmlBodyError> {
    if text.chars().all(is_char) { Ok(()) } else { Err(syntax("a character is not allowed in XML")) }
}

/// Whether XML 1.0 allows the character (§2.2).
fn is_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The namespace of this name, decoded. A copy of the name must be well-formed in a response to others.
fn bound<'n>(name: QName<'_>, namespace: &ResolveResult<'n>) -> Result<Cow<'n, str>, XmlBodyError> {
    let decoded = match namespace {
        ResolveResult::Unbound => Cow::Borrowed(""),
        ResolveResult::Bound(namespace) => unescape(namespace.0).map_err(|error| malformed(&error))?,
        ResolveResult::Unknown(_) => return Err(syntax("a prefix has no namespace")),
    };
    ensure_allowed(&decoded)?;
    let prefix = prefix(name);
    let is_misused = |(reserved, its): &(&str, &str)| (*reserved == &*prefix) != (*its == &*decoded);
    if RESERVED.iter().any(is_misused) || &*prefix == "xmlns" {
        return Err(syntax("a namespace or prefix of XML itself is used for something else"));
    }
    if decoded.len() > MAX_NAMESPACE {
        return Err(XmlBodyError::LongNamespace(MAX_NAMESPACE));
    }
    Ok(decoded)
}

fn prefix(name: QName<'_>) -> Box<str> {
    name.prefix().map_or("", quick_xml::name::Prefix::into_inner).into()
}

fn malformed(error: &impl ToString) -> XmlBodyError {
    XmlBodyError::Malformed(error.to_string())
}

fn syntax(why: &str) -> XmlBodyError {
    XmlBodyError::Malformed(why.to_owned())
}

#[cfg(test)]
mod tests;
