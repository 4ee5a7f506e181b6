//! The length of an upload, which its requests announce in several ways.

use super::error::UploadError;
use super::plan::Piece;

/// The length that follows from what was known and what a request announces. Fails if these disagree.
pub(super) fn agreed_length(
    known: Option<u64>,
    offset: u64,
    piece: Piece,
) -> Result<Option<u64>, UploadError> {
    let end = piece.size.map(|size| offset.checked_add(size).ok_or(UploadError::Inconsistent)).transpose()?;
    let announced = [known, piece.length, end.filter(|_| piece.completes)];
    let length = announced.into_iter().flatten().next();
    let agree = announced.into_iter().flatten().all(|other| Some(other) == length);
    let fits = end.zip(length).is_none_or(|(end, length)| end <= length);
    if agree && fits { Ok(length) } else { Err(UploadError::Inconsistent) }
}
