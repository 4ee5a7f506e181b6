//! TFTP as bytes and times: RFC 1350, with RFC 1123 §4.2 and the options of RFC 2347, 2348, 2349 and 7440.

pub mod error;
pub mod fields;
pub mod netascii;
pub mod options;
pub mod packet;
