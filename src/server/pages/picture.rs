//! What a card of the grid shows of a file.

use std::os::unix::ffi::OsStrExt as _;

use maud::{Markup, html};

use super::icons::Sign;
use crate::folder::{DirEntry, EntryKind};
use crate::server::media;

/// A picture without a thumbnail is shown as it is up to this length in bytes: that of the largest thumbnails.
const WHOLE_UP_TO: u64 = 24 * 1024;

/// What is shown of a picture; other files always have their icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureShown {
    Icon,
    Whole,
    Thumbnail,
}

impl PictureShown {
    /// What a server that makes thumbnails shows: of large pictures never the whole.
    pub(super) fn small(entry: &DirEntry) -> Self {
        match entry.kind {
            _ if media::may_have_thumbnail(entry.name.as_bytes()) => Self::Thumbnail,
            EntryKind::File { len } if len <= WHOLE_UP_TO => Self::Whole,
            _ => Self::Icon,
        }
    }

    /// The picture at this link, or the icon. A script replaces a picture that cannot be shown by the icon.
    pub(super) fn drawn(self, sign: Sign, link: &str) -> Markup {
        let query = match self {
            Self::Thumbnail if sign == Sign::Image => "?thumb",
            Self::Whole if sign == Sign::Image => "",
            _ => return sign.drawn(),
        };
        html! { img src={ (link) (query) } alt="" loading="lazy" decoding="async"; }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn no_large_picture_is_shown_as_a_whole() {
        let table = [
            ("a.JPG", 5_000_000, PictureShown::Thumbnail),
            ("a.png", 10, PictureShown::Thumbnail),
            ("a.webp", 10, PictureShown::Thumbnail),
            ("a.gif", 10, PictureShown::Thumbnail),
            ("a.svg", 24 * 1024, PictureShown::Whole),
            ("a.svg", 24 * 1024 + 1, PictureShown::Icon),
            ("a.avif", 10, PictureShown::Whole),
            ("a.heic", 5_000_000, PictureShown::Icon),
        ];
        for (name, len, expected) in table {
            let name = OsStr::new(name).to_owned();
            let entry = DirEntry { name, kind: EntryKind::File { len }, modified: SystemTime::UNIX_EPOCH };
            assert_eq!(PictureShown::small(&entry), expected, "{} of {len} bytes", entry.name.display());
        }
    }

    #[test]
    fn only_pictures_have_one() {
        let image = |picture: PictureShown, sign| picture.drawn(sign, "./a").into_string();
        assert!(image(PictureShown::Thumbnail, Sign::Image).contains("src=\"./a?thumb\""));
        assert!(image(PictureShown::Whole, Sign::Image).contains("src=\"./a\""));
        assert!(image(PictureShown::Icon, Sign::Image).contains("<svg"));
        assert!(image(PictureShown::Whole, Sign::Text).contains("<svg"));
    }
}
