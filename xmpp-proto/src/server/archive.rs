//! The part of an archive (XEP-0313) that needs no disk: what an entry is, what is looked
//! for, and which page of a list of entries answers it.

use crate::ext::archive::Query;
use crate::ext::time::parse_datetime;
use crate::jid::Jid;
use crate::stanza::{Condition, StanzaXml};
use crate::xml::{Element, Ns};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// A message in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveEntry {
    /// Its id there, which is never given again.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// The other one: the recipient of what was sent, the sender of what came.
    pub with: Jid,
    /// The message.
    pub stanza: StanzaXml,
}

impl ArchiveEntry {
    /// An entry as it was kept; `None` when `stanza` is no message of `jabber:client`.
    #[must_use]
    pub fn new(id: &str, at: Timestamp, with: &Jid, stanza: &str) -> Option<Self> {
        let stanza = StanzaXml::parse(stanza)?;
        Some(Self { id: id.to_string(), at, with: with.clone(), stanza })
    }
}

/// What is looked for in an archive (XEP-0313 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveQuery {
    /// Messages with this address, or any resource of it.
    pub with: Option<Jid>,
    /// Not before this time.
    pub start: Option<Timestamp>,
    /// Not after this time.
    pub end: Option<Timestamp>,
    /// Behind this entry, which must exist.
    pub after_id: Option<String>,
    /// Before this entry, which must exist.
    pub before_id: Option<String>,
    /// Only these, which must exist.
    pub ids: Vec<String>,
    /// At most so many.
    pub max: Option<usize>,
    /// The page behind this entry of the result.
    pub after: Option<String>,
    /// The page before this entry of the result; empty for the last page.
    pub before: Option<String>,
    /// The page begins with its last entry (§4.3.4).
    pub flip: bool,
    /// Only the first and the last entry of all are wanted (§5).
    pub metadata: bool,
}

