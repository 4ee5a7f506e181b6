//! Options: what a server acknowledges, and what a client accepts.

use super::*;
use crate::tftp::fields::Text;

/// An option's name and value.
type Pair = (&'static str, &'static str);

fn options(list: &[Pair]) -> Options<'static> {
    let mut options = Options::default();
    for (name, value) in list {
        options.add(Text::new(name.as_bytes()).unwrap(), Text::new(value.as_bytes()).unwrap()).unwrap();
    }
    options
}

fn written(options: &Options<'_>) -> String {
    let pairs = options.iter().map(|(name, value)| format!("{}={}", name.to_lossy(), value.to_lossy()));
    pairs.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_server_acknowledges_within_its_limits() {
    let forty = "9999999999999999999999999999999999999999";
    let rows: &[(&str, &[Pair], &str)] = &[
        ("nothing requested: no OACK (2347)", &[], ""),
        ("unknown options are left out (2347)", &[("rollover", "0"), ("blksize", "512")], "blksize=512"),
        (
            "names in any case (2347)",
            &[("BlkSize", "1024"), ("WINDOWSIZE", "4")],
            "blksize=1024 windowsize=4",
        ),
        ("blksize 8, the least (2348)", &[("blksize", "8")], "blksize=8"),
        ("blksize 65464, the most (2348)", &[("blksize", "65464")], "blksize=65464"),
        ("blksize 65465: the limit (2348)", &[("blksize", "65465")], "blksize=65464"),
        ("blksize of 40 digits", &[("blksize", forty)], "blksize=65464"),
        ("blksize 7: no valid answer (2348)", &[("blksize", "7")], ""),
        ("blksize 0", &[("blksize", "0")], ""),
        ("blksize empty", &[("blksize", "")], ""),
        ("blksize with a sign", &[("blksize", "+512")], ""),
        ("blksize negative", &[("blksize", "-1")], ""),
        ("blksize in hexadecimal", &[("blksize", "0x200")], ""),
        ("blksize with a space", &[("blksize", "512 ")], ""),
        ("blksize with leading zeros", &[("blksize", "000512")], "blksize=512"),
        ("windowsize 1 (7440)", &[("windowsize", "1")], "windowsize=1"),
        ("windowsize 65535: the limit (7440)", &[("windowsize", "65535")], "windowsize=64"),
        ("windowsize of 40 digits", &[("windowsize", forty)], "windowsize=64"),
        ("windowsize 0: no valid answer (7440)", &[("windowsize", "0")], ""),
        ("timeout 1 (2349)", &[("timeout", "1")], "timeout=1"),
        ("timeout 8, the limit", &[("timeout", "8")], "timeout=8"),
        ("timeout 9: must be the same (2349)", &[("timeout", "9")], ""),
        ("timeout 255: must be the same (2349)", &[("timeout", "255")], ""),
        ("timeout 0: must be the same (2349)", &[("timeout", "0")], ""),
        ("timeout 256: must be the same (2349)", &[("timeout", "256")], ""),
        ("timeout of 40 digits", &[("timeout", forty)], ""),
        ("tsize 0: the size (2349)", &[("tsize", "0")], "tsize=1000"),
        ("tsize of a reader that is not 0: the size", &[("tsize", "77")], "tsize=1000"),
        ("tsize that is not a number", &[("tsize", "big")], ""),
    ];
    for (name, asked, oack) in rows {
        let direction = Direction::Read { size: Some(1000) };
        let terms = Terms::answer(&options(asked), Mode::Octet, direction, &Caps::default());
        assert_eq!(written(&terms.to_options()), *oack, "{name}");
        assert_eq!(terms.is_empty(), oack.is_empty(), "{name}");
    }
}

#[test]
fn tsize_depends_on_the_direction_and_the_mode() {
    let read = |size| Direction::Read { size };
    let rows = [
        ("a file of known size", Mode::Octet, read(Some(9)), "5", Some(9)),
        ("size not known", Mode::Octet, read(None), "0", None),
        ("an empty file: curl rejects 0", Mode::Octet, read(Some(0)), "0", None),
        ("netascii changes the size", Mode::Netascii, read(Some(9)), "0", None),
        ("a write: echoed (2349)", Mode::Octet, Direction::Write, "5", Some(5)),
        ("a write in netascii: echoed", Mode::Netascii, Direction::Write, "5", Some(5)),
        (
            "a write of more than 64 bits: more than any folder accepts",
            Mode::Octet,
            Direction::Write,
            "184467440737095516150",
            Some(u64::MAX),
        ),
    ];
    for (name, mode, direction, asked, tsize) in rows {
        let asked = options(&[("tsize", asked)]);
        assert_eq!(Terms::answer(&asked, mode, direction, &Caps::default()).tsize, tsize, "{name}");
    }
}

#[test]
fn a_client_accepts_no_more_than_it_requested() {
    let asked = Terms {
        blksize: BlockSize::new(1024),
        tsize: Some(0),
        timeout: NonZeroU8::new(3),
        windowsize: WindowSize::new(16),
    };
    let no_window = Terms { windowsize: None, ..asked };
    let rows: &[(&str, Terms, &[Pair], Option<&str>)] = &[
        ("nothing acknowledged", asked, &[], Some("")),
        (
            "all as requested",
            asked,
            &[("blksize", "1024"), ("windowsize", "16")],
            Some("blksize=1024 windowsize=16"),
        ),
        ("names in any case (2347)", asked, &[("BLKSIZE", "8")], Some("blksize=8")),
        ("a larger block (2348)", asked, &[("blksize", "1025")], None),
        ("a block of 7", asked, &[("blksize", "7")], None),
        ("a block of 40 digits", asked, &[("blksize", "9999999999999999999999999999999999999999")], None),
        ("a block that is not a number", asked, &[("blksize", "")], None),
        ("a smaller window (7440)", asked, &[("windowsize", "1")], Some("windowsize=1")),
        ("a larger window (7440)", asked, &[("windowsize", "17")], None),
        ("a window of 0", asked, &[("windowsize", "0")], None),
        ("a window that was not requested (2347)", no_window, &[("windowsize", "1")], None),
        ("an unknown option (2347)", asked, &[("rollover", "0")], None),
        ("the same timeout (2349)", asked, &[("timeout", "3")], Some("timeout=3")),
        ("another timeout (2349)", asked, &[("timeout", "2")], None),
        ("the size (2349)", asked, &[("tsize", "123456789012")], Some("tsize=123456789012")),
        ("a size that is not a number", asked, &[("tsize", "x")], None),
    ];
    for (name, asked, oack, terms) in rows {
        let verdict = asked.judge(&options(oack));
        let code = verdict.as_ref().err().map(|fault| fault.code);
        assert_eq!(code, terms.is_none().then_some(ErrorCode::OptionNegotiation), "{name}");
        assert_eq!(verdict.ok().map(|terms| written(&terms.to_options())).as_deref(), *terms, "{name}");
    }
}

#[test]
fn sizes_outside_their_range_are_rejected() {
    assert_eq!([7, 65_465].map(BlockSize::new), [None, None]);
    assert_eq!([8, 65_464].map(BlockSize::new), [Some(BlockSize::MIN), Some(BlockSize::MAX)]);
    assert_eq!([0, 32_768].map(WindowSize::new), [None, None]);
    assert_eq!([1, 32_767].map(WindowSize::new), [Some(WindowSize::MIN), Some(WindowSize::MAX)]);
}
