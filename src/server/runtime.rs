//! The state that all threads of a server share.

use crate::server::broadcaster::Broadcaster;
use crate::server::connection::{Connection, PasswordTask, Task};
use crate::server::connections::table::ConnectionTable;
use crate::server::jobs::Jobs;
use crate::server::jobs::permits::Permits;
use crate::server::state::State;

#[derive(Debug)]
pub(super) struct Runtime {
    /// What all handlers use.
    pub state: State,
    /// The connections that wait for their client.
    pub table: ConnectionTable<Connection>,
    /// The jobs that wait for a thread.
    pub jobs: Jobs<Task>,
    /// The requests whose passwords wait to be checked, one at a time.
    pub passwords: Jobs<PasswordTask>,
    /// Serves the event streams.
    pub broadcaster: Broadcaster,
    /// Held by the thread that closes connections to free descriptors.
    pub shedding: Permits,
}
