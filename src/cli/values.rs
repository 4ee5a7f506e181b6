//! The values of the flags of `wharf serve`, from their text.

use std::time::Duration;

use rustix::fs::Mode;

use super::banner::IdleExit;
use crate::server::KeepAlive;

/// The value of `--trash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrashTime {
    KeptFor(Duration),
    Off,
}

impl TrashTime {
    /// How long removed files are kept; `None` if they are not kept.
    pub(super) fn kept_for(self) -> Option<Duration> {
        match self {
            Self::KeptFor(time) => Some(time),
            Self::Off => None,
        }
    }
}

/// The port of `--udp`. A folder that follows the flag is read as its value.
pub(super) fn udp_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is not a port (put the folder before --udp)"))
}

/// A time in seconds, possibly with a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let time = seconds_or_none(text)?;
    if time.is_zero() { Err("it must be more than 0 seconds".to_owned()) } else { Ok(time) }
}

/// A time in seconds, possibly 0.
pub(super) fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    Duration::try_from_secs_f64(number).map_err(|_| "it must be 0 seconds or more".to_owned())
}

/// The name of a page in a directory.
pub(super) fn page_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && !text.contains('/');
    if is_name { Ok(text.to_owned()) } else { Err(format!("{text:?} is not the name of a file")) }
}

/// The permission bits of a file, in octal.
pub(super) fn mode(text: &str) -> Result<Mode, String> {
    match u32::from_str_radix(text, 8) {
        Ok(bits) if bits <= 0o777 => Ok(Mode::from_raw_mode(bits)),
        _ => Err("it must be three octal digits, such as 660 or 0600".to_owned()),
    }
}

/// The rule of `--timeout`.
pub(super) fn keep_alive(text: &str) -> Result<KeepAlive, String> {
    if text == "dynamic" { Ok(KeepAlive::Dynamic) } else { seconds(text).map(KeepAlive::Fixed) }
}

/// The time of `--idle-exit`.
pub(super) fn idle_exit(text: &str) -> Result<IdleExit, String> {
    if text == "never" { Ok(IdleExit::Never) } else { seconds(text).map(IdleExit::After) }
}

/// The longest time of `--trash`: ten years.
const LONGEST_TRASH: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The time of `--trash`.
pub(super) fn trash_time(text: &str) -> Result<TrashTime, String> {
    if text == "off" {
        return Ok(TrashTime::Off);
    }
    match humantime::parse_duration(text) {
        Ok(time) if time < Duration::from_secs(1) => Err("it must be at least 1s".to_owned()),
        Ok(time) if time > LONGEST_TRASH => Err("it must be at most ten years".to_owned()),
        Ok(time) => Ok(TrashTime::KeptFor(time)),
        Err(error) => Err(format!("{error} (such as 12h or 30d, or off)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_trash() {
        let seconds = |seconds| Some(TrashTime::KeptFor(Duration::from_secs(seconds)));
        let table = [
            ("7d", seconds(7 * 24 * 60 * 60)),
            ("12h", seconds(12 * 60 * 60)),
            ("1h 30m", seconds(90 * 60)),
            ("1s", seconds(1)),
            ("off", Some(TrashTime::Off)),
            ("OFF", None),
            ("0s", None),
            ("500ms", None),
            ("7", None),
            ("-1d", None),
            ("11y", None),
            ("", None),
            ("never", None),
        ];
        for (text, expected) in table {
            assert_eq!(trash_time(text).ok(), expected, "{text:?}");
        }
    }
}
