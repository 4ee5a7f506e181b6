//! The results as a chart: one panel per case, one bar per server.
//!
//! A bar is the CPU time per request, which varies less than throughput, or the total time for a case without
//! requests; shorter is better. The line across it is the range of the rounds.

use std::fs;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Result;
use super::measure::Metric;
use super::report::figure;
use super::tally::{Spread, Tally};

/// The width of a panel, and of two panels side by side, in pixels.
const PANEL: i32 = 480;
const PANELS: usize = 2;

/// The height of a bar with its gap, and of a panel's title.
const BAR: i32 = 20;
const TITLE: i32 = 44;

/// Where bars begin and end in a panel: names are left of them, numbers right of them.
const BARS: std::ops::Range<i32> = 130..390;

const OURS: RGBColor = RGBColor(0x0b, 0x6e, 0x99);
const THEIRS: RGBColor = RGBColor(0xb4, 0xbc, 0xc4);
const INK: RGBColor = RGBColor(0x22, 0x26, 0x2a);

/// The contents of one panel.
struct Panel {
    title: String,
    bars: Vec<(&'static str, Spread)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws all cases that have results.
pub fn draw(path: &Path, tallies: &[Tally]) -> Result<()> {
    let panels: Vec<_> = tallies.iter().filter_map(panel).collect();
    let rows: Vec<_> = panels.chunks(PANELS).collect();
    let heights: Vec<i32> = rows.iter().map(|row| row.iter().map(Panel::height).max().unwrap_or(0)).collect();
    let mut picture = String::new();
    {
        let size = (PANEL as u32 * PANELS as u32, heights.iter().sum::<i32>().max(1) as u32);
        let area = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        // Readable on a dark page, too.
        area.fill(&WHITE).map_err(cannot_draw)?;
        let mut top = 0;
        for (row, height) in rows.iter().zip(&heights) {
            for (column, panel) in (0..).zip(*row) {
                panel.draw(&area, column * PANEL, top)?;
            }
            top += height;
        }
        area.present().map_err(cannot_draw)?;
    }
    Ok(fs::write(path, picture)?)
}

/// The panel of a case, the best server first.
fn panel(tally: &Tally) -> Option<Panel> {
    let metrics = tally.metrics();
    let metric = [Metric::Elapsed, Metric::Cpu].into_iter().find(|metric| metrics.contains(metric))?;
    let mut bars: Vec<_> =
        tally.rows.iter().filter_map(|row| Some((row.name, row.spread(metric)?))).collect();
    bars.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    Some(Panel { title: format!("{}: {}", tally.case.about, metric.label()), bars })
}

impl Panel {
    fn height(&self) -> i32 {
        self.bars.iter().fold(TITLE, |height, _| height + BAR)
    }

    fn draw(&self, area: &Area<'_>, left: i32, top: i32) -> Result<()> {
        let title = ("sans-serif", 14, FontStyle::Bold).into_font().color(&INK);
        let words = ("sans-serif", 12).into_font().color(&INK);
        area.draw(&Text::new(self.title.clone(), (left + 12, top + 16), title)).map_err(cannot_draw)?;
        let longest = self.bars.iter().map(|(_, spread)| spread.greatest).fold(f64::MIN_POSITIVE, f64::max);
        let at = |value: f64| {
            left + BARS.start + (value / longest * f64::from(BARS.end - BARS.start)).round() as i32
        };
        for (row, (name, spread)) in (0..).zip(&self.bars) {
            let middle = top + TITLE + row * BAR;
            let color = if name.starts_with("wharf") { OURS } else { THEIRS };
            let bar = [(at(0.0), middle - BAR / 2 + 3), (at(spread.median), middle + BAR / 2 - 3)];
            area.draw(&Rectangle::new(bar, color.filled())).map_err(cannot_draw)?;
            let line = [(at(spread.least), middle), (at(spread.greatest), middle)];
            area.draw(&PathElement::new(line, INK)).map_err(cannot_draw)?;
            let before = words.clone().pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(*name, (at(0.0) - 6, middle), before)).map_err(cannot_draw)?;
            let behind = words.clone().pos(Pos::new(HPos::Left, VPos::Center));
            let number = Text::new(figure(spread.median), (at(spread.greatest) + 6, middle), behind);
            area.draw(&number).map_err(cannot_draw)?;
        }
        Ok(())
    }
}

/// The library's error borrows the drawing area; its message is enough.
fn cannot_draw(error: impl std::fmt::Display) -> String {
    format!("cannot draw the chart: {error}")
}
