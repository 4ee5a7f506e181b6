//! When to retransmit, and when to give up.
//!
//! The interval adapts to the path and doubles from one retransmission to the next, as RFC 1123 §4.2.3.2 requires. It is
//! computed as in RFC 6298, with Karn's rule. An agreed `timeout` (RFC 2349) fixes it instead. The caller passes the time.

use std::time::{Duration, Instant};

/// The interval until the path has been measured, from RFC 6298.
pub const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest interval. A needless retransmission costs only a packet, but a late one costs time: in lock-step,
/// nothing else recovers a loss. A slow peer gets a longer interval once it is measured.
pub const MIN_INTERVAL: Duration = Duration::from_millis(20);
/// The longest interval: a user may be waiting.
pub const MAX_INTERVAL: Duration = Duration::from_secs(8);
/// How often the same packet is repeated before the peer counts as gone, after about 40 s of silence. The
/// peer may be syncing the whole file to a slow disk before its last acknowledgment. Repetitions after less
/// than [`FIRST_INTERVAL`] do not count: they recover losses, and do not prove that the peer is gone.
pub const REPEATS: u8 = 6;
/// A server's session ends within this time after the peer's last packet, whatever was agreed. The server
/// repeats its packet [`REPEATS`] times, at most [`MAX_INTERVAL`] apart, and gives up; the repetitions that
/// do not count take at most two seconds. A test checks this.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// How often a server repeats its first packet. The client's address may be forged, and its owner receives
/// these packets. A session that gets no answer ends within 15 s.
pub const FIRST_REPEATS: u8 = 3;
/// How long a receiver stays to repeat its last acknowledgment: longer than [`MAX_INTERVAL`], and longer than
/// the 5 s after which common clients repeat their last block. This time is not extended, so that no peer
/// keeps a session forever.
pub const DALLY: Duration = Duration::from_secs(10);
/// How much longer than an agreed `timeout` the receiver stays, to allow for the block's latency.
const DALLY_MARGIN: Duration = Duration::from_secs(1);

/// The instant until which the machine only waits for packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketDeadline(Instant);

impl PacketDeadline {
    pub(super) fn after(now: Instant, wait: Duration) -> Self {
        Self(now + wait)
    }

    /// The deadline of a receiver that dallies; `interval` is the agreed interval, if any.
    pub(super) fn of_dally(now: Instant, interval: Option<Duration>) -> Self {
        Self::after(now, interval.map_or(DALLY, |interval| DALLY.max(interval + DALLY_MARGIN)))
    }

    /// The instant itself.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// Whether it has passed.
    pub fn has_passed(self, now: Instant) -> bool {
        self.0 <= now
    }

    /// The time left; zero if the deadline has passed.
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }
}

/// What to do after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The deadline has not passed.
    NotYet,
    /// Repeat the packet.
    Repeat,
    /// The peer has answered before, and is gone.
    Gone,
    /// The peer has never answered.
    NeverThere,
}

/// The wait for an answer to the last packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    path: Path,
    interval: Duration,
    limit: Limit,
    heard: bool,
    /// When the unanswered packet was sent; unknown after a repetition, since the answer may be to either
    /// copy (Karn's rule).
    sent: Option<Instant>,
    deadline: PacketDeadline,
}

/// When a silent peer counts as gone.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// After this many more repetitions.
    Repeats(u8),
    /// After this much time since the last progress.
    Silence { at_most: Duration, since: Instant },
}

/// What is known about the path.
#[derive(Debug, Clone, Copy)]
enum Path {
    /// Nothing yet.
    Unknown,
    /// The smoothed round-trip time, and its variation (RFC 6298 §2).
    Measured { smoothed: Duration, variation: Duration },
    /// The interval was agreed.
    Agreed,
}

impl Patience {
    /// The wait for a peer's first answer to a packet that is sent now.
    pub(super) fn new(now: Instant, repeats: u8) -> Self {
        Self {
            path: Path::Unknown,
            interval: FIRST_INTERVAL,
            limit: Limit::Repeats(repeats),
            heard: false,
            sent: Some(now),
            deadline: PacketDeadline::after(now, FIRST_INTERVAL),
        }
    }

    /// Gives up after this time without progress, instead of after a number of repetitions.
    pub(super) fn limit_silence(&mut self, now: Instant, at_most: Duration) {
        self.limit = Limit::Silence { at_most, since: now };
        self.wait(now);
    }

    pub(super) fn deadline(&self) -> PacketDeadline {
        self.deadline
    }

