//! Operations of the area `xmpp`.

use crate::inputs::xmpp as inputs;
use crate::{Op, Run};
use xmpp_proto::jid::{Jid, JidRef};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, Stanza};
use xmpp_proto::xml::{Element, FrameKind, Ns, Scanner, XmlLimits};

/// The operations of this area.
pub const OPS: &[Op] = &[
    Op { name: "xmpp/scan/message", items: 1, allocates: false, make: || scan(inputs::message()) },
    Op {
        name: "xmpp/typed/message",
        items: 1,
        allocates: false,
        make: || typed(vec![inputs::message()]),
    },
    Op {
        name: "xmpp/typed/presence",
        items: 1,
        allocates: false,
        make: || typed(vec![inputs::presence()]),
    },
    Op {
        name: "xmpp/typed/disco",
        items: 1,
        allocates: false,
        make: || typed(vec![inputs::disco()]),
    },
    Op {
        name: "xmpp/typed/roster100",
        items: 1,
        allocates: false,
        make: || typed(vec![inputs::roster()]),
    },
    Op {
        name: "xmpp/typed/varied",
        items: 1_024,
        allocates: false,
        make: || typed(inputs::varied()),
    },
    Op {
        name: "xmpp/typed/varied-messages",
        items: 1_024,
        allocates: false,
        make: || typed(inputs::varied_messages()),
    },
    Op { name: "xmpp/stream/varied", items: 1_024, allocates: false, make: stream },
    Op { name: "xmpp/build/message", items: 1, allocates: true, make: build },
    Op { name: "xmpp/jid/split", items: 1, allocates: false, make: split },
    Op { name: "xmpp/jid/prepare", items: 1, allocates: true, make: prepare },
];

fn scan(message: Vec<u8>) -> Run {
    let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
    Box::new(move || {
        let frame = scanner.scan(&message).expect("well-formed").expect("whole");
        scanner.tape().len() as u64 + frame.len as u64
    })
}

fn typed(messages: Vec<Vec<u8>>) -> Run {
    let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
    Box::new(move || {
        let mut sum = 0;
        for message in &messages {
            scanner.scan(message).expect("well-formed").expect("whole");
            let element = scanner.element(message).expect("an element");
            sum += look(element);
        }
        sum
    })
}

/// What a client looks at: addresses split, texts, payloads by name and namespace; the items
/// of a roster, the features of disco#info.
fn look(element: Element<'_>) -> u64 {
    let stanza = Stanza::parse(element).expect("a stanza");
    let header = stanza.header();
    let mut sum = header.id().map_or(0, str::len);
    for jid in [header.to(), header.from()].into_iter().flatten() {
        sum += jid.domain().len() + jid.resource().map_or(0, str::len);
    }
    match &stanza {
        Stanza::Message(message) => {
            sum += message.body().map_or(0, |body| body.len());
            sum += message.thread().map_or(0, |thread| thread.len());
            sum += message.kind() as usize;
            sum += message.payloads().filter(|p| p.ns() == Ns::CHAT_STATES).count();
        }
        Stanza::Presence(presence) => {
            sum += presence.show().map_or(0, |show| show as usize);
            sum += presence.status().map_or(0, |status| status.len());
            sum += usize::from(presence.priority().unsigned_abs());
            let caps = presence.payload(Ns::CAPS, "c");
            sum += caps.and_then(|caps| caps.attr("ver")).map_or(0, |ver| ver.len());
        }
        Stanza::Iq(iq) => {
            for item in iq.payload().expect("a payload").children() {
                for attr in item.attrs() {
                    sum += attr.name().len() + attr.value().len();
                }
                sum += item.children().map(|group| group.text().len()).sum::<usize>();
            }
        }
    }
    sum as u64
}

/// The varied stanzas in an open stream, read in pieces of 4 KiB.
fn stream() -> Run {
    let header = b"<stream:stream xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    let mut scanner = Scanner::stream(XmlLimits::POST_AUTH);
    scanner.scan(header).expect("well-formed").expect("whole");
    let bytes = inputs::varied().concat();
    let mut buffer = Vec::with_capacity(64 * 1024);
    Box::new(move || {
        let mut sum = 0;
        for chunk in bytes.chunks(4096) {
            buffer.extend_from_slice(chunk);
            let mut start = 0;
            while let Some(frame) = scanner.scan(&buffer[start..]).expect("well-formed") {
                let part = &buffer[start..start + frame.len];
                if frame.kind == FrameKind::Element {
                    sum += look(scanner.element(part).expect("an element"));
                }
                start += frame.len;
            }
            buffer.drain(..start);
        }
        sum
    })
}

fn build() -> Run {
    let to = Jid::new("juliet@capulet.example/balcony").expect("an address");
    let from = Jid::new("romeo@montague.example/orchard").expect("an address");
    Box::new(move || {
        let message = MessageBuilder::new()
            .from(&from)
            .to(&to)
            .id("5fb2c9d1-0a4e-4b7c-9d53-5c1fd7e8a001")
            .kind(MessageKind::Chat)
            .lang("en")
            .body("Neither, fair saint, if either thee dislike.")
            .thread("e0ffe42b28561960c6b12b944a092794b9683a38")
            .with(|w| {
                w.start(Ns::CHAT_STATES, "active").end();
            });
        message.build().expect("well-formed").as_str().len() as u64
    })
}

fn split() -> Run {
    Box::new(|| {
        let jid = JidRef::parse(core::hint::black_box("romeo@montague.example/orchard"));
        jid.expect("an address").domain().len() as u64
    })
}

fn prepare() -> Run {
    Box::new(|| {
        let jid = Jid::new(core::hint::black_box("Romeo@Montague.example/orchard"));
        jid.expect("an address").as_str().len() as u64
    })
}
