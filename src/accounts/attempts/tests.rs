//! Tables of delays, floods, and random schedules that are compared with a model without limits.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::failures::{FADE, FREE, LONGEST};
use super::known::{ADDRESSES, KNOWN};
use super::*;

const ANNA: Guess<'_> = Guess::User("anna");

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets this address fail `times` times at once.
fn fail(attempts: &mut Attempts<u32>, address: u32, guess: Guess<'_>, times: u32, now: Instant) {
    for _ in 0..times {
        attempts.failed(&address, guess, now);
    }
}

/// How many places are taken; also checks that the shares agree.
fn pairs(attempts: &Attempts<u32>) -> usize {
    let pairs = attempts.pairs.len();
    assert_eq!(attempts.shares.values().sum::<usize>(), pairs);
    assert!(attempts.shares.values().all(|share| *share > 0));
    pairs
}

#[test]
fn delays_double_from_the_fourth_failure_on() {
    let table = [
        (0, None),
        (1, None),
        (3, None),
        (4, Some(1)),
        (5, Some(2)),
        (6, Some(4)),
        (9, Some(32)),
        (10, Some(60)),
        (11, Some(60)),
        (1000, Some(60)),
    ];
    let start = Instant::now();
    for (failures, expected) in table {
        let mut attempts = Attempts::new();
        fail(&mut attempts, 1, ANNA, failures, start);
        let expected = expected.map(seconds);
        assert_eq!(attempts.delay(&1, ANNA, start), expected, "{failures} failures");
        let Some(whole) = expected else { continue };
        let rest =
            attempts.delay(&1, ANNA, start + whole.saturating_sub(seconds(1)) + Duration::from_millis(1));
        assert_eq!(rest, Some(Duration::from_millis(999)), "{failures} failures");
        assert_eq!(attempts.delay(&1, ANNA, start + whole), None, "{failures} failures");
    }
}

#[test]
fn what_has_the_delay() {
    let start = Instant::now();
    let mut attempts = Attempts::new();
    attempts.succeeded(&2, ANNA, start);
    fail(&mut attempts, 1, ANNA, 4, start);
    let rows = [
        ("the pair", 1, ANNA, true),
        ("the user at an address that is unknown", 3, ANNA, true),
        ("the user at a known address", 2, ANNA, false),
        ("another user at this address", 1, Guess::User("bert"), false),
        ("names are compared by bytes", 1, Guess::User("Anna"), false),
        ("a token is no user", 1, Guess::Token("anna"), false),
        ("a link is no user", 1, Guess::Link("anna"), false),
    ];
    for (case, address, guess, is_delayed) in rows {
        let expected = is_delayed.then_some(seconds(1));
        assert_eq!(attempts.delay(&address, guess, start), expected, "{case}");
    }
}

#[test]
fn guesses_from_many_addresses_add_up() {
    let start = Instant::now();
    let mut attempts = Attempts::new();
    for address in 0..10 {
        attempts.failed(&address, ANNA, start);
    }
    assert_eq!(attempts.delay(&99, ANNA, start), Some(LONGEST));
}

#[test]
fn a_success_forgets_the_pair_only() {
    let start = Instant::now();
    let mut attempts = Attempts::new();
    fail(&mut attempts, 1, ANNA, 3, start);
    fail(&mut attempts, 2, ANNA, 4, start);
    attempts.succeeded(&1, ANNA, start);
    assert_eq!(pairs(&attempts), 1);
    fail(&mut attempts, 1, ANNA, 3, start);
    assert_eq!(attempts.delay(&1, ANNA, start), None, "they are the first three");
    fail(&mut attempts, 1, ANNA, 1, start);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(1)), "a known address has delays of its own");
    assert_eq!(attempts.delay(&3, ANNA, start), Some(seconds(8)), "those of 1 before, and of 2");
}

