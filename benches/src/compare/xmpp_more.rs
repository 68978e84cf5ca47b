//! XMPP: presences, rosters, streams, large and deep elements, and writing.
//!
//! *Presence*: from, id, show, status, the hash of the capabilities. *Roster*: of each item the
//! address, name, subscription and groups. *Stanzas* and *stream*: name and id of each, typed;
//! `quick-xml` gives bare events there, and what stands at the second level. *Large* and *deep*:
//! how many elements. *Build*: the text of a message with addresses, id, type, language, body,
//! thread and chat state.

use super::{Adding, Row, Set, Side, Sink, Telling};
use crate::inputs::xmpp as inputs;
use crate::side;
use xmpp_proto::jid::JidRef;
use xmpp_proto::stanza::{MessageBuilder, MessageKind, Stanza};
use xmpp_proto::xml::{Element, FrameKind, Ns, Scanner, XmlLimits};

/// The rows.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let fragment = || Scanner::fragment(XmlLimits::POST_AUTH);
    let mut row = |name: &str, peer, items, ours, theirs| {
        rows.push(Row { name: name.into(), peer, items, ours, theirs });
    };
    let set = Set::one("message", inputs::message());
    let ours = || side!(set, <[u8]>::to_vec, fragment(), super::xmpp::message);
    row("xmpp/message/message", "iks", 1, ours(), side!(set, text, iks_message));
    let set = Set::one("presence", inputs::presence());
    let ours = || side!(set, <[u8]>::to_vec, fragment(), presence);
    row("xmpp/presence/presence", "iks", 1, ours(), side!(set, text, iks_presence));
    row("xmpp/presence/presence", "xmpp-parsers", 1, ours(), side!(set, text, parsers::presence));
    let set = Set::one("roster", inputs::roster());
    let ours = || side!(set, <[u8]>::to_vec, fragment(), roster_items);
    row("xmpp/roster/100", "iks", 1, ours(), side!(set, text, iks_roster));
    row("xmpp/roster/100", "xmpp-parsers", 1, ours(), side!(set, text, parsers::roster));
    let set = Set::varied(inputs::varied());
    let ours = side!(set, <[u8]>::to_vec, fragment(), name_and_id);
    let items = set.messages.len();
    row("xmpp/stanzas/varied", "xmpp-parsers", items, ours, side!(set, text, parsers::name_and_id));
    let bytes = set.messages.concat();
    row("xmpp/stream/varied", "quick-xml BufRead", items, stream(&bytes), quick::stream(&bytes));
    let set = Set::one("220kB", large());
    let ours = side!(set, <[u8]>::to_vec, fragment(), count);
    row("xmpp/large/220kB", "quick-xml", 1, ours, side!(set, text, quick::count));
    let ours = side!(set, <[u8]>::to_vec, fragment(), count);
    row("xmpp/large/220kB", "iks", 1, ours, side!(set, text, iks_count));
    let ours = side!(set, <[u8]>::to_vec, fragment(), count);
    row("xmpp/large/220kB", "quick-xml Ns", 1, ours, side!(set, text, quick::count_ns));
    let ours = side!(set, <[u8]>::to_vec, fragment(), count);
    row("xmpp/large/220kB", "xmpp-parsers", 1, ours, side!(set, text, parsers::count));
    let set = Set::one("420kB", deep());
    let limits = XmlLimits::POST_AUTH.with_depth_max(100_000).with_elements_max(100_000);
    let ours = side!(set, <[u8]>::to_vec, Scanner::fragment(limits), count);
    row("xmpp/deep/420kB", "quick-xml", 1, ours, side!(set, text, quick::count));
    let set = Set::one("message", b"juliet@capulet.example/balcony".to_vec());
    let jid = |text: &[u8]| {
        let to: xmpp_proto::jid::Jid =
            core::str::from_utf8(text).expect("UTF-8").parse().expect("it is");
        to
    };
    row(
        "xmpp/build/message",
        "quick-xml Writer",
        1,
        side!(set, jid, build),
        side!(set, text, quick::build),
    );
    row(
        "xmpp/build/message",
        "xmpp-parsers",
        1,
        side!(set, jid, build),
        side!(set, parsers::typed, parsers::build),
    );
    rows
}

fn text(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).expect("UTF-8")
}

const ID: &str = "5fb2c9d1-0a4e-4b7c-9d53-5c1fd7e8a001";
const BODY: &str = "Neither, fair saint, if either thee dislike.";
const THREAD: &str = "e0ffe42b28561960c6b12b944a092794b9683a38";

