use super::*;

#[test]
fn what_each_client_holds_is_summed() {
    let slots = Slots::new(Capacity { connections: 3, spare: 1, descriptors: 5 });
    let (one, other) = (ClientKey::User(1), ClientKey::User(2));
    let mut first = slots.take(one).expect("a free slot");
    let mut second = slots.take(other).expect("a free slot");
    let third = slots.take(other).expect("a free slot");
    assert!(slots.take(one).is_none(), "all are taken");
    assert_eq!(first.hold(3, None), 0);
    assert_eq!(second.hold(3, None), 2, "7 of 5 allowed");
    assert_eq!(slots.excess(), 2);
    assert_eq!(first.hold(2, None), 0, "releasing descriptors evicts nothing");
    assert_eq!(slots.holding(other), Holding { connections: 2, descriptors: 4 });
    let most = |by: fn(&Holding) -> u64| slots.greatest(by).expect("a client").0;
    assert_eq!(most(|holding| holding.connections.into()), other);
    drop(third);
    assert_eq!(second.hold(1, None), 0);
    assert_eq!(most(|holding| holding.descriptors), one);
    drop((first, second));
    assert_eq!((slots.excess(), slots.taken()), (0, 0));
    assert!(slots.greatest(|holding| holding.descriptors).is_none(), "no client is kept");
}

#[test]
fn a_connection_counts_for_the_client_behind_a_proxy() {
    let slots = Slots::new(Capacity { connections: 2, spare: 0, descriptors: 9 });
    let (proxy, client, other) = (ClientKey::User(1), ClientKey::User(2), ClientKey::User(3));
    let (mut first, second) = (slots.take(proxy).expect("a slot"), slots.take(proxy).expect("a slot"));
    let holds = |key, connections, descriptors| {
        assert_eq!(slots.holding(key), Holding { connections, descriptors }, "{key}");
    };
    first.hold(3, Some(client));
    holds(proxy, 1, 1);
    holds(client, 1, 3);
    first.hold(3, Some(other));
    holds(client, 0, 0);
    holds(other, 1, 3);
    first.hold(1, None);
    holds(proxy, 2, 2);
    first.hold(1, Some(client));
    holds(client, 1, 1);
    first.hold(3, Some(client));
    drop((first, second));
    assert!(slots.greatest(|holding| holding.descriptors).is_none(), "no client is kept");
}

#[test]
fn a_rejected_connection_frees_its_slot_at_once() {
    let slots = Slots::new(Capacity { connections: 1, spare: 1, descriptors: 5 });
    let client = ClientKey::User(1);
    let mut going = slots.take(client).expect("a free slot");
    assert!(slots.take(client).is_none());
    assert!(going.make_spare() && going.make_spare(), "it becomes spare, and stays spare");
    let mut stays = slots.take(client).expect("the slot is free");
    assert!(!stays.make_spare() && slots.take_spare(client).is_none(), "there is one spare slot");
    going.hold(4, None);
    assert_eq!(
        (slots.excess(), slots.holding(client).descriptors),
        (0, 1),
        "a connection being closed counts, but for no client"
    );
    drop(going);
    assert!(slots.take_spare(client).is_some());
    stays.hold(4, None);
    stays.leave();
    let next = slots.take(client).expect("it does not count any more");
    assert_eq!(slots.holding(client), Holding { connections: 2, descriptors: 1 });
    assert!(slots.take_spare(client).is_some());
    assert_eq!(slots.taken(), 2, "the slot is taken until it is closed");
    drop((stays, next));
    assert_eq!(slots.taken(), 0);
}
