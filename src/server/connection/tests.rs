//! Tests of a connection, over real sockets.

mod jobs;
mod turns;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::*;
use crate::access::{Access, Rights};
use crate::blocking::Blocking;
use crate::folder::{Folder, Litter, OnConflict, Rules};
use crate::http::body::Framing;
use crate::http::persistence::CloseReason;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::net::poller::Interest;
use crate::server::client_key::ClientKey;
use crate::server::connection::phase::ReceivingBody;
use crate::server::connections::lead::Lead;
use crate::server::connections::slot::Capacity;
use crate::server::connections::table::ConnectionTable;
use crate::server::directory_changes::DirectoryChanges;
use crate::server::jobs::JobKind;
use crate::server::jobs::client::CROWDED;
use crate::server::jobs::deferred::Deferred;
use crate::server::jobs::fair_permits::FairPermits;
use crate::server::jobs::{Chores, Jobs};
use crate::server::moment::Moment;
use crate::server::observe::Observers;
use crate::server::readiness::ReadinessChecks;
use crate::server::receive::small_body::SmallBody;
use crate::server::receive::{AfterBody, Job, JobOutcome, Receiving};
use crate::server::runtime::Runtime;
use crate::server::timing::{Deadline, IdleClock, KeepAlive};
use crate::server::waker::Waker;
use crate::server::{AllowedHosts, Base, Cache, Digests, Permits, TrustedProxies};
use crate::stop::Stop;

/// A request of a program on this machine.
fn exchange(state: &State) -> Exchange {
    let client = ClientAddress::of_peer(Peer::Unix(None));
    Exchange::of_no_head(b"", client, CloseReason::BodyUnread, Moment::now(), state)
}

fn work(job: Job, exchange: Exchange) -> Box<Work> {
    let job = Deferred::new(job, &Chores::new().0);
    Box::new(Work {
        job,
        exchange,
        waits: false,
        rest: None,
        descriptors: 1,
        kind: JobKind::General,
        begun: None,
    })
}

/// A turn on a thread that may block.
fn turn<'a>(state: &'a State, jobs: &'a Jobs<Task>, input: &'a mut Input, timeout: Duration) -> Turn<'a> {
    Turn { state, input, timeout, disk: Disk::OwnThread, may_open: true, jobs }
}

pub(in crate::server) fn state(root: &std::path::Path, stall: Duration) -> State {
    let rules = Rules {
        hidden: false,
        litter: Litter::Save,
        read_only: false,
        reserve: 0,
        on_conflict: OnConflict::Refuse,
        max_upload: None,
        durable: false,
        trash: None,
        trash_size: None,
        stall,
    };
    State {
        lead: Arc::new(Lead::new(1)),
        folder: Folder::open_at(root, rules).expect("a folder"),
        access: Access::new(Rights::VIEW.with(Rights::SAVE)),
        root: root.to_owned(),
        cache: Cache::default(),
        changes: Arc::new(DirectoryChanges::new(2, Arc::new(Waker::new().expect("a descriptor")))),
        blocking: Permits::new(1),
        chores: Chores::new().0,
        trash_sweeps: Permits::new(1),
        readiness: ReadinessChecks::default(),
        archives: FairPermits::new(1),
        searches: FairPermits::new(1),
        copies: FairPermits::new(1),
        listings: Permits::new(1),
        large_send_buffers: Permits::new(1),
        spin_permits: Permits::new(1),
        digests: Digests::default(),
        #[cfg(feature = "thumbs")]
        thumbs: None,
        #[cfg(feature = "archive")]
        crcs: Arc::default(),
        #[cfg(feature = "archive")]
        zip_memory: FairPermits::new(crate::server::handle::archive::ZIP_PERMITS),
        allowed_hosts: AllowedHosts::new(Vec::new()),
        base: Base::default(),
        grace: Duration::ZERO,
        proxies: TrustedProxies::default(),
        keep_alive: KeepAlive::Dynamic,
        stall,
        idle: Arc::new(IdleClock::new(None, Moment::now())),
        stop: Stop::new().expect("a descriptor"),
        tcp: Vec::new(),
        trust_html: false,
        index: None,
        allow_exit: false,
        #[cfg(feature = "dav")]
        dav: None,
        chat: None,
        observers: Observers::default(),
        tls: None,
        accounts: None,
        #[cfg(feature = "accounts")]
        ambient_users: crate::server::ambient_users::AmbientUsers::default(),
        udp_read_only: false,
    }
}

/// A connection, and its client's end.
pub(in crate::server) fn transport() -> (Transport, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = listener.local_addr().and_then(std::net::TcpStream::connect).expect("a connection");
    let (server, peer) = listener.accept().expect("a connection");
    server.set_nonblocking(true).expect("set");
    (Transport::Tcp(server, peer), client)
}
