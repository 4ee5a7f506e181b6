//! Members of the chat that send and receive through a proxy while servers and their store are killed.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use crate::common::{Ear, PATIENCE, Wire};

/// How long a client waits before it tries again.
const RETRY: Duration = Duration::from_millis(50);

/// How often a listener looks whether it must give up.
const LOOK: Duration = Duration::from_secs(1);

/// The text after which nobody says anything.
const END: &str = "the end";

/// What a member has said.
#[derive(Debug, Default)]
pub struct Said {
    /// The acknowledged texts. Each attempt has a different text.
    pub acknowledged: Vec<(Instant, String)>,
    /// The attempts that were not acknowledged, and why.
    pub failures: Vec<String>,
}

/// What a listener has received.
#[derive(Debug, Default)]
pub struct Heard {
    pub texts: Vec<(Instant, String)>,
    /// How often it has opened a stream.
    pub streams: usize,
    /// How often it was told that events are lost.
    pub resets: usize,
    has_ended: bool,
}

/// A conversation.
#[derive(Debug)]
pub struct Transcript {
    pub said: Vec<Said>,
    pub heard: Vec<Heard>,
}

/// How many members send and receive messages, and how long a sender waits after each message.
#[derive(Debug, Clone, Copy)]
pub struct Members {
    pub speakers: usize,
    pub listeners: usize,
    pub pause: Duration,
}

/// Joins through this proxy, from 127.0.0.`host`; returns the field with the token.
pub fn join(proxy: SocketAddr, host: u8, name: &str) -> String {
    let body = format!("user={name}");
    let answer = Wire::connect_from(host, proxy).ask("POST", "/.wharf/chat/join", "", body.as_bytes());
    assert_eq!(answer.code(), 200, "{name}: {}", answer.text());
    let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
    format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"))
}

/// Members talk while this happens.
pub fn while_members_talk(proxy: SocketAddr, members: Members, act: impl FnOnce()) -> Transcript {
    let (is_over, must_end) = (AtomicBool::new(false), AtomicBool::new(false));
    let token = |kind: &str, number: usize| join(proxy, 1, &format!("{kind}{number}"));
    let listeners: Vec<_> = (0..members.listeners).map(|number| token("listener", number)).collect();
    let speakers: Vec<_> = (0..members.speakers).map(|number| token("speaker", number)).collect();
    thread::scope(|scope| {
        let must_end = &must_end;
        let heard: Vec<_> =
            listeners.iter().map(|fields| scope.spawn(move || listen(proxy, fields, must_end))).collect();
        let is_over = &is_over;
        let said: Vec<_> = (0..)
            .zip(&speakers)
            .map(|(number, fields)| {
                scope.spawn(move || speak(proxy, fields, (number, members.pause), is_over))
            })
            .collect();
        act();
        is_over.store(true, Ordering::Relaxed);
        let said: Vec<_> = said.into_iter().map(|speaker| speaker.join().expect("no panic")).collect();
        let ended = Instant::now();
        let mut client = Client::new(proxy, 1);
        while try_to_say(&mut client, &speakers[0], END).is_err() && ended.elapsed() < PATIENCE {
            thread::sleep(RETRY);
        }
        while heard.iter().any(|listener| !listener.is_finished()) && ended.elapsed() < PATIENCE {
            thread::sleep(RETRY);
        }
        must_end.store(true, Ordering::Relaxed);
        let heard = heard.into_iter().map(|listener| listener.join().expect("no panic")).collect();
        Transcript { said, heard }
    })
}

/// Sends one message; an error says why it was not acknowledged.
fn try_to_say(client: &mut Client, fields: &str, text: &str) -> Result<(), String> {
    match client.ask("POST", "/.wharf/chat/messages", fields, text.as_bytes())? {
        answer if answer.code() == 202 => Ok(()),
        answer => Err(format!("{} {}", answer.code(), answer.text())),
    }
}

/// Says one message after the other, and tries again if one is not acknowledged.
fn speak(proxy: SocketAddr, fields: &str, (speaker, pause): (usize, Duration), is_over: &AtomicBool) -> Said {
    let (mut client, mut said) = (Client::new(proxy, 1), Said::default());
    let (mut number, mut attempt) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let text = format!("{speaker}: {number}, attempt {attempt}");
        match try_to_say(&mut client, fields, &text) {
            Ok(()) => {
                said.acknowledged.push((Instant::now(), text));
                (number, attempt) = (number + 1, 0);
                // The rate of this sender: no condition is waited for.
                thread::sleep(pause);
            }
            Err(error) => {
                said.failures.push(format!("{text}: {error}"));
                attempt += 1;
                thread::sleep(RETRY);
            }
        }
    }
    said
}

