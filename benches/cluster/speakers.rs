//! Members of the chat that send messages at a steady rate.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::common::cluster::chat::join;
use super::common::cluster::client::Client;
use super::common::cluster::histogram;

/// How many addresses they come from, so that the limit on messages of one address is not reached.
const HOSTS: usize = 10;

/// The last byte of the first address.
const FIRST_HOST: u8 = 2;

/// Members, and the proxy that they use.
pub struct Speakers {
    proxy: SocketAddr,
    members: Vec<(u8, String)>,
}

/// What they have sent.
pub struct Sent {
    /// How many messages each has sent and had acknowledged.
    pub acknowledged: Vec<u64>,
    pub failures: Vec<String>,
    /// The times until the acknowledgement, in microseconds.
    pub times: Histogram<u64>,
}

/// The address of a member with this number, as the last byte.
pub fn host_of(number: usize) -> u8 {
    FIRST_HOST + (number % HOSTS) as u8
}

impl Speakers {
    pub fn join(proxy: SocketAddr, count: usize) -> Self {
        let member = |number| (host_of(number), join(proxy, host_of(number), &format!("speaker{number}")));
        Self { proxy, members: (0..count).map(member).collect() }
    }

    /// Each sends this many messages per second, for this long. The function makes the text of a member's next message.
    pub fn say(&self, each_second: f64, time: Duration, text: impl Fn(usize, u64) -> String + Sync) -> Sent {
        let (text, begun, count) = (&text, Instant::now(), self.members.len());
        let times = Mutex::new(histogram());
        let failures = Mutex::new(Vec::new());
        let acknowledged = thread::scope(|scope| {
            let speak = |(speaker, (host, fields)): (usize, &'_ (u8, String))| {
                let (host, fields) = (*host, fields.clone());
                let (times, failures) = (&times, &failures);
                scope.spawn(move || {
                    let mut client = Client::new(self.proxy, host);
                    for number in 0.. {
                        // They do not all send at the same moment.
                        let turn = number as f64 + speaker as f64 / count as f64;
                        let due = Duration::from_secs_f64(turn / each_second);
                        if due >= time {
                            return number;
                        }
                        thread::sleep(due.saturating_sub(begun.elapsed()));
                        let (asked, text) = (Instant::now(), text(speaker, number));
                        let target = "/.wharf/chat/messages";
                        match client.ask("POST", target, &fields, text.as_bytes()) {
                            Ok(answer) if answer.code() == 202 => {
                                let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                                times.saturating_record(asked.elapsed().as_micros() as u64);
                                continue;
                            }
                            Ok(answer) => push(failures, format!("{} {}", answer.code(), answer.text())),
                            Err(error) => push(failures, error),
                        }
                        return number;
                    }
                    0
                })
            };
            let threads: Vec<_> = self.members.iter().enumerate().map(speak).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        Sent { acknowledged, failures, times: times.into_inner().unwrap_or_else(PoisonError::into_inner) }
    }
}

fn push(failures: &Mutex<Vec<String>>, failure: String) {
    failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
}
