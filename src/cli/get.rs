//! `wharf get ADDRESS…`: downloads files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::client::address::Resource;
use crate::client::download::{self, Saved};
use crate::client::error::Error;
use crate::client::session::Session;

/// Download files
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What to download: `http://host:port/path`, `host:port/path` or `unix:SOCKET!/path`
    #[arg(required = true, value_name = "ADDRESS", value_parser = Resource::parse)]
    addresses: Vec<Resource>,
    /// Where downloads go; made when missing
    #[arg(long, default_value = "downloads")]
    dir: PathBuf,
}

/// Runs the command.
pub fn run(args: &GetArgs) -> ExitCode {
    exit::code(get_all(args))
}

/// Fetches one file after the other; whether all came.
fn get_all(args: &GetArgs) -> io::Result<bool> {
    let mut all_well = true;
    for resource in &args.addresses {
        match fetch(resource, &args.dir) {
            Ok(saved) => writeln!(io::stdout(), "{saved}")?,
            Err(error) => {
                all_well = false;
                exit::say_about(&resource.target, &error);
            }
        }
    }
    Ok(all_well)
}

/// Fetches a file from whichever kind of server it is on: another kind of address is another arm here.
fn fetch(resource: &Resource, dir: &Path) -> Result<Saved, Error> {
    download::fetch(&mut Session::new(resource.server.clone()), &resource.target, dir)
}
