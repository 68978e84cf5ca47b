//! The examples of the extensions that this crate knows: each is read, strictly and in any pieces,
//! as what it is; what is written of it is the same again. Those that are steps of a
//! negotiation are lived through elsewhere, by both sides.
#![cfg(feature = "scram")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::std_instead_of_alloc,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests state what must hold"
)]

#[path = "../dialogue/mod.rs"]
mod dialogue;

use dialogue::canonical;
use xmpp_proto::ext::activity::LastActivity;
use xmpp_proto::ext::archive::{Fin, Page, Query};
use xmpp_proto::ext::blocking::{self, Blocking};
use xmpp_proto::ext::caps::Caps;
use xmpp_proto::ext::caps2::CapsHashes;
use xmpp_proto::ext::chat::{self, ChatState, Hint};
use xmpp_proto::ext::delay::Delay;
use xmpp_proto::ext::disco::{self, Info};
use xmpp_proto::ext::forward::{self, Forwarded};
use xmpp_proto::ext::receipts::{self, Marker};
use xmpp_proto::ext::register::Form;
use xmpp_proto::ext::software::Software;
use xmpp_proto::ext::time::EntityTime;
use xmpp_proto::ext::vcard::VCard;
use xmpp_proto::jid::Jid;
use xmpp_proto::stanza::{MessageBuilder, Stanza, StanzaBuf};
use xmpp_proto::stream::{Features, StreamError};
use xmpp_proto::xml::{Document, Element, FrameKind, Ns, Scanner, Writer, XmlLimits};

struct Xep {
    number: &'static str,
    text: &'static str,
    /// How many things in it a module of this crate reads and writes again.
    typed: usize,
}

const XEPS: &[Xep] = &[
    Xep { number: "0012", text: include_str!("corpus/xep-0012.txt"), typed: 5 },
    Xep { number: "0030", text: include_str!("corpus/xep-0030.txt"), typed: 28 },
    Xep { number: "0049", text: include_str!("corpus/xep-0049.txt"), typed: 2 },
    Xep { number: "0054", text: include_str!("corpus/xep-0054.txt"), typed: 11 },
    Xep { number: "0059", text: include_str!("corpus/xep-0059.txt"), typed: 22 },
    Xep { number: "0077", text: include_str!("corpus/xep-0077.txt"), typed: 22 },
    Xep { number: "0085", text: include_str!("corpus/xep-0085.txt"), typed: 16 },
    Xep { number: "0092", text: include_str!("corpus/xep-0092.txt"), typed: 3 },
    Xep { number: "0106", text: include_str!("corpus/xep-0106.txt"), typed: 2 },
    Xep { number: "0114", text: include_str!("corpus/xep-0114.txt"), typed: 0 },
    Xep { number: "0115", text: include_str!("corpus/xep-0115.txt"), typed: 10 },
    Xep { number: "0124", text: include_str!("corpus/xep-0124.txt"), typed: 1 },
    Xep { number: "0138", text: include_str!("corpus/xep-0138.txt"), typed: 1 },
    Xep { number: "0178", text: include_str!("corpus/xep-0178.txt"), typed: 1 },
    Xep { number: "0184", text: include_str!("corpus/xep-0184.txt"), typed: 4 },
    Xep { number: "0191", text: include_str!("corpus/xep-0191.txt"), typed: 14 },
    Xep { number: "0198", text: include_str!("corpus/xep-0198.txt"), typed: 0 },
    Xep { number: "0199", text: include_str!("corpus/xep-0199.txt"), typed: 2 },
    Xep { number: "0202", text: include_str!("corpus/xep-0202.txt"), typed: 3 },
    Xep { number: "0203", text: include_str!("corpus/xep-0203.txt"), typed: 3 },
    Xep { number: "0206", text: include_str!("corpus/xep-0206.txt"), typed: 4 },
    Xep { number: "0220", text: include_str!("corpus/xep-0220.txt"), typed: 1 },
    Xep { number: "0237", text: include_str!("corpus/xep-0237.txt"), typed: 1 },
    Xep { number: "0280", text: include_str!("corpus/xep-0280.txt"), typed: 6 },
    Xep { number: "0297", text: include_str!("corpus/xep-0297.txt"), typed: 4 },
    Xep { number: "0308", text: include_str!("corpus/xep-0308.txt"), typed: 3 },
    Xep { number: "0313", text: include_str!("corpus/xep-0313.txt"), typed: 39 },
    Xep { number: "0333", text: include_str!("corpus/xep-0333.txt"), typed: 7 },
    Xep { number: "0334", text: include_str!("corpus/xep-0334.txt"), typed: 1 },
    Xep { number: "0352", text: include_str!("corpus/xep-0352.txt"), typed: 3 },
    Xep { number: "0359", text: include_str!("corpus/xep-0359.txt"), typed: 4 },
    Xep { number: "0386", text: include_str!("corpus/xep-0386.txt"), typed: 1 },
    Xep { number: "0388", text: include_str!("corpus/xep-0388.txt"), typed: 0 },
    Xep { number: "0390", text: include_str!("corpus/xep-0390.txt"), typed: 8 },
    Xep { number: "0478", text: include_str!("corpus/xep-0478.txt"), typed: 1 },
    Xep { number: "0484", text: include_str!("corpus/xep-0484.txt"), typed: 1 },
];

