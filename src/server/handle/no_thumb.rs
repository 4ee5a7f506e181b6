//! `GET /path?thumb` in a build without thumbnails: the response is the file.

use std::convert::Infallible;

use crate::blocking::Blocking;
use crate::folder::OpenFile;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::state::State;

/// No request is for a thumbnail.
pub(crate) fn wanted(_: &Request<'_, '_, '_>, _: &State) -> Option<Infallible> {
    None
}

/// It cannot be called.
pub(crate) fn answer(
    _: &Request<'_, '_, '_>,
    _: OpenFile,
    thumbs: Infallible,
    _: &State,
    _: Blocking<'_>,
) -> Handled {
    match thumbs {}
}
