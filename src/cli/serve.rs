//! `wharf serve [FOLDER]`: shares a folder.

use std::path::Path;

use rustix::process::geteuid;

use super::exit::Failure;
use super::logging::Verbosity;
use super::outputs::Outputs;
use super::rights_line;
use super::serve_args::ServeArgs;
use super::serve_config::{Prepared, prepare};
use super::{banner, serve_check, signals};
use crate::printable::Printable;
use crate::server::{Accounts, Server, Tls};
use crate::stop::Stop;

/// Runs the command, until the server is stopped.
pub(super) fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut args = args.with_number_as_port();
    args.accounts.users.take_variable()?;
    args.shared.take_variable()?;
    let (log, record) = (args.log_file.as_deref(), args.record.as_deref());
    if args.check {
        Outputs::check(log, record, args.root())?;
        let outputs = Outputs::open(None, Verbosity::Quiet, None, args.root())?;
        let checked = serve_check::run(args, &outputs);
        outputs.flush();
        return checked;
    }
    let outputs = Outputs::open(log, args.verbosity(), record, args.root())?;
    let served = serve(args, &outputs);
    outputs.flush();
    served
}

fn serve(args: ServeArgs, outputs: &Outputs) -> Result<(), Failure> {
    let stop = Stop::new()?;
    let (idle_exit, qr, drain) = (args.idle_exit, args.qr, args.drain);
    let Prepared { config, set_by } = prepare(args, outputs.recorder())?;
    let (reopened, flushed) = (outputs.clone(), outputs.clone());
    let (certificates, accounts) = (config.tls.clone(), config.accounts.clone());
    let hung_up = move || {
        certificates.iter().for_each(Tls::reload_soon);
        accounts.iter().for_each(Accounts::reload_soon);
        if !reopened.reopen() && certificates.is_none() && accounts.is_none() {
            log::info!(
                "SIGHUP is ignored: there is no --log-file, --record, --tls-cert or --users to reopen"
            );
        }
    };
    signals::become_stop(stop.clone(), drain, hung_up, move || flushed.flush())?;
    signals::outlive_file_limit()?;
    let (files, certificates, accounts) = (outputs.clone(), config.tls.clone(), config.accounts.clone());
    config.folder.follow_if(move || {
        files.ensure_outside()?;
        certificates.iter().try_for_each(Tls::check)?;
        accounts.iter().try_for_each(Accounts::check_file)
    });
    let root = config.root.clone();
    let mut rights = rights_line::of(&config.access, set_by);
    rights.extend(rights_line::without_trash(config.folder.rules()));
    let server = Server::bind(config, stop)?;
    let mut greeting = banner::greeting(&root, &server, idle_exit, rights);
    greeting.extend(qr.code(&server));
    outputs.print_before_log(&greeting);
    log_start(&root, &server, outputs);
    server.run(
        |why| outputs.print(&banner::announcement(why, idle_exit)),
        |client| outputs.print_beside_log(client),
    )?;
    log::info!("stopped");
    outputs.print("\nBye.\n");
    Ok(())
}

/// Logs the content of the greeting, unless the log goes to the terminal that shows the greeting.
fn log_start(root: &Path, server: &Server, outputs: &Outputs) {
    if !outputs.logs_to_terminal() {
        for url in banner::urls(server) {
            log::info!("at {url}");
        }
        if let Some(fingerprint) = server.fingerprint() {
            log::info!("with the certificate {fingerprint}");
        }
        log::info!("serving {}", Printable::path(root));
    }
    if geteuid().is_root() {
        log::warn!(
            "running as root: a bug in wharf could damage the whole system (run it as another user, as in deploy/)"
        );
    }
}
