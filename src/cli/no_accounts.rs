//! A build without accounts: `wharf serve` has no flags for them.

use clap::Args;

use super::exit::{Failure, WrongUsage};
use super::state::StateArgs;
use crate::access::{Subject, User};
use crate::server::{Accounts, Config};

/// No flags.
#[derive(Debug, Default, Args)]
pub(super) struct UsersArgs {}

/// No flags.
#[derive(Debug, Default, Args)]
pub(super) struct AccountsArgs {
    #[command(flatten)]
    pub users: UsersArgs,
}

#[allow(clippy::unused_self, clippy::unnecessary_wraps)]
impl UsersArgs {
    /// There is no password to take.
    pub(super) fn take_variable(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// There are none.
    pub(super) fn are_given(&self) -> bool {
        false
    }

    /// Nobody is a user.
    pub(super) fn ensure_known(&self, subject: &Subject) -> Result<(), Failure> {
        if *subject == Subject::Everyone {
            return Ok(());
        }
        let why = format!("--allow: a rule is for {subject}, and this build has no accounts (use everyone)");
        Err(WrongUsage(why).into())
    }

    /// There are none.
    pub(super) fn find(&self, _: &str) -> Result<User, Failure> {
        Err(WrongUsage("this build has no accounts (leave out USER)".to_owned()).into())
    }

    /// Nothing does.
    pub(super) fn origin(&self) -> Option<(&'static str, String)> {
        None
    }
}

#[allow(clippy::unused_self, clippy::unnecessary_wraps)]
impl AccountsArgs {
    /// There are none.
    pub(super) fn read(self, _: &StateArgs, _: &Config, _: bool) -> Result<Option<Accounts>, Failure> {
        Ok(None)
    }
}
