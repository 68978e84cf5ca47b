//! Message archives (XEP-0313) and pages of results (XEP-0059).

use super::forward::Forwarded;
use crate::iq::is_account;
use crate::jid::{Jid, JidRef};
use crate::stanza::Message;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

/// Which page is wanted (XEP-0059 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<'a> {
    /// At most so many; 0 asks for the count alone.
    pub max: Option<u32>,
    /// Those behind this one.
    pub after: Option<Cow<'a, str>>,
    /// Those before this one; empty for the last page.
    pub before: Option<Cow<'a, str>>,
}

impl<'a> Page<'a> {
    /// At most so many, from the beginning.
    #[must_use]
    pub fn new(max: u32) -> Self {
        Self { max: Some(max), ..Self::default() }
    }

    /// Those behind `id`.
    #[must_use]
    pub fn after(mut self, id: &'a str) -> Self {
        self.after = Some(Cow::Borrowed(id));
        self
    }

    /// Those before `id`; empty for the last page.
    #[must_use]
    pub fn before(mut self, id: &'a str) -> Self {
        self.before = Some(Cow::Borrowed(id));
        self
    }

    /// Reads the `<set/>` of a request.
    #[must_use]
    pub fn read(parent: Element<'a>) -> Option<Self> {
        let set = parent.child(Ns::RSM, "set")?;
        let text = |name| set.child(Ns::RSM, name).map(Element::text);
        Some(Self {
            max: text("max").and_then(|max| max.trim().parse().ok()),
            after: text("after"),
            before: text("before"),
        })
    }

    /// Writes `<set/>`.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::RSM, "set");
        if let Some(max) = self.max {
            w.leaf(Ns::RSM, "max", &max.to_string());
        }
        for (name, text) in [("after", &self.after), ("before", &self.before)] {
            if let Some(text) = text {
                w.leaf(Ns::RSM, name, text);
            }
        }
        w.end();
    }
}

/// Which page came (XEP-0059 §2), at the end of a query (XEP-0313 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fin<'a> {
    /// There are no more in this direction.
    pub complete: bool,
    /// The first of the page.
    pub first: Option<Cow<'a, str>>,
    /// The place of the first among all that were found, from 0.
    pub index: Option<u64>,
    /// The last of the page: [`Page::after`] it are the next.
    pub last: Option<Cow<'a, str>>,
    /// How many there are in all.
    pub count: Option<u64>,
}

impl<'a> Fin<'a> {
    /// Reads the `<fin/>` of a result.
    #[must_use]
    pub fn read(fin: Element<'a>) -> Option<Self> {
        if !fin.is(Ns::MAM, "fin") {
            return None;
        }
        let set = fin.child(Ns::RSM, "set");
        let text = |name| set.and_then(|set| set.child(Ns::RSM, name)).map(Element::text);
        Some(Self {
            complete: matches!(fin.attr("complete").as_deref(), Some("true" | "1")),
            first: text("first"),
            index: set
                .and_then(|set| set.child(Ns::RSM, "first")?.attr("index")?.trim().parse().ok()),
            last: text("last"),
            count: text("count").and_then(|count| count.trim().parse().ok()),
        })
    }

    /// Writes `<fin/>`.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::MAM, "fin");
        if self.complete {
            w.attr("complete", "true");
        }
        w.start(Ns::RSM, "set");
        if let Some(first) = &self.first {
            let index = self.index.map(|index| index.to_string());
            w.start(Ns::RSM, "first").attr_opt("index", index.as_deref()).text(first).end();
        }
        if let Some(last) = &self.last {
            w.leaf(Ns::RSM, "last", last);
        }
        if let Some(count) = self.count {
            w.leaf(Ns::RSM, "count", &count.to_string());
        }
        w.end().end();
    }
}

/// What to look for (XEP-0313 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query<'a> {
    /// Names the query; its results carry it.
    pub id: Cow<'a, str>,
    /// Messages from or to this address.
    pub with: Option<Cow<'a, str>>,
    /// Not before this time (XEP-0082).
    pub start: Option<Cow<'a, str>>,
    /// Not after this time.
    pub end: Option<Cow<'a, str>>,
    /// Behind this message (§4.1.3).
    pub after_id: Option<Cow<'a, str>>,
    /// Before this message.
    pub before_id: Option<Cow<'a, str>>,
    /// Only these messages; all when it is empty.
    pub ids: Vec<Cow<'a, str>>,
    /// Each page begins with its last message (§4.3.4).
    pub flip: bool,
    /// Which page.
    pub page: Page<'a>,
}