/// Listens until the end. If the stream ends, another is opened, which continues after the last event.
fn listen(proxy: SocketAddr, fields: &str, must_end: &AtomicBool) -> Heard {
    let (mut heard, mut last) = (Heard::default(), String::new());
    while !heard.has_ended && !must_end.load(Ordering::Relaxed) {
        let resume = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        match open(proxy, &format!("{fields}{resume}")) {
            Ok(ear) => {
                heard.streams += 1;
                heard.follow(ear, &mut last, must_end);
            }
            Err(_) => thread::sleep(RETRY),
        }
    }
    heard
}

fn open(proxy: SocketAddr, fields: &str) -> std::io::Result<Ear> {
    let stream = TcpStream::connect(proxy)?;
    let same = stream.try_clone()?;
    let ear = Ear::over(stream, proxy, fields)?;
    same.set_read_timeout(Some(LOOK))?;
    Ok(ear)
}

impl Heard {
    /// Receives events until the stream ends.
    fn follow(&mut self, mut ear: Ear, last: &mut String, must_end: &AtomicBool) {
        while !self.has_ended && !must_end.load(Ordering::Relaxed) {
            let event = match ear.try_hear() {
                Ok(Some(event)) => event,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Ok(None) | Err(_) => return,
            };
            if !event.id.is_empty() {
                last.clone_from(&event.id);
            }
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            match event.event.as_str() {
                "message" => self.take(&data),
                "reset" => {
                    self.resets += 1;
                    let known: HashSet<_> = self.texts.iter().map(|(_, text)| text.clone()).collect();
                    let history = data["history"].as_array().cloned().unwrap_or_default();
                    let is_new =
                        |event: &&Value| event["text"].as_str().is_some_and(|text| !known.contains(text));
                    history.iter().filter(is_new).for_each(|event| self.take(event));
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, event: &Value) {
        match event["text"].as_str() {
            Some(END) => self.has_ended = true,
            Some(text) => self.texts.push((Instant::now(), text.to_owned())),
            None => {}
        }
    }
}

impl Transcript {
    /// The acknowledged texts.
    pub fn acknowledged(&self) -> HashSet<&str> {
        self.said.iter().flat_map(|said| &said.acknowledged).map(|(_, text)| &**text).collect()
    }

    /// The attempts that were not acknowledged, and why.
    pub fn failures(&self) -> Vec<&String> {
        self.said.iter().flat_map(|said| &said.failures).collect()
    }

    /// The acknowledged texts that a listener has not received.
    pub fn lost(&self) -> Vec<&str> {
        let acknowledged = self.acknowledged();
        let of_one = |heard: &Heard| {
            let heard: HashSet<_> = heard.texts.iter().map(|(_, text)| &**text).collect();
            acknowledged.iter().copied().filter(|text| !heard.contains(text)).collect::<Vec<_>>()
        };
        self.heard.iter().flat_map(of_one).collect()
    }

    /// The texts that a listener has received more than once.
    pub fn doubled(&self) -> Vec<&str> {
        let of_one = |heard: &'_ Heard| {
            let mut counts = HashMap::new();
            for (_, text) in &heard.texts {
                *counts.entry(text.as_str()).or_insert(0) += 1;
            }
            counts
                .into_iter()
                .filter(|(_, count)| *count > 1)
                .map(|(text, _)| text.to_owned())
                .collect::<Vec<_>>()
        };
        let doubled: HashSet<_> = self.heard.iter().flat_map(of_one).collect();
        self.heard
            .iter()
            .flat_map(|heard| &heard.texts)
            .map(|(_, text)| &**text)
            .filter(|text| doubled.contains(*text))
            .collect()
    }

    /// How many listeners received the acknowledged texts in another order than the first listener.
    pub fn disordered(&self) -> usize {
        let acknowledged = self.acknowledged();
        let order = |heard: &'_ Heard| -> Vec<String> {
            let texts = heard.texts.iter().map(|(_, text)| text);
            texts.filter(|text| acknowledged.contains(text.as_str())).cloned().collect()
        };
        let first = self.heard.first().map(order);
        self.heard.iter().filter(|heard| Some(order(heard)) != first).count()
    }

    /// How many listeners received the end.
    pub fn ended(&self) -> usize {
        self.heard.iter().filter(|heard| heard.has_ended).count()
    }

    /// How often events were lost, over all listeners.
    pub fn resets(&self) -> usize {
        self.heard.iter().map(|heard| heard.resets).sum()
    }

    /// How often a stream was opened again, over all listeners.
    pub fn reopened(&self) -> usize {
        self.heard.iter().map(|heard| heard.streams.saturating_sub(1)).sum()
    }

    /// Panics if an acknowledged message was not received once, by all, in one order.
    pub fn assert_complete(&self) {
        assert!(!self.acknowledged().is_empty(), "{:?}", self.failures());
        assert_eq!(self.ended(), self.heard.len(), "all listeners received the end");
        assert_eq!((self.lost(), self.doubled()), (vec![], vec![]), "each message is received once");
        assert_eq!(self.disordered(), 0, "all listeners receive one order");
    }
}
