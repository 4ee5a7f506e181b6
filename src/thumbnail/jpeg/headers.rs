//! What comes before the first scan of a JPEG, and between scans.

use std::io::Read;

use super::frame::Frame;
use super::huffman::Codes;
use super::input::JpegInput;
use crate::thumbnail::error::CannotDraw;
use crate::thumbnail::exif;

/// The first two bytes of a JPEG.
const START: u16 = 0xffd8;

/// Markers of segments (T.81, table B.1).
const HUFFMAN_TABLES: u8 = 0xc4;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const QUANTISATION_TABLES: u8 = 0xdb;
const RESTART_INTERVAL: u8 = 0xdd;
const APP1: u8 = 0xe1;
const APP14: u8 = 0xee;

/// How Adobe's segment begins; the last of its bytes says how colours are coded.
const ADOBE: &[u8] = b"Adobe";
const ADOBE_CODING: usize = 11;

/// The headers up to a scan.
pub(in crate::thumbnail) struct Headers<R> {
    pub(super) input: JpegInput<R>,
    pub(super) frame: Frame,
    pub(super) tables: Tables,
    /// The segment with EXIF metadata; empty if there is none.
    pub(in crate::thumbnail) exif: Vec<u8>,
    /// The header of the scan that follows.
    pub(super) scan: Vec<u8>,
    /// How many bytes the headers have.
    pub(in crate::thumbnail) length: u64,
}

/// The tables that segments have set.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// How much an average is multiplied with, by table.
    pub factors: [i32; 4],
    /// For the averages.
    pub averages: [Option<Codes>; 4],
    /// For the other coefficients.
    pub details: [Option<Codes>; 4],
    /// The scan restarts after this many units; 0: never.
    pub restart: u32,
    /// How Adobe's programs say that colours are coded.
    pub adobe: Option<u8>,
}

impl<R: Read> Headers<R> {
    /// Reads up to the first scan.
    pub(in crate::thumbnail) fn read(picture: R) -> Result<Self, CannotDraw> {
        let mut input = JpegInput::new(picture);
        if input.u16()? != START {
            return Err(CannotDraw::NotPicture);
        }
        let (mut tables, mut frame, mut exif) = (Tables::default(), None, Vec::new());
        loop {
            let marker = input.marker()?;
            match marker {
                SCAN => break,
                END => return Err(CannotDraw::Broken),
                APP1 if exif.is_empty() => {
                    exif =
                        Some(input.segment()?).filter(|segment| exif::is_exif(segment)).unwrap_or_default();
                }
                // The start of a frame.
                0xc0..=0xcf if !matches!(marker, HUFFMAN_TABLES | 0xc8 | 0xcc) => {
                    if frame.replace(Frame::parse(marker, &input.segment()?)?).is_some() {
                        return Err(CannotDraw::Broken);
                    }
                }
                _ => tables.read(marker, &mut input)?,
            }
        }
        let scan = input.segment()?;
        let length = input.position();
        Ok(Self { input, frame: frame.ok_or(CannotDraw::Broken)?, tables, exif, scan, length })
    }

    /// The size of the picture, before it is turned.
    pub(in crate::thumbnail) fn dimensions(&self) -> (u32, u32) {
        (self.frame.width, self.frame.height)
    }

    /// Whether the averages of its blocks can be read.
    pub(in crate::thumbnail) fn has_averages(&self) -> bool {
        self.frame.has_averages()
    }

    /// Reads up to the next scan, whose first marker may have been read.
    pub(super) fn next_scan(&mut self, read: Option<u8>) -> Result<(), CannotDraw> {
        let mut marker = read.map_or_else(|| self.input.marker(), Ok)?;
        while marker != SCAN {
            if marker == END {
                return Err(CannotDraw::Broken);
            }
            self.tables.read(marker, &mut self.input)?;
            marker = self.input.marker()?;
        }
        self.scan = self.input.segment()?;
        Ok(())
    }
}

impl Tables {
    /// Reads a segment, or skips it if it sets no table.
    fn read<R: Read>(&mut self, marker: u8, input: &mut JpegInput<R>) -> Result<(), CannotDraw> {
        // Markers that stand alone.
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            return Ok(());
        }
        let segment = input.segment()?;
        match marker {
            HUFFMAN_TABLES => self.set_codes(&segment),
            QUANTISATION_TABLES => self.set_factors(&segment),
            RESTART_INTERVAL => {
                let interval = segment.first_chunk().ok_or(CannotDraw::Broken)?;
                self.restart = u16::from_be_bytes(*interval).into();
                Ok(())
            }
            APP14 if segment.starts_with(ADOBE) => {
                self.adobe = segment.get(ADOBE_CODING).copied();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn set_codes(&mut self, mut segment: &[u8]) -> Result<(), CannotDraw> {
        while let Some((destination, rest)) = segment.split_first() {
            let codes = match destination >> 4 {
                0 => &mut self.averages,
                1 => &mut self.details,
                _ => return Err(CannotDraw::Broken),
            };
            let place = codes.get_mut(usize::from(destination & 15)).ok_or(CannotDraw::Broken)?;
            let (codes, rest) = Codes::parse(rest)?;
            *place = Some(codes);
            segment = rest;
        }
        Ok(())
    }

    /// Keeps the first factor of each table, which is that of the average.
    fn set_factors(&mut self, mut segment: &[u8]) -> Result<(), CannotDraw> {
        while let Some((destination, rest)) = segment.split_first() {
            let size = if destination >> 4 == 0 { 1 } else { 2 };
            let (table, rest) = rest.split_at_checked(64 * size).ok_or(CannotDraw::Broken)?;
            let factor = self.factors.get_mut(usize::from(destination & 15)).ok_or(CannotDraw::Broken)?;
            *factor = table[..size].iter().fold(0, |sum, byte| sum << 8 | i32::from(*byte));
            segment = rest;
        }
        Ok(())
    }
}
