//! The certificate that the server makes for itself, and keeps in its state directory.
//!
//! The key is made once, and stays. The certificate is replaced when it expires soon or lacks a name, even
//! while the server runs. Servers that share a state directory share both: the first one makes them, and the
//! others read them.

mod facts;
mod judge;
mod make;
mod names;

use std::fmt::Display;
use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use self::facts::OwnCertificate;
use self::judge::{Judgement, Reason, judge, listed};
use self::make::make;
pub use self::names::Reachable;
use super::files::TlsSetupError;
use super::pair::PairFiles;
use crate::printable::Printable;
use crate::server::random;
use crate::server::state_directory::{LockedState, StateDirectory};

/// Its files in the state directory.
const CERTIFICATE: &str = "tls-cert.pem";
const KEY: &str = "tls-key.pem";

/// The certificate that the server makes for itself.
#[derive(Debug)]
pub struct SelfSigned {
    directory: StateDirectory,
    reachable: Reachable,
    /// As it was last read or made.
    current: Mutex<Option<OwnCertificate>>,
    /// The error of the last attempt; logged when it changes, not at each attempt.
    trouble: Mutex<Option<String>>,
}

impl SelfSigned {
    /// A certificate in this directory, for a server with these names and addresses.
    pub fn new(directory: StateDirectory, reachable: Reachable) -> Self {
        Self { directory, reachable, current: Mutex::default(), trouble: Mutex::default() }
    }

    /// Its files.
    pub(super) fn files(&self) -> PairFiles {
        PairFiles { certificate: self.directory.file(CERTIFICATE), key: self.directory.file(KEY) }
    }

    /// Its fingerprint.
    pub(super) fn fingerprint(&self) -> Option<String> {
        self.current().as_ref().map(|own| own.fingerprint.to_string())
    }

    /// Whether it has to be replaced, as far as can be told without reading its files.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        judge(self.current().as_ref(), &self.reachable.names(), now) != Judgement::Keep
    }

    /// Makes the certificate, if there is none that can be kept.
    pub(super) fn ensure(&self, now: SystemTime) -> Result<(), TlsSetupError> {
        let state = self.directory.lock().map_err(|error| TlsSetupError::line(&error))?;
        let key = self.key(&state)?;
        let path = self.directory.file(CERTIFICATE);
        let there =
            state.read(CERTIFICATE).map_err(|error| TlsSetupError::of("certificate", &path, error))?;
        let found = there.as_ref().and_then(|text| read(text, &key));
        let is_damaged = there.is_some() && found.is_none();
        let own = match judge(found.as_ref(), &self.reachable.names(), now) {
            Judgement::Keep => found,
            Judgement::Make(names, reason) => {
                let text = make(&key, &names, now, random::bytes()).map_err(|error| self.unmade(&error))?;
                state.replace(CERTIFICATE, text.as_bytes()).map_err(|error| self.unmade(&error))?;
                let own = read(text.as_bytes(), &key);
                if is_damaged {
                    log::warn!("{} was not a certificate of the key beside it", Printable::path(&path));
                }
                announce(own.as_ref(), &reason);
                own
            }
        };
        *self.current() = own;
        Ok(())
    }

    /// Like [`SelfSigned::ensure`], while the server runs: errors are logged. Returns whether it succeeded.
    pub(super) fn ensure_again(&self, now: SystemTime) -> bool {
        let error = self.ensure(now).err().map(|error| error.to_string());
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error.as_ref().filter(|error| trouble.as_ref() != Some(error)) {
            log::error!("{error}; the previous certificate stays in use");
        }
        *trouble = error;
        trouble.is_none()
    }

    /// The key. It is made if there is none; a file that is not a key is left alone.
    fn key(&self, state: &LockedState) -> Result<KeyPair, TlsSetupError> {
        let path = self.directory.file(KEY);
        let cannot_use = |why: &dyn Display| TlsSetupError::of("key", &path, why);
        let Some(text) = state.read_secret(KEY).map_err(|error| cannot_use(&error))? else {
            let key = KeyPair::generate().map_err(|error| self.unmade(&error))?;
            return match state.create(KEY, key.serialize_pem().as_bytes()) {
                // Where there are no locks, another server may have been faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => self.key(state),
                Err(error) => Err(self.unmade(&error)),
                Ok(()) => Ok(key),
            };
        };
        let key = str::from_utf8(&text).ok().and_then(|text| KeyPair::from_pem(text).ok());
        key.ok_or_else(|| {
            cannot_use(&"it is not a key that wharf has made (remove it, and wharf makes a new one)")
        })
    }

    fn unmade(&self, error: &dyn Display) -> TlsSetupError {
        let path = self.directory.file(CERTIFICATE);
        let path = Printable::path(&path);
        TlsSetupError::line(&format_args!("cannot make the certificate {path}: {error}"))
    }

    fn current(&self) -> MutexGuard<'_, Option<OwnCertificate>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a certificate of this key.
fn read(text: &[u8], key: &KeyPair) -> Option<OwnCertificate> {
    let certificate = CertificateDer::from_pem_slice(text).ok()?;
    OwnCertificate::read(&certificate, &key.subject_public_key_info())
}

/// Logs that a certificate was made.
fn announce(own: Option<&OwnCertificate>, reason: &Reason) {
    let Some(own) = own else { return };
    let names = listed(&own.names);
    let fingerprint = own.fingerprint;
    match reason {
        Reason::Missing => log::info!("made a certificate for {names}: {fingerprint}"),
        // Clients that have pinned it will notice.
        _ => log::warn!("made the certificate again, since {reason}; it is for {names}: {fingerprint}"),
    }
}
