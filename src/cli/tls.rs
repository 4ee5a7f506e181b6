//! The flags of `wharf serve` about TLS.

use std::path::{Path, PathBuf};

use clap::Args;

use super::containment;
use super::exit::Failure;
use super::state::StateArgs;
use crate::printable::Printable;
use crate::server::{Certificates, Config, PairFiles, Reachable, SelfSigned, Tls, TlsRules};

/// The flags of `wharf serve` about TLS.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TlsArgs {
    /// Serve HTTPS with this certificate and its issuers', in PEM; read again when it changes, and on SIGHUP; can be
    /// repeated: clients get the first that has the name they ask for, or else the first of all
    #[arg(long, value_name = "FILE", requires = "tls_key", group = "certificate")]
    tls_cert: Vec<PathBuf>,
    /// The private key of the certificate, in PEM, outside the folder
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Vec<PathBuf>,
    /// Serve HTTPS with a certificate that wharf makes for its addresses and names, keeps in --state, and renews; clients
    /// must trust its fingerprint, which is printed
    #[arg(long, group = "certificate")]
    tls_self_signed: bool,
    /// With a certificate, serve only clients with a certificate that one of the issuers in this PEM file has signed; read
    /// again like --tls-cert
    #[arg(long, value_name = "FILE", requires = "certificate")]
    tls_client_ca: Option<PathBuf>,
    /// With a certificate, close connections without TLS, instead of redirecting GET and HEAD to HTTPS
    #[arg(long, requires = "certificate")]
    no_plain: bool,
    /// With a certificate, tell browsers to use only HTTPS for this host, on every port, for this many seconds
    #[arg(long, value_name = "SECONDS", requires = "certificate")]
    hsts: Option<u64>,
}

impl TlsArgs {
    /// Whether the server makes its certificate itself, and keeps it.
    pub(super) fn keeps_state(&self) -> bool {
        self.tls_self_signed
    }

    /// Where each secret comes from, as text for the user.
    pub(super) fn origins(&self) -> Vec<(&'static str, String)> {
        let own = self.tls_self_signed.then(|| ("TLS key", "set (--tls-self-signed, in --state)".to_owned()));
        let file = |key: &PathBuf| ("TLS key", format!("set (--tls-key {})", Printable::path(key)));
        self.tls_key.iter().map(file).chain(own).collect()
    }

    /// Reads or makes the certificates, if there are any; none of the files may be in the shared folder.
    pub(super) fn read(&self, state: &StateArgs, config: &Config) -> Result<Option<Tls>, Failure> {
        let has_tftp = !config.listen.udp.is_empty() || !config.listen.inherited.datagrams.is_empty();
        if has_tftp && self.tls_client_ca.is_some() {
            let why = "--tls-client-ca cannot be used with TFTP, whose clients have no certificates (leave out --udp, and \
                       UDP sockets of systemd)";
            return Err(why.into());
        }
        let certificates = if self.tls_self_signed {
            let directory = state.open(config)?;
            let reachable = Reachable::new(config.listen.tcp_addresses(), config.allowed_hosts.clone());
            Certificates::SelfSigned(SelfSigned::new(directory, reachable))
        } else {
            let files = self.files()?;
            if files.is_empty() {
                return Ok(None);
            }
            Certificates::Files(files)
        };
        let root = config.root.clone();
        let check = move |path: &Path| containment::ensure_outside(path, &root);
        let rules = TlsRules { plain: !self.no_plain, hsts: self.hsts };
        Ok(Some(Tls::new(certificates, self.tls_client_ca.clone(), rules, Box::new(check))?))
    }

    /// The files of each certificate and its key.
    fn files(&self) -> Result<Vec<PairFiles>, Failure> {
        let (certificates, keys) = (&self.tls_cert, &self.tls_key);
        if certificates.len() != keys.len() {
            let (certificates, keys) = (certificates.len(), keys.len());
            return Err(format!(
                "each --tls-cert needs its --tls-key ({certificates} and {keys} were given)"
            )
            .into());
        }
        let pairs = certificates.iter().zip(keys);
        Ok(pairs
            .map(|(certificate, key)| PairFiles { certificate: certificate.clone(), key: key.clone() })
            .collect())
    }
}