impl<'a> Query<'a> {
    /// All messages, page by page.
    #[must_use]
    pub fn new(id: &'a str, page: Page<'a>) -> Self {
        Self { id: Cow::Borrowed(id), page, ..Self::default() }
    }

    /// Only those from or to `with`.
    #[must_use]
    pub fn with(mut self, with: &'a Jid) -> Self {
        self.with = Some(Cow::Borrowed(with.as_str()));
        self
    }

    /// Reads the `<query/>` of a request.
    #[must_use]
    pub fn read(query: Element<'a>) -> Option<Self> {
        if !query.is(Ns::MAM, "query") {
            return None;
        }
        let form = query.child(Ns::DATA_FORMS, "x");
        let values = |name: &str| {
            let mut fields = form
                .into_iter()
                .flat_map(Element::children)
                .filter(|f| f.is(Ns::DATA_FORMS, "field"));
            let field = fields.find(|field| field.attr("var").as_deref() == Some(name));
            let values = field.into_iter().flat_map(Element::children);
            values.filter(|value| value.is(Ns::DATA_FORMS, "value")).map(Element::text)
        };
        let field = |name: &str| values(name).next();
        Some(Self {
            id: query.attr("queryid").unwrap_or_default(),
            with: field("with"),
            start: field("start"),
            end: field("end"),
            after_id: field("after-id"),
            before_id: field("before-id"),
            ids: values("ids").collect(),
            flip: query.child(Ns::MAM, "flip-page").is_some(),
            page: Page::read(query).unwrap_or_default(),
        })
    }

    /// Writes the payload of the request, an iq of type `set`.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::MAM, "query").attr("queryid", &self.id);
        w.start(Ns::DATA_FORMS, "x").attr("type", "submit");
        let form = [("FORM_TYPE", Some("urn:xmpp:mam:2"))];
        let filters = [
            ("with", &self.with),
            ("start", &self.start),
            ("end", &self.end),
            ("after-id", &self.after_id),
            ("before-id", &self.before_id),
        ];
        let filters = filters.into_iter().map(|(name, value)| (name, value.as_deref()));
        for (name, value) in form.into_iter().chain(filters) {
            let Some(value) = value else { continue };
            w.start(Ns::DATA_FORMS, "field").attr("var", name);
            if name == "FORM_TYPE" {
                w.attr("type", "hidden");
            }
            w.leaf(Ns::DATA_FORMS, "value", value).end();
        }
        if !self.ids.is_empty() {
            w.start(Ns::DATA_FORMS, "field").attr("var", "ids");
            for id in &self.ids {
                w.leaf(Ns::DATA_FORMS, "value", id);
            }
            w.end();
        }
        w.end();
        self.page.write(w);
        if self.flip {
            w.leaf(Ns::MAM, "flip-page", "");
        }
        w.end();
    }
}

/// One message of an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Archived<'a> {
    /// The query that found it.
    pub query: Cow<'a, str>,
    /// Its id in the archive.
    pub id: Cow<'a, str>,
    /// The message.
    pub forwarded: Forwarded<'a>,
}

impl<'a> Archived<'a> {
    /// The result in a message for `own`. It is one only when it comes from the archive that
    /// was asked: `archive`, or the own account (§4.2, §9); from anybody else it is a forgery.
    /// The host compares [`Archived::query`] with what it has asked.
    #[must_use]
    pub fn read(message: &Message<'a>, own: &Jid, archive: Option<&Jid>) -> Option<Self> {
        let result = message.header().element().child(Ns::MAM, "result")?;
        let from = message.header().from();
        let trusted = match archive {
            Some(archive) => from.is_some_and(|from| is_same(from, archive)),
            None => from.is_none_or(|from| is_account(from, own)),
        };
        let forwarded = Forwarded::read(result.child(Ns::FORWARD, "forwarded")?)?;
        let query = result.attr("queryid").unwrap_or_default();
        let id = result.attr("id")?;
        trusted.then_some(Self { query, id, forwarded })
    }
}

fn is_same(from: &JidRef<'_>, jid: &Jid) -> bool {
    from.as_str() == jid.as_str() || from.to_jid().is_ok_and(|from| from == *jid)
}
