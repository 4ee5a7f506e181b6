//! An interim response that waits until it is worth sending: 104 (Upload Resumption Supported).
//!
//! A proxy may take it for the final response (nginx with connections kept open to its upstream), or reject it (Varnish).
//! And an upload that is over soon is repeated as soon as it is resumed. So 104 is sent only for an upload that is large
//! or slow, and never when the whole body is here: the final response follows at once then.

use std::time::{Duration, Instant};

use crate::server::timing::Deadline;

/// How much of a body has to arrive before the interim response is sent, in bytes. Less than that is sent again as soon as
/// it is asked how much of it arrived.
const ENOUGH: u64 = 1 << 20;

/// For how long the body may take before the interim response is sent, however little has arrived.
const PATIENCE: Duration = Duration::from_secs(1);

/// An interim response that has not been sent.
#[derive(Debug)]
pub struct Interim {
    bytes: Vec<u8>,
    /// How much of the body is to arrive before.
    wanted: u64,
    deadline: Deadline,
}

impl Interim {
    /// These bytes, for a body that begins now.
    pub fn new(bytes: Vec<u8>, now: Instant) -> Self {
        Self { bytes, wanted: ENOUGH, deadline: Deadline::after(now, PATIENCE) }
    }

    /// So many bytes of the body have arrived.
    pub fn body_arrived(&mut self, count: usize) {
        self.wanted = self.wanted.saturating_sub(count as u64);
    }

    /// Whether it is to be sent now, if more of the body is still to come.
    pub fn is_due(&self, now: Instant) -> bool {
        self.wanted == 0 || self.deadline.is_over(now)
    }

    /// When it is to be sent at the latest.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// What is sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_after_a_mebibyte_or_a_second() {
        let start = Instant::now();
        let cases: [(&str, &[usize], u64, bool); 7] = [
            ("nothing has arrived", &[], 0, false),
            ("a little", &[1000], 999, false),
            ("nearly all", &[1 << 19, (1 << 19) - 1], 0, false),
            ("a mebibyte", &[1 << 19, 1 << 19], 0, true),
            ("more", &[1 << 21, 1], 0, true),
            ("nothing, after a second", &[], 1000, true),
            ("a little, after a second", &[1000], 1001, true),
        ];
        for (name, arrived, after, expected) in cases {
            let mut interim = Interim::new(Vec::new(), start);
            for count in arrived {
                interim.body_arrived(*count);
            }
            assert_eq!(interim.is_due(start + Duration::from_millis(after)), expected, "{name}");
        }
    }
}
