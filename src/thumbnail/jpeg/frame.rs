//! The frame of a JPEG: its size, and its components (T.81, B.2.2).

use crate::thumbnail::error::CannotDraw;

/// The start of a frame, and of one with several scans for each coefficient.
pub(super) const BASELINE: u8 = 0xc0;
pub(super) const EXTENDED: u8 = 0xc1;
pub(super) const PROGRESSIVE: u8 = 0xc2;

/// A frame.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    marker: u8,
    precision: u8,
    pub width: u32,
    pub height: u32,
    pub components: Vec<Component>,
}

/// A component: brightness, or a part of the colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub id: u8,
    /// How many blocks are side by side in a unit of the scan.
    pub columns: u32,
    /// How many blocks are one below another in a unit.
    pub rows: u32,
    /// Its table of quantisation.
    pub table: usize,
}

impl Frame {
    pub(super) fn parse(marker: u8, segment: &[u8]) -> Result<Self, CannotDraw> {
        let ([precision, h0, h1, w0, w1, count], rest) =
            segment.split_first_chunk().ok_or(CannotDraw::Broken)?;
        let (height, width) = (u16::from_be_bytes([*h0, *h1]), u16::from_be_bytes([*w0, *w1]));
        let (components, []) = rest.as_chunks::<3>() else { return Err(CannotDraw::Broken) };
        let components: Vec<_> =
            components.iter().copied().map(Component::parse).collect::<Result<_, _>>()?;
        if width == 0 || components.is_empty() || components.len() != usize::from(*count) {
            return Err(CannotDraw::Broken);
        }
        // The height may follow the first scan (T.81, B.2.5), but no program writes that.
        if height == 0 {
            return Err(CannotDraw::NotPicture);
        }
        Ok(Self { marker, precision: *precision, width: width.into(), height: height.into(), components })
    }

    /// Whether the averages of its blocks can be read.
    pub(super) fn has_averages(&self) -> bool {
        let is_known = matches!(self.marker, BASELINE | EXTENDED | PROGRESSIVE) && self.precision == 8;
        is_known && matches!(self.components.len(), 1 | 3)
    }

    pub(super) fn is_progressive(&self) -> bool {
        self.marker == PROGRESSIVE
    }

    /// The size of a unit, in blocks of the component that has most of them.
    pub(super) fn unit(&self) -> (u32, u32) {
        let most = |of: fn(&Component) -> u32| self.components.iter().map(of).max().unwrap_or(1);
        (most(|component| component.columns), most(|component| component.rows))
    }

    /// How many units are side by side, and one below another.
    pub(super) fn units(&self) -> (u32, u32) {
        let (columns, rows) = self.unit();
        (self.width.div_ceil(8 * columns), self.height.div_ceil(8 * rows))
    }

    /// How many blocks of a component have pixels of the picture, in both directions.
    pub(super) fn blocks(&self, component: &Component) -> (u32, u32) {
        let (columns, rows) = self.unit();
        let blocks = |pixels: u32, own: u32, most: u32| (pixels * own).div_ceil(most).div_ceil(8);
        (blocks(self.width, component.columns, columns), blocks(self.height, component.rows, rows))
    }
}

impl Component {
    fn parse([id, sampling, table]: [u8; 3]) -> Result<Self, CannotDraw> {
        let (columns, rows) = (u32::from(sampling >> 4), u32::from(sampling & 15));
        if !(1..=4).contains(&columns) || !(1..=4).contains(&rows) || table > 3 {
            return Err(CannotDraw::Broken);
        }
        Ok(Self { id, columns, rows, table: table.into() })
    }
}
