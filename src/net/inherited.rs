//! The sockets that somebody else holds for this program, and has handed to it (`LISTEN_FDS`, `sd_listen_fds(3)`).

use std::io;

use listenfd::ListenFd;

use super::datagrams::Datagrams;
use super::listener::Listener;

/// What was handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Where connections come in, over TCP or a Unix-domain socket.
    pub listeners: Vec<Listener>,
    /// Where datagrams come in.
    pub datagrams: Vec<Datagrams>,
}

impl Inherited {
    /// Takes all there are. What each is for, the socket itself tells. The environment is changed, so that programs
    /// which this one starts do not take them for theirs: this is to be called before there is a second thread.
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
                let what = format!("socket {index} is of no kind that wharf serves: TCP, Unix stream or UDP");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        }
        Ok(taken)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.datagrams.is_empty()
    }
}
