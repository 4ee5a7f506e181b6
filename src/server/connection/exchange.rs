//! One request and its response, as the observers see them.

use std::cell::Cell;
use std::sync::Arc;

use crate::http::body::Framing;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::request::{Head, HttpVersion, Method, UnsupportedMethod};
use crate::http::status::Status;
use crate::http::target::Target;
use crate::server::accounts::credential::Credential;
use crate::server::filter::Wanted;
use crate::server::moment::Moment;
use crate::server::observe::FinishedRequest;
use crate::server::observe::access_log::{ACCESS, LoggedUser};
use crate::server::observe::request_line;
use crate::server::request::ClientAddress;
use crate::server::state::State;
use crate::server::timing::Active;

/// A buffer that a long target has made larger than this, in bytes, is freed after its exchange.
const SPARE_LIMIT: usize = 1024;

thread_local! {
    /// The buffer of the last request line, kept for the next. A connection that waits for a request does not
    /// keep a buffer.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The data of a request that is kept until its response has been sent.
#[derive(Debug)]
pub(in crate::server) struct Exchange {
    /// The request line as it is logged; empty if no observer needs it.
    line: Vec<u8>,
    began: Moment,
    /// The client.
    pub client: ClientAddress,
    /// The HTTP version of the client.
    pub version: HttpVersion,
    /// Whether the response is to a HEAD request: it has no content.
    pub to_head: bool,
    /// What the filters need to know about the request.
    pub wanted: Wanted,
    /// The credential of the request; `None` if the request is anonymous.
    pub credential: Option<Arc<Credential>>,
    /// Whether the connection is kept afterwards.
    pub persistence: Persistence,
    /// The file that was saved, for the recorder.
    pub saved: Option<std::path::PathBuf>,
    _active: Active,
}

impl Exchange {
    /// The exchange for a head that was parsed from these bytes.
    pub(super) fn of(
        head: &Head<'_, '_>,
        bytes: &[u8],
        client: ClientAddress,
        began: Moment,
        state: &State,
    ) -> Self {
        let persistence = Persistence::of_message(head.version, head.fields);
        let has_body = head.framing != Framing::Empty;
        let unread =
            if head.method == Ok(Method::Patch) { CloseReason::PieceUnread } else { CloseReason::BodyUnread };
        let is_tunnel =
            head.method == Err(UnsupportedMethod::Tunnel) || matches!(head.target, Target::Authority(_));
        Self {
            line: logged_line(bytes, state),
            began,
            client,
            version: head.version,
            to_head: head.method == Ok(Method::Head),
            wanted: Wanted::by(head.fields),
            credential: None,
            persistence: persistence
                .unless(state.stop.is_near(), CloseReason::Stopping)
                .unless(is_tunnel, CloseReason::Tunnel)
                // Overridden by `body_was_read`.
                .unless(has_body, unread),
            saved: None,
            _active: state.idle.begin(),
        }
    }

    /// The exchange for bytes that are not a valid and complete head.
    pub(super) fn of_no_head(
        bytes: &[u8],
        client: ClientAddress,
        why: CloseReason,
        began: Moment,
        state: &State,
    ) -> Self {
        Self {
            line: logged_line(bytes, state),
            began,
            client,
            version: HttpVersion::Http11,
            to_head: false,
            wanted: Wanted::default(),
            credential: None,
            persistence: Persistence::Close(why),
            saved: None,
            _active: state.idle.begin(),
        }
    }

    /// Whether the credentials of the request are no longer valid.
    pub(super) fn has_lost_rights(&self) -> bool {
        self.credential.as_ref().is_some_and(|credential| !credential.holds())
    }

    /// Call when the whole body has been read: the connection need not be closed because of the body.
    pub(super) fn body_was_read(&mut self) {
        if let Persistence::Close(CloseReason::BodyUnread | CloseReason::PieceUnread) = self.persistence {
            self.persistence = Persistence::Keep;
        }
    }

    /// The user for the log. For a request through a link, this is the link, not the user who made it.
    fn logged_user(&self) -> LoggedUser<'_> {
        match (&self.wanted.link, &self.wanted.user) {
            (Some(link), _) => LoggedUser::Link(&link.id),
            (None, Some(user)) => LoggedUser::Named(&user.name),
            (None, None) => LoggedUser::Nobody,
        }
    }

    /// Tells the observers how the exchange has ended. Call it once, at the end.
    pub(super) fn note(&mut self, status: Status, bytes: u64, state: &State) {
        if let Some(link) = self.wanted.link.as_ref().filter(|_| !self.line.is_empty()) {
            request_line::name_link(&mut self.line, &link.id);
        }
        let Self { client, began, .. } = *self;
        let user = state.accounts.is_some().then(|| self.logged_user());
        let saved = self.saved.as_deref();
        state.observers.note(&FinishedRequest {
            client,
            user,
            line: &self.line,
            status,
            bytes,
            began,
            saved,
        });
        if let Persistence::Close(why) = self.persistence {
            log::debug!(target: ACCESS, "{} closed: {why}", self.client);
        }
        let line = std::mem::take(&mut self.line);
        if line.capacity() <= SPARE_LIMIT {
            SPARE.set(line);
        }
    }
}

/// The first line, if an observer needs it.
fn logged_line(bytes: &[u8], state: &State) -> Vec<u8> {
    if !state.observers.need_line() {
        return Vec::new();
    }
    let mut line = SPARE.take();
    line.clear();
    request_line::push(&mut line, bytes);
    line
}
