//! An event as an entry of the stream: fields with bytes as values.
//!
//! Nothing in an entry is trusted: sizes are limited, and texts and names are checked as if a client had sent them.

use std::fmt;

use super::record::{MAX_ACCOUNT, MemberRecord, parse_name};
use crate::chat::event::{EventKind, FileChange, Uploader};
use crate::chat::person::{MemberId, Person};
use crate::chat::text::MessageText;

/// The largest entry that is read, in bytes: several times what an event with four long paths needs.
pub const MAX_ENTRY: usize = 64 << 10;

/// The largest number of fields that is read.
const MAX_FIELDS: usize = 32;

/// The longest address of a client, in bytes.
const MAX_ADDRESS: usize = 128;

/// The fields of an entry, in order. A name may be repeated.
pub type EntryFields = Vec<(String, Vec<u8>)>;

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// What happened.
    pub kind: EventKind,
    /// The account of a member that has joined.
    pub account: Option<String>,
}

/// Why an entry is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryError {
    /// It has this many bytes, more than [`MAX_ENTRY`].
    TooLarge(usize),
    /// It is the beginning of the stream, and no event.
    Beginning,
    /// It has this many fields.
    TooManyFields(usize),
    /// It is no event of a room; this field is missing or malformed.
    Field(&'static str),
}

/// An entry as it was read.
pub type ReadEntry = Result<StreamEntry, EntryError>;

impl StreamEntry {
    /// The event of a member that joins.
    pub fn join(id: MemberId, record: &MemberRecord) -> Self {
        let who = Person { id, name: record.name.clone() };
        Self { kind: EventKind::Join { who }, account: record.account.clone() }
    }

    /// Any other event.
    pub fn of(kind: EventKind) -> Self {
        Self { kind, account: None }
    }

    /// The fields of the entry.
    pub fn to_fields(&self) -> EntryFields {
        let mut fields = EntryFields::new();
        let mut field = |name: &str, value: &[u8]| fields.push((name.to_owned(), value.to_vec()));
        match &self.kind {
            EventKind::Message { from, text } => {
                field("kind", b"message");
                field("from", written(from).as_bytes());
                field("text", text.as_str().as_bytes());
            }
            EventKind::Private { from, to, text } => {
                field("kind", b"private");
                field("from", written(from).as_bytes());
                field("to", written(to).as_bytes());
                field("text", text.as_str().as_bytes());
            }
            EventKind::Join { who } => {
                field("kind", b"join");
                field("who", written(who).as_bytes());
                if let Some(account) = &self.account {
                    field("account", account.as_bytes());
                }
            }
            EventKind::Leave { who } => {
                field("kind", b"leave");
                field("who", written(who).as_bytes());
            }
            EventKind::Upload { by, path, lies_at, size } => {
                field("kind", b"upload");
                by_field(by, &mut field);
                field("path", path);
                if let Some(path) = lies_at {
                    field("also", path);
                }
                field("size", size.to_string().as_bytes());
            }
            EventKind::Change { by, path, is_directory, change, also_at } => {
                let (kind, old) = match change {
                    FileChange::Removed => ("remove", None),
                    FileChange::Moved { from } => ("move", Some(from)),
                    FileChange::Restored => ("restore", None),
                };
                field("kind", kind.as_bytes());
                by_field(by, &mut field);
                field("path", path);
                if let Some(old) = old {
                    field("old", old);
                }
                for path in also_at {
                    field("also", path);
                }
                field("is", if *is_directory { b"directory" } else { b"file" });
            }
        }
        fields
    }

