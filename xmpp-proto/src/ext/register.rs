//! In-band registration (XEP-0077): an account is made, changes its password, or is removed.
//!
//! Before authentication it is a step of the negotiation: the machines carry it
//! ([`ClientConfig::registration`](crate::client::ClientConfig),
//! [`ServerConfig::registration`](crate::server::ServerConfig)). Later it is an iq like others.

use crate::sasl::Secret;
use crate::stanza::{Condition, Iq, IqKind};
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a server wants to know, or has on file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form<'a> {
    /// For people.
    pub instructions: Cow<'a, str>,
    /// There is an account already, and this is what is known of it.
    pub registered: bool,
    /// The fields by their names (§14.1): `username`, `password`, `email`, .. with what is on
    /// file.
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Where to register instead (§5).
    pub url: Option<Cow<'a, str>>,
    /// There is a data form (XEP-0004), which takes the place of the fields.
    pub has_data_form: bool,
}

impl<'a> Form<'a> {
    /// A form that asks for these.
    #[must_use]
    pub fn asking(names: &[&'a str]) -> Self {
        let fields = names.iter().map(|name| (Cow::Borrowed(*name), Cow::Borrowed("")));
        Self { fields: fields.collect(), ..Self::default() }
    }

    /// Sets what people are told.
    #[must_use]
    pub fn with_instructions(mut self, text: &'a str) -> Self {
        self.instructions = Cow::Borrowed(text);
        self
    }

    /// Reads the `<query/>` of a result.
    #[must_use]
    pub fn read(query: Element<'a>) -> Option<Self> {
        if !query.is(Ns::REGISTER, "query") {
            return None;
        }
        let mut form = Self::default();
        for child in query.children() {
            match (child.ns(), child.name()) {
                (Ns::REGISTER, "instructions") => form.instructions = child.text(),
                (Ns::REGISTER, "registered") => form.registered = true,
                (Ns::REGISTER, name) => form.fields.push((Cow::Borrowed(name), child.text())),
                (Ns::DATA_FORMS, "x") => form.has_data_form = true,
                (Ns::OOB, "x") => form.url = child.child(Ns::OOB, "url").map(Element::text),
                _ => {}
            }
        }
        Some(form)
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::REGISTER, "query");
        if self.registered {
            w.leaf(Ns::REGISTER, "registered", "");
        }
        if !self.instructions.is_empty() {
            w.leaf(Ns::REGISTER, "instructions", &self.instructions);
        }
        for (name, value) in &self.fields {
            w.leaf(Ns::REGISTER, name, value);
        }
        if let Some(url) = &self.url {
            w.start(Ns::OOB, "x").leaf(Ns::OOB, "url", url).end();
        }
        w.end();
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// What must be known: answered with a [`Form`].
    Form,
    /// Make an account, or change the password of one that is logged in (§3.3).
    Submit(Submission),
    /// Remove the account (§3.2), and end all of its streams.
    Remove,
}

/// What was filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// The name of the account.
    pub username: String,
    /// Its password, never empty.
    pub password: Secret,
    /// Everything else.
    pub fields: Vec<(String, String)>,
}

impl Request {
    /// Reads a request; `None` when it is another one.
    ///
    /// # Errors
    /// What it is refused with: `remove` is not alone (§3.2), or name or password are missing
    /// (§3.1).
    #[must_use]
    pub fn read(iq: &Iq<'_>) -> Option<Result<Self, Condition>> {
        let query = iq.payload().filter(|query| query.is(Ns::REGISTER, "query"))?;
        match iq.kind()? {
            IqKind::Get => return Some(Ok(Self::Form)),
            IqKind::Set => {}
            _ => return None,
        }
        if query.child(Ns::REGISTER, "remove").is_some() {
            let alone = query.children().count() == 1;
            return Some(if alone { Ok(Self::Remove) } else { Err(Condition::BadRequest) });
        }
        let mut filled = filled(query);
        let mut take = |name: &str| {
            let at = filled.iter().position(|(field, _)| field == name)?;
            Some(filled.swap_remove(at).1).filter(|value| !value.is_empty())
        };
        let (username, password) = (take("username"), take("password"));
        Some(match (username, password) {
            (Some(username), Some(mut text)) => {
                filled.sort();
                let password = Secret::new(&text);
                zeroize::Zeroize::zeroize(&mut text);
                Ok(Self::Submit(Submission { username, password, fields: filled }))
            }
            _ => Err(Condition::NotAcceptable),
        })
    }
}

/// Fields of the query, or of the data form in their place (§4).
fn filled(query: Element<'_>) -> Vec<(String, String)> {
    let owned = |name: &str, value: Cow<'_, str>| (name.to_string(), value.into_owned());
    match query.child(Ns::DATA_FORMS, "x") {
        Some(form) => form
            .children()
            .filter(|field| field.is(Ns::DATA_FORMS, "field"))
            .filter_map(|field| {
                let value = field.child(Ns::DATA_FORMS, "value").map(Element::text);
                Some(owned(&field.attr("var")?, value.unwrap_or_default()))
            })
            .filter(|(name, _)| name != "FORM_TYPE")
            .collect(),
        None => query
            .children()
            .filter(|field| field.ns() == Ns::REGISTER)
            .map(|field| owned(field.name(), field.text()))
            .collect(),
    }
}

/// Writes the payload of a request for the form.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::REGISTER, "query", "");
}

/// Writes what was filled in, or a new password (§3.3).
pub fn write_submission<'a>(w: &mut Writer, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
    w.start(Ns::REGISTER, "query");
    for (name, value) in fields {
        w.leaf(Ns::REGISTER, name, value);
    }
    w.end();
}

/// Writes the request to remove the account.
pub fn write_remove(w: &mut Writer) {
    w.start(Ns::REGISTER, "query").leaf(Ns::REGISTER, "remove", "").end();
}
