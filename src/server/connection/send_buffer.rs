//! A large send buffer for fast readers.
//!
//! With a small buffer, a worker is woken every few hundred kilobytes, and a long response costs a tenth to a quarter
//! more processor time. With a large buffer, a reader that stalls ties up megabytes in the kernel. So a reader gets the
//! large buffer only after it has received much of a response, and few readers have it at once. At the end of a
//! response, the buffer is small again, so that little is left in the kernel.

use crate::net::transport::{SendBufferSize, Transport};
use crate::server::jobs::permits::{Permit, Permits};

/// How many connections may have the large buffer at once: if all of them stall, they hold 128 MiB of the kernel's
/// memory.
pub(crate) const AT_ONCE: usize = 32;

/// A reader is fast once it has received this many bytes of a response: more than sockets buffer by themselves.
const TAKEN: u64 = 8 * 1024 * 1024;

/// How many bytes must be left for the change to be worth two system calls.
const WORTH: u64 = 4 * SendBufferSize::Large.bytes() as u64;

/// The send buffer of a connection during one response.
#[derive(Debug, Default)]
pub(crate) enum SendBuffer {
    /// The small buffer.
    #[default]
    Small,
    /// The large buffer, for a fast reader.
    Large(Permit),
    /// The small buffer again, at the end of the response. The permit is released with the response.
    Ending(#[allow(dead_code, reason = "it is held")] Permit),
}

impl SendBuffer {
    /// Chooses the buffer for a response that has progressed this far.
    pub(crate) fn adjust(&mut self, stream: &Transport, sent: u64, left: u64, permits: &Permits) {
        *self = match std::mem::take(self) {
            Self::Small if sent >= TAKEN && left >= WORTH => match permits.take() {
                Some(permit) => {
                    stream.set_send_buffer(SendBufferSize::Large);
                    Self::Large(permit)
                }
                None => Self::Small,
            },
            Self::Large(permit) if left <= u64::from(SendBufferSize::Large.bytes()) => {
                stream.set_send_buffer(SendBufferSize::Small);
                Self::Ending(permit)
            }
            same => same,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use socket2::SockRef;

    use super::*;
    use crate::net::listener::Listener;

    #[test]
    fn fast_readers_get_the_large_buffer_until_the_end() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("a listener");
        let accept = || {
            let client = TcpStream::connect(listener.address().to_string()).expect("a connection");
            (listener.accept().expect("no error").expect("it waits"), client)
        };
        let ((one, _a), (other, _b)) = (accept(), accept());
        let queue = |stream: &Transport| SockRef::from(stream).tcp_notsent_lowat().expect("told");
        let permits = Permits::new(1);
        let (mut first, mut second) = (SendBuffer::default(), SendBuffer::default());
        let long = 100 * TAKEN;
        let table = [
            ("nothing sent", 0, long, SendBufferSize::Small),
            ("little sent", TAKEN - 1, long, SendBufferSize::Small),
            ("fast", TAKEN, long, SendBufferSize::Large),
            ("still fast", long, TAKEN, SendBufferSize::Large),
            ("the end", long, u64::from(SendBufferSize::Large.bytes()), SendBufferSize::Small),
            ("a moment later", long, 0, SendBufferSize::Small),
        ];
        for (name, sent, left, expected) in table {
            first.adjust(&one, sent, left, &permits);
            assert_eq!(queue(&one), expected.bytes(), "{name}");
            if expected == SendBufferSize::Large {
                second.adjust(&other, TAKEN, long, &permits);
                assert_eq!(queue(&other), SendBufferSize::Small.bytes(), "there is one permit");
            }
        }
        drop(first);
        second.adjust(&other, TAKEN, long, &permits);
        assert_eq!(queue(&other), SendBufferSize::Large.bytes(), "the permit was returned");
    }
}