/// A message whose payload has 2,000 elements, as of a long list of candidates.
pub(super) fn large() -> Vec<u8> {
    let mut out = String::from("<iq xmlns='jabber:client' type='set' id='1'><query xmlns='urn:x'>");
    for n in 0..2_000 {
        out.push_str(&format!(
            "<candidate component='1' foundation='{n}' generation='0' ip='192.0.2.{}' port='{}' \
             type='host'/>",
            n % 256,
            1024 + n
        ));
    }
    out.push_str("</query></iq>");
    out.into_bytes()
}

/// 60,000 elements in each other.
fn deep() -> Vec<u8> {
    let mut out = "<a>".repeat(60_000);
    out.push_str(&"</a>".repeat(60_000));
    out.into_bytes()
}

fn element<'a>(message: &'a [u8], scanner: &'a mut Scanner) -> Element<'a> {
    let frame = scanner.scan(message).expect("well-formed").expect("whole");
    scanner.element(&message[..frame.len]).expect("an element")
}

fn presence(message: &[u8], scanner: &mut Scanner, sink: &mut impl Sink) {
    let Stanza::Presence(presence) = Stanza::parse(element(message, scanner)).expect("a stanza")
    else {
        panic!("a presence")
    };
    let header = presence.header();
    sink.text(header.from().expect("from").as_str().as_bytes());
    sink.text(header.id().expect("id").as_bytes());
    sink.text(presence.show().expect("show").name().as_bytes());
    sink.text(presence.status().expect("status").as_bytes());
    let caps = presence.payload(Ns::CAPS, "c").expect("caps");
    sink.text(caps.attr("ver").expect("ver").as_bytes());
}

fn roster_items(message: &[u8], scanner: &mut Scanner, sink: &mut impl Sink) {
    let Stanza::Iq(iq) = Stanza::parse(element(message, scanner)).expect("a stanza") else {
        panic!("an iq")
    };
    for item in iq.payload().expect("a payload").children() {
        let jid = item.attr("jid").expect("an address");
        sink.text(JidRef::parse(&*jid).expect("an address").as_str().as_bytes());
        for name in ["name", "subscription"] {
            sink.text(item.attr(name).expect("there").as_bytes());
        }
        for group in item.children().filter(|child| child.is(Ns::ROSTER, "group")) {
            sink.text(group.text().as_bytes());
        }
    }
}

fn name_and_id(message: &[u8], scanner: &mut Scanner, sink: &mut impl Sink) {
    typed_name_and_id(element(message, scanner), sink);
}

fn typed_name_and_id(element: Element<'_>, sink: &mut impl Sink) {
    let stanza = Stanza::parse(element).expect("a stanza");
    let header = stanza.header();
    sink.text(match stanza {
        Stanza::Message(_) => b"message",
        Stanza::Presence(_) => b"presence",
        Stanza::Iq(_) => b"iq",
    });
    sink.text(header.id().unwrap_or("").as_bytes());
}

pub(super) fn count(message: &[u8], scanner: &mut Scanner, sink: &mut impl Sink) {
    let root = element(message, scanner);
    let (mut elements, mut open) = (1, vec![root.children()]);
    while let Some(children) = open.last_mut() {
        match children.next() {
            Some(child) => {
                elements += 1;
                open.push(child.children());
            }
            None => drop(open.pop()),
        }
    }
    sink.number(elements);
}

fn build(to: &xmpp_proto::jid::Jid, sink: &mut impl Sink) {
    let message = MessageBuilder::new().to(to).id(ID).kind(MessageKind::Chat).lang("en");
    let message = message.body(BODY).thread(THREAD).with(|w| {
        w.start(Ns::CHAT_STATES, "active").end();
    });
    sink.number(u64::from(message.build().expect("well-formed").as_str().len() > 200));
}

const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