#[test]
fn known_addresses_end() {
    let start = Instant::now();
    let delayed = |attempts: &mut Attempts<u32>, address, now| {
        fail(attempts, 1, ANNA, 4, now);
        attempts.delay(&address, ANNA, now).is_some()
    };
    let mut attempts = Attempts::new();
    attempts.succeeded(&2, ANNA, start);
    assert!(!delayed(&mut attempts, 2, start + KNOWN.saturating_sub(seconds(1))));
    assert!(delayed(&mut attempts, 2, start + KNOWN), "after thirty days");
    attempts.succeeded(&2, ANNA, start + KNOWN);
    assert!(!delayed(&mut attempts, 2, start + KNOWN));
    attempts.forget(ANNA);
    assert!(delayed(&mut attempts, 2, start + KNOWN), "with the user");
    attempts.succeeded(&2, ANNA, start);
    for address in 3..3 + u32::try_from(ADDRESSES).expect("few") {
        attempts.succeeded(&address, ANNA, start);
    }
    assert!(delayed(&mut attempts, 2, start), "the oldest of too many");
    assert!(!delayed(&mut attempts, 3, start));
}

#[test]
fn failures_fade() {
    let start = Instant::now();
    let mut attempts = Attempts::new();
    fail(&mut attempts, 1, ANNA, 10, start);
    attempts.failed(&1, ANNA, start + FADE.saturating_sub(seconds(1)));
    let later = start + FADE.saturating_sub(seconds(1)) + LONGEST;
    attempts.failed(&2, Guess::User("bert"), later);
    assert_eq!(pairs(&attempts), 2);
    attempts.failed(&1, ANNA, later + FADE);
    assert_eq!(pairs(&attempts), 1, "all others are forgotten");
    assert_eq!(attempts.delay(&1, ANNA, later + FADE), None, "it is the first");
}

#[test]
fn a_flood_of_names_pushes_nothing_out() {
    let start = Instant::now();
    let (mut attempts, carla) = (Attempts::new(), Guess::User("carla"));
    fail(&mut attempts, 1, ANNA, 10, start);
    fail(&mut attempts, 2, Guess::User("bert"), 2, start);
    attempts.succeeded(&1, carla, start);
    let mut made = 0;
    for number in 0..100_000 {
        let name = format!("{number}{}", "x".repeat(8));
        if attempts.delay(&1, Guess::User(&name), start).is_none() {
            attempts.failed(&1, Guess::User(&name), start);
            made += 1;
        }
    }
    // The shared counter allows as many attempts as the counter of a single name.
    assert_eq!(made, NAMES as u64 - 1 + u64::from(FREE) + 1);
    assert_eq!(pairs(&attempts), NAMES + 2);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(LONGEST));
    fail(&mut attempts, 2, Guess::User("bert"), 2, start);
    assert_eq!(attempts.delay(&2, Guess::User("bert"), start), Some(seconds(1)), "two and two");
    assert_eq!(attempts.delay(&1, carla, start), None, "a user of this address is not its further names");
    fail(&mut attempts, 1, carla, 4, start);
    assert_eq!(attempts.delay(&1, carla, start), Some(seconds(1)));
    assert_eq!(attempts.delay(&3, Guess::User("dora"), start), None, "another address is not concerned");
    attempts.failed(&1, ANNA, start + FADE);
    assert_eq!(pairs(&attempts), 1, "the share is free again");
}

#[test]
fn a_flood_from_everywhere_keeps_the_delays() {
    let start = Instant::now();
    let mut attempts = Attempts::with_places(64, 64, 64);
    fail(&mut attempts, 0, ANNA, 4, start);
    attempts.succeeded(&7, ANNA, start);
    for number in 0..10_000 {
        attempts.failed(&number, Guess::User(&number.to_string()), start);
        assert!(pairs(&attempts) <= 64 && attempts.users.len() <= 64);
    }
    assert_eq!(attempts.delay(&0, ANNA, start), Some(seconds(1)));
    assert_eq!(attempts.delay(&5, ANNA, start), Some(seconds(1)));
    assert_eq!(attempts.delay(&7, ANNA, start), None);
}

#[test]
fn one_user_makes_room_only_among_their_own_addresses() {
    let start = Instant::now();
    let places = 2 * ADDRESSES;
    let mut attempts = Attempts::with_places(64, 64, places);
    attempts.succeeded(&1, ANNA, start);
    for address in 0..1000 {
        attempts.succeeded(&address, Guess::User("mallory"), start);
    }
    fail(&mut attempts, 2, ANNA, 4, start);
    assert_eq!(attempts.delay(&1, ANNA, start), None);
    for user in 0..1000 {
        attempts.succeeded(&1, Guess::User(&user.to_string()), start);
    }
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(1)), "a thousand users are too many");
    assert_eq!(attempts.known.taken(), (places, places));
}

