//! XMPP: a message as a client needs it.
//!
//! *Message*: to, from, id; the body and the thread as text; the local names of other children and
//! their namespaces.

use super::{Row, Set, Sink};
use crate::inputs::xmpp as inputs;
use crate::side;
use xmpp_proto::stanza::Stanza;
use xmpp_proto::xml::{Scanner, XmlLimits};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &messages() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Scanner::fragment(XmlLimits::POST_AUTH), message);
            let name = format!("xmpp/message/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("quick-xml Ns", side!(set, <[u8]>::to_vec, quick::message));
        row("rxml", side!(set, <[u8]>::to_vec, rxml::message));
        row("xmpp-parsers", side!(set, <[u8]>::to_vec, parsers::message));
    }
    rows
}

/// One scanner for all stanzas, as a stream has.
pub(super) fn message(message: &[u8], scanner: &mut Scanner, sink: &mut impl Sink) {
    let frame = scanner.scan(message).expect("well-formed").expect("whole");
    let element = scanner.element(&message[..frame.len]).expect("an element");
    let Stanza::Message(message) = Stanza::parse(element).expect("a stanza") else {
        panic!("a message")
    };
    let header = message.header();
    sink.text(header.to().expect("to").as_str().as_bytes());
    sink.text(header.from().expect("from").as_str().as_bytes());
    sink.text(header.id().expect("id").as_bytes());
    sink.text(message.body().expect("a body").as_bytes());
    if let Some(thread) = message.thread() {
        sink.text(thread.as_bytes());
    }
    for payload in message.payloads() {
        sink.text(payload.name().as_bytes());
        sink.text(payload.namespace().as_bytes());
    }
}

/// `xmpp-parsers` 0.23 over `rxml` and `xso`.
pub mod parsers {
    use super::Sink;
    use xmpp_parsers::message::Message;
    use xmpp_parsers::stanza::Stanza;

    /// Message.
    pub fn message(message: &[u8], sink: &mut impl Sink) {
        let stanza: Stanza = xso::from_bytes(message).expect("parses");
        let Stanza::Message(message) = stanza else { panic!("a message") };
        emit(&message, sink);
    }

    fn emit(message: &Message, sink: &mut impl Sink) {
        sink.text(message.to.as_ref().expect("to").as_str().as_bytes());
        sink.text(message.from.as_ref().expect("from").as_str().as_bytes());
        sink.text(message.id.as_ref().expect("id").0.as_bytes());
        sink.text(message.bodies.values().next().expect("a body").as_bytes());
        if let Some(thread) = &message.thread {
            sink.text(thread.id.as_bytes());
        }
        for payload in &message.payloads {
            sink.text(payload.name().as_bytes());
            sink.text(payload.ns().as_bytes());
        }
    }
}

/// `rxml` 0.14: events with namespaces; what they mean is up to its user.
pub mod rxml {
    use super::Sink;
    use ::rxml::{Event, Namespace, Parse as _, Parser};

    /// Message.
    pub fn message(message: &[u8], sink: &mut impl Sink) {
        let mut rest = message;
        let mut parser = Parser::new();
        let mut depth = 0;
        let mut texts = false;
        // `parse` returns `None` behind the end of the document.
        while let Some(event) = parser.parse(&mut rest, true).expect("parses") {
            match event {
                Event::StartElement(_, (namespace, name), attributes) => {
                    depth += 1;
                    if depth == 1 {
                        for wanted in ["to", "from", "id"] {
                            let value = attributes.get(&Namespace::NONE, wanted).expect("there");
                            sink.text(value.as_bytes());
                        }
                    } else if depth == 2 {
                        texts = name == "body" || name == "thread";
                        if !texts {
                            sink.text(name.as_bytes());
                            sink.text(namespace.as_bytes());
                        }
                    }
                }
                Event::Text(_, text) if texts && depth == 2 => sink.text(text.as_bytes()),
                Event::EndElement(_) => depth -= 1,
                Event::Text(..) | Event::XmlDeclaration(..) => {}
            }
        }
    }
}

/// `quick-xml` 0.42's `NsReader`: likewise, and not strict.
pub mod quick {
    use super::Sink;
    use quick_xml::NsReader;
    use quick_xml::events::Event;
    use quick_xml::name::ResolveResult;

    /// Message.
    pub fn message(message: &[u8], sink: &mut impl Sink) {
        let mut reader = NsReader::from_reader(message);
        reader.config_mut().expand_empty_elements = true;
        let mut depth = 0;
        let mut texts = false;
        loop {
            let (namespace, event) = reader.read_resolved_event().expect("parses");
            match event {
                Event::Start(start) => {
                    depth += 1;
                    if depth == 1 {
                        let (mut to, mut from, mut id) = (None, None, None);
                        for attribute in start.attributes() {
                            let attribute = attribute.expect("an attribute");
                            match attribute.key.as_ref() {
                                "to" => to = Some(attribute.value),
                                "from" => from = Some(attribute.value),
                                "id" => id = Some(attribute.value),
                                _ => {}
                            }
                        }
                        for value in [to, from, id] {
                            sink.text(value.expect("there").as_bytes());
                        }
                    } else if depth == 2 {
                        let name = start.local_name();
                        texts = matches!(name.as_ref(), "body" | "thread");
                        if !texts {
                            sink.text(name.as_ref().as_bytes());
                            let ResolveResult::Bound(namespace) = namespace else {
                                panic!("bound")
                            };
                            sink.text(namespace.as_ref().as_bytes());
                        }
                    }
                }
                Event::Text(text) if texts && depth == 2 => {
                    sink.text(text.as_bytes());
                }
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
    }
}

fn messages() -> [Set; 2] {
    [Set::one("message", inputs::message()), Set::varied(inputs::varied_messages())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_agree() {
        for set in messages() {
            let message = side!(set, <[u8]>::to_vec, parsers::message).found;
            assert_eq!(message, side!(set, <[u8]>::to_vec, rxml::message).found);
            assert_eq!(message, side!(set, <[u8]>::to_vec, quick::message).found);
        }
    }
}
