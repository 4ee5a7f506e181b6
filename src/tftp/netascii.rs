//! Netascii: the encoding of text in packets (RFC 1350 §1, RFC 764).
//!
//! LF is encoded as CR LF, CR as CR NUL, and any other byte as itself. So every file, text or not, survives
//! encoding and decoding. Both work on streams: the end of a read or of a block may split a pair anywhere.

use std::io::{BufRead, Read, Result};

const NUL: u8 = 0;
const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// Encodes a file. A read returns as many bytes as requested while the file has more, so that only the last
/// block is short.
#[derive(Debug)]
pub struct Encode<R> {
    source: R,
    /// The second byte of a pair whose first byte was returned.
    owed: Option<u8>,
}

impl<R: BufRead> Encode<R> {
    /// Encodes this source as it is read.
    pub const fn new(source: R) -> Self {
        Self { source, owed: None }
    }

    fn next(&mut self) -> Result<Option<u8>> {
        if let Some(second) = self.owed.take() {
            return Ok(Some(second));
        }
        let Some(&byte) = self.source.fill_buf()?.first() else {
            return Ok(None);
        };
        self.source.consume(1);
        Ok(Some(match byte {
            LF => self.pair(LF),
            CR => self.pair(NUL),
            plain => plain,
        }))
    }

    fn pair(&mut self, second: u8) -> u8 {
        self.owed = Some(second);
        CR
    }
}

impl<R: BufRead> Read for Encode<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        for slot in out {
            match self.next() {
                Ok(Some(byte)) => *slot = byte,
                Ok(None) => break,
                // The bytes encoded so far must not be lost; the next read returns the error again, unless it was
                // temporary.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Decodes netascii to a file's bytes.
#[derive(Debug, Default)]
pub struct NetasciiDecoder {
    /// A CR has arrived, and its meaning depends on the next byte.
    after_cr: bool,
}

impl NetasciiDecoder {
    /// Decodes `wire` and appends the result to `out`. A CR at the end of `wire` is kept for the next call.
    ///
    /// A CR before anything but LF or NUL is not netascii. It is kept unchanged, as by other receivers.
    pub fn decode(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        for &byte in wire {
            match (std::mem::replace(&mut self.after_cr, byte == CR), byte) {
                (false, CR) => {}
                (true, NUL | CR) => out.push(CR),
                (true, LF) | (false, _) => out.push(byte),
                (true, _) => out.extend([CR, byte]),
            }
        }
    }

    /// The end of the file: appends a pending CR.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_cr) {
            out.push(CR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(file: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        Encode::new(file).read_to_end(&mut wire).unwrap();
        wire
    }

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut decoder, mut file) = (NetasciiDecoder::default(), Vec::new());
        for piece in pieces {
            decoder.decode(piece, &mut file);
        }
        decoder.finish(&mut file);
        file
    }

    #[test]
    fn a_file_on_the_wire() {
        let rows: [(&str, &[u8], &[u8]); 6] = [
            ("empty", b"", b""),
            ("a line", b"a\n", b"a\r\n"),
            ("a bare CR", b"a\rb", b"a\r\0b"),
            ("a line of DOS", b"a\r\n", b"a\r\0\r\n"),
            ("a NUL", b"\0", b"\0"),
            ("bytes that are not text", b"\xff\x80", b"\xff\x80"),
        ];
        for (name, file, wire) in rows {
            assert_eq!(encode(file), wire, "{name}");
            assert_eq!(decode([wire]), file, "{name}");
        }
    }

    #[test]
    fn what_is_no_netascii_is_kept() {
        let rows: [(&str, &[u8], &[u8]); 4] = [
            ("CR before a letter", b"a\rb", b"a\rb"),
            ("two CR", b"\r\r\n", b"\r\n"),
            ("CR at the end", b"a\r", b"a\r"),
            ("a bare LF", b"a\nb", b"a\nb"),
        ];
        for (name, wire, file) in rows {
            assert_eq!(decode([wire]), file, "{name}");
        }
    }

    #[test]
    fn an_interrupted_read_loses_nothing() {
        /// A byte, an interruption, and a line end.
        struct Interrupted(Vec<Result<&'static [u8]>>);
        impl Read for Interrupted {
            fn read(&mut self, out: &mut [u8]) -> Result<usize> {
                self.0.pop().unwrap_or(Ok(&[]))?.read(out)
            }
        }
        let pieces =
            vec![Ok(b"\n".as_slice()), Err(std::io::ErrorKind::Interrupted.into()), Ok(b"a".as_slice())];
        let mut wire = Vec::new();
        Encode::new(std::io::BufReader::new(Interrupted(pieces))).read_to_end(&mut wire).unwrap();
        assert_eq!(wire, b"a\r\n");
    }

    /// Files with many line ends and NULs.
    fn files() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(CR), Just(LF), Just(NUL), any::<u8>()];
        proptest::collection::vec(byte, 0..200)
    }

    proptest! {
        #[test]
        fn every_file_survives_any_split(file in files(), size in 1usize..9, buffer in 1usize..9) {
            let mut wire = Vec::new();
            let mut source = Encode::new(std::io::BufReader::with_capacity(buffer, &*file));
            let mut piece = vec![0; size];
            loop {
                let count = source.read(&mut piece).unwrap();
                wire.extend_from_slice(&piece[..count]);
                if count < size {
                    break;
                }
            }
            prop_assert_eq!(&wire, &encode(&file));
            prop_assert_eq!(decode(wire.chunks(size)), file);
        }
    }
}
