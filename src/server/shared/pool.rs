//! Connections to the store.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value, cmd};

use super::replies;
use crate::blocking::Blocking;
use crate::server::jobs::MOST_ASKING;
use crate::server::store_error::StoreError;

/// How long a connection, and each answer, may take. A slow store still answers within it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many idle connections are kept: as many as jobs may wait at once.
const IDLE: usize = MOST_ASKING;

pub(super) struct Pool {
    servers: Vec<ConnectionInfo>,
    /// The server that was the primary last time.
    preferred: AtomicUsize,
    /// Whether the primary had a replica when it was last asked: messages then wait for it.
    has_replica: AtomicBool,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(servers: Vec<ConnectionInfo>) -> Self {
        Self {
            servers,
            preferred: AtomicUsize::new(0),
            has_replica: AtomicBool::new(false),
            idle: Mutex::default(),
        }
    }

    /// A new connection to the primary: the addresses are tried in turn, from the latest primary on.
    pub(super) fn connect(&self, _: Blocking<'_>) -> Result<Connection, StoreError> {
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.servers.len());
        let mut failed = Vec::new();
        for index in (0..count).map(|offset| (first + offset) % count) {
            let server = &self.servers[index];
            match self.connect_to(server) {
                Ok(connection) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => failed.push((server.addr().to_string(), error)),
            }
        }
        let is_unavailable = failed.iter().all(|(_, error)| matches!(error, StoreError::Unavailable(_)));
        let each: Vec<_> = failed.into_iter().map(|(at, error)| format!("{at}: {}", reason(error))).collect();
        let why = each.join("; ");
        Err(if is_unavailable { StoreError::Unavailable(why) } else { StoreError::Refused(why) })
    }

    fn connect_to(&self, server: &ConnectionInfo) -> Result<Connection, StoreError> {
        let mut connection = connect(server).map_err(|error| nothing_was_done(of_error(&error)))?;
        self.confirm(&mut connection)?;
        Ok(connection)
    }

    /// Like [`Pool::find_replica`], before anything else is asked for: an error means that nothing was done.
    pub(super) fn confirm(&self, connection: &mut Connection) -> Result<(), StoreError> {
        self.find_replica(connection).map_err(nothing_was_done)
    }

    /// Asks whether this is the primary, and whether it has a replica. Both may change while a connection exists.
    pub(super) fn find_replica(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let role: Value = cmd("ROLE").query(connection).map_err(|error| of_error(&error))?;
        let replicas = replies::replicas(&role).ok_or_else(|| {
            StoreError::Unavailable("it is a replica, which is read-only (name the primary)".into())
        })?;
        self.has_replica.store(replicas > 0, Ordering::Relaxed);
        Ok(())
    }

    /// Whether messages wait for a replica.
    pub(super) fn has_replica(&self) -> bool {
        self.has_replica.load(Ordering::Relaxed)
    }

    /// Calls `ask` with a connection. If it fails, the connection is closed.
    pub(super) fn with<T>(
        &self,
        disk: Blocking<'_>,
        ask: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = idle.map_or_else(|| self.connect(disk), Ok)?;
        let answer = ask(&mut connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Asks again whether the primary has a replica.
    pub(super) fn look(&self, disk: Blocking<'_>) -> Result<(), StoreError> {
        self.with(disk, |connection| self.find_replica(connection))
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn nothing_was_done(error: StoreError) -> StoreError {
    match error {
        StoreError::Unconfirmed(why) => StoreError::Unavailable(why),
        other => other,
    }
}

fn connect(server: &ConnectionInfo) -> RedisResult<Connection> {
    let connection = Client::open(server.clone())?.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// What an error means.
pub(super) fn of_error(error: &RedisError) -> StoreError {
    let is_answer = error.code().is_some()
        || matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig);
    if !is_answer {
        return StoreError::Unconfirmed(error.to_string());
    }
    if matches!(error.code(), Some("LOADING" | "MASTERDOWN")) {
        return StoreError::Unavailable(error.to_string());
    }
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    let advice = match error.code() {
        Some("OOM") => " (raise maxmemory, or let it evict other keys)",
        Some("READONLY") => " (name the primary)",
        Some("NOAUTH" | "WRONGPASS") => " (the password is missing or wrong)",
        _ if error.kind() == ErrorKind::AuthenticationFailed => " (the password is missing or wrong)",
        _ => "",
    };
    StoreError::Refused(format!("{text}{advice}"))
}

fn reason(error: StoreError) -> String {
    let (StoreError::Unavailable(why) | StoreError::Refused(why) | StoreError::Unconfirmed(why)) = error;
    why
}
