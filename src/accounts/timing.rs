//! How long a password check takes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::password::{Cost, Password, PasswordHash};
use crate::blocking::Blocking;

/// After this time, only one hash of each kind is measured. The slowest hash that a file may have takes
/// seconds.
const BUDGET: Duration = Duration::from_secs(2);

/// The hash whose check takes longest.
#[derive(Clone, Debug)]
pub struct Slowest {
    /// The hash.
    pub hash: PasswordHash,
    /// How long its check took.
    pub time: Duration,
}

/// The slowest of these hashes and of a hash at the current cost. Only costs that may be the slowest are measured, each
/// once, and for a limited time: a file may have a hundred thousand costs.
pub fn slowest<'h>(hashes: impl IntoIterator<Item = &'h PasswordHash>, disk: Blocking<'_>) -> Slowest {
    let password = Password::new(b"-".to_vec());
    let today = PasswordHash::of_nothing();
    let mut by_cost = HashMap::from([(today.cost(), &today)]);
    by_cost.extend(hashes.into_iter().map(|hash| (hash.cost(), hash)));
    let began = Instant::now();
    let (greatest, others) = candidates(by_cost.keys().copied());
    let measure = |cost: Cost| {
        let hash = by_cost[&cost];
        let began = Instant::now();
        hash.is_of(&password, disk);
        Slowest { hash: hash.clone(), time: began.elapsed() }
    };
    let others = others.into_iter().take_while(|_| began.elapsed() < BUDGET);
    let measured = greatest.into_iter().chain(others).map(measure);
    let slower = |one: Slowest, other: Slowest| if one.time > other.time { one } else { other };
    measured.fold(Slowest { hash: today.clone(), time: Duration::ZERO }, slower)
}

/// The costs that may be the slowest: first the greatest of each kind, then the others, greatest first.
///
/// The work of argon2 is memory times passes, but a block takes up to twice as long if the memory exceeds a processor
/// cache. So a cost may be the slowest if it has at least half of the greatest work, and more memory than all costs
/// with more passes. There are at most [`MAX_PASSES`](super::password::MAX_PASSES) such costs.
fn candidates(costs: impl Iterator<Item = Cost>) -> (Vec<Cost>, Vec<Cost>) {
    let (mut rounds, mut argon2) = (None, Vec::new());
    for cost in costs {
        match cost {
            Cost::Bcrypt(cost) => rounds = rounds.max(Some(cost)),
            Cost::Argon2 { memory, passes } => argon2.push((memory, passes)),
        }
    }
    let work = |(memory, passes): (u32, u32)| u64::from(memory) * u64::from(passes);
    argon2.sort_unstable_by(|one, other| other.cmp(one));
    let (mut passes, most) = (0, argon2.iter().copied().map(work).max());
    argon2.retain(|cost| {
        let is_greater = cost.1 > passes;
        passes = passes.max(cost.1);
        is_greater && most.is_some_and(|most| 2 * work(*cost) >= most)
    });
    argon2.sort_by_key(|cost| std::cmp::Reverse(work(*cost)));
    let mut argon2 = argon2.into_iter().map(|(memory, passes)| Cost::Argon2 { memory, passes });
    let greatest = rounds.map(Cost::Bcrypt).into_iter().chain(argon2.next()).collect();
    (greatest, argon2.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argon2((memory, passes): (u32, u32)) -> Cost {
        Cost::Argon2 { memory, passes }
    }

    #[test]
    fn what_may_be_the_slowest() {
        let table: [(&str, &[(u32, u32)], &[(u32, u32)]); 6] = [
            ("none", &[], &[]),
            ("one", &[(19_456, 2)], &[(19_456, 2)]),
            ("more of both", &[(19_456, 2), (19_456, 3), (20_000, 3), (100, 1)], &[(20_000, 3)]),
            ("as much work, more memory", &[(1000, 8), (4000, 2)], &[(4000, 2), (1000, 8)]),
            ("half the work, more memory", &[(1000, 8), (4000, 1)], &[(1000, 8), (4000, 1)]),
            ("less than half the work", &[(1000, 8), (3999, 1)], &[(1000, 8)]),
        ];
        for (case, costs, expected) in table {
            let (greatest, others) = candidates(costs.iter().copied().map(argon2));
            assert_eq!(greatest.len(), expected.len().min(1), "{case}");
            let expected: Vec<_> = expected.iter().copied().map(argon2).collect();
            assert_eq!([greatest, others].concat(), expected, "{case}");
        }
        let costs = [Cost::Bcrypt(4), argon2((8, 1)), Cost::Bcrypt(12), Cost::Bcrypt(10)];
        assert_eq!(candidates(costs.into_iter()), (vec![Cost::Bcrypt(12), argon2((8, 1))], vec![]));
    }

    #[test]
    fn of_many_costs_few_are_measured() {
        let all = (1..=5000).flat_map(|memory| (1..=20).map(move |passes| argon2((8 * memory, passes))));
        let (greatest, others) = candidates(all);
        assert_eq!((greatest, others), (vec![argon2((40_000, 20))], vec![]));
        let edge = (10..=20).map(|passes| argon2((262_144 / passes, passes)));
        let (greatest, others) = candidates(edge);
        assert_eq!((greatest.len(), others.len()), (1, 10));
    }

    #[test]
    fn the_slowest_of_a_file() {
        let disk = Blocking::own_thread();
        let today = slowest([], disk);
        let new = PasswordHash::of(&Password::new(b"x".to_vec()), disk).expect("a hash");
        assert!(today.hash.cost() == new.cost() && !today.time.is_zero());
        // Next to this hash, the current cost needs no measurement, and the cheapest bcrypt takes a hundredth
        // of the time.
        let bcrypt = bcrypt::hash_with_salt("x", 4, [1; 16]).expect("a hash").to_string();
        let hashes: [PasswordHash; 2] =
            [today.hash.as_str().replace("t=2", "t=3"), bcrypt].map(|text| text.parse().expect("a hash"));
        assert_eq!(slowest(&hashes, disk).hash, hashes[0]);
    }
}
