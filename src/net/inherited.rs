//! The sockets that a supervisor passes to this program (`LISTEN_FDS`, `sd_listen_fds(3)`).

use std::io;

use listenfd::ListenFd;

use super::datagrams::Datagrams;
use super::listener::Listener;

/// The inherited sockets.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Listening TCP or Unix-domain sockets.
    pub listeners: Vec<Listener>,
    /// UDP sockets.
    pub datagrams: Vec<Datagrams>,
}

impl Inherited {
    /// Takes all sockets. The type of a socket determines its use. This changes the environment, so that child
    /// processes do not use the sockets too. Call it before a second thread starts.
    pub fn take() -> io::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let mut taken = Self::default();
        for index in 0..sockets.len() {
            if let Ok(Some(listener)) = sockets.take_tcp_listener(index) {
                taken.listeners.push(Listener::inherit_tcp(listener)?);
            } else if let Ok(Some(listener)) = sockets.take_unix_listener(index) {
                taken.listeners.push(Listener::inherit_unix(listener)?);
            } else if let Ok(Some(socket)) = sockets.take_udp_socket(index) {
                taken.datagrams.push(Datagrams::inherit(socket)?);
            } else {
                let what = format!("socket {index} is not a TCP, Unix stream or UDP socket");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
        Ok(taken)
    }

    /// Whether no socket was passed.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.datagrams.is_empty()
    }
}
