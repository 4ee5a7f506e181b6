//! An interim response that is delayed until it is useful: 104 (Upload Resumption Supported).
//!
//! A proxy may take a 104 for the final response (nginx with keep-alive connections to its upstream) or reject it
//! (Varnish). And a short upload can be repeated as quickly as resumed. So 104 is sent only for a large or slow upload,
//! and never once the whole body has arrived, because then the final response follows immediately.

use std::time::Duration;

use crate::server::moment::Moment;
use crate::server::timing::Deadline;

/// How many bytes of a body have to arrive before the interim response is sent. If fewer bytes were received, sending
/// them again takes no longer than asking for the offset.
const ENOUGH: u64 = 1 << 20;

/// How long the body may take before the interim response is sent, even if little has arrived.
const PATIENCE: Duration = Duration::from_secs(1);

/// An interim response that has not been sent.
#[derive(Debug)]
pub(crate) struct Interim {
    bytes: Vec<u8>,
    /// How much of the body has to arrive first.
    wanted: u64,
    deadline: Deadline,
}

impl Interim {
    /// An interim response of these bytes, for a body that starts now.
    pub(crate) fn new(bytes: Vec<u8>, now: Moment) -> Self {
        Self { bytes, wanted: ENOUGH, deadline: Deadline::after(now, PATIENCE) }
    }

    /// Counts received bytes of the body.
    pub(crate) fn body_arrived(&mut self, count: usize) {
        self.wanted = self.wanted.saturating_sub(count as u64);
    }

    /// Whether to send it now, if more of the body is still to come.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        self.wanted == 0 || self.deadline.is_over(now)
    }

    /// When to send it at the latest.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_after_a_mebibyte_or_a_second() {
        let start = Moment::now();
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
