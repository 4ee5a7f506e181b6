//! Pictures: a thumbnail is a whole JPEG, and the same each time. Nothing else comes of other bytes.

use std::io::Cursor;

use wharf::thumbnail::draw;

/// The bytes are a picture.
pub(crate) fn check(data: &[u8]) {
    let drawn = draw(Cursor::new(data), &|| false);
    if let Ok(thumbnail) = &drawn {
        assert!(thumbnail.starts_with(b"\xff\xd8") && thumbnail.ends_with(b"\xff\xd9"));
    }
    assert_eq!(draw(Cursor::new(data), &|| false), drawn);
}
