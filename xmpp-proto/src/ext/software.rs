//! Software version (XEP-0092).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

/// Name and version of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Software<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its version.
    pub version: Cow<'a, str>,
    /// What it runs on; empty when it does not say.
    pub os: Cow<'a, str>,
}

impl<'a> Software<'a> {
    /// A program.
    #[must_use]
    pub const fn new(name: &'a str, version: &'a str) -> Self {
        Self { name: Cow::Borrowed(name), version: Cow::Borrowed(version), os: Cow::Borrowed("") }
    }

    /// Reads the `<query/>` of a result.
    #[must_use]
    pub fn read(query: Element<'a>) -> Option<Self> {
        if !query.is(Ns::VERSION, "query") {
            return None;
        }
        let text = |name| query.child(Ns::VERSION, name).map(Element::text).unwrap_or_default();
        Some(Self { name: text("name"), version: text("version"), os: text("os") })
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::VERSION, "query");
        for (name, text) in [("name", &self.name), ("version", &self.version), ("os", &self.os)] {
            if name != "os" || !text.is_empty() {
                w.leaf(Ns::VERSION, name, text);
            }
        }
        w.end();
    }
}

/// Writes the payload of a request.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::VERSION, "query", "");
}
