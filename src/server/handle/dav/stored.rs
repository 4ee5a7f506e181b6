//! Dead properties (RFC 4918 §4.2): those that clients keep with a file or directory, as the folder stores them.

use serde::{Deserialize, Serialize};

use crate::dav::PropertyName;
use crate::dav::multistatus::write_element;
use crate::dav::proppatch::PropertyChange;

/// The dead properties of a file or directory, in the order in which they were first set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredProperties(Vec<StoredProperty>);

/// A dead property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredProperty {
    namespace: Box<str>,
    local: Box<str>,
    /// The whole element as XML, in which `D` stands for `DAV:`.
    xml: String,
}

impl StoredProperties {
    /// Parses what the folder has stored. What another program has put there counts as nothing.
    pub(super) fn parse(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// What the folder is to store; nothing if there are no properties.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() { Vec::new() } else { serde_json::to_vec(self).unwrap_or_default() }
    }

    /// Their names and elements.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PropertyName, &str)> {
        self.0.iter().map(|one| (PropertyName::new(&one.namespace, &one.local), one.xml.as_str()))
    }

    /// The element of this name.
    pub(super) fn find(&self, name: &PropertyName) -> Option<&str> {
        self.0.iter().find(|one| one.is(name)).map(|one| one.xml.as_str())
    }

    /// Sets or removes a property.
    pub(super) fn apply(&mut self, change: &PropertyChange) {
        match change {
            PropertyChange::Remove(name) => self.0.retain(|one| !one.is(name)),
            PropertyChange::Set(element) => {
                let mut xml = String::new();
                write_element(element, &mut xml);
                if let Some(one) = self.0.iter_mut().find(|one| one.is(&element.name)) {
                    one.xml = xml;
                } else {
                    let PropertyName { namespace, local } = element.name.clone();
                    self.0.push(StoredProperty { namespace, local, xml });
                }
            }
        }
    }
}

impl StoredProperty {
    fn is(&self, name: &PropertyName) -> bool {
        self.namespace == name.namespace && self.local == name.local
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dav::Proppatch;

    #[test]
    fn properties_are_set_replaced_and_removed() {
        let body = b"<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:z'><D:set><D:prop><Z:a>1</Z:a><b>2</b></D:prop></D:set>
                     <D:set><D:prop><Z:a>3</Z:a></D:prop></D:set><D:remove><D:prop><b/><c/></D:prop></D:remove></D:propertyupdate>";
        let mut stored = StoredProperties::default();
        let expected = [
            vec!["<Z:a xmlns:Z=\"urn:z\">1</Z:a>"],
            vec!["<Z:a xmlns:Z=\"urn:z\">1</Z:a>", "<b>2</b>"],
            vec!["<Z:a xmlns:Z=\"urn:z\">3</Z:a>", "<b>2</b>"],
            vec!["<Z:a xmlns:Z=\"urn:z\">3</Z:a>"],
            vec!["<Z:a xmlns:Z=\"urn:z\">3</Z:a>"],
        ];
        for (change, expected) in Proppatch::parse(body).expect("valid").changes.iter().zip(expected) {
            stored.apply(change);
            assert_eq!(stored.iter().map(|(_, xml)| xml).collect::<Vec<_>>(), expected);
            assert_eq!(StoredProperties::parse(Some(&stored.to_bytes())), stored);
        }
        assert_eq!(stored.find(&PropertyName::new("urn:z", "a")), Some("<Z:a xmlns:Z=\"urn:z\">3</Z:a>"));
        assert_eq!(stored.find(&PropertyName::new("", "a")), None);
        for foreign in [None, Some(&b""[..]), Some(b"x"), Some(b"{}")] {
            assert_eq!(StoredProperties::parse(foreign), StoredProperties::default());
        }
        assert_eq!(StoredProperties::default().to_bytes(), b"");
    }
}
