//! The response to LOCK (RFC 4918 §9.10): a new lock, or more time for one.
//!
//! A name that does not exist yet becomes an empty file. Nobody is told of it before a PUT fills it, and it is removed if it is
//! still empty when its lock ends by itself.

use std::time::{Duration, SystemTime};

use crate::access::{Grant, Principal, ToChangeProperties, ToWrite};
use crate::blocking::Blocking;
use crate::dav::locks::{Lock, NoLock};
use crate::dav::{LockInfo, LockRequest, LockTimeout, multistatus};
use crate::folder::{Error, NameKind, Whereabouts};
use crate::http::destination::Depth;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::dav::hrefs::Hrefs;
use crate::server::dav::{shown, whereabouts};
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, of_read_error};
use crate::server::folder_locks::{Dav, LockError, new_token};
use crate::server::gate::authorise;
use crate::server::handle::dav::live::write_lock;
use crate::server::handle::dav::{MAX_BODY, locks, refuse_body, xml};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::moment::Moment;
use crate::server::receive::{AfterBody, JobOutcome};
use crate::server::representation;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How often a LOCK begins again because something else was there when the earlier changes had ended.
const TRIES: usize = 3;
/// When to retry if changes are still being made after that, in seconds.
const RETRY_AFTER: u32 = 5;

/// What the head of a LOCK says.
struct Locking {
    path: SharePath,
    principal: Principal,
    /// The client's key, for the number of locks.
    client: String,
    tokens: SubmittedTokens,
    hrefs: Hrefs,
    time: Duration,
    depth: Depth,
    /// Whether the target ends in a slash: no file has such a path.
    is_directory: bool,
}

/// Checks the head, and receives the body.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let dav = locks(state)?;
    let depth = Depth::of(request.head.fields).map_err(bad_request)?;
    let locking = Locking {
        path: request.path.clone(),
        principal: request.principal.clone(),
        client: request.principal.owner().unwrap_or_else(|| request.client.key_text()),
        tokens: SubmittedTokens::of(request),
        hrefs: Hrefs::of(request, state),
        time: LockTimeout::of(request.head.fields).get(),
        depth,
        is_directory: request.target.ends_with_slash(),
    };
    let then = AfterBody::Work(Box::new(move |body, state, disk| {
        let answer = LockRequest::parse(&body).map_err(|error| refuse_body(&error));
        let answer = answer.and_then(|wanted| {
            authorise::ensure_current(&locking.principal, state)?;
            match wanted {
                LockRequest::Refresh => locking.refresh(&dav, state, disk),
                LockRequest::New(info) => locking.lock(&info, &dav, state, disk),
            }
        });
        JobOutcome::Respond(answer.unwrap_or_else(|refused| refused), None)
    }));
    posted::receive(request.head, MAX_BODY, then)
}

impl Locking {
    /// Gives the lock that the request names more time. Its depth stays (§9.10.2).
    fn refresh(&self, dav: &Dav, state: &State, disk: Blocking<'_>) -> Result<Response, Response> {
        let holder = self.principal.owner();
        let claim = self.tokens.claim(holder.as_deref());
        let now = SystemTime::now();
        let place = whereabouts(&self.path, &self.principal, state, disk);
        let path = place.as_ref().map_or(&self.path, Whereabouts::resolved);
        let lock =
            dav.refresh(path, claim, self.time, now, disk).map_err(|error| error_response::of(&error))?;
        let lock = lock.ok_or_else(|| {
            let text = "no lock is refreshed: the field If names none that covers this path\n";
            Response::text(Status::PRECONDITION_FAILED, text)
        })?;
        Ok(self.discovered(Status::OK, &lock, now, state))
    }

