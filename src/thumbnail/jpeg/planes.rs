//! The averages of the blocks of each component, as pixels.

use image::{DynamicImage, GrayImage, RgbImage};

use super::frame::{Component, Frame};
use crate::thumbnail::error::CannotDraw;
use crate::thumbnail::limits::MOST_AVERAGED;

/// The values of one component.
pub(super) struct Plane {
    component: Component,
    width: usize,
    values: Vec<u8>,
    /// Whether a scan has set them.
    pub is_set: bool,
}

impl Plane {
    /// A plane for each component.
    pub(super) fn of(frame: &Frame) -> Result<Vec<Self>, CannotDraw> {
        if u64::from(frame.width) * u64::from(frame.height) > MOST_AVERAGED {
            return Err(CannotDraw::TooLarge);
        }
        let (columns, rows) = frame.units();
        let plane = |component: &Component| {
            let width = (columns * component.columns) as usize;
            let values = vec![0; width * (rows * component.rows) as usize];
            Self { component: *component, width, values, is_set: false }
        };
        Ok(frame.components.iter().map(plane).collect())
    }

    /// Sets the value of a block from its coefficient.
    #[inline]
    pub(super) fn set(&mut self, x: usize, y: usize, coefficient: i32) {
        let value = (coefficient.saturating_add(4) >> 3).saturating_add(128);
        if let Some(place) = self.values.get_mut(y * self.width + x) {
            *place = value.clamp(0, 255) as u8;
        }
    }

    /// The values of a row of pixels, for blocks of the picture's own size.
    fn row(&self, y: usize, width: usize, unit: (u32, u32)) -> impl Iterator<Item = u8> {
        let y = y * self.component.rows as usize / unit.1 as usize;
        let row = self.values.get(y * self.width..).unwrap_or_default();
        let (own, most) = (self.component.columns as usize, unit.0 as usize);
        (0..width).map_while(move |x| row.get(x * own / most).copied())
    }
}

/// The picture that the planes make together.
pub(super) fn join(frame: &Frame, planes: &[Plane], is_rgb: bool) -> Result<DynamicImage, CannotDraw> {
    let (width, height) = (frame.width.div_ceil(8), frame.height.div_ceil(8));
    let rows = 0..height as usize;
    let (columns, unit) = (width as usize, frame.unit());
    match planes {
        [grey] => {
            let values = rows.flat_map(|y| grey.row(y, columns, unit)).collect();
            GrayImage::from_raw(width, height, values).map(DynamicImage::from)
        }
        [first, second, third] => {
            let pixel = |((first, second), third)| {
                if is_rgb { [first, second, third] } else { rgb(first, second, third) }
            };
            let values = rows.flat_map(|y| {
                let [first, second, third] = [first, second, third].map(|plane| plane.row(y, columns, unit));
                first.zip(second).zip(third).flat_map(pixel)
            });
            RgbImage::from_raw(width, height, values.collect()).map(DynamicImage::from)
        }
        _ => None,
    }
    .ok_or(CannotDraw::Broken)
}

/// Converts a colour (ITU-T T.871, 7), in thousandths.
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) * 1000 + 500, i32::from(cb) - 128, i32::from(cr) - 128);
    [y + 1402 * cr, y - 344 * cb - 714 * cr, y + 1772 * cb].map(|value| (value / 1000).clamp(0, 255) as u8)
}
