use super::*;
use crate::xml::{Document, Ns, Writer};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;

fn parse(text: &str) -> Result<StanzaBuf, StanzaParseError> {
    StanzaBuf::parse(Ns::CLIENT, Bytes::from(text.to_string()))
}

#[test]
fn what_makes_a_stanza_invalid() {
    use InvalidStanza as I;
    let rows: &[(&str, Option<I>)] = &[
        ("<message/>", None),
        ("<message type='nonsense'/>", None),
        ("<presence/>", None),
        ("<presence type='available'/>", Some(I::Type)),
        ("<iq type='get' id='1'><a xmlns='u'/></iq>", None),
        ("<iq type='get' id='1'> <a xmlns='u'/>\n</iq>", None),
        ("<iq type='result' id='1'/>", None),
        ("<iq type='error' id='1'/>", None),
        ("<iq id='1'><a/></iq>", Some(I::Type)),
        ("<iq type='GET' id='1'><a/></iq>", Some(I::Type)),
        ("<iq type='get'><a/></iq>", Some(I::MissingId)),
        ("<iq type='get' id=''><a/></iq>", Some(I::MissingId)),
        ("<iq type='get' id='1'/>", Some(I::Payloads)),
        ("<iq type='set' id='1'><a/><b/></iq>", Some(I::Payloads)),
        ("<iq type='result' id='1'><a/><b/></iq>", Some(I::Payloads)),
        ("<message to='@x'/>", Some(I::To(JidError::EmptyLocal))),
        ("<message from='x/'/>", Some(I::From(JidError::EmptyResource))),
        ("<message to=''/>", Some(I::To(JidError::NoDomain))),
        ("<massage/>", Some(I::NotAStanza)),
        ("<message xmlns='u'/>", Some(I::NotAStanza)),
        ("<message xmlns='jabber:server'/>", None),
    ];
    for (text, expected) in rows {
        let got = parse(text).err();
        assert_eq!(got, expected.map(StanzaParseError::Stanza), "{text}");
    }
}

#[test]
fn every_condition_reads_back_what_it_writes() {
    for condition in Condition::ALL {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "message").attr("type", "error");
        StanzaError::new(*condition).write(&mut w, Ns::CLIENT);
        w.end();
        let text = w.finish().unwrap();
        let buf = parse(&text).unwrap();
        let error = buf.as_message().unwrap().error().unwrap();
        assert_eq!((error.condition, error.kind), (*condition, condition.kind()));
        assert_eq!(Condition::of(condition.name()), Some(*condition));
    }
    assert_eq!(Condition::ALL.len(), 22);
}

#[test]
fn errors_of_all_ages_are_read() {
    let error = |inner: &str| {
        let buf = parse(&format!("<iq type='error' id='1'>{inner}</iq>")).unwrap();
        let iq = buf.as_iq().unwrap();
        let e = iq.error().unwrap();
        (e.condition, e.kind, e.text.map(|t| t.into_owned()))
    };
    assert_eq!(error(""), (Condition::UndefinedCondition, ErrorKind::Cancel, None));
    assert_eq!(
        error("<error code='404'>Not found</error>"),
        (Condition::ItemNotFound, ErrorKind::Cancel, Some("Not found".into()))
    );
    assert_eq!(
        error("<error type='auth'><payment-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>").0,
        Condition::NotAuthorized
    );
    assert_eq!(
        error(
            "<error type='wait'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text></error>"
        ),
        (Condition::Conflict, ErrorKind::Wait, Some("no".into()))
    );
}

#[test]
fn errors_and_results_are_never_answered() {
    for (text, answered) in [
        ("<message/>", true),
        ("<presence/>", true),
        ("<iq type='get' id='1'><a/></iq>", true),
        ("<iq type='result' id='1'/>", false),
        ("<iq type='error' id='1'/>", false),
        ("<message type='error'/>", false),
        ("<presence type='error'/>", false),
    ] {
        let doc = Document::parse_in(Ns::CLIENT, text.as_bytes()).unwrap();
        let reply = error_reply(doc.root(), &Condition::BadRequest.into());
        assert_eq!(reply.is_some(), answered, "{text}");
    }
}

#[test]
fn languages() {
    let buf = parse("<message xml:lang='en'><body xml:lang='cs'>b</body><body>a</body><subject xml:lang=''>s</subject></message>").unwrap();
    let m = buf.as_message().unwrap();
    assert_eq!(m.body().as_deref(), Some("a"));
    assert_eq!(m.body_in("en").as_deref(), Some("a"));
    assert_eq!(m.body_in("cs").as_deref(), Some("b"));
    assert_eq!(m.body_in("de"), None);
    assert_eq!(m.subject().as_deref(), Some("s"));
}

#[test]
fn presence_values() {
    let buf = parse("<presence><show>dnd</show><status>a&amp;b</status><priority> -5 </priority><c xmlns='http://jabber.org/protocol/caps' node='n'/></presence>").unwrap();
    let p = buf.as_presence().unwrap();
    assert_eq!((p.show(), p.status().as_deref(), p.priority()), (Some(Show::Dnd), Some("a&b"), -5));
    assert!(p.payload(Ns::CAPS, "c").is_some());
    let buf = parse("<presence><show>odd</show><priority>300</priority></presence>").unwrap();
    let p = buf.as_presence().unwrap();
    assert_eq!((p.show(), p.priority()), (None, 0));
}

#[test]
fn unknown_payloads_are_carried_byte_for_byte() {
    let payload = "<x xmlns='urn:unknown'  a = \"1\" ><y>&#65;</y><![CDATA[<]]></x>";
    let buf = parse(&format!("<message><body>b</body>{payload}</message>")).unwrap();
    let m = buf.as_message().unwrap();
    let found: Vec<_> = m.payloads().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].raw(), payload);
    let again = MessageBuilder::new().payload(found[0]).build().unwrap();
    assert_eq!(again.as_str(), format!("<message>{payload}</message>"));
}
