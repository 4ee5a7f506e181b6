//! The flag of `wharf serve` for a chat room and records that several servers share.

use clap::Args;

use super::environment::{hide_memory, take_variable};
use super::exit::{Failure, WrongUsage};
#[cfg(feature = "accounts")]
use crate::accounts::records::{ClusterError, Records, WallTime};
#[cfg(feature = "accounts")]
use crate::blocking::Blocking;
use crate::server::SharedAddress;
#[cfg(feature = "accounts")]
use crate::server::{StoredAttempts, StoredRecords};

/// The environment variable that sets it too.
const VARIABLE: &str = "WHARF_SHARED";

/// The address of the store may have a password, so its `Debug` is not derived.
#[derive(Clone, Default, Args)]
pub(super) struct SharedArgs {
    /// Share the chat room, and the sessions, tokens and links of users, with other servers, through Valkey or Redis:
    /// `redis://HOST:PORT/DB`, `rediss://…` or `unix:/PATH`; several addresses, separated by commas, are tried in turn; `#NAME`
    /// at the end chooses another room than `wharf`
    ///
    /// The variable `WHARF_SHARED` sets it too. Other users can see a password in a flag, but not in the variable.
    #[arg(long, value_name = "URL[,URL][#NAME]")]
    shared: Option<String>,
}

impl SharedArgs {
    /// Takes the address out of the environment. Call it before there is a second thread.
    pub(super) fn take_variable(&mut self) -> Result<(), Failure> {
        let Some(address) = take_variable(VARIABLE) else {
            self.warn_of_password();
            return Ok(());
        };
        if self.shared.is_some() {
            let why = format!("{VARIABLE} is set, and --shared is given too (unset the variable)");
            return Err(WrongUsage(why).into());
        }
        let address = address.into_string().map_err(|_| WrongUsage(format!("{VARIABLE} is not text")))?;
        self.shared = Some(address);
        Ok(())
    }

    /// The store, if one is given. Its password is hidden from now on.
    pub(super) fn address(
        &self,
        has_chat: bool,
        has_accounts: bool,
    ) -> Result<Option<SharedAddress>, Failure> {
        let Some(text) = &self.shared else { return Ok(None) };
        if !has_chat && !has_accounts {
            let why = "--shared is for the chat and for users (leave out --no-chat, or add --users)";
            return Err(WrongUsage(why.to_owned()).into());
        }
        let address = SharedAddress::parse(text).map_err(|error| WrongUsage(format!("--shared: {error}")))?;
        if address.has_password() {
            hide_memory()?;
        }
        Ok(Some(address))
    }

    fn warn_of_password(&self) {
        let address = self.shared.as_deref().and_then(|text| SharedAddress::parse(text).ok());
        if address.is_some_and(|address| address.has_password()) {
            super::exit::say(&format_args!(
                "warning: other users can see the password in --shared, in the list of processes (use {VARIABLE})"
            ));
        }
    }
}

/// The records of a folder in a store that several servers share, and the attempts to log in at other servers. A store that is
/// unavailable may become available; one that refuses this server is an error. With `--check`, it is not asked.
#[cfg(feature = "accounts")]
pub(super) fn records(
    address: SharedAddress,
    folder: &str,
    is_check: bool,
    disk: Blocking<'_>,
) -> Result<(Records, Option<StoredAttempts>), Failure> {
    let now = WallTime::now();
    let attempts = StoredAttempts::new(address.clone(), folder);
    let records = Records::of_cluster(Box::new(StoredRecords::new(address, folder)), now);
    match if is_check { Ok(()) } else { records.follow(now, disk) } {
        Err(ClusterError::Refused(why)) => Err(format!("--shared: {why}").into()),
        Err(ClusterError::Away(_)) | Ok(()) => Ok((records, Some(attempts))),
    }
}

/// Without the address.
impl std::fmt::Debug for SharedArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedArgs").field("is_given", &self.shared.is_some()).finish()
    }
}
