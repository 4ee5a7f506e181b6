//! `wharf list [ADDRESS]`: what a server's folder holds.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::client::address::Address;
use crate::client::error::Error;
use crate::client::listing::{self, Listing};
use crate::client::session::Session;

/// List what a server's folder holds
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The server and the directory: `http://host:port/dir/`, `host:port` or `unix:SOCKET!/dir/`
    /// [default: 127.0.0.1:8080]
    #[arg(value_parser = Address::parse)]
    address: Option<Address>,
}

/// Runs the command.
pub fn run(args: &ListArgs) -> ExitCode {
    let address = args.address.clone().unwrap_or_default();
    match fetch(&address) {
        Ok(listing) => exit::code(listing.show(&mut io::stdout()).map(|()| true)),
        Err(error) => {
            exit::say(&error);
            ExitCode::FAILURE
        }
    }
}

/// Asks whichever kind of server it is: another kind of address is another arm here.
fn fetch(address: &Address) -> Result<Listing, Error> {
    listing::fetch(&mut Session::new(address.server.clone()), &address.target(""))
}