impl ArchiveQuery {
    /// Reads the `<query/>` of a request.
    ///
    /// # Errors
    /// The condition to answer with: a malformed address, time or number, or a field that is
    /// not known (§4.1.5).
    pub fn read(query: Element<'_>) -> Result<Self, Condition> {
        let known = ["FORM_TYPE", "with", "start", "end", "after-id", "before-id", "ids"];
        let form = query.child(Ns::DATA_FORMS, "x");
        let fields = form.into_iter().flat_map(Element::children);
        for field in fields.filter(|field| field.is(Ns::DATA_FORMS, "field")) {
            if !known.contains(&field.attr("var").as_deref().unwrap_or("")) {
                return Err(Condition::FeatureNotImplemented);
            }
        }
        let read = Query::read(query).ok_or(Condition::BadRequest)?;
        let time = |text: &Option<alloc::borrow::Cow<'_, str>>| match text {
            None => Ok(None),
            Some(text) => parse_datetime(text).map(Some).ok_or(Condition::BadRequest),
        };
        let max = query.child(Ns::RSM, "set").and_then(|set| set.child(Ns::RSM, "max"));
        let max = match max {
            None => None,
            Some(max) => Some(max.text().trim().parse().map_err(|_| Condition::BadRequest)?),
        };
        let with = match &read.with {
            None => None,
            Some(with) => Some(Jid::new(with.trim()).map_err(|_| Condition::JidMalformed)?),
        };
        let text = |text: &Option<alloc::borrow::Cow<'_, str>>| {
            text.as_ref().map(|text| text.trim().to_string())
        };
        Ok(Self {
            with,
            start: time(&read.start)?,
            end: time(&read.end)?,
            after_id: text(&read.after_id),
            before_id: text(&read.before_id),
            ids: read.ids.iter().map(|id| id.trim().to_string()).collect(),
            max,
            after: text(&read.page.after),
            before: text(&read.page.before),
            flip: read.flip,
            metadata: false,
        })
    }

    /// The page of `entries` that answers this, for the account `own`. `entries` are all
    /// messages of its archive, oldest first; at most `page_max` of them are given at once.
    ///
    /// # Errors
    /// `item-not-found` when an id is asked for that is not there (§4.1.3, §4.3.1).
    pub fn page(
        &self,
        own: &Jid,
        entries: &[ArchiveEntry],
        page_max: usize,
    ) -> Result<ArchivePage, Condition> {
        let position = |id: &String| {
            let found = entries.iter().position(|entry| entry.id == *id);
            found.ok_or(Condition::ItemNotFound)
        };
        if self.metadata {
            let ends = entries.first().into_iter().chain(entries.last());
            let entries = ends.cloned().collect();
            return Ok(ArchivePage { entries, metadata: true, ..ArchivePage::default() });
        }
        let after = self.after_id.as_ref().map(position).transpose()?;
        let before = self.before_id.as_ref().map(position).transpose()?;
        for id in &self.ids {
            position(id)?;
        }
        let found: Vec<&ArchiveEntry> = entries
            .iter()
            .enumerate()
            .filter(|(at, _)| after.is_none_or(|after| *at > after))
            .filter(|(at, _)| before.is_none_or(|before| *at < before))
            .map(|(_, entry)| entry)
            .filter(|entry| self.ids.is_empty() || self.ids.contains(&entry.id))
            .filter(|entry| self.matches(own, entry))
            .collect();
        // XEP-0059 §2.2: the page begins behind, or ends before, an entry of the result.
        let in_found = |id: &String| {
            let found = found.iter().position(|entry| entry.id == *id);
            found.ok_or(Condition::ItemNotFound)
        };
        let begin = match &self.after {
            Some(id) if !id.is_empty() => in_found(id)?.saturating_add(1),
            _ => 0,
        };
        let end = match &self.before {
            Some(id) if !id.is_empty() => in_found(id)?,
            _ => found.len(),
        };
        let max = self.max.unwrap_or(page_max).min(page_max);
        let wanted = end.saturating_sub(begin);
        let (begin, complete) = match self.before.is_some() {
            true => (end.saturating_sub(max).max(begin), wanted <= max),
            false => (begin, wanted <= max),
        };
        let page: Vec<ArchiveEntry> =
            found.iter().skip(begin).take(max.min(wanted)).map(|entry| (*entry).clone()).collect();
        let index = (!page.is_empty()).then_some(begin);
        Ok(ArchivePage {
            entries: page,
            index,
            count: Some(found.len()),
            complete,
            flip: self.flip,
            metadata: false,
        })
    }

    /// §4.1.1, §4.1.2
    fn matches(&self, own: &Jid, entry: &ArchiveEntry) -> bool {
        let with = self.with.as_ref().is_none_or(|with| match with.is_bare() {
            true => entry.with.bare() == with.as_str(),
            false => entry.with == *with,
        });
        // The own address finds only what the user has sent to himself.
        let own = self
            .with
            .as_ref()
            .is_none_or(|with| with.bare() != own.bare() || entry.with.bare() == own.bare());
        with && own
            && self.start.is_none_or(|start| entry.at >= start)
            && self.end.is_none_or(|end| entry.at <= end)
    }
}

/// A page of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchivePage {
    /// The messages, oldest first.
    pub entries: Vec<ArchiveEntry>,
    /// The place of the first of them among all that were found.
    pub index: Option<usize>,
    /// How many were found.
    pub count: Option<usize>,
    /// There are no more in this direction.
    pub complete: bool,
    /// They are sent last first.
    pub flip: bool,
    /// They are the first and the last of the archive, and only told of.
    pub metadata: bool,
}

impl ArchivePage {
    /// A page that the host has put together itself.
    #[must_use]
    pub fn new(entries: Vec<ArchiveEntry>, complete: bool) -> Self {
        Self { entries, complete, ..Self::default() }
    }

    /// The messages in the order of their sending.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &ArchiveEntry> {
        let entries = if self.metadata { &[][..] } else { self.entries.as_slice() };
        let (forth, back) = match self.flip {
            false => (Some(entries.iter()), None),
            true => (None, Some(entries.iter().rev())),
        };
        forth.into_iter().flatten().chain(back.into_iter().flatten())
    }
}
