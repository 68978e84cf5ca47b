//! Delayed delivery (XEP-0203).

use crate::jid::JidRef;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

/// When a stanza was really sent, and who delayed it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delay<'a> {
    /// The time, in the form of XEP-0082.
    pub stamp: Cow<'a, str>,
    /// Who delayed it. It counts only when that is somebody who is trusted to (§5).
    pub from: Option<JidRef<'a>>,
    /// Why, for people.
    pub reason: Cow<'a, str>,
}

impl<'a> Delay<'a> {
    /// A time, without more.
    #[must_use]
    pub const fn new(stamp: &'a str) -> Self {
        Self { stamp: Cow::Borrowed(stamp), from: None, reason: Cow::Borrowed("") }
    }

    /// The delay of a stanza, if it has one.
    #[must_use]
    pub fn read(stanza: Element<'a>) -> Option<Self> {
        let delay = stanza.child(Ns::DELAY, "delay")?;
        Some(Self {
            stamp: delay.attr("stamp")?,
            from: delay.attr("from").and_then(|from| JidRef::parse(from).ok()),
            reason: delay.text(),
        })
    }

    /// Writes it into a stanza.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::DELAY, "delay");
        w.attr_opt("from", self.from.as_ref().map(JidRef::as_str)).attr("stamp", &self.stamp);
        if !self.reason.is_empty() {
            w.text(&self.reason);
        }
        w.end();
    }
}
