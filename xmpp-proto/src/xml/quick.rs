//! The bridge to quick-xml: any element opens as its reader, and serde types read from and
//! become elements.

use super::document::Document;
use super::error::XmlError;
use super::tape::Element;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Why a serde type could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SerdeError {
    /// The element does not have the shape of the type.
    #[error("cannot read the element")]
    Read(#[from] quick_xml::DeError),
    /// The value cannot be XML.
    #[error("cannot write the value")]
    Write(#[from] quick_xml::SeError),
    /// What the serializer wrote is not XML that a stream allows.
    #[error("the written element is refused")]
    Xml(#[from] XmlError),
}

impl<'a> Element<'a> {
    /// A quick-xml reader over exactly this element. It sees names as written, without
    /// namespaces; [`Element::to_standalone`] gives a text for `NsReader`.
    #[must_use]
    pub fn quick_reader(self) -> quick_xml::Reader<&'a [u8]> {
        quick_xml::Reader::from_str(self.raw())
    }
}

/// Reads a serde type from an element, by quick-xml's rules (`@name` is an attribute,
/// `$text` the text).
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Place { #[serde(rename = "@lat")] lat: f64, name: String }
///
/// let doc = xmpp_proto::xml::Document::parse(b"<place lat='1.5'><name>Ys</name></place>")?;
/// let place: Place = xmpp_proto::xml::from_element(doc.root())?;
/// assert_eq!((place.lat, &*place.name), (1.5, "Ys"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SerdeError::Read`] when the element has another shape.
pub fn from_element<T: DeserializeOwned>(element: Element<'_>) -> Result<T, SerdeError> {
    Ok(quick_xml::de::from_str(&element.to_standalone())?)
}

/// Writes a serde value as the element `name`; `@xmlns` among its fields sets a namespace.
///
/// # Errors
/// [`SerdeError::Write`] when quick-xml cannot, [`SerdeError::Xml`] when the result is not
/// XML that a stream allows.
pub fn to_xml<T: Serialize>(name: &str, value: &T) -> Result<Document, SerdeError> {
    let text = quick_xml::se::to_string_with_root(name, value)?;
    Ok(Document::parse(text.as_bytes())?)
}
