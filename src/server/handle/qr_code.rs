//! The URL of a folder, to pass on to others: `GET /.wharf/qr.svg` as a QR code, and `GET /.wharf/qr` as a page with it.
//! `?dir=/a/b` names the folder; without it, it is the root. `?path=/a/b` names a file, and `?path=/a/b/` a folder.

use percent_encoding::percent_decode_str;

use crate::http::response;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::qr;
use crate::server::address;
use crate::server::disk::Disk;
use crate::server::error_response::not_found;
use crate::server::handled::Handled;
use crate::server::pages::{self, QrTarget};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::tls::Tls;

/// Draws the URL.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let url = url(request, &QrTarget::of(request)?, state)?;
    let svg = qr::svg(&url).ok_or_else(not_found)?;
    Ok(Handled::Respond(Response::bytes(head(), "image/svg+xml", svg.into_bytes())))
}

/// Shows the URL, its code, and the way back to the folder.
pub(crate) fn page(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let target = QrTarget::of(request)?;
    let url = url(request, &target, state)?;
    let query = request.target.query().unwrap_or_default();
    let fingerprint = state.tls.as_ref().and_then(Tls::fingerprint);
    let page = pages::QrPage {
        root: &request.target.to_root(),
        target: &target,
        query,
        url: &url,
        is_local: address::is_local(&url),
        fingerprint: fingerprint.as_deref(),
    };
    let (head, text) = page.framed(head());
    Ok(Handled::Respond(Response::new(head, text.into_bytes())))
}

/// The response depends on the client and on the current network addresses.
fn head() -> response::Head {
    response::Head::new(Status::OK).field("Cache-Control", "no-store")
}

impl QrTarget {
    /// What the query names.
    fn of(request: &Request<'_, '_, '_>) -> Result<Self, Response> {
        let parameter = |name| request.target.parameter(name);
        let (named, is_folder) = match parameter("path") {
            Some(path) => (path, path.is_empty() || path.ends_with('/')),
            None => (parameter("dir").unwrap_or_default(), true),
        };
        let decoded: Vec<u8> = percent_decode_str(named).collect();
        let path = SharePath::parse(&decoded).map_err(|_| not_found())?;
        Ok(Self { path, is_folder })
    }
}

/// The URL that the client can pass on to others.
fn url(request: &Request<'_, '_, '_>, target: &QrTarget, state: &State) -> Result<String, Response> {
    let root = address::to_hand_on(request, state).ok_or_else(not_found)?;
    Ok(root.trim_end_matches('/').to_owned() + &target.link())
}
