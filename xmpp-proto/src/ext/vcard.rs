//! vCards in XML (XEP-0054): who somebody is, kept by the server for everybody to see.

use crate::iq::is_account;
use crate::jid::Jid;
use crate::stanza::{Condition, Iq, IqKind};
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A vCard that was received. What is not named here is reached as an element.
#[derive(Clone, Copy, Debug)]
pub struct VCard<'a>(Element<'a>);

impl<'a> VCard<'a> {
    /// Reads the payload of a result, or of a request to keep it. An empty one says that there
    /// is none (§3.1).
    #[must_use]
    pub fn read(element: Element<'a>) -> Option<Self> {
        element.is(Ns::VCARD, "vCard").then_some(Self(element))
    }

    /// The element.
    #[must_use]
    pub const fn element(self) -> Element<'a> {
        self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.children().next().is_none()
    }

    /// The text of an element, as `FN`, `NICKNAME`, `URL`, `BDAY`, or of one in another, as
    /// `["N", "FAMILY"]`. Empty ones are none.
    #[must_use]
    pub fn text(self, path: &[&str]) -> Option<Cow<'a, str>> {
        let element = path.iter().try_fold(self.0, |at, name| at.child(Ns::VCARD, name))?;
        Some(element.text()).filter(|text| !text.trim().is_empty())
    }

    /// The elements of one name, of which there may be several: `EMAIL`, `TEL`, `ADR`.
    pub fn all(self, name: &'a str) -> impl Iterator<Item = Element<'a>> {
        self.0.children().filter(move |child| child.is(Ns::VCARD, name))
    }

    /// The picture: its type and its bytes. `None` also when they are not base64.
    #[must_use]
    pub fn photo(self) -> Option<(Cow<'a, str>, Vec<u8>)> {
        use base64::Engine as _;
        let photo = self.0.child(Ns::VCARD, "PHOTO")?;
        let kind = photo.child(Ns::VCARD, "TYPE").map(Element::text).unwrap_or_default();
        let text = photo.child(Ns::VCARD, "BINVAL")?.text();
        // It is often folded.
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
        Some((kind, bytes))
    }
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// The vCard of the account that is asked, or of the asker without one.
    Get,
    /// Keep this one.
    Set(VCard<'a>),
}

impl<'a> Request<'a> {
    /// Reads a request of `from`, an account here or elsewhere; `None` when it is another one.
    ///
    /// # Errors
    /// Somebody wants to change the vCard of somebody else (§3.2).
    pub fn read(iq: &Iq<'a>, from: &Jid) -> Option<Result<Self, Condition>> {
        let card = VCard::read(iq.payload()?)?;
        let own = iq.header().to().is_none_or(|to| is_account(to, from));
        match iq.kind()? {
            IqKind::Get => Some(Ok(Self::Get)),
            IqKind::Set if own => Some(Ok(Self::Set(card))),
            IqKind::Set => Some(Err(Condition::Forbidden)),
            _ => None,
        }
    }
}

/// Writes the payload of a request.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::VCARD, "vCard", "");
}

/// Writes a vCard of these texts, each with its path as in [`VCard::text`], in this order;
/// those in one element stand together.
pub fn write<'a>(w: &mut Writer, texts: impl IntoIterator<Item = (&'a [&'a str], &'a str)>) {
    w.start(Ns::VCARD, "vCard");
    let mut open: &[&str] = &[];
    for (path, text) in texts {
        let Some((name, around)) = path.split_last() else { continue };
        if around != open {
            for _ in open {
                w.end();
            }
            for name in around {
                w.start(Ns::VCARD, name);
            }
            open = around;
        }
        w.leaf(Ns::VCARD, name, text);
    }
    for _ in open {
        w.end();
    }
    w.end();
}

/// Writes a picture, between other elements of a vCard.
pub fn write_photo(w: &mut Writer, kind: &str, bytes: &[u8]) {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    w.start(Ns::VCARD, "PHOTO").leaf(Ns::VCARD, "TYPE", kind);
    w.leaf(Ns::VCARD, "BINVAL", &text).end();
}