    fn lock(
        &self,
        info: &LockInfo,
        dav: &Dav,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Response, Response> {
        let grant = authorise::grant::<ToWrite>(&self.principal, &self.path, state)?;
        if grant.hides_names() {
            let text = "a lock needs more than the right to add files\n";
            return Err(Response::text(Status::FORBIDDEN, text));
        }
        dav.catch_up(disk).map_err(|error| error_response::of(&error))?;
        for tries_left in (0..TRIES).rev() {
            let place = state.folder.whereabouts(&grant, disk).map_err(|error| error_response::of(&error))?;
            match self.check(&place, dav, state, disk) {
                // It has just been removed.
                Err(refused) if refused.head.status() == Status::NOT_FOUND && tries_left > 0 => continue,
                checked => checked?,
            }
            let lock = self.new_lock(info, &place, &grant)?;
            dav.add(&lock, SystemTime::now(), disk).map_err(|why| self.refuse_lock(&why, state))?;
            // A change that began earlier may have ended since.
            match state.folder.whereabouts(&grant, disk) {
                Ok(now) if now == place && dav.has(&lock) => {
                    match self.answer(&place, &grant, &lock, dav, state, disk)? {
                        Some(response) => return Ok(response),
                        None => dav.withdraw(&lock, disk),
                    }
                }
                _ => dav.withdraw(&lock, disk),
            }
        }
        Err(busy())
    }

    /// Fails if the client may not lock this place.
    fn check(
        &self,
        place: &Whereabouts,
        dav: &Dav,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<(), Response> {
        if place.kind.is_some() {
            // A lock covers what a link leads to, so its holder needs the right there too.
            let change = authorise::grant::<ToChangeProperties>(&self.principal, &self.path, state)?;
            state.folder.describe(&change, disk).map_err(|error| of_read_error(&error))?;
        } else {
            self.ensure_parent(place, None, dav, state)?;
        }
        Ok(())
    }

    fn new_lock(
        &self,
        info: &LockInfo,
        place: &Whereabouts,
        grant: &Grant<'_, ToWrite>,
    ) -> Result<Lock, Response> {
        let is_deep = match self.depth {
            Depth::Zero => false,
            Depth::Infinity => true,
            Depth::One => return Err(bad_request("a lock needs Depth: 0 or infinity")),
        };
        let path = place.resolved().clone();
        let is_directory = place.kind == Some(NameKind::Directory);
        if is_directory && is_deep {
            // A lock must not keep others out of directories in which its holder may not write.
            grant.may_add_below(&path).map_err(|denied| error_response::of(&denied.into()))?;
        }
        Ok(Lock {
            token: new_token(),
            path,
            is_directory,
            is_deep,
            scope: info.scope,
            owner: info.owner.clone(),
            holder: self.principal.owner().map(Into::into),
            counted_for: self.client.as_str().into(),
            expires: SystemTime::now() + self.time,
        })
    }

    /// Answers that the place is locked. A name that does not exist becomes an empty file first. `None` if something else has
    /// the name now, or if somebody has ended the lock.
    fn answer(
        &self,
        place: &Whereabouts,
        grant: &Grant<'_, ToWrite>,
        lock: &Lock,
        dav: &Dav,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Option<Response>, Response> {
        if place.kind.is_some() {
            return Ok(Some(self.locked(Status::OK, lock, state)));
        }
        // Somebody may have locked the directory since it was checked.
        let _change = dav.begin_change();
        let checked = dav.catch_up(disk).map_err(|error| error_response::of(&error));
        if let Err(refused) = checked.and_then(|()| self.ensure_parent(place, Some(lock), dav, state)) {
            dav.withdraw(lock, disk);
            return Err(refused);
        }
        match self.make_file(grant, lock, dav, state, disk) {
            Ok(response) => Ok(Some(response)),
            Err(Error::Changed | Error::Exists) => Ok(None),
            Err(error) => {
                dav.withdraw(lock, disk);
                Err(error_response::of(&error))
            }
        }
    }

    /// Fails if a new file would need another directory first (§9.10.4), or if its directory is locked.
    /// The client's new lock does not count.
    fn ensure_parent(
        &self,
        place: &Whereabouts,
        new: Option<&Lock>,
        dav: &Dav,
        state: &State,
    ) -> Result<(), Response> {
        if self.is_directory || place.path.parent().as_ref() != Some(&place.directory) {
            return Err(error_response::of(&Error::NoParent));
        }
        let tokens = self.tokens.and(new.map(|lock| lock.token.as_str()));
        let change = IntendedChange {
            path: &self.path,
            intent: Intent::Save,
            tokens: &tokens,
            principal: &self.principal,
        };
        dav.admit(place, &change).map_err(|locked| self.refuse(&NoLock::Conflict(locked), state))
    }

    /// Creates the empty file that is locked.
    fn make_file(
        &self,
        grant: &Grant<'_, ToWrite>,
        lock: &Lock,
        dav: &Dav,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Response, Error> {
        let facts = state.folder.make_empty(grant, disk)?;
        state.cache.invalidate(Moment::now());
        if let Err(error) = dav.has_made(lock, facts.version, disk) {
            dav.discard_empty(&lock.path, facts.version, disk);
            return Err(error);
        }
        let response = self.locked(Status::CREATED, lock, state);
        Ok(match representation::validators(&facts, SystemTime::now()).etag {
            Some(tag) => response.with("ETag", tag),
            None => response,
        })
    }

    fn locked(&self, status: Status, lock: &Lock, state: &State) -> Response {
        let token = &lock.token;
        self.discovered(status, lock, SystemTime::now(), state).with("Lock-Token", format_args!("<{token}>"))
    }

    /// The body of every successful response: the lock (§9.10.1).
    fn discovered(&self, status: Status, lock: &Lock, now: SystemTime, state: &State) -> Response {
        let mut body = format!("{}<D:prop xmlns:D=\"DAV:\"><D:lockdiscovery>", multistatus::DECLARATION);
        let root = self.hrefs.path(shown(&lock.path, &self.path, &self.principal, state), lock.is_directory);
        write_lock(lock, &root, now, &mut body);
        body.push_str("</D:lockdiscovery></D:prop>\n");
        xml(status, body)
    }

    fn refuse_lock(&self, why: &LockError, state: &State) -> Response {
        match why {
            LockError::No(why) => self.refuse(why, state),
            LockError::Busy => busy(),
            LockError::Folder(error) => error_response::of(error),
        }
    }

    fn refuse(&self, why: &NoLock, state: &State) -> Response {
        match why {
            NoLock::Conflict(paths) => {
                let paths: Vec<_> = paths
                    .iter()
                    .map(|path| self.hrefs.path(shown(path, &self.path, &self.principal, state), false))
                    .collect();
                let body = multistatus::error_at("no-conflicting-lock", paths.iter().map(String::as_str));
                xml(Status::LOCKED, body)
            }
            NoLock::TooMany => {
                let text = "there are too many locks (end some, or wait until they end)\n";
                Response::text(Status::INSUFFICIENT_STORAGE, text)
            }
        }
    }
}

/// The response if changes that began earlier do not end.
fn busy() -> Response {
    let text = "the folder is being changed; try again later\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
}
