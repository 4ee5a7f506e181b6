//! Several servers measured in turns, and what their figures are beside each other.

use std::fmt;

use super::peers::Result;

/// The figures of each server: one value per round.
#[derive(Debug, Default)]
pub struct Figures(Vec<(&'static str, Vec<f64>)>);

/// The ratio of one server to another one: the median, the lowest and the highest of the rounds.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    pub median: f64,
    lowest: f64,
    highest: f64,
}

/// Measures each of these in turn, `rounds` times, and returns `N` kinds of figures. One that fails is left out, except wharf.
pub fn measure<const N: usize>(
    names: &[&'static str],
    rounds: u32,
    turn: impl Fn(usize) -> Result<[f64; N]>,
) -> Result<[Figures; N]> {
    let mut measured: Vec<(&'static str, Option<Vec<[f64; N]>>)> =
        names.iter().map(|name| (*name, Some(Vec::new()))).collect();
    for round in 0..rounds as usize {
        for at in (0..names.len()).map(|turn| (round + turn) % names.len()) {
            let Some((name, values)) = measured.get_mut(at) else { continue };
            let Some(so_far) = values else { continue };
            eprint!("\r\x1b[K{name}, round {}", round + 1);
            match turn(at) {
                Ok(value) => so_far.push(value),
                Err(why) if name.starts_with("wharf") => return Err(format!("{name}: {why}").into()),
                Err(why) => {
                    eprint!("\r\x1b[K");
                    println!("SKIPPED: {name}: {why}");
                    *values = None;
                }
            }
        }
    }
    eprint!("\r\x1b[K");
    Ok(std::array::from_fn(|kind| {
        let of = |values: Vec<[f64; N]>| values.iter().filter_map(|all| all.get(kind).copied()).collect();
        Figures(measured.iter().filter_map(|(name, values)| Some((*name, of(values.clone()?)))).collect())
    }))
}

impl Figures {
    /// The servers that were not left out, with the medians of their rounds.
    pub fn medians(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().filter_map(|(name, values)| Some((*name, median(values.iter().copied())?)))
    }

    /// The ratio of two servers, unless one was left out.
    pub fn ratio(&self, one: &str, other: &str) -> Option<Ratio> {
        let of = |name: &str| self.0.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
        let ratios: Vec<f64> = of(one)?.iter().zip(of(other)?).map(|(one, other)| one / other).collect();
        Some(Ratio {
            median: median(ratios.iter().copied())?,
            lowest: ratios.iter().copied().reduce(f64::min)?,
            highest: ratios.iter().copied().reduce(f64::max)?,
        })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "×{:.2} ({:.2}–{:.2})", self.median, self.lowest, self.highest)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
