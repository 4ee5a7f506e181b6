//! The flags that say which certificates are trusted.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::client::tls::{self, Pin, Trust};

/// Printed with `--insecure`.
const INSECURE: &str = "warning: --insecure: certificates are not checked, so others on the network may read and change everything";

/// Which certificates an `https://` address trusts.
#[derive(Debug, Args)]
pub(super) struct TrustArgs {
    /// For https://: trust only the certificates in this PEM file, and those that they have signed
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// For https://: trust only the certificate with this SHA-256 of its DER form; repeatable
    ///
    /// Its names, dates and issuer are then not checked. `openssl x509 -noout -fingerprint -sha256 -in FILE` prints the SHA-256.
    #[arg(long, value_name = "sha256:HEX", conflicts_with = "cacert")]
    pin: Vec<Pin>,
    /// For https://: trust any certificate, so others on the network may read and change everything
    #[arg(long, conflicts_with_all = ["cacert", "pin"])]
    insecure: bool,
}

impl TrustArgs {
    /// Makes this the trust of the process; if that fails, prints why.
    pub(super) fn apply(&self) -> Result<(), ExitCode> {
        let trust = match &self.cacert {
            Some(file) => Trust::only(file)
                .map_err(|error| exit::wrong_usage(&format_args!("wharf: --cacert: {error}")))?,
            None if !self.pin.is_empty() => Trust::Pinned(self.pin.clone()),
            None if self.insecure => {
                exit::say(&INSECURE);
                Trust::Everything
            }
            None => Trust::System,
        };
        tls::trust(trust);
        Ok(())
    }
}
