//! Text that is wiped from memory when it is dropped, and never printed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A password, a token, or text that contains one.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// This text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A build without `accounts` has no crate that wipes memory.
#[cfg(feature = "accounts")]
impl Drop for SecretText {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