#[derive(Clone, Debug)]
enum Event {
    Try { address: u32, name: &'static str, is_right: bool },
    Wait(u64),
    Forget(&'static str),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let name = || prop::sample::select(vec!["anna", "bert"]);
    let event = prop_oneof![
        8 => (0..3_u32, name(), prop::bool::weighted(0.1))
            .prop_map(|(address, name, is_right)| Event::Try { address, name, is_right }),
        4 => prop::sample::select(vec![1, 2, 4, 8, 30, 60, FADE.as_secs()]).prop_map(Event::Wait),
        1 => name().prop_map(Event::Forget),
    ];
    prop::collection::vec(event, 0..120)
}

/// The rule itself, over everything that has happened.
#[derive(Default)]
struct Model {
    pairs: HashMap<(u32, &'static str), Vec<u64>>,
    users: HashMap<&'static str, Vec<u64>>,
    known: HashSet<(u32, &'static str)>,
}

impl Model {
    fn delay(&self, address: u32, name: &'static str, now: u64) -> u64 {
        let of = |times: Option<&Vec<u64>>| {
            let mut count = 0;
            let mut last = 0;
            for time in times.into_iter().flatten() {
                count = if time - last >= FADE.as_secs() { 1 } else { count + 1 };
                last = *time;
            }
            let whole = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32].get(count).copied().unwrap_or(60);
            (last + whole).saturating_sub(now)
        };
        let pair = of(self.pairs.get(&(address, name)));
        if self.known.contains(&(address, name)) { pair } else { pair.max(of(self.users.get(name))) }
    }
}

proptest! {
    #[test]
    fn random_schedules(events in events()) {
        let (start, mut now) = (Instant::now(), 0);
        let (mut attempts, mut model) = (Attempts::new(), Model::default());
        for event in events {
            match event {
                Event::Wait(seconds) => now += seconds,
                Event::Forget(name) => {
                    attempts.forget(Guess::User(name));
                    model.known.retain(|(_, known)| *known != name);
                }
                Event::Try { address, name, is_right } => {
                    let at = start + seconds(now);
                    let delay = attempts.delay(&address, Guess::User(name), at);
                    prop_assert_eq!(delay.map_or(0, |delay| delay.as_secs()), model.delay(address, name, now));
                    if delay.is_some() {
                        continue;
                    }
                    if is_right {
                        attempts.succeeded(&address, Guess::User(name), at);
                        model.pairs.remove(&(address, name));
                        model.known.insert((address, name));
                    } else {
                        attempts.failed(&address, Guess::User(name), at);
                        model.pairs.entry((address, name)).or_default().push(now);
                        if !model.known.contains(&(address, name)) {
                            model.users.entry(name).or_default().push(now);
                        }
                    }
                }
            }
            pairs(&attempts);
        }
    }
}

/// A server that could not reach the store tells of failures later.
#[test]
fn attempts_of_other_servers_count_when_they_happened() {
    let long_ago = Instant::now();
    let start = long_ago + FADE;
    let minute_ago = start.checked_sub(seconds(60)).expect("after long ago");
    let mut attempts = Attempts::new();
    let name = attempts.hash(ANNA);
    fail(&mut attempts, 1, ANNA, FREE + 1, start);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(1)));
    // An older failure counts, but does not end the delay earlier.
    attempts.failed_elsewhere(&1, name, minute_ago, start);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(2)));
    attempts.failed_elsewhere(&1, name, long_ago, start);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(2)), "it has faded");
    // A login before the failures does not end the delay, and one after them does.
    attempts.succeeded_elsewhere(&1, name, minute_ago);
    assert_eq!(attempts.delay(&1, ANNA, start), Some(seconds(2)));
    attempts.succeeded_elsewhere(&1, name, start);
    assert_eq!(attempts.delay(&1, ANNA, start), None);
    // Old failures cause no delay now.
    let bert = Guess::User("bert");
    let name = attempts.hash(bert);
    for _ in 0..=FREE {
        attempts.failed_elsewhere(&2, name, minute_ago, start);
    }
    assert_eq!(attempts.delay(&2, bert, start), None);
}
