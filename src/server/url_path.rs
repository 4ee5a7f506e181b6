//! Paths in the folder, typed as in a URL.

use crate::http::target::{Target, from_typed};
use crate::path::SharePath;

/// The path in the folder that a URL's path names. The leading slash and percent-encoding are optional. Fails
/// with the reason if no request can name a file this way.
pub fn path_of_url(text: &str) -> Result<SharePath, String> {
    let target = from_typed(text);
    let target = Target::parse(&target).map_err(|error| error.to_string())?;
    let mut path = SharePath::root();
    for segment in target.path().into_iter().flat_map(|path| path.segments()) {
        let segment = segment.map_err(|error| error.to_string())?;
        path.push(&segment).map_err(|error| error.to_string())?;
    }
    if path.is_reserved() {
        return Err("it is a path of the server itself, or of a temporary file".to_owned());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_requests_name_them() {
        for (text, expected) in [
            ("/", ""),
            ("", ""),
            ("/reports/", "reports"),
            ("reports//q 1", "reports/q 1"),
            ("/reports/q%201?list", "reports/q 1"),
            ("/100%", "100%"),
        ] {
            let expected = SharePath::parse(expected.as_bytes()).expect("a path");
            assert_eq!(path_of_url(text), Ok(expected), "{text}");
        }
        for text in ["/a/../b", "/%2e/b", "/a%2fb", "/a%00", "/.wharf/login"] {
            assert!(path_of_url(text).is_err(), "{text}");
        }
    }
}
