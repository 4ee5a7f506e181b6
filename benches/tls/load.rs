//! Requests over several connections, from one thread, which waits for all of them at once.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::Result;
use super::client::{Client, Offer, READ};
use super::server::{LARGE, Running, SMALL, Stage};

/// How long the load lasts before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// How long one wait may last.
const PULSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What the connections do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// 1 KB again and again.
    Small,
    /// 100 MB again and again.
    Large,
    /// A connection for each 1 KB; whether its session is resumed.
    Handshake { resumes: bool },
}

/// The results of the load so far.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    responses: u64,
    bytes: u64,
    /// Handshakes that were full instead of resumed, or the other way round.
    unexpected: u64,
}

/// The connections, and what they offer.
struct Load {
    work: Work,
    port: u16,
    places: Vec<(Client, Offer)>,
    epoll: OwnedFd,
    buffer: Vec<u8>,
}

impl Work {
    fn file(self) -> (&'static str, u64) {
        if self == Self::Large { LARGE } else { SMALL }
    }

    fn resumes(self) -> bool {
        self == Self::Handshake { resumes: true }
    }
}

/// Lets this many connections work for a while. Returns the server's CPU time for each response, or for each 100 MB.
pub fn cpu(running: &Running, stage: &Stage, work: Work, connections: usize, time: Duration) -> Result<f64> {
    let mut load = Load::begin(running, stage, work, connections)?;
    load.run(WARM_UP)?;
    let before = running.usage()?;
    let done = load.run(time)?;
    let after = running.usage()?;
    if done.unexpected * 100 > done.responses {
        let Done { unexpected, responses, .. } = done;
        return Err(format!("{unexpected} of {responses} handshakes were not of the expected kind").into());
    }
    let count = match work {
        Work::Large => done.bytes as f64 / LARGE.1 as f64,
        Work::Small | Work::Handshake { .. } => done.responses as f64,
    };
    Ok(after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / count.max(1.0))
}

impl Load {
    fn begin(running: &Running, stage: &Stage, work: Work, connections: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut places = Vec::new();
        for _ in 0..connections {
            // Each has its own sessions, so that none is resumed twice.
            let offer = Offer::new(&stage.certificate, work.resumes())?;
            let mut client = Client::connect(running.port, &offer)?;
            client.get(SMALL)?;
            if work.resumes() {
                // The first has no session to resume.
                client = Client::connect(running.port, &offer)?;
            }
            places.push((client, offer));
        }
        let mut load = Self { work, port: running.port, places, epoll, buffer: vec![0; READ] };
        for place in 0..connections {
            load.watch(place)?;
            load.places[place].0.request(work.file())?;
        }
        Ok(load)
    }

    fn watch(&self, place: usize) -> Result<()> {
        let data = epoll::EventData::new_u64(place as u64);
        Ok(epoll::add(&self.epoll, &self.places[place].0, data, epoll::EventFlags::IN)?)
    }

    /// Works for this long.
    fn run(&mut self, time: Duration) -> Result<Done> {
        let (start, mut done) = (Instant::now(), Done::default());
        let mut events = Vec::with_capacity(self.places.len());
        while start.elapsed() < time {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PULSE))?;
            for event in &events {
                self.serve(event.data.u64() as usize, &mut done)?;
            }
        }
        Ok(done)
    }

    /// Reads what a connection has got; after the response, requests the next.
    fn serve(&mut self, place: usize, done: &mut Done) -> Result<()> {
        let (client, offer) = &mut self.places[place];
        let arrived = client.receive(&mut self.buffer)?;
        done.bytes += arrived.bytes;
        if !arrived.is_complete {
            return Ok(());
        }
        done.responses += 1;
        if let Work::Handshake { resumes } = self.work {
            done.unexpected += u64::from(client.is_resumed() != resumes);
            client.end()?;
            *client = Client::connect(self.port, offer)?;
            client.request(SMALL)?;
            return self.watch(place);
        }
        client.request(self.work.file())
    }
}
