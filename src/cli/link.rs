//! Opens the links in a command's addresses; asks for their passwords.

use std::fmt::Display;
use std::process::ExitCode;

use super::remote::Remote;
use super::{exit, question};
use crate::client::address::{Endpoint, Resource, ServerAddress};
use crate::client::open_link::{self, LinkOpened};

/// An address over HTTP. The address of a link stands for the content that the link shares.
pub(super) trait LinkAddress {
    /// The server, and the target there.
    fn parts(&self) -> (&Endpoint, String);

    /// Changes the address to this target.
    fn lead_to(&mut self, target: String);
}

impl LinkAddress for Resource {
    fn parts(&self) -> (&Endpoint, String) {
        (&self.server, self.target.clone())
    }

    fn lead_to(&mut self, target: String) {
        self.target = target;
    }
}

impl LinkAddress for ServerAddress {
    fn parts(&self) -> (&Endpoint, String) {
        (&self.server, self.resolve("/", false))
    }

    fn lead_to(&mut self, target: String) {
        *self = self.at_target(target);
    }
}

/// What a command does with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkUse {
    /// It downloads or lists, which a link that only takes files does not allow.
    Read,
    /// It changes something.
    Change,
}

/// Opens the links of these addresses, without changing the addresses. If that fails, prints why.
pub(super) fn open_all<'a, A: LinkAddress + Clone + 'a>(
    addresses: impl IntoIterator<Item = &'a A>,
) -> Result<(), ExitCode> {
    addresses.into_iter().try_for_each(|address| open(&mut Remote::Http(address.clone()), LinkUse::Change))
}

/// Opens the link of an address, if it has one. If that fails, prints why.
pub(super) fn open<A: LinkAddress>(remote: &mut Remote<A>, purpose: LinkUse) -> Result<(), ExitCode> {
    let Remote::Http(address) = remote else { return Ok(()) };
    let failed = |error: &dyn Display| exit::failed(&format_args!("wharf: cannot open the link: {error}"));
    let mut password = None;
    loop {
        let (server, target) = address.parts();
        match open_link::open(server, &target, password.as_ref()) {
            Ok(LinkOpened::DropAt(_)) if purpose == LinkUse::Read => {
                let text = "wharf: this link only takes files (wharf put FILE --to LINK sends one)";
                return Err(exit::failed(&text));
            }
            Ok(LinkOpened::At(target) | LinkOpened::DropAt(target)) => {
                address.lead_to(target);
                return Ok(());
            }
            Ok(LinkOpened::NeedsPassword) if password.is_some() => {
                return Err(failed(&"the password is wrong"));
            }
            Ok(LinkOpened::NeedsPassword) => {}
            Err(error) => return Err(failed(&error)),
        }
        let asked = question::ask("Password of the link: ");
        let cannot = |error| failed(&format_args!("cannot ask for its password at a terminal: {error}"));
        password = Some(asked.map_err(cannot)?);
    }
}
