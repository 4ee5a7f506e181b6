//! The flags that say which certificates are trusted, and which one the client has.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::client::tls::{self, ClientIdentity, Pin, Trust};

/// Printed with `--insecure`.
const INSECURE: &str = "warning: --insecure: certificates are not checked, so others on the network may read and change everything";

/// Which certificates the client trusts for `https://`, and with which certificate it proves its own identity.
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
    /// For https://: present this certificate, and its issuers', in PEM, to servers that ask for one
    ///
    /// Servers that a redirect leads to do not get it.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl TrustArgs {
    /// Makes this the trust and the identity of the process; if that fails, prints why.
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
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            let identity = ClientIdentity::read(certificate, key)
                .map_err(|error| exit::wrong_usage(&format_args!("wharf: --cert: {error}")))?;
            tls::present(identity);
        }
        Ok(())
    }
}
