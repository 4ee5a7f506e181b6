//! Stored blocks of DEFLATE (RFC 1951 §3.2.4): unchanged content, in blocks that begin with their length.

/// The maximum content of a block, in bytes.
pub const BLOCK: u64 = 65_535;

/// The header before the content of a block: whether it is the last one, its length, and its length inverted.
const HEADER: u64 = 5;

/// The length of this much content in blocks. Empty content takes one empty block.
pub fn encoded_length(length: u64) -> u64 {
    length + HEADER * length.div_ceil(BLOCK).max(1)
}

/// The position in the content that corresponds to the encoded byte at `offset`: the offset in the content, and how
/// many bytes of the block's header to skip.
pub fn content_at(offset: u64) -> (u64, usize) {
    let (block, within) = (offset / (BLOCK + HEADER), offset % (BLOCK + HEADER));
    (block * BLOCK + within.saturating_sub(HEADER), HEADER.saturating_sub(within) as usize)
}

/// Appends, as blocks, a part of a file's content: it begins at `at`, and the file has `length` bytes in all.
/// If it begins within a block, only the last `header` bytes of that block's header are written.
pub fn append(to: &mut Vec<u8>, content: &[u8], at: u64, length: u64, header: usize) {
    let (mut at, mut rest, mut header) = (at, content, header);
    loop {
        let start = at / BLOCK * BLOCK;
        let count = (length - start).min(BLOCK);
        let is_last = start + count == length;
        let size = count as u16;
        let [low, high] = size.to_le_bytes();
        let [inverted_low, inverted_high] = (!size).to_le_bytes();
        let whole = [u8::from(is_last), low, high, inverted_low, inverted_high];
        to.extend_from_slice(&whole[whole.len() - header..]);
        let (now, later) = rest.split_at(rest.len().min((start + count - at) as usize));
        to.extend_from_slice(now);
        if later.is_empty() {
            return;
        }
        (at, rest, header) = (start + count, later, HEADER as usize);
    }
}
