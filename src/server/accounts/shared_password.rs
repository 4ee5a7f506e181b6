//! The hash of the password for everybody, kept from one start to the next. Sessions, tokens and links belong to a
//! hash, and each hash has its own salt. With a new hash at each start, all sessions, tokens and links would end.

use std::error::Error;
use std::io;

use super::AccountsSource;
use crate::accounts::password::{Password, PasswordHash};
use crate::blocking::Blocking;
use crate::printable::Printable;
use crate::server::state_directory::StateDirectory;

/// How the name of the file begins; the id of the folder follows.
const FILE_PREFIX: &str = "password-";

impl AccountsSource {
    /// This password for everybody. Its hash is kept in the state directory, and resists guessing like the hash of any
    /// user. If the password differs from that of the last start, it gets a new hash; then the earlier sessions, tokens
    /// and links end.
    pub fn shared(
        password: &Password,
        state: &StateDirectory,
        folder: &str,
        disk: Blocking<'_>,
    ) -> Result<Self, Box<dyn Error>> {
        let name = format!("{FILE_PREFIX}{folder}");
        let path = state.file(&name);
        let path = Printable::path(&path);
        let failed = |error: io::Error| format!("cannot use the hash of the password in {path}: {error}");
        let locked = state.lock()?;
        if let Some(bytes) = locked.read_secret(&name).map_err(failed)? {
            let kept = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok());
            let kept: Option<PasswordHash> = kept;
            match kept {
                Some(hash) if hash.is_of(password, disk) => return Ok(Self::Shared(hash)),
                Some(_) => log::info!("the password is a new one: earlier sessions, tokens and links end"),
                None => log::warn!("{path} has no hash: earlier sessions, tokens and links end"),
            }
        }
        let hash = PasswordHash::of(password, disk)?;
        locked.replace(&name, format!("{}\n", hash.as_str()).as_bytes()).map_err(failed)?;
        Ok(Self::Shared(hash))
    }
}