    /// Reads an entry. Fields that it does not know are ignored: a later version may add some.
    pub fn parse(fields: &[(Vec<u8>, Vec<u8>)]) -> ReadEntry {
        let size = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_ENTRY {
            return Err(EntryError::TooLarge(size));
        }
        if fields.len() > MAX_FIELDS {
            return Err(EntryError::TooManyFields(fields.len()));
        }
        let read = Read(fields);
        let kind = match read.one("kind")? {
            b"message" => EventKind::Message { from: read.person("from")?, text: read.message()? },
            b"private" => EventKind::Private {
                from: read.person("from")?,
                to: read.person("to")?,
                text: read.message()?,
            },
            b"join" => {
                let account =
                    read.optional("account").map(|value| account(value).ok_or(EntryError::Field("account")));
                let kind = EventKind::Join { who: read.person("who")? };
                return Ok(Self { kind, account: account.transpose()? });
            }
            b"leave" => EventKind::Leave { who: read.person("who")? },
            b"upload" => EventKind::Upload {
                by: read.by()?,
                path: read.one("path")?.to_vec(),
                lies_at: read.optional("also").map(<[u8]>::to_vec),
                size: read.size()?,
            },
            b"remove" => read.change(FileChange::Removed)?,
            b"move" => read.change(FileChange::Moved { from: read.one("old")?.to_vec() })?,
            b"restore" => read.change(FileChange::Restored)?,
            b"begin" => return Err(EntryError::Beginning),
            _ => return Err(EntryError::Field("kind")),
        };
        Ok(Self::of(kind))
    }
}

/// The fields of an entry, by name.
struct Read<'f>(&'f [(Vec<u8>, Vec<u8>)]);

impl<'f> Read<'f> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'f [u8]> {
        self.0.iter().filter(move |(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    fn optional(&self, name: &str) -> Option<&'f [u8]> {
        self.all(name).next()
    }

    fn one(&self, name: &'static str) -> Result<&'f [u8], EntryError> {
        self.optional(name).ok_or(EntryError::Field(name))
    }

    fn person(&self, name: &'static str) -> Result<Person, EntryError> {
        parse_person(self.one(name)?).ok_or(EntryError::Field(name))
    }

    fn message(&self) -> Result<MessageText, EntryError> {
        MessageText::new(self.one("text")?).map_err(|_| EntryError::Field("text"))
    }

    fn by(&self) -> Result<Uploader, EntryError> {
        let text = |value: &'f [u8]| std::str::from_utf8(value).ok();
        if let Some(value) = self.optional("member") {
            let name = text(value).and_then(parse_name).ok_or(EntryError::Field("member"))?;
            return Ok(Uploader::Named(name));
        }
        let address = text(self.one("address")?).filter(|address| address.len() <= MAX_ADDRESS);
        Ok(Uploader::Address(address.ok_or(EntryError::Field("address"))?.to_owned()))
    }

    fn size(&self) -> Result<u64, EntryError> {
        let digits = std::str::from_utf8(self.one("size")?).ok();
        digits.and_then(|digits| digits.parse().ok()).ok_or(EntryError::Field("size"))
    }

    fn change(&self, change: FileChange) -> Result<EventKind, EntryError> {
        Ok(EventKind::Change {
            by: self.by()?,
            path: self.one("path")?.to_vec(),
            is_directory: self.one("is")? == b"directory",
            change,
            also_at: self.all("also").map(<[u8]>::to_vec).collect(),
        })
    }
}

fn by_field(by: &Uploader, field: &mut impl FnMut(&str, &[u8])) {
    match by {
        Uploader::Named(name) => field("member", name.as_str().as_bytes()),
        Uploader::Address(address) => field("address", address.as_bytes()),
    }
}

/// A member, as `NUMBER NAME`.
fn written(person: &Person) -> String {
    format!("{} {}", person.id, person.name.as_str())
}

fn parse_person(value: &[u8]) -> Option<Person> {
    let (number, name) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some(Person { id: MemberId::parse(number)?, name: parse_name(name)? })
}

fn account(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().filter(|name| name.len() <= MAX_ACCOUNT).map(str::to_owned)
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => write!(f, "it has {size} bytes ({MAX_ENTRY} at most)"),
            Self::Beginning => write!(f, "it is the beginning of the stream"),
            Self::TooManyFields(count) => write!(f, "it has {count} fields ({MAX_FIELDS} at most)"),
            Self::Field(name) => write!(f, "its field {name:?} is missing or malformed"),
        }
    }
}

