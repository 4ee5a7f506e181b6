//! The flags of `wharf serve` that say who may do what; `wharf rights` has them too.

use clap::{Args, ValueEnum};

use super::accounts::UsersArgs;
use super::allow::AllowArgs;
use super::exit::Failure;
use super::rights_line::SetBy;
use crate::access::{Access, Right, Rights};

/// The flags that say who may do what.
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
pub(super) struct AccessArgs {
    /// Refuse uploads, new directories and removals
    #[arg(long)]
    pub read_only: bool,
    #[command(flatten)]
    pub allow: AllowArgs,
    /// What to do with an upload whose name exists
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Overwrite)]
    pub on_conflict: Conflict,
    /// Disable the chat
    #[arg(long)]
    pub no_chat: bool,
    /// Let clients stop the server: `shutdown` in `wharf client`, `exit` over TFTP
    #[arg(long)]
    pub allow_exit: bool,
}

/// The values of `--on-conflict`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Conflict {
    /// Replace the old file
    Overwrite,
    /// Refuse the upload
    Refuse,
    /// Save the new file beside the old one, as `a (1).txt`
    Rename,
}

/// Where the clients of a server may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only on the server's machine.
    ThisMachine,
    /// In networks, and on the server's machine.
    Networks,
    /// Anywhere, because they come through a trusted proxy.
    Proxied,
}

impl Reach {
    /// The reach of a server that trusts a proxy, or listens only on this machine.
    pub(super) fn of(trusts_proxy: bool, is_for_this_machine: bool) -> Self {
        match (trusts_proxy, is_for_this_machine) {
            (true, _) => Self::Proxied,
            (false, true) => Self::ThisMachine,
            (false, false) => Self::Networks,
        }
    }
}

impl AccessArgs {
    /// Who may do what in the folder. By default, clients on other machines may not replace files; nor may the clients of a
    /// proxy.
    pub(super) fn access(&self, users: &UsersArgs, reach: Reach) -> Result<Access, Failure> {
        const REPLACE: Rights = Rights::of(&[Right::Replace]);
        let kept = match self.on_conflict {
            Conflict::Overwrite if !self.read_only => Rights::NONE,
            _ => REPLACE,
        };
        // Without rules, `admin` is only useful for stopping the server.
        let exit = if self.allow_exit { Rights::ADMIN } else { Rights::NONE };
        let with_files = |rights: Rights| rights.without(kept).with(Rights::CHAT).with(exit);
        let here = with_files(Rights::VIEW.with(Rights::SAVE));
        let elsewhere = here.without(REPLACE);
        let default = || match reach {
            Reach::Proxied => Access::new(elsewhere),
            Reach::ThisMachine => Access::new(here),
            Reach::Networks => Access::with_more_on_this_machine(elsewhere, here),
        };
        let chat = if self.no_chat { Rights::CHAT } else { Rights::NONE };
        let access = self.allow.access(with_files(Rights::EDIT), users, default)?.withholding(chat);
        Ok(if self.read_only { access.read_only() } else { access })
    }

    /// What sets the rights.
    pub(super) fn set_by(&self, users: &UsersArgs) -> SetBy {
        match (self.allow.is_given(), users.are_given()) {
            (true, _) => SetBy::Rules,
            (false, true) => SetBy::Accounts,
            (false, false) if matches!(self.on_conflict, Conflict::Overwrite) => SetBy::Default,
            (false, false) => SetBy::OnConflict,
        }
    }
}

/// The flag that can take this right from everybody: `--no-chat` takes only `chat`.
pub(super) fn withheld_by(right: Right) -> &'static str {
    if right == Right::Chat { "--no-chat" } else { "--read-only" }
}

#[cfg(test)]
mod tests {
    use super::super::serve_args::ServeArgs;
    use super::*;
    use crate::access::Principal;
    use crate::path::SharePath;

    #[test]
    fn flags_become_rights() {
        let add = Rights::VIEW.with(Rights::of(&[Right::Add]));
        let usual = Rights::VIEW.with(Rights::SAVE).with(Rights::CHAT);
        let [here, there] = [None, Some([192, 0, 2, 1].into())].map(Principal::anonymous);
        let rights = |args: &ServeArgs, reach, principal| {
            let access = args.access.access(&args.accounts.users, reach).expect("valid");
            access.rights(principal, &SharePath::root())
        };
        let args = ServeArgs::default();
        let both = |reach| [&here, &there].map(|principal| rights(&args, reach, principal));
        assert_eq!(both(Reach::of(false, true)), [usual; 2], "nobody else can reach it");
        assert_eq!(both(Reach::of(false, false)), [usual, add.with(Rights::CHAT)]);
        assert_eq!(both(Reach::of(true, true)), [add.with(Rights::CHAT); 2], "behind a proxy");
        let table: [(&str, fn(&mut AccessArgs), Rights); 6] = [
            ("none", |_| {}, usual),
            ("--read-only", |args| args.read_only = true, Rights::VIEW.with(Rights::CHAT)),
            ("--on-conflict refuse", |args| args.on_conflict = Conflict::Refuse, add.with(Rights::CHAT)),
            ("--on-conflict rename", |args| args.on_conflict = Conflict::Rename, add.with(Rights::CHAT)),
            ("--no-chat", |args| args.no_chat = true, Rights::VIEW.with(Rights::SAVE)),
            ("--allow-exit", |args| args.allow_exit = true, usual.with(Rights::ADMIN)),
        ];
        for (flags, set, expected) in table {
            let mut args = ServeArgs::default();
            set(&mut args.access);
            assert_eq!(rights(&args, Reach::ThisMachine, &here), expected, "{flags}");
        }
    }
}
