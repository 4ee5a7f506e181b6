//! The common parts of the commands that change something on a server.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::credentials::CredentialArgs;
use super::exit;
use super::trust::TrustArgs;
use crate::client::address::Endpoint;
use crate::client::change::{ChangeLine, RemoteChange, is_yes};
use crate::client::error::ClientError;
use crate::client::session::Session;
use crate::client::shown_target::ShownTarget;
use crate::client::timeouts::Timeouts;
use crate::client::typed_line;
use crate::client::undo_cookies::UndoCookies;

/// Printed when Ctrl-C ends a command.
pub(super) const INTERRUPTED: &str = "Interrupted.";

/// How a server is reached, and who the user is there.
#[derive(Debug, Args)]
pub(super) struct ReachArgs {
    /// Give up on a connection after this many seconds with no data
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// Sessions with the servers of a command, one with each, and what they have done so far.
pub(super) struct Changer {
    timeouts: Timeouts,
    undo: Arc<UndoCookies>,
    open: HashMap<Endpoint, Session>,
    /// Servers that cannot be reached, and are not tried again.
    gone: Vec<Endpoint>,
    all_well: bool,
}

impl ReachArgs {
    /// Sessions with the servers of the command.
    pub(super) fn changer(&self) -> Changer {
        let timeouts = Timeouts { silence: Duration::from_secs(self.timeout), least_rate: 0 };
        let undo = Arc::new(UndoCookies::of_this_user());
        Changer { timeouts, undo, open: HashMap::new(), gone: Vec::new(), all_well: true }
    }
}

impl Changer {
    /// The session with this server.
    pub(super) fn with(&mut self, server: &Endpoint) -> &mut Session {
        let (timeouts, undo) = (self.timeouts, &self.undo);
        self.open
            .entry(server.clone())
            .or_insert_with(|| Session::with_timeouts(server.clone(), timeouts).undoable(undo))
    }

    /// The result of this with a server; `None` after an error, which is printed after the name. A server that cannot
    /// be reached is tried once.
    pub(super) fn try_at<T>(
        &mut self,
        server: &Endpoint,
        name: &str,
        act: impl FnOnce(&mut Session) -> Result<T, ClientError>,
    ) -> Option<T> {
        if self.gone.contains(server) {
            return None;
        }
        act(self.with(server)).map_err(|error| self.failed(server, name, &error)).ok()
    }

    /// Prints an error after the name.
    pub(super) fn failed(&mut self, server: &Endpoint, name: &str, error: &ClientError) {
        self.all_well = false;
        if error.is_servers() {
            self.gone.push(server.clone());
        }
        exit::say_about(&ShownTarget(name).path(), error);
    }

    /// Whether nothing has failed.
    pub(super) fn is_well(&self) -> bool {
        self.all_well
    }
}

/// Prints what was done, or would be.
pub(super) fn tell(change: &RemoteChange, is_planned: bool) -> io::Result<()> {
    let line = ChangeLine { change, is_planned };
    if change.is_skipped() {
        exit::say(&line);
        return Ok(());
    }
    writeln!(io::stdout(), "{line}")
}

/// Whether the user can be asked.
pub(super) fn is_at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks at the terminal. The question goes to stderr: stdout may be a file.
pub(super) fn agrees(question: &str) -> io::Result<bool> {
    let mut err = io::stderr();
    err.write_all(question.as_bytes())?;
    err.flush()?;
    let mut line = Vec::new();
    io::BufRead::read_until(&mut io::stdin().lock(), b'\n', &mut line)?;
    Ok(is_yes(&typed_line::text(&line)))
}
