//! Comparing what is said with what a specification prints: by meaning, as line breaks,
//! quotes and the order of attributes are the printer's.
#![allow(
    dead_code,
    clippy::panic,
    clippy::redundant_pub_crate,
    reason = "each of the tests uses a part of it, and states what must hold"
)]

use xmpp_proto::xml::{Content, Document, Element, Ns};

/// Attributes whose values the specification leaves to whoever makes them.
pub(crate) const MADE_UP: &[&str] = &["id", "ver"];

/// An element in one form: names with namespaces, attributes in order but for those in `but`,
/// text without the white space of the printer.
pub(crate) fn canonical(text: &str, content: Ns, but: &[&str]) -> String {
    let text = text.trim();
    let document = Document::parse_in(content, text.as_bytes());
    let document = document.unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = String::new();
    write(document.root(), but, &mut out);
    out
}

fn write(element: Element<'_>, but: &[&str], out: &mut String) {
    // The content namespaces are the same thing on different streams (RFC 6120 §4.8.3).
    let ns = match element.ns() {
        Ns::SERVER => "jabber:client".into(),
        _ => element.namespace(),
    };
    *out += &format!("<{{{ns}}}{}", element.name());
    let mut attrs: Vec<(String, String)> = element
        .attrs()
        .map(|attr| (format!("{{{}}}{}", attr.namespace(), attr.name()), attr.value().into_owned()))
        .filter(|(name, _)| !but.iter().any(|but| *name == format!("{{}}{but}")))
        .collect();
    attrs.sort();
    for (name, value) in attrs {
        *out += &format!(" {name}={value:?}");
    }
    *out += ">";
    for content in element.contents() {
        match content {
            Content::Element(child) => write(child, but, out),
            Content::Text(text) => *out += text.trim(),
        }
    }
    *out += "</>";
}

/// Whether one of `said` means the same as `expected`, in the stream of `jabber:client`.
pub(crate) fn is_among(said: &[String], expected: &str, but: &[&str]) -> bool {
    let expected = canonical(expected, Ns::CLIENT, but);
    said.iter().any(|text| canonical(text, Ns::CLIENT, but) == expected)
}

/// The text between two others.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} in {text}")).0
}
