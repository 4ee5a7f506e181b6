//! The table of a case.

use std::fmt;
use std::fs;

use super::Case;

/// The measurements of a case, round by round, for each server; the first is wharf.
pub struct Table<'a> {
    case: &'a Case,
    rows: Vec<Row>,
}

/// A server.
struct Row {
    name: String,
    values: Vec<f64>,
    /// Why it does not take part in this case, or no longer.
    left_out: Option<String>,
}

impl<'a> Table<'a> {
    /// Without measurements.
    pub fn new(case: &'a Case, servers: impl Iterator<Item = String>) -> Self {
        Self { case, rows: servers.map(|name| Row { name, values: Vec::new(), left_out: None }).collect() }
    }

    /// Adds a turn of a server.
    pub fn add(&mut self, server: usize, value: f64) {
        self.rows[server].values.push(value);
    }

    /// Notes that a server does not take part: values from only some of the rounds are not comparable.
    pub fn leave_out(&mut self, server: usize, why: String) {
        self.rows[server].left_out = Some(why);
    }

    /// Whether a server does not take part.
    pub fn is_left_out(&self, server: usize) -> bool {
        self.rows[server].left_out.is_some()
    }

    /// The ratios of wharf to a server, round by round: both ran under the same conditions.
    fn ratios(&self, theirs: &[f64]) -> Vec<f64> {
        let ours = self.rows.first().map_or(&[][..], |row| &row.values);
        ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { name, about, unit, target, .. } = self.case;
        writeln!(f, "### {name}: {about}\n")?;
        writeln!(f, "| server | {unit} | wharf, as a multiple of it |\n| --- | ---: | ---: |")?;
        for (at, Row { name: server, values, left_out }) in self.rows.iter().enumerate() {
            if let Some(why) = left_out {
                writeln!(f, "| {server} | SKIPPED: {why} | |")?;
                continue;
            }
            let value = median(values);
            let digits = usize::from(value < 1000.0);
            if at == 0 {
                writeln!(f, "| {server} | {value:.digits$} | |")?;
                continue;
            }
            let ratios = self.ratios(values);
            let (least, ratio) = (ratios.iter().copied().fold(f64::INFINITY, f64::min), median(&ratios));
            let most = ratios.iter().copied().fold(0.0, f64::max);
            write!(f, "| {server} | {value:.digits$} | {ratio:.2} ({least:.2}–{most:.2})")?;
            match target.filter(|_| server == "nginx") {
                Some(target) if ratio <= target => writeln!(f, ", target {target:.2}: met |")?,
                Some(target) => writeln!(f, ", target {target:.2}: not met |")?,
                None => writeln!(f, " |")?,
            }
        }
        Ok(())
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(values.len() / 2), at(values.len().saturating_sub(1) / 2))
}

/// The processor, and whether it encrypts several blocks with one instruction (VAES), which makes the difference for large
/// files.
pub fn processor() -> String {
    let facts = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = facts.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value)
    };
    let has_vaes = field("flags").split(' ').any(|flag| flag == "vaes");
    format!("Processor: {}, {} VAES.", field("model name"), if has_vaes { "with" } else { "without" })
}
