//! Well-formed and malformed packets, the error codes, and that written packets are parsed back.

use proptest::prelude::*;

use super::*;

fn text(bytes: &[u8]) -> Text<'_> {
    Text::new(bytes).unwrap()
}

fn request<'a>(name: &'a [u8], mode: Mode, options: &[(&'a str, &'a str)]) -> TransferRequest<'a> {
    let mut list = Options::default();
    for (name, value) in options {
        list.add(text(name.as_bytes()), text(value.as_bytes())).unwrap();
    }
    TransferRequest::new(text(name), mode, list).unwrap()
}

#[test]
fn well_formed_packets_are_parsed() {
    let options = [("blksize", "1428"), ("x-own", "")];
    let rows: &[(&str, &[u8], Packet<'_>)] = &[
        ("RRQ (1350 5)", b"\0\x01a b\0octet\0", Packet::Read(request(b"a b", Mode::Octet, &[]))),
        ("WRQ", b"\0\x02a\0netascii\0", Packet::Write(request(b"a", Mode::Netascii, &[]))),
        ("mode in any case (1350 5)", b"\0\x01a\0OcTeT\0", Packet::Read(request(b"a", Mode::Octet, &[]))),
        ("empty name: the listing", b"\0\x01\0octet\0", Packet::Read(request(b"", Mode::Octet, &[]))),
        (
            "a name that is not UTF-8",
            b"\0\x01\xff/\xfe\0octet\0",
            Packet::Read(request(b"\xff/\xfe", Mode::Octet, &[])),
        ),
        (
            "options, one unknown, one value empty (2347)",
            b"\0\x01a\0octet\0blksize\x001428\0x-own\0\0",
            Packet::Read(request(b"a", Mode::Octet, &options)),
        ),
        ("DATA", b"\0\x03\xff\xffhi", Packet::Data { block: 65_535, content: b"hi" }),
        ("DATA, empty: the last one", b"\0\x03\0\x02", Packet::Data { block: 2, content: b"" }),
        ("ACK", b"\0\x04\x01\0", Packet::Ack { block: 256 }),
        (
            "ERROR",
            b"\0\x05\0\x01gone\0",
            Packet::Error { code: ErrorCode::FileNotFound, message: text(b"gone") },
        ),
        (
            "ERROR of an unknown code",
            b"\0\x05\0\x63odd\0",
            Packet::Error { code: ErrorCode::NotDefined, message: text(b"odd") },
        ),
        ("OACK without options", b"\0\x06", Packet::OptionAck(Options::default())),
    ];
    for (name, datagram, packet) in rows {
        assert_eq!(Packet::parse(datagram).as_ref(), Ok(packet), "{name}");
    }
}

/// Raspberry Pi and Cisco ROMs pad their packets.
#[test]
fn trailing_nuls_are_ignored() {
    let own = |value| request(b"a", Mode::Octet, &[("x-own", value)]);
    let rows: &[(&str, &[u8], Packet<'_>)] = &[
        ("RRQ", b"\0\x01a\0octet\0", Packet::Read(request(b"a", Mode::Octet, &[]))),
        ("RRQ with an option", b"\0\x01a\0octet\0x-own\x001\0", Packet::Read(own("1"))),
        ("WRQ whose last value is empty", b"\0\x02a\0octet\0x-own\0\0", Packet::Write(own(""))),
        ("ACK", b"\0\x04\0\x01", Packet::Ack { block: 1 }),
        ("ERROR", b"\0\x05\0\0a\0", Packet::Error { code: ErrorCode::NotDefined, message: text(b"a") }),
        ("OACK", b"\0\x06x-own\x001\0", Packet::OptionAck(own("1").options().clone())),
    ];
    for (name, datagram, packet) in rows {
        for padding in [1, 2, 3, 14, 480, 1024] {
            let padded = [datagram, &vec![0; padding][..]].concat();
            assert_eq!(Packet::parse(&padded).as_ref(), Ok(packet), "{name}, {padding} NULs");
            let garbage = [&padded[..], b"x"].concat();
            assert!(Packet::parse(&garbage).is_err(), "{name}, {padding} NULs and another byte");
        }
    }
    let data = Packet::Data { block: 1, content: b"\0\0" };
    assert_eq!(Packet::parse(b"\0\x03\0\x01\0\0"), Ok(data), "the NULs of a block are content");
}

#[test]
fn malformed_packets_are_rejected_with_their_code() {
    let name_of_10_kb = [b"\0\x01".as_slice(), &[b'a'; 10_240], b"\0octet\0"].concat();
    let request_of_513 = [b"\0\x01".as_slice(), &[b'a'; 504], b"\0octet\0"].concat();
    let block_too_long = [b"\0\x03\0\x01".as_slice(), &vec![0; MAX_CONTENT + 1]].concat();
    let illegal = Some(ErrorCode::IllegalOperation);
    let rows: &[(&str, &[u8], PacketError, Option<ErrorCode>)] = &[
        ("empty", b"", PacketError::Truncated("opcode"), illegal),
        ("one byte", b"\0", PacketError::Truncated("opcode"), illegal),
        ("opcode 0", b"\0\0", PacketError::UnknownOpcode(0), illegal),
        ("opcode 7", b"\0\x07abc", PacketError::UnknownOpcode(7), illegal),
        ("little-endian opcode", b"\x01\0a\0octet\0", PacketError::UnknownOpcode(256), illegal),
        ("RRQ without anything", b"\0\x01", PacketError::Unterminated("file name"), illegal),
        ("name without NUL", b"\0\x01name", PacketError::Unterminated("file name"), illegal),
        ("no mode", b"\0\x01name\0", PacketError::Unterminated("mode"), illegal),
        ("mode without NUL", b"\0\x02name\0octet", PacketError::Unterminated("mode"), illegal),
        ("empty mode", b"\0\x02name\0\0", PacketError::UnknownMode(String::new()), illegal),
        ("unknown mode", b"\0\x02n\0image\0", PacketError::UnknownMode("image".into()), illegal),
        ("mail (1123 4.2.2.1)", b"\0\x02joe\0MAIL\0", PacketError::Mail, illegal),
        ("option without NUL", b"\0\x01n\0octet\0tsize", PacketError::Unterminated("option"), illegal),
        ("no value", b"\0\x01n\0octet\0tsize\0", PacketError::Unterminated("value of an option"), illegal),
        (
            "value without NUL",
            b"\0\x01n\0octet\0tsize\x000",
            PacketError::Unterminated("value of an option"),
            illegal,
        ),
        (
            "doubled option, cases differ (2347)",
            b"\0\x01n\0octet\0tsize\x000\0TSIZE\x000\0",
            PacketError::DoubledOption("TSIZE".into()),
            Some(ErrorCode::OptionNegotiation),
        ),
        ("name of 10 KB (2347)", &name_of_10_kb, PacketError::RequestTooLong(10_249), illegal),
        ("request of 513 bytes (2347)", &request_of_513, PacketError::RequestTooLong(513), illegal),
        ("DATA without block number", b"\0\x03\0", PacketError::Truncated("block number"), illegal),
        ("DATA too long (2348)", &block_too_long, PacketError::BlockTooLong(65_465), illegal),
        ("ACK without block number", b"\0\x04", PacketError::Truncated("block number"), illegal),
        ("ACK too long", b"\0\x04\0\x01\0x", PacketError::TrailingBytes(2), illegal),
        (
            "ERROR without message is not answered (1350 2)",
            b"\0\x05\0\x01",
            PacketError::InError(Box::new(PacketError::Unterminated("error message"))),
            None,
        ),
        (
            "ERROR with trailing bytes",
            b"\0\x05\0\x01a\0b",
            PacketError::InError(Box::new(PacketError::TrailingBytes(1))),
            None,
        ),
        ("OACK without NUL", b"\0\x06tsize", PacketError::Unterminated("option"), illegal),
    ];
    for (name, datagram, error, code) in rows {
        assert_eq!(Packet::parse(datagram).as_ref(), Err(error), "{name}");
        assert_eq!(error.answer().map(|fault| fault.code), *code, "{name}");
    }
}

#[test]
fn a_datagram_of_the_peer_is_a_packet_its_end_or_a_fault() {
    assert_eq!(Packet::of_peer(b"\0\x04\x01\0"), Ok(Packet::Ack { block: 256 }));
    assert_eq!(Packet::of_peer(b"\0\x09").map_err(|fault| fault.code), Err(ErrorCode::IllegalOperation));
    let message = text(b"malformed error packet");
    let ends = Packet::Error { code: ErrorCode::NotDefined, message };
    assert_eq!(Packet::of_peer(b"\0\x05\0"), Ok(ends), "an error is not answered (RFC 1350 §2)");
}

#[test]
fn a_request_of_512_bytes_is_the_longest_both_ways() {
    let fits = [b'a'; 503];
    let longer = [b'a'; 504];
    let mut datagram = Vec::new();
    Packet::Read(request(&fits, Mode::Octet, &[])).write(&mut datagram);
    assert_eq!(datagram.len(), MAX_REQUEST);
    assert!(Packet::parse(&datagram).is_ok());
    let refused = TransferRequest::new(text(&longer), Mode::Octet, Options::default());
    assert_eq!(refused, Err(PacketError::RequestTooLong(513)));
}

#[test]
fn a_fault_is_cut_at_a_nul() {
    let fault = Fault::new(ErrorCode::NotDefined, "a\0b");
    let mut datagram = Vec::new();
    Packet::from_fault(&fault).write(&mut datagram);
    assert_eq!(datagram, b"\0\x05\0\0a\0");
}

/// The parts of a packet. They are owned, so that proptest can generate them and a packet can borrow from
/// them.
#[derive(Debug)]
struct Parts {
    kind: u8,
    number: u16,
    netascii: bool,
    first: Vec<u8>,
    options: Vec<(String, Vec<u8>)>,
}

impl Parts {
    fn packet(&self) -> Packet<'_> {
        match self.kind {
            1 => Packet::Read(self.request()),
            2 => Packet::Write(self.request()),
            3 => Packet::Data { block: self.number, content: &self.first },
            4 => Packet::Ack { block: self.number },
            5 => Packet::Error { code: ErrorCode::from_number(self.number % 9), message: text(&self.first) },
            _ => Packet::OptionAck(self.options()),
        }
    }

    fn request(&self) -> TransferRequest<'_> {
        let mode = if self.netascii { Mode::Netascii } else { Mode::Octet };
        TransferRequest::new(text(&self.first), mode, self.options()).unwrap()
    }

    fn options(&self) -> Options<'_> {
        let mut list = Options::default();
        for (name, value) in &self.options {
            // A duplicate name is not added, so the list stays valid.
            let _doubled = list.add(text(name.as_bytes()), text(value));
        }
        list
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = |most| proptest::collection::vec(1u8.., 0..most);
    let options = proptest::collection::vec(("[a-zA-Z0-9]{1,4}", bytes(10)), 0..8);
    (1u8..=6, any::<u16>(), any::<bool>(), bytes(300), options)
        .prop_map(|(kind, number, netascii, first, options)| Parts { kind, number, netascii, first, options })
}

/// Bytes that are almost a packet.
fn near_packets() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"octet\0".to_vec()),
        Just(b"blksize\0".to_vec()),
        Just(b"\0".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    (0u8..8, proptest::collection::vec(word, 0..16))
        .prop_map(|(opcode, words)| [vec![0, opcode], words.concat()].concat())
}

proptest! {
    #[test]
    fn reading_undoes_writing(parts in parts()) {
        let mut datagram = Vec::new();
        parts.packet().write(&mut datagram);
        prop_assert_eq!(Packet::parse(&datagram), Ok(parts.packet()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        datagram in prop_oneof![near_packets(), proptest::collection::vec(any::<u8>(), 0..1024)]
    ) {
        match Packet::parse(&datagram) {
            // A parsed packet does not change when it is written and parsed again.
            Ok(packet) => {
                let mut again = Vec::new();
                packet.write(&mut again);
                prop_assert_eq!(Packet::parse(&again), Ok(packet));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
