//! Stanzas that cross from one kind of stream to another.

use super::StanzaXml;
use crate::xml::{Element, Ns, WriteError, Writer, restamped};

/// The stanza in the content namespace `content`, to stand in a stream of it without naming
/// it (RFC 6120 §4.8.3): what came from another server in `jabber:server` goes to a client in
/// `jabber:client`, with all that is in the content namespace inside of it.
///
/// ```
/// use xmpp_proto::stanza::in_namespace;
/// use xmpp_proto::xml::{Document, Ns};
///
/// let doc = Document::parse(b"<s:message xmlns:s='jabber:server' from='a@x' to='b@y'>\
///     <s:body>hi</s:body><x xmlns='u'/></s:message>")?;
/// assert_eq!(
///     in_namespace(doc.root(), Ns::CLIENT)?.as_str(),
///     "<message from='a@x' to='b@y'><body>hi</body><x xmlns='u'/></message>",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What XML does not allow; not for an element that was read.
pub fn in_namespace(stanza: Element<'_>, content: Ns) -> Result<StanzaXml, WriteError> {
    let old = stanza.ns();
    // As nearly always: nothing but the default of the stream says which namespace it is.
    if is_plain(stanza, old, DEPTH_MAX) {
        return Ok(StanzaXml::spliced(restamped(stanza, old, &[])));
    }
    let mut w = Writer::in_stream(content);
    copy(&mut w, stanza, old, content, DEPTH_MAX);
    StanzaXml::new(w)
}

/// How deep elements of the content namespace may stand in each other; a scanner lets none
/// through that are deeper than its own limit, which is smaller.
const DEPTH_MAX: usize = 128;

fn is_plain(element: Element<'_>, content: Ns, depth: usize) -> bool {
    let mut inner = element.children().filter(|child| child.ns() == content);
    depth > 0
        && element.prefix().is_empty()
        && element.declarations().next().is_none()
        && inner.all(|child| is_plain(child, content, depth.saturating_sub(1)))
}

fn copy(w: &mut Writer, element: Element<'_>, old: Ns, new: Ns, depth: usize) {
    if element.ns() != old || depth == 0 {
        w.element(element);
        return;
    }
    w.start(new, element.name());
    for attr in element.attrs() {
        match attr.ns() {
            Ns::NONE => w.attr(attr.name(), &attr.value()),
            Ns::XML if attr.name() == "lang" => w.lang(&attr.value()),
            // Attributes of other namespaces are nobody's on a stanza.
            _ => &mut *w,
        };
    }
    for content in element.contents() {
        match content {
            crate::xml::Content::Element(child) => {
                copy(w, child, old, new, depth.saturating_sub(1));
            }
            crate::xml::Content::Text(text) => {
                w.text(&text);
            }
        }
    }
    w.end();
}
