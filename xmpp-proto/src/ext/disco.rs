//! Service discovery (XEP-0030), with forms (XEP-0128).

use crate::jid::JidRef;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// What somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Identity<'a> {
    /// Such as `client`.
    pub category: Cow<'a, str>,
    /// Such as `pc`.
    pub kind: Cow<'a, str>,
    /// The language of the name.
    pub lang: Cow<'a, str>,
    /// For people.
    pub name: Cow<'a, str>,
}

impl<'a> Identity<'a> {
    /// An identity without a name.
    #[must_use]
    pub fn new(category: &'a str, kind: &'a str) -> Self {
        Self { category: category.into(), kind: kind.into(), ..Self::default() }
    }

    /// Sets the name.
    #[must_use]
    pub fn with_name(mut self, name: &'a str) -> Self {
        self.name = name.into();
        self
    }
}

/// A form with more (XEP-0128): fields and their values.
pub type Form<'a> = Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>;

/// What somebody is and can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info<'a> {
    /// Of which node; empty for none.
    pub node: Cow<'a, str>,
    /// Identities.
    pub identities: Vec<Identity<'a>>,
    /// Features, by their names.
    pub features: Vec<Cow<'a, str>>,
    /// Forms; the field `FORM_TYPE` says of what kind each is.
    pub forms: Vec<Form<'a>>,
}

impl<'a> Info<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an identity.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity<'a>) -> Self {
        self.identities.push(identity);
        self
    }

    /// Adds a feature.
    #[must_use]
    pub fn with_feature(mut self, name: &'a str) -> Self {
        self.features.push(name.into());
        self
    }

    /// Whether there is such a feature.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|name| name == feature)
    }

    /// Reads the `<query/>` of a result. A form whose `FORM_TYPE` is not hidden has none (XEP-0068 §3), and is left out.
    #[must_use]
    pub fn read(query: Element<'a>) -> Option<Self> {
        if !query.is(Ns::DISCO_INFO, "query") {
            return None;
        }
        let mut info = Self { node: query.attr("node").unwrap_or_default(), ..Self::default() };
        for child in query.children() {
            let attr = |name| child.attr(name).unwrap_or_default();
            match (child.ns(), child.name()) {
                (Ns::DISCO_INFO, "identity") => info.identities.push(Identity {
                    category: attr("category"),
                    kind: attr("type"),
                    lang: child.lang().unwrap_or_default(),
                    name: attr("name"),
                }),
                (Ns::DISCO_INFO, "feature") => info.features.push(attr("var")),
                (Ns::DATA_FORMS, "x") if !has_open_type(child) => info.forms.push(read_form(child)),
                _ => {}
            }
        }
        Some(info)
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::DISCO_INFO, "query");
        w.attr_opt("node", Some(&*self.node).filter(|node| !node.is_empty()));
        for identity in &self.identities {
            w.start(Ns::DISCO_INFO, "identity").attr("category", &identity.category);
            w.attr("type", &identity.kind);
            w.attr_opt("name", Some(&*identity.name).filter(|name| !name.is_empty()));
            if !identity.lang.is_empty() {
                w.lang(&identity.lang);
            }
            w.end();
        }
        for feature in &self.features {
            w.start(Ns::DISCO_INFO, "feature").attr("var", feature).end();
        }
        for form in &self.forms {
            w.start(Ns::DATA_FORMS, "x").attr("type", "result");
            for (name, values) in form {
                w.start(Ns::DATA_FORMS, "field").attr("var", name);
                if name == "FORM_TYPE" {
                    w.attr("type", "hidden");
                }
                for value in values {
                    w.leaf(Ns::DATA_FORMS, "value", value);
                }
                w.end();
            }
            w.end();
        }
        w.end();
    }
}

/// Whether a form has a field with the name of its type which is for people to see.
pub(super) fn has_open_type(form: Element<'_>) -> bool {
    let is_type = |field: &Element<'_>| field.attr("var").is_some_and(|var| var == "FORM_TYPE");
    let is_open = |field: Element<'_>| field.attr("type").is_none_or(|kind| kind != "hidden");
    let mut fields = form.children().filter(|field| field.is(Ns::DATA_FORMS, "field"));
    fields.any(|field| is_type(&field) && is_open(field))
}

fn read_form(form: Element<'_>) -> Form<'_> {
    let fields = form.children().filter(|field| field.is(Ns::DATA_FORMS, "field"));
    let fields = fields.map(|field| {
        let values = field.children().filter(|value| value.is(Ns::DATA_FORMS, "value"));
        (field.attr("var").unwrap_or_default(), values.map(Element::text).collect())
    });
    fields.collect()
}

/// Something that belongs to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<'a> {
    /// Its address.
    pub jid: JidRef<'a>,
    /// Its node; empty for none.
    pub node: Cow<'a, str>,
    /// For people.
    pub name: Cow<'a, str>,
}

/// The items of a result.
#[must_use]
pub fn read_items(query: Element<'_>) -> Option<Vec<Item<'_>>> {
    if !query.is(Ns::DISCO_ITEMS, "query") {
        return None;
    }
    let items = query.children().filter(|item| item.is(Ns::DISCO_ITEMS, "item"));
    let items = items.filter_map(|item| {
        Some(Item {
            jid: JidRef::parse(item.attr("jid")?).ok()?,
            node: item.attr("node").unwrap_or_default(),
            name: item.attr("name").unwrap_or_default(),
        })
    });
    Some(items.collect())
}

/// Writes a request for what somebody is (`items` false) or has.
pub fn write_request(w: &mut Writer, items: bool, node: Option<&str>) {
    let ns = if items { Ns::DISCO_ITEMS } else { Ns::DISCO_INFO };
    w.start(ns, "query").attr_opt("node", node).end();
}
