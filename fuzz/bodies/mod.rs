//! Properties that must hold for any bytes: one function per target. `cargo fuzz` runs them guided by
//! coverage (`fuzz_targets/`), and `tests/fuzz.rs` runs each briefly on stable. Each checks more than the
//! absence of panics: where possible, it compares the result with a second, slower and simpler
//! implementation, or cuts the input elsewhere and expects the same.

#[cfg(feature = "accounts")]
pub(super) mod authorizations;
pub(super) mod chunked_bodies;
#[cfg(feature = "dav")]
pub(super) mod dav_bodies;
#[cfg(feature = "dav")]
pub(super) mod dav_fields;
pub(super) mod event_streams;
pub(super) mod multipart;
pub(super) mod name_patterns;
pub(super) mod paths;
pub(super) mod preconditions;
pub(super) mod proxies;
pub(super) mod ranges;
#[cfg(feature = "accounts")]
pub(super) mod records;
pub(super) mod request_heads;
pub(super) mod response_heads;
pub(super) mod scripts;
pub(super) mod structured_fields;
pub(super) mod tftp_packets;
#[cfg(feature = "thumbs")]
pub(super) mod thumbnails;

/// Every target: its name, which is also the name of its corpus, and its function.
pub(super) const TARGETS: &[(&str, fn(&[u8]))] = &[
    #[cfg(feature = "accounts")]
    ("authorizations", authorizations::check),
    ("chunked_bodies", chunked_bodies::check),
    #[cfg(feature = "dav")]
    ("dav_bodies", dav_bodies::check),
    #[cfg(feature = "dav")]
    ("dav_fields", dav_fields::check),
    ("event_streams", event_streams::check),
    ("multipart", multipart::check),
    ("name_patterns", name_patterns::check),
    ("paths", paths::check),
    ("preconditions", preconditions::check),
    ("proxies", proxies::check),
    ("ranges", ranges::check),
    #[cfg(feature = "accounts")]
    ("records", records::check),
    ("request_heads", request_heads::check),
    ("response_heads", response_heads::check),
    ("scripts", scripts::check),
    ("structured_fields", structured_fields::check),
    ("tftp_packets", tftp_packets::check),
    #[cfg(feature = "thumbs")]
    ("thumbnails", thumbnails::check),
];

/// Splits off the first byte, which determines where the other bytes are cut. Returns the other bytes, and the position
/// of the cut.
pub(crate) fn cut(data: &[u8]) -> (&[u8], usize) {
    let Some((&first, rest)) = data.split_first() else { return (data, 0) };
    (rest, usize::from(first) * (rest.len() + 1) / 256)
}

/// The lengths of the first piece and of the following ones: whole, in two, and byte by byte.
pub(crate) fn pieces(data: &[u8], cut: usize) -> [Vec<&[u8]>; 3] {
    let (first, second) = data.split_at(cut);
    [vec![data], vec![first, second], data.chunks(1).collect()]
}

/// `tchar` (RFC 9110 §5.6.2), written independently.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_delimiter = |byte: &u8| b"\"(),/:;<=>?@[\\]{}".contains(byte);
    !text.is_empty() && text.iter().all(|byte| (0x21..=0x7e).contains(byte) && !is_delimiter(byte))
}
