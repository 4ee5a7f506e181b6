//! What this build contains: Cargo's features, for pages that offer it.

/// Whether directories can be downloaded as tar and zip.
pub(super) const ARCHIVE: bool = cfg!(feature = "archive");

/// Whether the server draws its URL as a QR code.
pub(super) const QR: bool = cfg!(feature = "qr");
