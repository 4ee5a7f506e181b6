//! QR codes (ISO/IEC 18004) of addresses, so that users need not type them on a phone.
//!
//! Readers need dark modules on a light background, with a light margin. A picture has its own colours. In a terminal with
//! colours the code is black on white, even if the terminal is dark. In a terminal without colours the light modules are
//! drawn, since most terminals are dark.

use qrcode::QrCode;
use qrcode::render::{svg, unicode::Dense1x2};

/// The minimum size of a picture, in pixels: readable from a screen at arm's length.
const SVG_SIZE: u32 = 256;

/// Sets black on white, in colours that no theme changes.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const AS_BEFORE: &str = "\x1b[0m";

/// Whether a terminal supports colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// It does.
    Taken,
    /// It does not, or the output is not a terminal.
    Refused,
}

/// The code as a picture. `None` if the text is too long for a code: over 2,331 bytes.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(SVG_SIZE, SVG_SIZE).build())
}

/// The code as lines of half blocks. `None` if the text is too long.
pub fn lines(text: &str, colours: Colours) -> Option<Vec<String>> {
    let code = QrCode::new(text).ok()?;
    let mut renderer = code.render::<Dense1x2>();
    let (before, behind) = match colours {
        Colours::Taken => (BLACK_ON_WHITE, AS_BEFORE),
        Colours::Refused => {
            renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
            ("", "")
        }
    };
    let drawn = renderer.build();
    Some(drawn.lines().map(|line| format!("{before}{line}{behind}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a code; `is_dark` says whether a pixel of the square is dark.
    fn read(width: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if is_dark(x, y) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, width, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().expect("readable").1
    }

    /// Converts lines of half blocks to pixels: whether each is drawn. Every module is `scale` pixels wide.
    fn pixels(lines: &[String], scale: usize) -> impl Fn(usize, usize) -> bool {
        let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        move |x, y| {
            let (x, y) = (x / scale, y / scale);
            let upper = y.is_multiple_of(2);
            match rows.get(y / 2).and_then(|row| row.get(x)) {
                Some('\u{2588}') => true,
                Some('\u{2580}') => upper,
                Some('\u{2584}') => !upper,
                _ => false,
            }
        }
    }

    #[test]
    fn codes_are_read_back() {
        let url = "http://192.168.178.25:8080/";
        let mut coloured = lines(url, Colours::Taken).expect("short enough");
        for line in &mut coloured {
            let bare = line.strip_prefix(BLACK_ON_WHITE).and_then(|rest| rest.strip_suffix(AS_BEFORE));
            *line = bare.expect("its colours").to_owned();
        }
        let width = coloured[0].chars().count();
        let is_black = pixels(&coloured, 4);
        assert_eq!(read(width * 4, &is_black), url);
        let plain = lines(url, Colours::Refused).expect("short enough");
        let is_drawn = pixels(&plain, 4);
        assert_eq!(read(width * 4, |x, y| !is_drawn(x, y)), url, "the light ones are drawn");
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        let long = "x".repeat(3000);
        assert!(svg(&long).is_none() && lines(&long, Colours::Taken).is_none());
    }
}
