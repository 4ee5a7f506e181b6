//! The sizes of packets.

/// The maximum length of a request, and of the OACK that answers it, in bytes (RFC 2347: "512 octets").
pub const MAX_REQUEST: usize = 512;
/// The maximum content of a DATA packet, in bytes (RFC 2348: what fits in a UDP datagram over IPv4).
pub const MAX_CONTENT: usize = 65_464;
/// The longest packet, in bytes. A buffer that is one byte longer detects a datagram that is too long.
pub const MAX_PACKET: usize = DATA_HEAD + MAX_CONTENT;
/// The length in bytes of the opcode and the block number, which precede a block's content.
pub(super) const DATA_HEAD: usize = 4;
