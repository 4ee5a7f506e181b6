//! A random walk: members send, read, fall behind, lose their connection and leave, in any order and with rings of any size.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// One step of the random walk. Numbers choose a member, modulo.
#[derive(Debug, Clone, Copy)]
enum Step {
    Say(usize),
    SayTo(usize, usize),
    Read(usize, usize),
    Cut(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<usize>().prop_map(Step::Say),
        4 => any::<(usize, usize)>().prop_map(|(from, to)| Step::SayTo(from, to)),
        4 => (any::<usize>(), 0_usize..6).prop_map(|(who, count)| Step::Read(who, count)),
        2 => any::<usize>().prop_map(Step::Cut),
        1 => any::<usize>().prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..120)
}

/// What one listener should receive: a model without a ring.
struct Listener {
    name: String,
    member: MemberId,
    stream: Subscription,
    last: EventId,
    due: VecDeque<EventId>,
}

impl Listener {
    fn new(scene: &mut Scene, name: String) -> Self {
        let member = scene.join(&name);
        let stream = scene.listen(member);
        let last = scene.room.welcome(&stream).unwrap().id;
        Self { name, member, stream, last, due: VecDeque::new() }
    }

    /// Drops the expected items after a gap. Fails unless one of them, or an earlier item, was evicted from
    /// the ring.
    fn reset(&mut self, scene: &Scene, ring: u64) {
        let newest = scene.room.ring.end().passed();
        assert!(scene.seq(self.last) + ring < newest, "{} was reset needlessly", self.name);
        self.last = scene.room.welcome(&self.stream).unwrap().id;
        assert_eq!(scene.seq(self.last), newest, "it continues from now");
        self.due.clear();
    }

    fn read(&mut self, scene: &Scene, ring: u64) {
        match scene.room.next(&mut self.stream, |_| true) {
            StreamItem::Event(posted) => {
                assert_eq!(Some(posted.event.id), self.due.pop_front(), "for {}", self.name);
                self.last = posted.event.id;
            }
            StreamItem::NothingYet => assert!(self.due.is_empty(), "{} lost {:?}", self.name, self.due),
            StreamItem::Lapped => self.reset(scene, ring),
            StreamItem::Over => panic!("{} is here", self.name),
        }
    }

    /// The connection breaks, and the client reconnects with the last id that it has seen.
    fn cut(mut self, scene: &mut Scene, ring: u64) -> Self {
        let (stream, start) = scene.resume(self.member, self.last);
        let old = std::mem::replace(&mut self.stream, stream);
        scene.cut(old);
        match start {
            Start::Resumed => {}
            Start::Reset => self.reset(scene, ring),
            Start::Fresh => panic!("an id was given"),
        }
        self
    }
}

/// Four members with a stream each, and their room.
struct Walk {
    scene: Scene,
    ring: u64,
    listeners: Vec<Listener>,
}

impl Walk {
    fn new(ring: usize) -> Self {
        let mut walk = Self { scene: Scene::with_ring(ring), ring: ring as u64, listeners: Vec::new() };
        for count in 0..4 {
            walk.welcome(format!("first{count}"));
        }
        walk
    }

    fn welcome(&mut self, name: String) {
        let newcomer = Listener::new(&mut self.scene, name);
        self.newest_is_due();
        self.listeners.push(newcomer);
    }

    /// Every listener now expects the newest event.
    fn newest_is_due(&mut self) {
        let id = self.scene.newest();
        for listener in &mut self.listeners {
            listener.due.push_back(id);
        }
    }

    fn say_to(&mut self, from: usize, to: usize) {
        let to_name = self.listeners[to].name.clone();
        let id = self.scene.say_to(self.listeners[from].member, &to_name, "x").unwrap();
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            listener.due.extend((index == from || index == to).then_some(id));
        }
    }

    fn leave(&mut self, who: usize) {
        let mut gone = self.listeners.swap_remove(who);
        self.scene.room.leave(gone.member, self.scene.now).unwrap();
        self.newest_is_due();
        assert!(matches!(self.scene.room.next(&mut gone.stream, |_| true), StreamItem::Over));
        self.scene.cut(gone.stream);
    }

    fn take(&mut self, step: Step, count: usize) {
        let pick = |number: usize| number % 4;
        match step {
            Step::Say(from) => {
                self.scene.say(self.listeners[pick(from)].member, "x");
                self.newest_is_due();
            }
            Step::SayTo(from, to) => self.say_to(pick(from), pick(to)),
            Step::Read(who, times) => {
                (0..times).for_each(|_| self.listeners[pick(who)].read(&self.scene, self.ring));
            }
            Step::Cut(who) => {
                let listener = self.listeners.swap_remove(pick(who)).cut(&mut self.scene, self.ring);
                self.listeners.push(listener);
            }
            Step::Leave(who) => {
                self.leave(pick(who));
                self.welcome(format!("n{count}"));
            }
        }
    }

    fn read_all(&mut self) {
        for listener in &mut self.listeners {
            let most = listener.due.len() + 2;
            (0..most).for_each(|_| listener.read(&self.scene, self.ring));
            assert!(listener.due.is_empty(), "{} has received all", listener.name);
        }
    }
}

proptest! {
    /// No member loses an event, or receives one twice, out of order, or meant for another, except after a reset.
    #[test]
    fn no_event_is_lost_or_repeated(steps in steps(), ring in 1_usize..24) {
        let mut walk = Walk::new(ring);
        for (count, step) in steps.into_iter().enumerate() {
            walk.take(step, count);
        }
        walk.read_all();
        prop_assert_eq!(walk.scene.room.subscribers(), 4);
    }
}
