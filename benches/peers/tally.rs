//! The results of a case's rounds: medians, and ratios to ours.
//!
//! A ratio is taken within a round, in which both ran under the same conditions; the table has the median of
//! the rounds' ratios, and their range.

use std::collections::BTreeSet;

use serde::Serialize;

use super::case::Case;
use super::measure::{Measure, Metric};

/// The server that the others are compared with.
const OURS: &str = "wharf";

/// The measurements of one case.
#[derive(Debug)]
pub struct Tally {
    /// The case.
    pub case: &'static Case,
    /// The participants, in the order of the first round.
    pub rows: Vec<Row>,
    /// The participants that did not finish, and why.
    pub left_out: Vec<(&'static str, String)>,
}

/// The measurements of one server or client.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The measurements of each round.
    pub rounds: Vec<Measure>,
}

/// A median, and the range of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The lowest value.
    pub least: f64,
    /// The median.
    pub median: f64,
    /// The highest value.
    pub greatest: f64,
}

impl Tally {
    /// Without measurements.
    pub fn new(case: &'static Case) -> Self {
        Self { case, rows: Vec::new(), left_out: Vec::new() }
    }

    /// Adds the measurements of a round.
    pub fn add(&mut self, name: &'static str, measure: Measure) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.rounds.push(measure),
            None => self.rows.push(Row { name, rounds: vec![measure] }),
        }
    }

    /// Removes a participant's measurements: those of only some rounds are not comparable.
    pub fn leave_out(&mut self, name: &'static str, why: String) {
        self.rows.retain(|row| row.name != name);
        self.left_out.push((name, why));
    }

    /// The kinds of measurements of any participant.
    pub fn metrics(&self) -> BTreeSet<Metric> {
        self.rows.iter().flat_map(|row| &row.rounds).flat_map(Measure::metrics).collect()
    }

    /// The ratios of a row to ours; `None` for ours, and if ours is 0 or missing.
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
    /// Its measurements of one kind.
    pub fn spread(&self, metric: Metric) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| round.get(metric)).collect())
    }
}

impl Spread {
    /// Of at least one value.
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, greatest) = (*figures.first()?, *figures.last()?);
        let upper = *figures.get(figures.len() / 2)?;
        let lower = *figures.get((figures.len() - 1) / 2)?;
        Some(Self { least, median: f64::midpoint(lower, upper), greatest })
    }
}
