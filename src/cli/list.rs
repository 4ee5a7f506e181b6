//! `wharf list [ADDRESS]`: what a server's folder holds.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::place::{self, Place};
use crate::client::address::Address;
use crate::client::error::Error;
use crate::client::listing::{self, Listing};
use crate::client::session::Session;
use crate::client::tftp;

/// List what a server's folder holds
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The server and the directory: `http://host:port/dir/`, `host:port`, `unix:SOCKET!/dir/` or
    /// `tftp://host:port/dir/` [default: 127.0.0.1:8080]
    #[arg(value_parser = place::of_directory)]
    address: Option<Place<Address>>,
}

/// Runs the command.
pub fn run(args: &ListArgs) -> ExitCode {
    let place = args.address.clone().unwrap_or_else(|| Place::Http(Address::default()));
    match fetch(&place) {
        Ok(listing) => exit::code(listing.show(&mut io::stdout()).map(|()| true)),
        Err(error) => {
            exit::say_about(&name(&place), &error);
            ExitCode::FAILURE
        }
    }
}

/// What was asked for, for an error.
fn name(place: &Place<Address>) -> String {
    match place {
        Place::Http(address) => address.target(""),
        Place::Tftp(site) => format!("/{}", site.path().trim_start_matches('/')),
    }
}

fn fetch(place: &Place<Address>) -> Result<Listing, Error> {
    match place {
        Place::Http(address) => {
            listing::fetch(&mut Session::new(address.server.clone()), &address.target(""))
        }
        Place::Tftp(site) => tftp::list(site, site.path()),
    }
}
