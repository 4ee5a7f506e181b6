//! The boundary between the parts of a multipart body (RFC 2046 §5.1.1).

use std::fmt;

use super::parameters;

/// The longest boundary, in bytes (RFC 2046 §5.1.1).
pub const BOUNDARY_LIMIT: usize = 70;

/// A boundary: 1 to [`BOUNDARY_LIMIT`] allowed characters, not ending with a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(String);

/// Why a `Content-Type` has no valid boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryError {
    /// It is not `multipart/form-data`.
    NotFormData,
    /// It has no `boundary`, or several, or malformed parameters.
    Missing,
    /// The boundary is empty, too long, or has characters that are not allowed.
    Invalid,
}

/// The boundary that a `Content-Type` of `multipart/form-data` names.
pub fn boundary(content_type: &[u8]) -> Result<Boundary, BoundaryError> {
    let (media_type, parameters) = parameters::split(content_type);
    if !media_type.eq_ignore_ascii_case(b"multipart/form-data") {
        return Err(BoundaryError::NotFormData);
    }
    let value = parameters.get(b"boundary").ok().flatten().ok_or(BoundaryError::Missing)?;
    Boundary::new(&value)
}

impl Boundary {
    /// A boundary of these characters.
    pub fn new(text: &[u8]) -> Result<Self, BoundaryError> {
        let fits = (1..=BOUNDARY_LIMIT).contains(&text.len()) && !text.ends_with(b" ");
        if !fits || !text.iter().all(|&byte| is_boundary_byte(byte)) {
            return Err(BoundaryError::Invalid);
        }
        Ok(Self(text.iter().copied().map(char::from).collect()))
    }

    /// A boundary of 32 characters. If the bytes are random, no content contains it.
    pub fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// The boundary as the value of a parameter, quoted if necessary.
    pub fn as_parameter(&self) -> String {
        let plain = self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+'".contains(&byte));
        if plain { self.0.clone() } else { format!("\"{}\"", self.0) }
    }
}

/// The `bchars` of RFC 2046.
fn is_boundary_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte)
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BoundaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFormData => "the Content-Type is not multipart/form-data",
            Self::Missing => "the Content-Type must name one boundary, as in multipart/form-data; boundary=x",
            Self::Invalid => {
                "the boundary in the Content-Type must be 1 to 70 letters, digits and '()+_,-./:=?"
            }
        })
    }
}

impl std::error::Error for BoundaryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_of_content_types() {
        let longest = "x".repeat(BOUNDARY_LIMIT);
        let cases: [(&str, &str, Result<&str, BoundaryError>); 15] = [
            (
                "token",
                "multipart/form-data; boundary=----WebKitFormBoundaryA1",
                Ok("----WebKitFormBoundaryA1"),
            ),
            ("quoted", "multipart/form-data; boundary=\"a b:c\"", Ok("a b:c")),
            ("in capitals", "Multipart/Form-Data;BOUNDARY=aB", Ok("aB")),
            ("another parameter", "multipart/form-data; charset=utf-8; boundary=x; a=b", Ok("x")),
            ("unquoted, though it should be", "multipart/form-data; boundary=a=b/c", Ok("a=b/c")),
            ("longest", &format!("multipart/form-data; boundary={longest}"), Ok(&longest)),
            ("too long", &format!("multipart/form-data; boundary={longest}x"), Err(BoundaryError::Invalid)),
            ("empty", "multipart/form-data; boundary=\"\"", Err(BoundaryError::Invalid)),
            ("space at the end", "multipart/form-data; boundary=\"a \"", Err(BoundaryError::Invalid)),
            ("not a boundary character", "multipart/form-data; boundary=a*b", Err(BoundaryError::Invalid)),
            ("none", "multipart/form-data", Err(BoundaryError::Missing)),
            ("two", "multipart/form-data; boundary=a; boundary=b", Err(BoundaryError::Missing)),
            ("unreadable", "multipart/form-data; boundary=\"a", Err(BoundaryError::Missing)),
            ("another multipart", "multipart/mixed; boundary=a", Err(BoundaryError::NotFormData)),
            ("nothing", "", Err(BoundaryError::NotFormData)),
        ];
        for (name, content_type, expected) in cases {
            let found = boundary(content_type.as_bytes());
            let found = found.as_ref().map(|boundary| boundary.0.as_str()).map_err(|error| *error);
            assert_eq!(found, expected, "{name} (RFC 2046 §5.1.1)");
        }
    }
}
