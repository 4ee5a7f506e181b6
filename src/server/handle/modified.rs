//! The time of an uploaded file, which its client sends as `X-OC-MTime`, as ownCloud's clients, rclone and davfs2 do.

use std::time::{Duration, SystemTime};

use crate::http::request::Head;
use crate::server::response::Response;

/// The field: seconds since 1970, with or without a fraction. In the response: `accepted`.
const FIELD: &str = "X-OC-MTime";

/// The time in this head, if it has one. An invalid value is ignored, as the field is not standardised.
pub(super) fn of(head: &Head<'_, '_>) -> Option<SystemTime> {
    parse(head.fields.text(FIELD)?)
}

fn parse(value: &str) -> Option<SystemTime> {
    let (seconds, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(seconds) || !are_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds.parse().ok()?, nanoseconds))
}

/// Adds the field that says that the server keeps the time, if it does.
pub(super) fn acknowledge(response: Response, is_kept: bool) -> Response {
    if is_kept { response.with(FIELD, "accepted") } else { response }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("0", Some((0, 0))),
            ("981173106", Some((981_173_106, 0))),
            ("981173106.5", Some((981_173_106, 500_000_000))),
            ("981173106.000000001", Some((981_173_106, 1))),
            ("981173106.0000000001", None),
            ("-1", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("99999999999999999999", None),
            ("18446744073709551615", None),
            ("tomorrow", None),
        ];
        for (value, expected) in table {
            let since =
                parse(value).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970"));
            assert_eq!(since, expected.map(|(seconds, nanos)| Duration::new(seconds, nanos)), "{value}");
        }
    }
}
