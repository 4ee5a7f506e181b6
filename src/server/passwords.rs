//! The password thread: it checks one password at a time, fairly between clients, and yields the processors
//! to everything else.

use std::sync::Arc;

use rustix::process::setpriority_process;

use crate::blocking::Blocking;
use crate::server::accounts::PasswordCheck;
use crate::server::connection::after_password::AfterPassword;
use crate::server::connection::{Connection, PasswordTask};
use crate::server::connections::tracked::Tracked;
use crate::server::jobs::{JobKind, Taken};
use crate::server::runtime::Runtime;
use crate::server::shedding;

/// By how much the priority of this thread is lower than the priority of the others. On Linux, each thread has its own
/// priority.
const NICE: i32 = 10;

impl Runtime {
    /// Queues a check.
    pub(super) fn check_later(
        &self,
        mut tracked: Box<Tracked<Connection>>,
        check: Box<PasswordCheck>,
        then: AfterPassword,
    ) {
        let client = check.client.key();
        let excess = tracked.hold(tracked.connection.descriptors(), Some(client));
        // No thread has to be started: the only one exists.
        let _ = self.passwords.push(client, JobKind::General, PasswordTask { tracked, check, then });
        shedding::shed_descriptors(self, excess);
    }

    /// Checks passwords until the server stops. The check is skipped if the client has disconnected, or if it has shut
    /// down its sending side and many of its requests wait.
    pub(super) fn check_passwords(self: &Arc<Self>) {
        let Some(accounts) = &self.state.accounts else { return };
        if let Err(error) = setpriority_process(None, NICE) {
            log::debug!("cannot lower the priority of the password thread: {error}");
        }
        while let Some(Taken { job, kind, client, is_crowded }) = self.passwords.take() {
            let PasswordTask { tracked, check, then } = job;
            if tracked.connection.has_gone(None, is_crowded) {
                log::debug!("{} disconnected; its password is not checked", tracked.connection.sender());
            } else {
                let disk = Blocking::own_thread();
                let checked = accounts.check(&check, disk);
                self.advance(tracked, |connection| {
                    connection.judge(checked, then, check.client, self.timeout(), &self.state, disk)
                });
            }
            // Nothing is held back in this queue.
            self.passwords.done(client, kind);
        }
    }
}