    /// Begins a wait of one interval, or until a silent peer counts as gone.
    fn wait(&mut self, now: Instant) {
        let wait = match self.limit {
            Limit::Repeats(_) => self.interval,
            Limit::Silence { at_most, since } => {
                self.interval.min(at_most.saturating_sub(now.saturating_duration_since(since)))
            }
        };
        self.deadline = PacketDeadline::after(now, wait);
    }

    /// Allows the full number of repetitions.
    fn renew(&mut self) {
        self.heard = true;
        if let Limit::Repeats(left) = &mut self.limit {
            *left = REPEATS;
        }
    }

    /// Uses the agreed interval from now on, if there is one.
    pub(super) fn agree(&mut self, interval: Option<Duration>) {
        if let Some(interval) = interval {
            (self.path, self.interval) = (Path::Agreed, interval);
        }
    }

    /// The peer has answered, and the transfer has progressed.
    pub(super) fn answered(&mut self, now: Instant) {
        if let Some(sent) = self.sent.take() {
            self.measure(now.saturating_duration_since(sent));
        }
        self.renew();
        if let Limit::Silence { since, .. } = &mut self.limit {
            *since = now;
        }
        self.wait(now);
    }

    /// The peer has answered, but the transfer has not progressed. The first such answer allows the full number of
    /// repetitions; further ones do not, so that the transfer ends.
    pub(super) fn heard(&mut self) {
        if !self.heard {
            self.renew();
        }
    }

    /// A new packet is sent, which needs an answer.
    pub(super) fn asked(&mut self, now: Instant) {
        self.sent = Some(now);
        self.wait(now);
    }

    /// The peer has answered, and a new packet is sent at once.
    pub(super) fn progressed(&mut self, now: Instant) {
        self.answered(now);
        self.asked(now);
    }

    /// What to do at `now` if no answer has arrived.
    pub(super) fn expire(&mut self, now: Instant) -> Expiry {
        if !self.deadline.has_passed(now) {
            return Expiry::NotYet;
        }
        if !self.may_repeat(now) {
            return if self.heard { Expiry::Gone } else { Expiry::NeverThere };
        }
        self.sent = None;
        if !matches!(self.path, Path::Agreed) {
            self.interval = (self.interval * 2).min(MAX_INTERVAL);
        }
        self.wait(now);
        Expiry::Repeat
    }

    /// Whether the peer may still answer; counts a repetition.
    fn may_repeat(&mut self, now: Instant) -> bool {
        match &mut self.limit {
            Limit::Repeats(left) => {
                let counted = u8::from(self.interval >= FIRST_INTERVAL);
                left.checked_sub(counted).inspect(|rest| *left = *rest).is_some()
            }
            Limit::Silence { at_most, since } => now.saturating_duration_since(*since) < *at_most,
        }
    }

