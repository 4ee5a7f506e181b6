//! The gate for Unicode forms: if the path of a request exists only with its names in the other form, the request is for that
//! path. So the Finder finds what other systems have saved, and no name is stored in both forms.

use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::gate::locks::Passage;
use crate::server::request::Request;
use crate::server::state::State;

/// Replaces the path of the request, if that is necessary. It is before the gates that judge the path.
pub(crate) fn find(request: &mut Request<'_, '_, '_>, disk: &mut Disk, state: &State) -> Passage {
    if request.path.as_bytes().is_ascii() || state.dav.is_none() {
        return Passage::Free;
    }
    let Some(disk) = disk.may_wait(state) else { return Passage::NeedsDisk };
    if let Some(stored) = dav::stored_form(&request.path, &request.principal, state, disk) {
        request.path = stored;
    }
    Passage::Free
}
