//! What the rounds of one case gave, and what it comes to: medians, and ratios to ours.
//!
//! A ratio is taken within a round, where both met the same machine; what is shown is the median of the rounds' ratios,
//! and between what they lie.

use std::collections::BTreeSet;

use serde::Serialize;

use super::case::Case;
use super::measure::{Measure, Metric};

/// Whom the others are compared with.
const OURS: &str = "wharf";

/// The figures of one case.
#[derive(Debug)]
pub struct Tally {
    /// The case.
    pub case: &'static Case,
    /// Who took turns, in the order of the first round.
    pub rows: Vec<Row>,
    /// Who did not, or not to the end, and why.
    pub left_out: Vec<(&'static str, String)>,
}

/// The figures of one server or client.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What each round gave.
    pub rounds: Vec<Measure>,
}

/// A median, and between what the rounds lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Tally {
    /// No figures yet.
    pub fn new(case: &'static Case) -> Self {
        Self { case, rows: Vec::new(), left_out: Vec::new() }
    }

    /// Adds what a round gave.
    pub fn add(&mut self, name: &'static str, measure: Measure) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.rounds.push(measure),
            None => self.rows.push(Row { name, rounds: vec![measure] }),
        }
    }

    /// Takes someone's figures away: those of some rounds only would be compared with those of others.
    pub fn leave_out(&mut self, name: &'static str, why: String) {
        self.rows.retain(|row| row.name != name);
        self.left_out.push((name, why));
    }

    /// The kinds of figures that somebody has.
    pub fn metrics(&self) -> BTreeSet<Metric> {
        self.rows.iter().flat_map(|row| &row.rounds).flat_map(Measure::metrics).collect()
    }

    /// How a row's figures stand to ours; none for ours, and where ours is 0 or absent.
    pub fn ratio(&self, row: &Row, metric: Metric) -> Option<Spread> {
        let ours = self.rows.iter().find(|ours| ours.name == OURS && ours.name != row.name)?;
        let rounds = row.rounds.iter().zip(&ours.rounds);
        let ratio = |(theirs, ours): (&Measure, &Measure)| {
            let ours = ours.get(metric).filter(|ours| *ours > 0.0)?;
            Some(theirs.get(metric)? / ours)
        };
        Spread::of(rounds.filter_map(ratio).collect())
    }
}

impl Row {
    /// Its figures of one kind.
    pub fn spread(&self, metric: Metric) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| round.get(metric)).collect())
    }
}

impl Spread {
    /// Of at least one figure.
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, greatest) = (*figures.first()?, *figures.last()?);
        let upper = *figures.get(figures.len() / 2)?;
        let lower = *figures.get((figures.len() - 1) / 2)?;
        Some(Self { least, median: f64::midpoint(lower, upper), greatest })
    }
}
