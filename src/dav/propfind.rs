//! The body of PROPFIND (RFC 4918 §9.1, §14.20).

use super::error::XmlBodyError;
use super::property::PropertyName;
use super::xml::Element;

/// Which properties a PROPFIND asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Propfind {
    /// Those that clients usually need, all dead properties, and these (`allprop`, `include`).
    All(Vec<PropertyName>),
    /// The names of all properties (`propname`).
    Names,
    /// These (`prop`).
    Named(Vec<PropertyName>),
}

/// How many properties a client may ask for. Known clients ask for up to 30.
pub const MAX_NAMES: usize = 128;

impl Propfind {
    /// Parses a body. An empty one asks for all properties.
    pub fn parse(body: &[u8]) -> Result<Self, XmlBodyError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::All(Vec::new()));
        }
        let root = Element::parse(body)?;
        if !root.name.is_dav("propfind") {
            return Err(XmlBodyError::Root("propfind"));
        }
        let names =
            |parent: Option<&Element>| parent.map(names_in).transpose().map(Option::unwrap_or_default);
        match (root.dav("allprop"), root.dav("propname"), root.dav("prop")) {
            (Some(_), None, None) => Ok(Self::All(names(root.dav("include"))?)),
            (None, Some(_), None) => Ok(Self::Names),
            (None, None, prop @ Some(_)) => Ok(Self::Named(names(prop)?)),
            _ => Err(XmlBodyError::Content("propfind needs exactly one of allprop, propname and prop")),
        }
    }
}

/// The names of the elements in this one. A name that occurs twice is reported once.
fn names_in(parent: &Element) -> Result<Vec<PropertyName>, XmlBodyError> {
    let mut names: Vec<PropertyName> = Vec::new();
    for element in parent.elements() {
        if names.contains(&element.name) {
            continue;
        }
        if names.len() == MAX_NAMES {
            return Err(XmlBodyError::Content("propfind asks for more than 128 properties"));
        }
        names.push(element.name.clone());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let dav = |local: &str| PropertyName::new("DAV:", local);
        let whole =
            |inner: &str| format!("<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\">{inner}</D:propfind>");
        let table = [
            (String::new(), Ok(Propfind::All(vec![]))),
            ("\r\n".to_owned(), Ok(Propfind::All(vec![]))),
            (whole("<D:allprop/>"), Ok(Propfind::All(vec![]))),
            (
                whole("<D:allprop/><D:include><D:supportedlock/></D:include>"),
                Ok(Propfind::All(vec![dav("supportedlock")])),
            ),
            (whole("<D:propname/>"), Ok(Propfind::Names)),
            (whole("<D:prop/>"), Ok(Propfind::Named(vec![]))),
            (
                whole("<D:prop><D:getetag/> <x xmlns='http://example.com/'/><D:getetag/><y/></D:prop>"),
                Ok(Propfind::Named(vec![
                    dav("getetag"),
                    PropertyName::new("http://example.com/", "x"),
                    PropertyName::new("", "y"),
                ])),
            ),
            (whole("<D:future/><D:propname/>"), Ok(Propfind::Names)),
            (whole(""), Err(())),
            (whole("<D:prop/><D:propname/>"), Err(())),
            (whole("<prop/>"), Err(())),
            ("<propfind/>".to_owned(), Err(())),
            (
                whole(&format!(
                    "<D:prop>{}</D:prop>",
                    (0..=MAX_NAMES).map(|n| format!("<x{n}/>")).collect::<Vec<_>>().concat()
                )),
                Err(()),
            ),
            ("<D:propertyupdate xmlns:D='DAV:'/>".to_owned(), Err(())),
        ];
        for (body, expected) in table {
            assert_eq!(Propfind::parse(body.as_bytes()).map_err(drop), expected, "{body}");
        }
    }
}
