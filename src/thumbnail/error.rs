//! Why there is no thumbnail.

use std::{fmt, io};

use image::ImageError;

/// Why a picture cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotDraw {
    /// It is no picture, or one in a format that is not supported.
    NotPicture,
    /// It is damaged or incomplete.
    Broken,
    /// It needs more memory or time than is allowed.
    TooLarge,
    /// It could not be read in time.
    TooSlow,
    /// It could not be read.
    Unreadable(io::ErrorKind),
}

impl CannotDraw {
    /// Whether the picture itself is the reason, so that another attempt would fail too.
    pub fn is_final(self) -> bool {
        matches!(self, Self::NotPicture | Self::Broken | Self::TooLarge)
    }
}

impl From<ImageError> for CannotDraw {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            ImageError::Unsupported(_) => Self::NotPicture,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for CannotDraw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPicture => "the file is no picture of a supported format (JPEG, PNG, GIF or WebP)",
            Self::Broken => "the picture is damaged or incomplete",
            Self::TooLarge => "the picture is too large",
            Self::TooSlow => "the picture could not be read in time",
            Self::Unreadable(_) => "the server cannot read the file",
        })
    }
}

impl std::error::Error for CannotDraw {}
