//! The response to `GET /path?thumb`: a small JPEG of the picture there.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use crate::blocking::Blocking;
use crate::folder::{FileVersion, OpenFile};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, Validators};
use crate::server::handle::conditions::{Conditions, judge};
use crate::server::handled::Handled;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::thumbs::{Drawn, ThumbKey, Thumbs};
use crate::thumbnail::{CannotDraw, MEDIA_TYPE};

/// The query parameter.
const PARAMETER: &str = "thumb";

/// When to retry if there is no thumbnail now, in seconds.
const RETRY_AFTER: u32 = 2;

/// What makes the thumbnail, if the request is for one, and the server makes them.
pub(crate) fn wanted(request: &Request<'_, '_, '_>, state: &State) -> Option<Arc<Thumbs>> {
    state.thumbs.clone().filter(|_| request.target.parameter(PARAMETER).is_some())
}

/// A thumbnail to make.
struct Order {
    thumbs: Arc<Thumbs>,
    open: OpenFile,
    key: ThumbKey,
    tag: Option<EntityTag<'static>>,
    conditions: Conditions,
    /// Returned with the response.
    _permit: FairPermit,
}

/// Returns the kept thumbnail of a file that has just been opened, or the job that makes it.
pub(crate) fn answer(
    request: &Request<'_, '_, '_>,
    open: OpenFile,
    thumbs: Arc<Thumbs>,
    _: &State,
    disk: Blocking<'_>,
) -> Handled {
    let tag = tag(&open.facts.version, SystemTime::now());
    let fields = request.head.fields;
    // The tag depends only on the file, so a copy can be confirmed even if the thumbnail is not kept any more.
    if let Err(response) = check(fields.iter(), tag.as_ref()) {
        return Handled::Respond(response);
    }
    let key = match ThumbKey::of(&open.facts.version, &open.file) {
        Ok(key) => key,
        Err(error) => return Handled::Respond(unreadable(error)),
    };
    if let Some(kept) = thumbs.find(&key, disk) {
        return Handled::Respond(respond(kept, tag.as_ref(), fields.iter()));
    }
    let Some(permit) = thumbs.permit(request.client.key()) else {
        return Handled::Respond(not_now("too many thumbnails are being made; try again later\n"));
    };
    let conditions = Conditions::of(fields);
    Handled::Draw(job(Order { thumbs, open, key, tag, conditions, _permit: permit }))
}

fn job(order: Order) -> Job {
    Box::new(move |state, disk| JobOutcome::Respond(draw(&order, state, disk), None))
}

fn draw(order: &Order, state: &State, disk: Blocking<'_>) -> Response {
    let Order { thumbs, open, key, tag, conditions, .. } = order;
    // A job before this one may have made it.
    if let Some(kept) = thumbs.find(key, disk) {
        return respond(kept, tag.as_ref(), conditions.iter());
    }
    match thumbs.draw(key, &open.file, &open.facts, &state.stop, &state.chores, disk) {
        Ok(Drawn::Done(drawn)) => respond(drawn, tag.as_ref(), conditions.iter()),
        Ok(Drawn::Changed) => not_now("the file changed while its thumbnail was being made; try again\n"),
        Err(error) => unreadable(error),
    }
}

/// The response with a thumbnail, or with the reason why there is none.
fn respond<'a>(
    drawn: Result<Vec<u8>, CannotDraw>,
    tag: Option<&EntityTag<'static>>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Response {
    match drawn {
        Ok(bytes) => match check(fields, tag) {
            Ok(()) => Response::bytes(head(Status::OK, tag), MEDIA_TYPE, bytes),
            Err(response) => response,
        },
        Err(CannotDraw::Unreadable(kind)) => unreadable(io::Error::from(kind)),
        Err(why @ CannotDraw::TooSlow) => not_now(&format!("{why}; try again later\n")),
        Err(why @ (CannotDraw::NotPicture | CannotDraw::Broken | CannotDraw::TooLarge)) => {
            Response::text(Status::UNSUPPORTED_MEDIA_TYPE, format_args!("no thumbnail: {why}\n"))
        }
    }
}

/// Checks the preconditions among these fields.
fn check<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    tag: Option<&EntityTag<'static>>,
) -> Result<(), Response> {
    let validators = Validators { etag: tag.cloned(), last_modified: None };
    judge(fields, &validators, || head(Status::NOT_MODIFIED, tag))
}

/// The head of every response with a thumbnail, with or without content. It is for this client's cache only, which has to
/// ask each time: the picture may have changed, and so may the rights of the client.
fn head(status: Status, tag: Option<&EntityTag<'static>>) -> Head {
    let head = Head::new(status).field("Cache-Control", "private, no-cache");
    let head = head.field("X-Content-Type-Options", "nosniff");
    match tag {
        Some(tag) => head.field("ETag", tag),
        None => head,
    }
}

/// The entity tag of the thumbnail of a version. The number changes if thumbnails are made in another way.
fn tag(version: &FileVersion, now: SystemTime) -> Option<EntityTag<'static>> {
    if version.is_settled(now) {
        EntityTag::strong(format!("{version}-thumb1").into_bytes())
    } else {
        EntityTag::weak(format!("{version}-thumb1-young").into_bytes())
    }
}

fn not_now(why: &str) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, why).with("Retry-After", RETRY_AFTER)
}

fn unreadable(why: impl std::fmt::Display) -> Response {
    log::error!("cannot make a thumbnail: {why}");
    Response::text(Status::INTERNAL_SERVER_ERROR, "the server cannot read the file\n")
}
