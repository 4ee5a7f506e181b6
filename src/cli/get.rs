//! `wharf get ADDRESS…`: downloads files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::place::{self, Place};
use crate::client::address::Resource;
use crate::client::download;
use crate::client::error::Error;
use crate::client::session::Session;
use crate::client::tftp;

/// Download files
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What to download: `http://host:port/path`, `host:port/path`, `unix:SOCKET!/path` or `tftp://host:port/path`
    #[arg(required = true, value_name = "ADDRESS", value_parser = place::of_file)]
    addresses: Vec<Place<Resource>>,
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
    for address in &args.addresses {
        let (name, fetched) = match address {
            Place::Http(resource) => (resource.target.as_str(), fetch(resource, &args.dir)),
            Place::Tftp(site) => {
                let moved = tftp::get(site, site.path(), &args.dir);
                (site.path(), moved.map(|moved| moved.to_string()))
            }
        };
        match fetched {
            Ok(saved) => writeln!(io::stdout(), "{saved}")?,
            Err(error) => {
                all_well = false;
                exit::say_about(name, &error);
            }
        }
    }
    Ok(all_well)
}

fn fetch(resource: &Resource, dir: &Path) -> Result<String, Error> {
    let saved = download::fetch(&mut Session::new(resource.server.clone()), &resource.target, dir)?;
    Ok(saved.to_string())
}
