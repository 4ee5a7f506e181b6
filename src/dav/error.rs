//! Why the body of a WebDAV request is refused.

use std::fmt;

/// Why the body of a request is refused: with 400 (RFC 4918 §8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlBodyError {
    /// Its encoding is neither UTF-8 nor UTF-16 (§19).
    Encoding,
    /// It is not well-formed XML, or uses a prefix without a namespace. The text says what is wrong.
    Malformed(String),
    /// It has a document type, which could define entities (§20.6).
    DocumentType,
    /// It refers to an entity that XML itself does not define.
    Entity,
    /// Its elements are nested more deeply than this.
    TooDeep(usize),
    /// It has more elements than this.
    TooManyElements(usize),
    /// The name of a namespace is longer than this, in bytes.
    LongNamespace(usize),
    /// Its root is not this element of the namespace `DAV:`.
    Root(&'static str),
    /// What is in the root does not fit the method.
    Content(&'static str),
}

impl fmt::Display for XmlBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("the body is neither UTF-8 nor UTF-16"),
            Self::Malformed(why) => write!(f, "the body is not well-formed XML: {why}"),
            Self::DocumentType => f.write_str("the body has a document type, which is not allowed here"),
            Self::Entity => f.write_str("the body refers to an unknown entity"),
            Self::TooDeep(limit) => write!(f, "the body nests more than {limit} elements"),
            Self::TooManyElements(limit) => write!(f, "the body has more than {limit} elements"),
            Self::LongNamespace(limit) => write!(f, "a namespace of the body is longer than {limit} bytes"),
            Self::Root(expected) => write!(f, "the body is not a DAV:{expected} element"),
            Self::Content(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for XmlBodyError {}