impl std::error::Error for EntryError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::name::Name;

    fn ann() -> Person {
        Person { id: MemberId(0x2a), name: Name::new("ann").expect("a name") }
    }

    fn kinds() -> Vec<EventKind> {
        let bob = Person { id: MemberId(u64::MAX), name: Name::of_user("B\u{f6}b  x").expect("a name") };
        let text = MessageText::new(b"hi\nthere").expect("a text");
        let by = Uploader::Named(ann().name);
        let address = Uploader::Address("10.0.0.7".into());
        let change = |change, also_at| EventKind::Change {
            by: by.clone(),
            path: b"d\xff/x".to_vec(),
            is_directory: true,
            change,
            also_at,
        };
        vec![
            EventKind::Message { from: ann(), text: text.clone() },
            EventKind::Private { from: ann(), to: bob.clone(), text },
            EventKind::Join { who: bob.clone() },
            EventKind::Leave { who: bob },
            EventKind::Upload {
                by: address,
                path: b"a\n\xff".to_vec(),
                lies_at: Some(b"b".to_vec()),
                size: 7,
            },
            EventKind::Upload { by: by.clone(), path: b"a".to_vec(), lies_at: None, size: u64::MAX },
            change(FileChange::Removed, vec![]),
            change(FileChange::Moved { from: b"old".to_vec() }, vec![b"1".to_vec(), b"2".to_vec()]),
            change(FileChange::Restored, vec![b"1".to_vec()]),
        ]
    }

    fn bytes(fields: EntryFields) -> Vec<(Vec<u8>, Vec<u8>)> {
        fields.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect()
    }

    #[test]
    fn every_event_is_read_back() {
        for kind in kinds() {
            let entry = StreamEntry::of(kind);
            assert_eq!(StreamEntry::parse(&bytes(entry.to_fields())), Ok(entry));
        }
        let record = MemberRecord { name: ann().name, account: Some("Ann".into()) };
        let join = StreamEntry::join(ann().id, &record);
        assert_eq!(StreamEntry::parse(&bytes(join.to_fields())), Ok(join));
    }

    /// A private message without a recipient is no message to all.
    #[test]
    fn an_entry_without_one_of_its_fields_is_skipped() {
        for kind in kinds() {
            let fields = bytes(StreamEntry::of(kind.clone()).to_fields());
            for gone in 0..fields.len() {
                let (name, mut fields) = (fields[gone].0.clone(), fields.clone());
                fields.remove(gone);
                if name != b"also" {
                    assert!(StreamEntry::parse(&fields).is_err(), "{kind:?} without {}", name.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn large_entries_are_skipped() {
        let mut fields = bytes(StreamEntry::of(kinds().remove(0)).to_fields());
        fields.push((b"more".to_vec(), vec![b'x'; MAX_ENTRY]));
        assert!(matches!(StreamEntry::parse(&fields), Err(EntryError::TooLarge(size)) if size > MAX_ENTRY));
        let many = vec![(b"kind".to_vec(), b"join".to_vec()); MAX_FIELDS + 1];
        assert_eq!(StreamEntry::parse(&many), Err(EntryError::TooManyFields(MAX_FIELDS + 1)));
    }

    proptest! {
        #[test]
        fn foreign_entries_do_no_harm(
            kind in "message|private|join|leave|upload|remove|move|restore|",
            fields in prop::collection::vec(
                ("from|to|who|text|member|address|path|old|size|also|is|account",
                 prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[0-9a-f]{0,17} ?[a-z]{0,9}".prop_map(String::into_bytes)]),
                0..12),
        ) {
            let mut fields = bytes(fields);
            fields.push((b"kind".to_vec(), kind.into_bytes()));
            if let Ok(entry) = StreamEntry::parse(&fields) {
                prop_assert_eq!(StreamEntry::parse(&bytes(entry.to_fields())), Ok(entry));
            }
        }
    }
}
