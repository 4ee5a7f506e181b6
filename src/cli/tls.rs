//! The flags of `wharf serve` about TLS.

use std::path::{Path, PathBuf};

use clap::Args;

use super::containment;
use super::exit::Failure;
use crate::server::{PairFiles, Tls, TlsFiles, TlsRules};

/// The flags of `wharf serve` about TLS.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TlsArgs {
    /// Serve HTTPS with this certificate and its issuers', in PEM; read again when it changes, and on SIGHUP; can be
    /// repeated: clients get the first that has the name they ask for, or else the first of all
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Vec<PathBuf>,
    /// The private key of the certificate, in PEM, outside the folder
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Vec<PathBuf>,
    /// With --tls-cert, serve only clients with a certificate that one of the issuers in this PEM file has signed; read
    /// again as --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// With --tls-cert, close connections without TLS, instead of redirecting GET and HEAD to HTTPS
    #[arg(long, requires = "tls_cert")]
    no_plain: bool,
    /// With --tls-cert, tell browsers to use only HTTPS for this host, on every port, for this many seconds
    #[arg(long, value_name = "SECONDS", requires = "tls_cert")]
    hsts: Option<u64>,
}

impl TlsArgs {
    /// Reads the certificates, if there are any; none of the files may be in the folder `root`.
    pub(super) fn read(&self, root: &Path, has_tftp: bool) -> Result<Option<Tls>, Failure> {
        if has_tftp && self.tls_client_ca.is_some() {
            let why = "--tls-client-ca cannot be used with TFTP, whose clients have no certificates (leave out --udp, and \
                       UDP sockets of systemd)";
            return Err(why.into());
        }
        let (certificates, keys) = (&self.tls_cert, &self.tls_key);
        if certificates.len() != keys.len() {
            let (certificates, keys) = (certificates.len(), keys.len());
            return Err(format!(
                "each --tls-cert needs its --tls-key ({certificates} and {keys} were given)"
            )
            .into());
        }
        if certificates.is_empty() {
            return Ok(None);
        }
        let pairs = certificates.iter().zip(keys);
        let pairs =
            pairs.map(|(certificate, key)| PairFiles { certificate: certificate.clone(), key: key.clone() });
        let root = root.to_owned();
        let check = move |path: &Path| containment::ensure_outside(path, &root);
        let rules = TlsRules { plain: !self.no_plain, hsts: self.hsts };
        let files = TlsFiles { pairs: pairs.collect(), client_ca: self.tls_client_ca.clone() };
        Ok(Some(Tls::new(files, rules, Box::new(check))?))
    }
}