/// In pieces of 4 KiB, as a socket gives them.
fn stream(bytes: &[u8]) -> Side {
    fn read(
        bytes: &[u8],
        scanner: &mut Scanner,
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(Element<'_>),
    ) {
        for chunk in bytes.chunks(4096) {
            buffer.extend_from_slice(chunk);
            let mut start = 0;
            while let Some(frame) = scanner.scan(&buffer[start..]).expect("well-formed") {
                let part = &buffer[start..start + frame.len];
                if frame.kind == FrameKind::Element {
                    each(scanner.element(part).expect("an element"));
                }
                start += frame.len;
            }
            buffer.drain(..start);
        }
    }
    let mut scanner = Scanner::stream(XmlLimits::POST_AUTH);
    scanner.scan(HEADER).expect("well-formed").expect("whole");
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut found = Vec::new();
    read(bytes, &mut scanner, &mut buffer, |element| {
        let mut telling = Telling::default();
        typed_name_and_id(element, &mut telling);
        found.push(telling.0);
    });
    let (len, bytes) = (bytes.len(), bytes.to_vec());
    let run = Box::new(move || {
        let mut adding = Adding::default();
        read(&bytes, &mut scanner, &mut buffer, |e| typed_name_and_id(e, &mut adding));
        adding.0
    });
    Side { run, found, bytes: len }
}

/// `quick-xml` 0.42: events without namespaces, not strict.
mod quick {
    use super::{Adding, BODY, HEADER, ID, Side, Sink, THREAD, Telling};
    use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
    use quick_xml::{NsReader, Reader, Writer};
    use std::io::BufReader;

    pub(super) fn count(message: &str, sink: &mut impl Sink) {
        let mut reader = Reader::from_str(message);
        let mut elements = 0;
        loop {
            match reader.read_event().expect("parses") {
                Event::Start(_) | Event::Empty(_) => elements += 1,
                Event::Eof => break,
                _ => {}
            }
        }
        sink.number(elements);
    }

    /// With namespaces and attributes, as ours has them.
    pub(super) fn count_ns(message: &str, sink: &mut impl Sink) {
        let mut reader = NsReader::from_str(message);
        let mut elements = 0;
        loop {
            match reader.read_resolved_event().expect("parses") {
                (_, Event::Start(start) | Event::Empty(start)) => {
                    for attribute in start.attributes() {
                        core::hint::black_box(attribute.expect("an attribute").value);
                    }
                    elements += 1;
                }
                (_, Event::Eof) => break,
                _ => {}
            }
        }
        sink.number(elements);
    }

    pub(super) fn stream(bytes: &[u8]) -> Side {
        fn read(bytes: &[u8], each: &mut impl FnMut(&[u8], &[u8])) {
            let mut reader = Reader::from_reader(BufReader::with_capacity(4096, bytes));
            let (mut depth, mut buffer) = (0, Vec::new());
            loop {
                match reader.read_event_into(&mut buffer).expect("parses") {
                    Event::Start(start) => {
                        if depth == 1 {
                            let id = start.try_get_attribute("id").expect("attributes");
                            let id = id.map(|id| id.value);
                            let id = id.as_deref().unwrap_or_default();
                            each(start.name().as_ref().as_bytes(), id.as_bytes());
                        }
                        depth += 1;
                    }
                    Event::End(_) => depth -= 1,
                    Event::Eof => break,
                    _ => {}
                }
                buffer.clear();
            }
        }
        let mut all = HEADER.to_vec();
        all.extend_from_slice(bytes);
        let mut found = Vec::new();
        read(&all, &mut |name, id| {
            let mut telling = Telling::default();
            telling.text(name);
            telling.text(id);
            found.push(telling.0);
        });
        let run = Box::new(move || {
            let mut adding = Adding::default();
            read(&all, &mut |name, id| {
                adding.text(name);
                adding.text(id);
            });
            adding.0
        });
        Side { run, found, bytes: bytes.len() }
    }

    pub(super) fn build(to: &str, sink: &mut impl Sink) {
        let mut w = Writer::new(Vec::with_capacity(384));
        let mut start = BytesStart::new("message");
        for (name, value) in [("to", to), ("id", ID), ("type", "chat"), ("xml:lang", "en")] {
            start.push_attribute((name, value));
        }
        w.write_event(Event::Start(start)).expect("written");
        for (name, text) in [("body", BODY), ("thread", THREAD)] {
            w.write_event(Event::Start(BytesStart::new(name))).expect("written");
            w.write_event(Event::Text(BytesText::new(text))).expect("written");
            w.write_event(Event::End(BytesEnd::new(name))).expect("written");
        }
        let mut active = BytesStart::new("active");
        active.push_attribute(("xmlns", "http://jabber.org/protocol/chatstates"));
        w.write_event(Event::Empty(active)).expect("written");
        w.write_event(Event::End(BytesEnd::new("message"))).expect("written");
        sink.number(u64::from(w.into_inner().len() > 200));
    }
}

/// `xmpp-parsers` 0.23 over `rxml` and `xso`.
mod parsers {
    use super::{BODY, ID, Sink, THREAD};
    use xmpp_parsers::jid::Jid;
    use xmpp_parsers::message::{Id, Lang, Message, MessageType, Thread};
    use xmpp_parsers::presence::Show;
    use xmpp_parsers::roster::{Roster, Subscription};
    use xmpp_parsers::stanza::Stanza;

    fn stanza(message: &str) -> Stanza {
        xso::from_bytes(message.as_bytes()).expect("parses")
    }

    pub(super) fn presence(message: &str, sink: &mut impl Sink) {
        let Stanza::Presence(presence) = stanza(message) else { panic!("a presence") };
        sink.text(presence.from.as_ref().expect("from").as_str().as_bytes());
        sink.text(presence.id.as_ref().expect("id").as_bytes());
        sink.text(match presence.show.as_ref().expect("show") {
            Show::Away => b"away",
            Show::Chat => b"chat",
            Show::Dnd => b"dnd",
            Show::Xa => b"xa",
        });
        sink.text(presence.statuses.values().next().expect("status").as_bytes());
        let caps = presence.payloads.first().expect("caps");
        sink.text(caps.attr("ver").expect("ver").as_bytes());
    }

    pub(super) fn roster(message: &str, sink: &mut impl Sink) {
        let Stanza::Iq(xmpp_parsers::iq::Iq::Result { payload, .. }) = stanza(message) else {
            panic!("a result")
        };
        let roster = Roster::try_from(payload.expect("a payload")).expect("a roster");
        for item in &roster.items {
            sink.text(item.jid.as_str().as_bytes());
            sink.text(item.name.as_ref().expect("a name").as_bytes());
            sink.text(match item.subscription {
                Subscription::None => b"none",
                Subscription::From => b"from",
                Subscription::To => b"to",
                Subscription::Both => b"both",
                Subscription::Remove => b"remove",
            });
            for group in &item.groups {
                sink.text(group.0.as_bytes());
            }
        }
    }

    pub(super) fn name_and_id(message: &str, sink: &mut impl Sink) {
        let (name, id) = match stanza(message) {
            Stanza::Message(message) => ("message", message.id.map(|id| id.0)),
            Stanza::Presence(presence) => ("presence", presence.id),
            Stanza::Iq(iq) => ("iq", Some(iq.id().to_string())),
        };
        sink.text(name.as_bytes());
        sink.text(id.unwrap_or_default().as_bytes());
    }

    pub(super) fn count(message: &str, sink: &mut impl Sink) {
        fn below(element: &xmpp_parsers::minidom::Element) -> u64 {
            1 + element.children().map(below).sum::<u64>()
        }
        let Stanza::Iq(xmpp_parsers::iq::Iq::Set { payload, .. }) = stanza(message) else {
            panic!("a request")
        };
        sink.number(1 + below(&payload));
    }

    pub(super) fn typed(to: &[u8]) -> Message {
        let to = Jid::new(core::str::from_utf8(to).expect("UTF-8")).expect("an address");
        let mut message = Message::new_with_type(MessageType::Chat, Some(to));
        message.id = Some(Id(ID.into()));
        message.bodies.insert(Lang::default(), BODY.into());
        message.thread = Some(Thread { parent: None, id: THREAD.into() });
        message.payloads.push(xmpp_parsers::chatstates::ChatState::Active.into());
        message
    }

    pub(super) fn build(message: &Message, sink: &mut impl Sink) {
        let bytes = xso::to_vec(message).expect("written");
        sink.number(u64::from(bytes.len() > 200));
    }
}

fn iks_read(message: &str) -> iks::Document {
    message.parse().expect("parses")
}

fn iks_message(message: &str, sink: &mut impl Sink) {
    let doc = iks_read(message);
    let root = doc.root();
    for name in ["to", "from", "id"] {
        sink.text(root.attribute(name).expect("there").as_bytes());
    }
    for name in ["body", "thread"] {
        sink.text(doc.root().find_tag(name).first_child().cdata().as_bytes());
    }
    for child in root.children().filter(|child| child.is_tag()) {
        if !matches!(child.name(), "body" | "thread") {
            sink.text(child.name().as_bytes());
            sink.text(child.attribute("xmlns").expect("a namespace").as_bytes());
        }
    }
}

fn iks_presence(message: &str, sink: &mut impl Sink) {
    let doc = iks_read(message);
    let root = doc.root();
    for name in ["from", "id"] {
        sink.text(root.attribute(name).expect("there").as_bytes());
    }
    for name in ["show", "status"] {
        sink.text(doc.root().find_tag(name).first_child().cdata().as_bytes());
    }
    sink.text(doc.root().find_tag("c").attribute("ver").expect("ver").as_bytes());
}

fn iks_roster(message: &str, sink: &mut impl Sink) {
    let doc = iks_read(message);
    let query = doc.root().first_tag();
    for item in query.children().filter(|child| child.is_tag()) {
        for name in ["jid", "name", "subscription"] {
            sink.text(item.attribute(name).expect("there").as_bytes());
        }
        for group in item.children().filter(|child| child.is_tag()) {
            sink.text(group.first_child().cdata().as_bytes());
        }
    }
}

fn iks_count(message: &str, sink: &mut impl Sink) {
    let doc = iks_read(message);
    let elements = doc.root().descendant_or_self().filter(|node| node.is_tag()).count();
    sink.number(elements as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::pair;

    #[test]
    fn all_find_the_same() {
        for row in rows() {
            pair::agree(&row).expect("alike");
        }
    }
}
