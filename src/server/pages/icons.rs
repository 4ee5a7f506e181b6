//! The icon beside a name, which shows its type. Each is drawn once per page and used as often as needed.

use maud::{Markup, PreEscaped, html};

use crate::server::media;

/// The type of an entry, for its icon and for the script that opens previews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Directory,
    Image,
    Audio,
    Video,
    /// Text that is shown unchanged.
    Text,
    Pdf,
    /// A page that a browser opens by itself.
    Page,
    Archive,
    Other,
}

/// Media types of text that do not start with `text/`.
const TEXTS: [&str; 9] = ["json", "xml", "javascript", "x-sh", "x-yaml", "yaml", "toml", "sql", "x-tex"];

/// Media types of archives and compressed files.
const ARCHIVES: [&str; 11] = [
    "zip",
    "gzip",
    "x-tar",
    "x-xz",
    "x-bzip",
    "x-bzip2",
    "x-7z-compressed",
    "x-rar-compressed",
    "vnd.rar",
    "zstd",
    "java-archive",
];

impl Sign {
    /// The type of a file, by its name.
    pub(super) fn of_file(name: &[u8]) -> Self {
        let media_type = media::of(name);
        let essence = media_type.split(';').next().unwrap_or_default();
        match essence.split_once('/') {
            Some(("image", _)) => Self::Image,
            Some(("audio", _)) => Self::Audio,
            Some(("video", _)) => Self::Video,
            Some(("text", "html") | ("application", "xhtml+xml")) => Self::Page,
            Some(("text", _)) => Self::Text,
            Some(("application", "pdf")) => Self::Pdf,
            Some(("application", kind)) if TEXTS.contains(&kind) => Self::Text,
            Some(("application", kind)) if ARCHIVES.contains(&kind) => Self::Archive,
            _ => Self::Other,
        }
    }

    /// The class of its link, from which the script knows whether it can show a preview.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Directory => "dir",
            Self::Image => "img",
            Self::Audio => "aud",
            Self::Video => "vid",
            Self::Text => "txt",
            Self::Pdf => "pdf",
            Self::Page => "web",
            Self::Archive => "zip",
            Self::Other => "any",
        }
    }

    /// The icon. It has no name, so screen readers skip it.
    pub(super) fn drawn(self) -> Markup {
        html! { svg { use href={ "#" (self.class()) } {} } }
    }
}

/// The outline of a file, which most icons share.
const SHEET: &str = "M4 1.5h5l3.5 3.5v9.5H4zM9 1.5V5h3.5";

/// All icons, drawn on 16 by 16 units; needed once on each page.
pub(super) fn all() -> Markup {
    let on_sheet = |inner: &str| format!("{SHEET}{inner}");
    let signs = [
        (Sign::Directory, "M1.5 13V3h4.6l1.6 2h6.8v8z".to_owned()),
        (Sign::Image, "M2 2.5h12v11H2zM2 11l3.5-3.5 3 3 2-2L14 12M10.5 5.5h.01".to_owned()),
        (Sign::Audio, "M2 6h3l4-3.5v11L5 10H2zM11.5 5.5a3.5 3.5 0 0 1 0 5".to_owned()),
        (Sign::Video, "M2 3h12v10H2zM6.7 5.8v4.4L10.2 8z".to_owned()),
        (Sign::Text, on_sheet("M6 8h4.5M6 10h4.5M6 12h3")),
        (Sign::Pdf, on_sheet("M6 12V8h1.2a1.2 1.2 0 0 1 0 2.4H6")),
        (Sign::Page, "M2 2.5h12v11H2zM2 5.5h12M6.5 7.5l-2 2 2 2M9.5 7.5l2 2-2 2".to_owned()),
        (Sign::Archive, "M2 2.5h12v3H2zM3 5.5h10v8H3zM6.5 8h3".to_owned()),
        (Sign::Other, SHEET.to_owned()),
    ];
    html! {
        svg hidden {
            @for (sign, path) in signs {
                symbol id=(sign.class()) viewBox="0 0 16 16" { (PreEscaped(format!("<path d=\"{path}\"/>"))) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let table: [(&[u8], Sign); 14] = [
            (b"a.JPG", Sign::Image),
            (b"a.svg", Sign::Image),
            (b"a.mp3", Sign::Audio),
            (b"a.webm", Sign::Video),
            (b"a.md", Sign::Text),
            (b"a.rs", Sign::Text),
            (b"a.json", Sign::Text),
            (b"a.toml", Sign::Text),
            (b"a.pdf", Sign::Pdf),
            (b"a.html", Sign::Page),
            (b"a.tar.gz", Sign::Archive),
            (b"a.zip", Sign::Archive),
            (b"a.bin", Sign::Other),
            (b"\xff", Sign::Other),
        ];
        for (name, sign) in table {
            assert_eq!(Sign::of_file(name), sign, "{}", name.escape_ascii());
        }
    }
}
