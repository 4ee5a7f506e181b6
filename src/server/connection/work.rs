//! A job in progress, and the request that it belongs to.

use std::time::Duration;

use crate::http::body::BodyDecoder;
use crate::server::connection::exchange::Exchange;
use crate::server::jobs::JobKind;
use crate::server::jobs::deferred::Deferred;
use crate::server::moment::Moment;
use crate::server::receive::Job;
use crate::server::request::ClientAddress;
use crate::server::state::State;

/// How long a job in several steps continues after its client has shut down its sending side. Most such clients have
/// closed the connection, which looks the same. A client that still reads gets its response if the job finishes in this
/// time.
pub(super) const HALF_CLOSED: Duration = Duration::from_secs(3);

/// A job, and the request that it belongs to.
pub(crate) struct Work {
    pub(super) job: Deferred<Job>,
    pub(super) exchange: Exchange,
    /// Whether the client waits for `100 Continue`.
    pub(super) waits: bool,
    /// Decodes the rest of the body, if the body is incomplete.
    pub(super) rest: Option<BodyDecoder>,
    /// How many descriptors the job and its connection hold.
    pub(super) descriptors: u32,
    pub(super) kind: JobKind,
    /// When the first of several steps finished.
    pub(super) begun: Option<Moment>,
}

impl Work {
    /// The rest of a request after its password was checked. It waits for the store that servers share. A change of the password
    /// ends the session of the request, so its credential no longer matters.
    pub(super) fn asks_store(job: Job, mut exchange: Exchange, state: &State) -> Box<Self> {
        exchange.credential = None;
        let (job, kind) = (Deferred::new(job, &state.chores), JobKind::AsksStore);
        Box::new(Self { job, exchange, waits: false, rest: None, descriptors: 1, kind, begun: None })
    }

    /// The client of the request.
    pub(crate) fn client(&self) -> ClientAddress {
        self.exchange.client
    }

    /// How many descriptors it holds, including those of its connection.
    pub(crate) fn descriptors(&self) -> u32 {
        self.descriptors
    }

    /// Whether the job has taken long. If so, a client that has shut down its sending side is considered gone.
    pub(crate) fn takes_long(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() > HALF_CLOSED)
    }

    /// Which kind of job it is.
    pub(crate) fn kind(&self) -> JobKind {
        self.kind
    }

    /// Decodes the rest of the body, if the body is incomplete.
    pub(crate) fn rest(&self) -> Option<&BodyDecoder> {
        self.rest.as_ref()
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