/// The examples with their numbers.
fn examples(xep: &Xep) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in xep.text.lines() {
        match (line.strip_prefix("# "), found.last_mut()) {
            (Some(number), _) => {
                found.push((format!("XEP-{}, example {number}", xep.number), String::new()))
            }
            (None, Some((_, text))) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(line);
            }
            (None, None) => panic!("{line}"),
        }
    }
    found
}

fn content(xep: &Xep) -> Ns {
    match xep.number {
        "0114" => Ns::COMPONENT,
        "0220" => Ns::SERVER,
        _ => Ns::CLIENT,
    }
}

fn header(content: Ns) -> String {
    format!(
        "<stream:stream xmlns='{}' xmlns:stream='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' version='1.0'>",
        content.known_name().unwrap()
    )
}

fn parse(text: &str) -> Document {
    Document::parse_in(Ns::CLIENT, text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// As it stands in a stream, all at once and byte by byte.
fn in_stream<T>(content: Ns, text: &str, look: impl Fn(Element<'_>) -> T) -> T {
    let header = header(content);
    let all = format!("{header}{text}");
    let rest = &all.as_bytes()[header.len()..];
    let mut scanner = Scanner::stream(XmlLimits::POST_AUTH);
    assert!(scanner.scan(header.as_bytes()).unwrap().is_some());
    let mut slow = scanner.clone();
    let frame = scanner.scan(rest).unwrap_or_else(|e| panic!("{text}: {e}")).unwrap();
    assert_eq!((frame.kind, frame.len), (FrameKind::Element, rest.len()), "{text}");
    for end in 1..rest.len() {
        assert_eq!(slow.scan(&rest[..end]), Ok(None), "{text}");
    }
    assert_eq!(slow.scan(rest), Ok(Some(frame)));
    let element = scanner.element(rest).unwrap();
    assert_eq!(slow.element(rest).unwrap().to_standalone(), element.to_standalone());
    look(element)
}

#[test]
fn every_example_is_read_in_any_pieces_and_written_as_the_same() {
    for xep in XEPS {
        for (which, text) in examples(xep) {
            let (alone, again) = in_stream(content(xep), &text, |element| {
                let mut w = Writer::in_stream(content(xep));
                w.element(element);
                (element.to_standalone(), w.finish().unwrap())
            });
            let form = |text: &str| canonical(text, content(xep), &[]);
            assert_eq!(form(&again), form(&alone), "{which}");
            assert_eq!(parse(&alone).root().to_standalone(), alone, "{which}");
        }
    }
}

#[test]
fn every_example_that_is_a_stanza_is_a_valid_one() {
    let (mut stanzas, mut invalid) = (0, Vec::new());
    for xep in XEPS {
        for (which, text) in examples(xep) {
            let alone = in_stream(content(xep), &text, |element| {
                Stanza::of(element).is_some().then(|| element.to_standalone())
            });
            let Some(alone) = alone else { continue };
            let read = StanzaBuf::parse(content(xep), alone.clone().into());
            let Ok(stanza) = read else {
                invalid.push((which, read.unwrap_err().to_string(), alone));
                continue;
            };
            assert_eq!(stanza.element().to_standalone(), alone, "{which}");
            for address in [stanza.view().header().from(), stanza.view().header().to()] {
                let prepared = address.map(|address| address.to_jid());
                assert!(prepared.is_none_or(|jid| jid.is_ok()), "{which}");
            }
            stanzas += 1;
        }
    }
    // RFC 6120 §8.1.3, §8.1.4: an iq has an id and a type; these examples forget them.
    let forgetful = [
        "0030, example 26",
        "0030, example 28",
        "0054, example 14",
        "0077, example 30",
        "0077, example 31",
        "0077, example 32",
        "0077, example 34",
        "0092, example 4",
    ];
    let names: Vec<&str> =
        invalid.iter().map(|(which, ..)| which.trim_start_matches("XEP-")).collect();
    assert_eq!(names, forgetful, "{invalid:#?}");
    assert!(stanzas > 200, "{stanzas}");
}

/// The first child of a message into which this was written.
fn written(write: impl FnOnce(&mut Writer)) -> Document {
    let message = MessageBuilder::new().with(write).build().unwrap();
    let doc = parse(message.as_str());
    parse(&doc.root().children().next().unwrap().to_standalone())
}

/// The message itself.
fn message(write: impl FnOnce(&mut Writer)) -> Document {
    parse(MessageBuilder::new().with(write).build().unwrap().as_str())
}

/// What stands in `e` itself; how many readers know it.
fn known(e: Element<'_>) -> usize {
    let mut count = 0;
    macro_rules! same {
        ($read:path, $again:expr) => {
            if let Some(value) = $read(e) {
                let doc = $again(&value);
                assert_eq!($read(doc.root()).as_ref(), Some(&value), "{e:?}");
                count += 1;
            }
        };
    }
    same!(LastActivity::read, |v: &LastActivity<'_>| written(|w| v.write(w)));
    same!(Software::read, |v: &Software<'_>| written(|w| v.write(w)));
    same!(EntityTime::read, |v: &EntityTime<'_>| written(|w| v.write(w)));
    same!(Info::read, |v: &Info<'_>| written(|w| v.write(w)));
    same!(Fin::read, |v: &Fin<'_>| written(|w| v.write(w)));
    same!(Query::read, |v: &Query<'_>| written(|w| v.write(w)));
    same!(Delay::read, |v: &Delay<'_>| message(|w| v.write(w)));
    same!(Page::read, |v: &Page<'_>| message(|w| v.write(w)));
    same!(Caps::read, |v: &Caps<'_>| message(|w| v.write(w)));
    same!(CapsHashes::read, |v: &CapsHashes<'_>| message(|w| v.write(w)));
    if let Some(mut form) = Form::read(e) {
        // Forms of XEP-0004 are the host's to write.
        form.has_data_form = false;
        assert_eq!(Form::read(written(|w| form.write(w)).root()), Some(form));
        count += 1;
    }
    same!(ChatState::read, |v: &ChatState| message(|w| v.write(w)));
    same!(Hint::read, |v: &Hint| message(|w| v.write(w)));
    same!(chat::replaces, |v: &str| message(|w| chat::write_replace(w, v)));
    same!(chat::origin_id, |v: &str| message(|w| chat::write_origin_id(w, v)));
    same!(receipts::received, |v: &str| message(|w| receipts::write_received(w, v)));
    same!(chat::read_client_state, |v: &bool| parse(chat::client_state(*v)));
    same!(Features::read, |v: &Features| {
        let header = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'";
        parse(&v.write().unwrap().replacen("<stream:features", header, 1))
    });
    same!(StreamError::read, |v: &StreamError| {
        let header = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'";
        parse(&v.write().replacen("<stream:error", header, 1))
    });
    if let Some((marker, id)) = Marker::read(e) {
        let doc = message(|w| marker.write(w, &id));
        assert_eq!(Marker::read(doc.root()), Some((marker, id)));
        count += 1;
    }
    if let Some(forwarded) = Forwarded::read(e) {
        let doc = written(|w| forward::write(w, forwarded.delay.as_ref(), forwarded.stanza));
        let again = Forwarded::read(doc.root()).unwrap();
        assert_eq!(again.delay, forwarded.delay);
        assert_eq!(again.stanza.to_standalone(), forwarded.stanza.to_standalone());
        count += 1;
    }
    if let Some(Blocking::Block(jids) | Blocking::Unblock(jids)) = Blocking::read(e) {
        let name = match e.name() {
            "block" => blocking::Name::Block,
            _ => blocking::Name::Unblock,
        };
        let prepared: Vec<Jid> = jids.iter().map(|jid| jid.to_jid().unwrap()).collect();
        let doc = written(|w| blocking::write(w, name, &prepared));
        assert_eq!(Blocking::read(doc.root()), Blocking::read(e));
        count += 1;
    }
    count += usize::from(disco::read_items(e).is_some());
    count += usize::from(blocking::read_list(e).is_some());
    count += usize::from(VCard::read(e).is_some());
    count += usize::from(receipts::is_requested(e)) + usize::from(receipts::is_markable(e));
    count
}

/// The same of everything that stands in it.
fn known_below(e: Element<'_>) -> usize {
    known(e) + e.children().map(known_below).sum::<usize>()
}

#[test]
fn what_the_modules_know_of_the_examples_they_write_again() {
    let mut wrong = Vec::new();
    for xep in XEPS {
        let all = examples(xep);
        let count = |text: &String| in_stream(content(xep), text, known_below);
        let typed: usize = all.iter().map(|(_, text)| count(text)).sum();
        if typed != xep.typed {
            wrong.push((xep.number, typed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
