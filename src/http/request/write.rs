//! Writing the head of a request.

/// Appends the head of a request that a client sends. The target must be encoded already.
pub fn write_head(out: &mut Vec<u8>, method: &str, target: &str, host: &str, fields: &[(&str, &str)]) {
    let mut line = |parts: [&str; 4]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    line([method, " ", target, " HTTP/1.1\r\n"]);
    line(["Host: ", host, "\r\n", ""]);
    for (name, value) in fields {
        line([name, ": ", value, "\r\n"]);
    }
    line(["\r\n", "", "", ""]);
}
