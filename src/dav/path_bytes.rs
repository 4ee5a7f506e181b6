//! How serde writes and reads a path: as a list of bytes, because a name need not be text.

use serde::{Deserialize as _, Deserializer, Serializer, de};

use crate::path::SharePath;

pub(super) fn serialize<S: Serializer>(path: &SharePath, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(path.as_bytes())
}

pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<SharePath, D::Error> {
    let bytes = Vec::<u8>::deserialize(from)?;
    SharePath::parse(&bytes).map_err(de::Error::custom)
}