    fn measure(&mut self, round: Duration) {
        let (smoothed, variation) = match self.path {
            Path::Agreed => return,
            Path::Unknown => (round, round / 2),
            Path::Measured { smoothed, variation } => {
                ((smoothed * 7 + round) / 8, (variation * 3 + smoothed.abs_diff(round)) / 4)
            }
        };
        self.path = Path::Measured { smoothed, variation };
        self.interval = (smoothed + variation * 4).clamp(MIN_INTERVAL, MAX_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;
    use crate::tftp::fields::Mode;
    use crate::tftp::options::{Caps, Direction, Terms};

    /// The length of each wait until the peer counts as gone, in milliseconds, and the final result.
    fn waits(mut patience: Patience, mut now: Instant) -> (Vec<u128>, Expiry) {
        let mut waits = Vec::new();
        loop {
            let wait = patience.deadline().remaining(now);
            waits.push(wait.as_millis());
            assert_eq!(patience.expire(now), Expiry::NotYet, "too early");
            now += wait;
            match patience.expire(now) {
                Expiry::Repeat => {}
                end => return (waits, end),
            }
        }
    }

    #[test]
    fn waits_double_up_to_a_limit_and_end() {
        let now = Instant::now();
        let first = Patience::new(now, FIRST_REPEATS);
        let mut agreed = first;
        agreed.agree(Some(Duration::from_secs(3)));
        agreed.answered(now);
        let mut near = first;
        near.answered(now + Duration::from_millis(1));
        let rows = [
            ("a server's first packet", first, vec![1000, 2000, 4000, 8000], Expiry::NeverThere),
            ("an agreed interval (2349)", agreed, vec![3000; 7], Expiry::Gone),
            (
                "a near peer",
                near,
                vec![20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 8000, 8000, 8000, 8000],
                Expiry::Gone,
            ),
        ];
        for (name, patience, expected, end) in rows {
            let start = if name == "a near peer" { now + Duration::from_millis(1) } else { now };
            assert_eq!(waits(patience, start), (expected, end), "{name}");
        }
    }

    #[test]
    fn a_silent_peer_is_given_up_in_time_whatever_it_asked_for() {
        let silence = |patience, now| waits(patience, now).0.iter().sum::<u128>();
        let now = Instant::now();
        for seconds in 1..=255 {
            let asked = Terms { timeout: NonZeroU8::new(seconds), ..Terms::default() }.to_options();
            let terms = Terms::answer(&asked, Mode::Octet, Direction::Write, &Caps::default());
            let mut patience = Patience::new(now, FIRST_REPEATS);
            patience.agree(terms.interval());
            patience.answered(now + FIRST_INTERVAL);
            let silence = silence(patience, now + FIRST_INTERVAL);
            assert!(silence <= LONGEST_SILENCE.as_millis(), "timeout {seconds}: {silence} ms");
        }
        for round in (0..20_000).step_by(7).map(Duration::from_millis) {
            let mut patience = Patience::new(now, FIRST_REPEATS);
            patience.answered(now + round);
            let silence = silence(patience, now + round);
            assert!(silence <= LONGEST_SILENCE.as_millis(), "a round of {round:?}: {silence} ms");
        }
    }

    #[test]
    fn a_client_waits_as_long_as_it_was_told() {
        let now = Instant::now();
        let patience = |at_most| {
            let mut patience = Patience::new(now, REPEATS);
            patience.limit_silence(now, Duration::from_secs(at_most));
            patience
        };
        assert_eq!(waits(patience(1), now), (vec![1000], Expiry::NeverThere));
        assert_eq!(waits(patience(5), now), (vec![1000, 2000, 2000], Expiry::NeverThere));
        let mut near = patience(60);
        let later = now + Duration::from_millis(1);
        near.answered(later);
        let (waits, end) = waits(near, later);
        assert_eq!((waits.iter().sum::<u128>(), end), (60_000, Expiry::Gone));
        assert_eq!(waits.iter().take(3).copied().collect::<Vec<_>>(), [20, 40, 80]);
    }

    #[test]
    fn a_peer_that_was_heard_gets_more_patience_once() {
        let now = Instant::now();
        let mut patience = Patience::new(now, FIRST_REPEATS);
        patience.heard();
        let (long, end) = waits(patience, now);
        assert_eq!((long.len(), end), (usize::from(REPEATS) + 1, Expiry::Gone));
        let next = patience.deadline().instant();
        assert_eq!(patience.expire(next), Expiry::Repeat);
        patience.heard();
        assert_eq!(waits(patience, next).0.len(), usize::from(REPEATS));
    }

    #[test]
    fn the_interval_follows_the_path() {
        let mut now = Instant::now();
        let mut patience = Patience::new(now, REPEATS);
        for _ in 0..50 {
            now += Duration::from_millis(600);
            patience.progressed(now);
        }
        let wait = patience.deadline().remaining(now);
        assert!((600..700).contains(&wait.as_millis()), "{wait:?}");
    }

    #[test]
    fn an_answer_after_a_repetition_measures_nothing() {
        let start = Instant::now();
        let mut patience = Patience::new(start, REPEATS);
        let repeated = start + FIRST_INTERVAL;
        assert_eq!(patience.expire(repeated), Expiry::Repeat);
        patience.answered(repeated);
        // Karn's rule: the doubled interval holds until an answer certainly belongs to the latest packet.
        assert_eq!(patience.deadline().remaining(repeated), FIRST_INTERVAL * 2);
        patience.asked(repeated);
        patience.answered(repeated + Duration::from_millis(5));
        assert_eq!(patience.deadline().remaining(repeated + Duration::from_millis(5)), MIN_INTERVAL);
    }

    #[test]
    fn a_receiver_outstays_the_agreed_interval() {
        let now = Instant::now();
        let stay = |interval: Option<u64>| {
            PacketDeadline::of_dally(now, interval.map(Duration::from_secs)).remaining(now)
        };
        assert_eq!(stay(None), DALLY);
        assert_eq!(stay(Some(1)), DALLY);
        assert_eq!(stay(Some(255)), Duration::from_secs(256));
    }
}
