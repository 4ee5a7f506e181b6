//! The answers of the store, which may be anything.

use redis::Value;

use crate::chat::shared::entry::{EntryError, ReadEntry, StreamEntry};
use crate::chat::stream_id::StreamId;

/// The elements of an array; none for anything else.
pub(super) fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

/// The bytes of a text.
pub(super) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// A number.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The id of an entry.
pub(super) fn stream_id(value: Value) -> Option<StreamId> {
    StreamId::parse(&bytes(value)?)
}

/// The number of replicas of a primary, as `ROLE` returns it; `None` if it is not a primary.
pub(super) fn replicas(role: &Value) -> Option<usize> {
    let Value::Array(parts) = role else { return None };
    match (parts.first()?, parts.get(2)) {
        (Value::BulkString(role), Some(Value::Array(replicas))) if role == b"master" => Some(replicas.len()),
        _ => None,
    }
}

/// Entries of the stream, each with its fields or its size. An entry without an id is left out.
pub(super) fn entries(read: Value) -> Vec<(StreamId, ReadEntry)> {
    array(read).into_iter().filter_map(entry).collect()
}

fn entry(value: Value) -> Option<(StreamId, ReadEntry)> {
    let mut parts = array(value).into_iter();
    let (id, content) = (stream_id(parts.next()?)?, parts.next()?);
    let entry = match number(&content) {
        Some(size) => Err(EntryError::TooLarge(usize::try_from(size).unwrap_or(usize::MAX))),
        None => StreamEntry::parse(&pairs(content)),
    };
    Some((id, entry))
}

/// Names and values in turn.
pub(super) fn pairs(value: Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut values = array(value).into_iter();
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        if let (Some(name), Some(value)) = (bytes(name), bytes(value)) {
            pairs.push((name, value));
        }
    }
    pairs
}
