//! The Cargo features of this build, for the pages that offer them.

/// Whether directories can be downloaded as tar and zip.
pub(super) const ARCHIVE: bool = cfg!(feature = "archive");

/// Whether the server makes thumbnails of pictures.
pub(super) const THUMBS: bool = cfg!(feature = "thumbs");

/// Whether the server draws its URL as a QR code.
pub(super) const QR: bool = cfg!(feature = "qr");
