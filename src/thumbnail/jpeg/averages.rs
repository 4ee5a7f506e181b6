//! Reads the scans of a JPEG for the averages of its blocks.

use std::io::Read;

use image::DynamicImage;

use super::bits::Bits;
use super::details::DetailTable;
use super::frame::{Component, Frame};
use super::headers::{Headers, Tables};
use super::huffman::{CodeClass, CodeTable, Codes};
use super::planes::{self, Plane};
use crate::thumbnail::error::CannotDraw;

/// A component in a scan.
struct ScanComponent {
    /// Its place in the frame.
    index: usize,
    component: Component,
    averages: CodeTable,
    /// `None` in a progressive JPEG, whose scans for averages have nothing else.
    details: Option<DetailTable>,
    factor: i32,
    /// The coefficient of the block before.
    last: i32,
}

/// The picture in an eighth of its size.
pub(in crate::thumbnail) fn averages<R: Read>(mut headers: Headers<R>) -> Result<DynamicImage, CannotDraw> {
    let mut planes = Plane::of(&headers.frame)?;
    loop {
        let marker = read_scan(&mut headers, &mut planes)?;
        if planes.iter().all(|plane| plane.is_set) {
            break;
        }
        headers.next_scan(marker)?;
    }
    // Without Adobe's segment, the names of the components say how they are meant.
    let named_rgb = || headers.frame.components.iter().map(|component| component.id).eq(*b"RGB");
    let is_rgb = headers.tables.adobe.map_or_else(named_rgb, |coding| coding == 0);
    planes::join(&headers.frame, &planes, is_rgb)
}

/// Reads a scan, if it has averages that are missing. Returns the marker after it, if it was read.
fn read_scan<R: Read>(headers: &mut Headers<R>, planes: &mut [Plane]) -> Result<Option<u8>, CannotDraw> {
    let Headers { input, frame, tables, scan, .. } = headers;
    let scan = Scan::parse(scan, frame)?;
    // Further scans for averages only add a bit to each.
    let has_averages = !frame.is_progressive() || scan.first == 0 && !scan.refines;
    if !has_averages || scan.components.iter().any(|(index, _)| planes[*index].is_set) {
        return Ok(None);
    }
    let shift = if frame.is_progressive() { scan.shift } else { 0 };
    let component = |(index, codes): &(usize, u8)| ScanComponent::new(*index, *codes, frame, tables);
    let mut components: Vec<_> = scan.components.iter().map(component).collect::<Result<_, _>>()?;
    let mut bits = Bits::new(input);
    let (columns, rows) = match &components[..] {
        // A component alone has no blocks outside the picture (T.81, A.2.2).
        [alone] => {
            let blocks = frame.blocks(&alone.component);
            components[0].component = Component { columns: 1, rows: 1, ..components[0].component };
            blocks
        }
        _ => frame.units(),
    };
    let mut until_restart = tables.restart;
    for y in 0..rows {
        for x in 0..columns {
            if tables.restart > 0 {
                if until_restart == 0 {
                    if !bits.restart() {
                        return Err(CannotDraw::Broken);
                    }
                    for component in &mut components {
                        component.last = 0;
                    }
                    until_restart = tables.restart;
                }
                until_restart -= 1;
            }
            for component in &mut components {
                component.read_unit(x, y, shift, &mut bits, planes)?;
            }
            if bits.is_beyond_end() {
                return Err(CannotDraw::Broken);
            }
        }
    }
    for component in &components {
        planes[component.index].is_set = true;
    }
    Ok(bits.into_marker())
}

/// The header of a scan.
struct Scan {
    /// The places of its components in the frame, and which codes they have.
    components: Vec<(usize, u8)>,
    /// Its first coefficient.
    first: u8,
    /// Whether it adds a bit to what earlier scans have set.
    refines: bool,
    /// By how many bits its coefficients are shifted.
    shift: u32,
}

impl Scan {
    fn parse(scan: &[u8], frame: &Frame) -> Result<Self, CannotDraw> {
        let (count, rest) = scan.split_first().ok_or(CannotDraw::Broken)?;
        let (named, rest) = rest.split_at_checked(2 * usize::from(*count)).ok_or(CannotDraw::Broken)?;
        let [first, _, bits] = *rest.first_chunk().ok_or(CannotDraw::Broken)?;
        let place = |[id, codes]: &[u8; 2]| -> Result<_, CannotDraw> {
            let index = frame.components.iter().position(|component| component.id == *id);
            Ok((index.ok_or(CannotDraw::Broken)?, *codes))
        };
        let components: Vec<_> = named.as_chunks().0.iter().map(place).collect::<Result<_, _>>()?;
        let is_twice = |at: usize| components[..at].iter().any(|(index, _)| *index == components[at].0);
        if components.is_empty() || components.len() > 3 || (1..components.len()).any(is_twice) {
            return Err(CannotDraw::Broken);
        }
        Ok(Self { components, first, refines: bits >> 4 > 0, shift: u32::from(bits & 15) })
    }
}

impl ScanComponent {
    fn new(index: usize, codes: u8, frame: &Frame, tables: &Tables) -> Result<Self, CannotDraw> {
        let component = frame.components[index];
        let find = |codes: &'_ [Option<Codes>; 4], place: u8| {
            codes.get(usize::from(place)).cloned().flatten().ok_or(CannotDraw::Broken)
        };
        let details = || DetailTable::new(&find(&tables.details, codes & 15)?);
        Ok(Self {
            index,
            component,
            averages: CodeTable::new(CodeClass::Average, &find(&tables.averages, codes >> 4)?)?,
            details: if frame.is_progressive() { None } else { Some(details()?) },
            factor: tables.factors[component.table],
            last: 0,
        })
    }

    /// Reads the blocks of one unit.
    #[inline]
    fn read_unit<R: Read>(
        &mut self,
        x: u32,
        y: u32,
        shift: u32,
        bits: &mut Bits<'_, R>,
        planes: &mut [Plane],
    ) -> Result<(), CannotDraw> {
        let Component { columns, rows, .. } = self.component;
        for row in 0..rows {
            for column in 0..columns {
                self.last = self.last.wrapping_add(bits.difference(&self.averages)?);
                if let Some(details) = &self.details {
                    bits.skip_details(details)?;
                }
                let coefficient = (self.last << shift).wrapping_mul(self.factor);
                let (x, y) = ((x * columns + column) as usize, (y * rows + row) as usize);
                planes[self.index].set(x, y, coefficient);
            }
        }
        Ok(())
    }
}
