use super::*;
use crate::xml::{FrameKind, Ns, Scanner, XmlLimits};
use alloc::string::ToString;
use alloc::vec;

fn with_header<T>(text: &str, f: impl FnOnce(crate::xml::Element<'_>) -> T) -> T {
    let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
    let frame = scanner.scan(text.as_bytes()).unwrap().unwrap();
    assert_eq!(frame.kind, FrameKind::StreamOpen);
    f(scanner.element(text.as_bytes()).unwrap())
}

#[test]
fn headers_read_back() {
    let open = StreamOpen::new().with_to("a'b<c").with_from("d").with_id("&1").with_lang("de");
    let text = open.write(Ns::CLIENT).unwrap();
    with_header(&text, |e| {
        let header = StreamHeader::read(e).unwrap();
        assert_eq!(header.to().as_deref(), Some("a'b<c"));
        assert_eq!(header.from().as_deref(), Some("d"));
        assert_eq!(header.id().as_deref(), Some("&1"));
        assert_eq!(header.lang().as_deref(), Some("de"));
        assert_eq!(header.version(), Some((1, 0)));
        assert_eq!(header.content(), Ns::CLIENT);
    });
}

#[test]
fn headers_that_are_none() {
    for (text, expected) in [
        ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", None),
        ("<stream xmlns='http://etherx.jabber.org/streams'>", None),
        (
            "<stream:flood xmlns:stream='http://etherx.jabber.org/streams'>",
            Some(StreamCondition::BadFormat),
        ),
        ("<stream:stream xmlns:stream='urn:other'>", Some(StreamCondition::InvalidNamespace)),
        ("<html>", Some(StreamCondition::BadFormat)),
    ] {
        with_header(text, |e| assert_eq!(StreamHeader::read(e).err(), expected, "{text}"));
    }
    for (version, expected) in
        [("1.0", Some((1, 0))), ("2.10", Some((2, 10))), ("1", None), ("x.y", None)]
    {
        let text = alloc::format!(
            "<s:stream xmlns:s='http://etherx.jabber.org/streams' version='{version}'>"
        );
        with_header(&text, |e| assert_eq!(StreamHeader::read(e).unwrap().version(), expected));
    }
}

fn in_stream<T>(text: &str, f: impl FnOnce(crate::xml::Element<'_>) -> T) -> T {
    let header = StreamOpen::new().write(Ns::CLIENT).unwrap();
    let all = alloc::format!("{header}{text}");
    let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
    let open = scanner.scan(all.as_bytes()).unwrap().unwrap();
    let rest = &all.as_bytes()[open.len..];
    let frame = scanner.scan(rest).unwrap().unwrap();
    f(scanner.element(&rest[..frame.len]).unwrap())
}

#[test]
fn features_read_back() {
    let features = Features {
        starttls: Some(true),
        mechanisms: vec!["SCRAM-SHA-256".to_string(), "PLAIN".to_string()],
        sasl2: Some(Sasl2Features {
            mechanisms: vec!["SCRAM-SHA-1".to_string()],
            bind: Some(vec!["urn:xmpp:sm:3".to_string()]),
            stream_management: true,
            fast: vec!["HT-SHA-256-EXPR".to_string()],
        }),
        channel_bindings: alloc::vec!["tls-exporter".into()],
        bind: true,
        session: Some(false),
        stream_management: true,
        roster_versioning: true,
        pre_approval: true,
        stanza_max: Some(10_000),
        idle_max: Some(300),
        client_state: true,
        registration: true,
    };
    let text = features.write().unwrap();
    in_stream(&text, |e| assert_eq!(Features::read(e), Some(features)));
    in_stream("<stream:features/>", |e| assert_eq!(Features::read(e), Some(Features::new())));
}

#[test]
fn stream_errors_read_back() {
    assert_eq!(StreamCondition::ALL.len(), 25);
    for condition in StreamCondition::ALL {
        let mut error = StreamError::new(*condition);
        error.text = Some("why & how".to_string());
        in_stream(&error.write(), |e| assert_eq!(StreamError::read(e), Some(error)));
    }
    let other = StreamError::see_other_host("[2001:41D0:1:A49b::1]:9222");
    in_stream(&other.write(), |e| assert_eq!(StreamError::read(e), Some(other)));
    let old = "<stream:error><xml-not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    in_stream(old, |e| {
        assert_eq!(StreamError::read(e).unwrap().condition, StreamCondition::NotWellFormed)
    });
}
