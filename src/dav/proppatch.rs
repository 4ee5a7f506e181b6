//! The body of PROPPATCH (RFC 4918 §9.2, §14.19).

use super::error::XmlBodyError;
use super::property::PropertyName;
use super::xml::Element;

/// The changes that a PROPPATCH asks for, in order. Either all are made or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proppatch {
    /// The changes; at least one.
    pub changes: Vec<PropertyChange>,
}

/// A change of one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyChange {
    /// Gives it this value: an element of its name, with everything in it.
    Set(Element),
    /// Removes it. It need not exist.
    Remove(PropertyName),
}

impl Proppatch {
    /// Parses a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlBodyError> {
        let root = Element::parse(body)?;
        if !root.name.is_dav("propertyupdate") {
            return Err(XmlBodyError::Root("propertyupdate"));
        }
        let mut changes = Vec::new();
        for instruction in root.elements() {
            let properties = instruction.elements().filter(|element| element.name.is_dav("prop"));
            let properties = properties.flat_map(|prop| with_language(instruction, prop));
            if instruction.name.is_dav("set") {
                changes.extend(properties.map(PropertyChange::Set));
            } else if instruction.name.is_dav("remove") {
                changes.extend(properties.map(|property| PropertyChange::Remove(property.name)));
            }
        }
        if changes.is_empty() {
            return Err(XmlBodyError::Content("propertyupdate needs a property to set or to remove"));
        }
        Ok(Self { changes })
    }
}

impl PropertyChange {
    /// The name of the property.
    pub fn name(&self) -> &PropertyName {
        match self {
            Self::Set(element) => &element.name,
            Self::Remove(name) => name,
        }
    }
}

/// The properties in a `prop`. The language of the elements around them is part of their values (§4.3).
fn with_language(instruction: &Element, prop: &Element) -> impl Iterator<Item = Element> {
    let is_language = |name: &PropertyName| &*name.local == "lang" && &*name.namespace == XML;
    let mut around = [prop, instruction].into_iter().flat_map(|element| &element.attributes);
    let language = around.find(|attribute| is_language(&attribute.name)).cloned();
    prop.elements().map(move |property| {
        let mut property = property.clone();
        let has_own = property.attributes.iter().any(|attribute| is_language(&attribute.name));
        property.attributes.extend(language.clone().filter(|_| !has_own));
        property
    })
}

/// The namespace of `xml:lang`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inner: &str) -> Result<Vec<(bool, String, String)>, XmlBodyError> {
        let body = format!("<D:propertyupdate xmlns:D='DAV:' xmlns:Z='urn:z'>{inner}</D:propertyupdate>");
        let parsed = Proppatch::parse(body.as_bytes())?;
        let told = parsed.changes.iter().map(|change| {
            let text = match change {
                PropertyChange::Set(element) => element.text(),
                PropertyChange::Remove(_) => String::new(),
            };
            (matches!(change, PropertyChange::Set(_)), change.name().local.to_string(), text)
        });
        Ok(told.collect())
    }

    #[test]
    fn changes_keep_their_order() {
        let found = parse(
            "<D:set><D:prop><Z:a>1</Z:a><Z:b>2</Z:b></D:prop></D:set>
             <D:remove><D:prop><Z:a/></D:prop></D:remove><D:set><D:prop><Z:c/></D:prop></D:set>",
        );
        let expected = [(true, "a", "1"), (true, "b", "2"), (false, "a", ""), (true, "c", "")];
        let expected = expected.map(|(set, name, text)| (set, name.to_owned(), text.to_owned()));
        assert_eq!(found, Ok(expected.to_vec()));
    }

    #[test]
    fn nothing_to_change_is_an_error() {
        for inner in ["", "<D:set/>", "<D:set><D:prop/></D:set>", "<D:set><Z:a/></D:set>", "<D:unknown/>"] {
            assert!(matches!(parse(inner), Err(XmlBodyError::Content(_))), "{inner}");
        }
        assert_eq!(Proppatch::parse(b"<propertyupdate/>"), Err(XmlBodyError::Root("propertyupdate")));
    }

    #[test]
    fn a_language_around_a_property_belongs_to_it() {
        let body = b"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop xml:lang='de'><a/><b xml:lang='fr'/></D:prop></D:set></D:propertyupdate>";
        let parsed = Proppatch::parse(body).expect("valid");
        let languages: Vec<_> = parsed
            .changes
            .iter()
            .map(|change| match change {
                PropertyChange::Set(element) => &*element.attributes[0].value,
                PropertyChange::Remove(_) => "",
            })
            .collect();
        assert_eq!(languages, ["de", "fr"]);
    }
}
