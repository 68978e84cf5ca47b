//! Entity time (XEP-0202).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

/// What time it is somewhere, in the forms of XEP-0082.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityTime<'a> {
    /// The offset of the zone, such as `-06:00`.
    pub zone: Cow<'a, str>,
    /// The time in UTC, such as `2006-12-19T17:58:35Z`.
    pub utc: Cow<'a, str>,
}

impl<'a> EntityTime<'a> {
    /// A time in a zone.
    #[must_use]
    pub const fn new(zone: &'a str, utc: &'a str) -> Self {
        Self { zone: Cow::Borrowed(zone), utc: Cow::Borrowed(utc) }
    }

    /// Reads the `<time/>` of a result.
    #[must_use]
    pub fn read(time: Element<'a>) -> Option<Self> {
        if !time.is(Ns::TIME, "time") {
            return None;
        }
        let text = |name| time.child(Ns::TIME, name).map(Element::text);
        Some(Self { zone: text("tzo")?, utc: text("utc")? })
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::TIME, "time");
        w.leaf(Ns::TIME, "tzo", &self.zone).leaf(Ns::TIME, "utc", &self.utc).end();
    }
}

/// Writes the payload of a request.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::TIME, "time", "");
}
