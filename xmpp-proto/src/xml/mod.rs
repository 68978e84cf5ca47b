//! The restricted XML of a stream (RFC 6120 §11): scanning, views, writing.

mod chars;
mod document;
mod error;
mod escape;
mod limits;
mod ns;
mod prolog;
#[cfg(feature = "quick-xml")]
mod quick;
mod scan;
mod splice;
mod tape;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use chars::is_space;
pub use document::Document;
pub use error::{XmlError, XmlErrorKind};
pub use limits::XmlLimits;
pub use ns::Ns;
#[cfg(feature = "quick-xml")]
pub use quick::{SerdeError, from_element, to_xml};
pub use scan::{Frame, FrameKind, Scanner};
pub use splice::restamped;
pub use tape::{Attr, Attrs, Children, Content, Contents, Element, Tape};
pub use write::{WriteError, Writer};
