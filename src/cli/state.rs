//! `wharf serve --state`: the directory for what the server keeps apart from the folder.

use std::path::{Path, PathBuf};
use std::{env, io};

use clap::Args;

use super::containment;
use super::exit::{Failure, WrongUsage};
use crate::server::{Config, StateDirectory, folder_id};

/// The flag for the state.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct StateArgs {
    /// Keep the certificate of --tls-self-signed, and the sessions, tokens and links of users in this directory, outside the
    /// folder [default: `$STATE_DIRECTORY`, else `~/.local/state/wharf/ID`, where ID is in the folder's `.wharf/id`]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl StateArgs {
    /// Fails if the flag is given and there is nothing to keep.
    pub(super) fn ensure_used(&self, is_used: bool) -> Result<(), Failure> {
        if self.state.is_none() || is_used {
            return Ok(());
        }
        let why = "--state has an effect only with --tls-self-signed, --users, --password or --password-file";
        Err(WrongUsage(why.to_owned()).into())
    }

    /// Opens the directory for the state of this server. It is created if it is missing; it may not be in the shared folder.
    pub(super) fn open(&self, config: &Config) -> Result<StateDirectory, Failure> {
        let path = match self.state.clone().or_else(of_systemd) {
            Some(path) => path,
            None => of_user(config)?,
        };
        let may_be = |path: &Path| containment::ensure_directory_outside(path, &config.root);
        Ok(StateDirectory::open(&path, may_be)?)
    }
}

/// The directory that systemd has made for this service (`StateDirectory=` in its unit), the first of them.
fn of_systemd() -> Option<PathBuf> {
    let all = env::var_os("STATE_DIRECTORY")?;
    env::split_paths(&all).next().filter(|path| path.is_absolute())
}

/// A directory for this folder, among those of this user (XDG Base Directory Specification).
fn of_user(config: &Config) -> Result<PathBuf, Failure> {
    let path = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let all = path("XDG_STATE_HOME").or_else(|| path("HOME").map(|home| home.join(".local/state")));
    let all = all.ok_or(
        "there is no place for the state of the server: neither XDG_STATE_HOME nor HOME is set (name a directory with --state)",
    )?;
    let id =
        folder_id(&config.folder).map_err(|error: io::Error| format!("cannot find the folder: {error}"))?;
    Ok(all.join("wharf").join(id.to_string()))
}
