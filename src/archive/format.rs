//! The kinds of archive.

/// The kinds of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// POSIX's tar with pax headers (POSIX.1-2017, `pax`).
    Tar,
    /// Zip (PKWARE's APPNOTE 6.3), with its files uncompressed.
    Zip,
}

impl Format {
    /// The extension of its file name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Tar => "application/x-tar",
            Self::Zip => "application/zip",
        }
    }
}
