//! Where the log goes, and how a line of it looks.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use env_logger::{Builder, Env, Target};

/// Begins to log: to this file, which grows, or else to stderr. `RUST_LOG` sets what is logged; every request
/// and every major action, if it does not.
pub fn begin(file: Option<&Path>) -> io::Result<()> {
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    if let Some(path) = file {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        builder.target(Target::Pipe(Box::new(file)));
    }
    builder.format(|out, record| {
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        writeln!(out, "{now} {:<5} {}", record.level(), record.args())
    });
    builder.init();
    // A panic costs one connection and is a line in the log, not a backtrace on somebody's terminal.
    std::panic::set_hook(Box::new(|panic| log::error!("a bug in wharf, please report it: {panic}")));
    Ok(())
}
