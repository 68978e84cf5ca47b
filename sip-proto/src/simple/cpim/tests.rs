#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

/// RFC 3862 §5.1, without the envelope's own header.
const DONKEY: &str = "From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
    To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n\
    DateTime: 2000-12-13T13:40:00-08:00\r\n\
    Subject: the weather will be fine today\r\n\
    Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
    NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n\
    Require: MyFeatures.VitalMessageOption\r\n\
    MyFeatures.VitalMessageOption: Confirmation-requested\r\n\
    MyFeatures.WackyMessageOption: Use-silly-font\r\n\
    \r\n\
    Content-type: text/xml; charset=utf-8\r\n\
    Content-ID: <1234567890@foo.com>\r\n\
    \r\n\
    <body>\r\n\
    Here is the text of my message.\r\n\
    </body>\r\n";

const FEATURES: &str = "mid:MessageFeatures@id.foo.com";

fn parse(text: &str) -> Result<Message<'_>, ParseError> {
    Message::parse(text.as_bytes(), &Limits::DEFAULT)
}

#[test]
fn the_example_of_rfc_3862_5_1_is_read() {
    let message = parse(DONKEY).unwrap();
    let from = message.from().unwrap();
    assert_eq!(
        (from.name().unwrap().as_ref(), from.uri),
        ("MR SANDERS", "im:piglet@100akerwood.com")
    );
    assert_eq!(message.to().map(|a| a.uri).collect::<Vec<_>>(), ["im:eeyore@100akerwood.com"]);
    assert_eq!(message.cc().count(), 0);
    assert_eq!(message.date_time(), Some("2000-12-13T13:40:00-08:00"));
    assert_eq!(message.subject(None).unwrap().raw, "the weather will be fine today");
    assert_eq!(message.subject(Some("fr")).unwrap().raw, "beau temps prevu pour aujourd'hui");
    assert_eq!(message.subject(Some("de")), None);
    assert_eq!(message.header(FEATURES, "WackyMessageOption").unwrap().raw, "Use-silly-font");
    assert!(message.content_is("TEXT/XML"));
    assert_eq!(message.content_header("content-id").unwrap(), "<1234567890@foo.com>");
    assert!(
        message.content().starts_with(b"<body>\r\n") && message.content().ends_with(b"</body>\r\n")
    );
    assert_eq!(message.quirks().count(), 0);
}

#[test]
fn a_required_feature_must_be_known() {
    let message = parse(DONKEY).unwrap();
    assert_eq!(message.unknown_requirement(&[]), Some("MyFeatures.VitalMessageOption"));
    assert_eq!(
        message.unknown_requirement(&[(FEATURES, "vitalmessageoption")]),
        Some("MyFeatures.VitalMessageOption")
    );
    assert_eq!(message.unknown_requirement(&[(FEATURES, "VitalMessageOption")]), None);
    let core = "Require: Subject, x.y\r\n\r\n";
    assert_eq!(parse(core).unwrap().unknown_requirement(&[]), Some("x.y"));
}

/// RFC 3862 §3.1: a parameter may be a quoted string, and what stands in one is no parameter.
#[test]
fn what_is_quoted_in_a_parameter_is_no_parameter() {
    let text = "Subject:;x=\"a;lang=de;y=\\\"z\";lang=fr;q=\"open b\" bonjour\r\n\r\n";
    let message = parse(text).unwrap();
    let subject = message.subject(Some("fr")).unwrap();
    assert_eq!((subject.language(), subject.raw), (Some("fr"), "bonjour"));
    assert_eq!(subject.param("x"), Some("\"a;lang=de;y=\\\"z\""));
    assert_eq!((subject.param("q"), subject.param("y")), (Some("\"open b\""), None));
    assert!(message.subject(Some("de")).is_none());
}

#[test]
fn header_names_are_case_sensitive() {
    let message = parse("from: <im:a@b>\r\nSUBJECT: x\r\n\r\n").unwrap();
    assert!(message.from().is_none() && message.subject(None).is_none());
    assert_eq!(message.headers().count(), 2);
}

#[test]
fn names_belong_to_the_namespace_declared_in_front_of_them() {
    // RFC 3862 §3.4: the three forms have the same meaning.
    const WILY: &str = "http://id.acme.widgets/wily-headers/";
    for text in [
        format!("NS: acme <{WILY}>\r\nacme.runner-trap: set\r\n\r\n"),
        format!("NS: widget <{WILY}>\r\nwidget.runner-trap: set\r\n\r\n"),
        format!("NS: <{WILY}>\r\nrunner-trap: set\r\n\r\n"),
    ] {
        assert_eq!(parse(&text).unwrap().header(WILY, "runner-trap").unwrap().raw, "set", "{text}");
    }
    let late = format!("acme.runner-trap: set\r\nNS: acme <{WILY}>\r\n\r\n");
    let message = parse(&late).unwrap();
    assert_eq!(message.header(WILY, "runner-trap"), None);
    assert_eq!(message.headers().next().unwrap().namespace, None);
    // Another default takes the names without prefix away from CPIM, until it is changed back.
    let text = format!("NS: <{WILY}>\r\nSubject: a\r\nNS: <{NAMESPACE}>\r\nSubject: b\r\n\r\n");
    let message = parse(&text).unwrap();
    assert_eq!(message.subject(None).unwrap().raw, "b");
    // The later declaration of a prefix wins from there on.
    let text = "NS: p <u:1>\r\np.x: 1\r\nNS: p <u:2>\r\np.x: 2\r\n\r\n";
    let message = parse(text).unwrap();
    assert_eq!(message.header("u:1", "x").unwrap().raw, "1");
    assert_eq!(message.header("u:2", "x").unwrap().raw, "2");
}

#[test]
fn escapes_are_read_as_rfc_3862_2_3_1_wants() {
    for (raw, said) in [
        (r"a\\b", "a\\b"),
        (r#"\"\'"#, "\"'"),
        (r"\b\t\n\r", "\u{8}\t\n\r"),
        (r"\u0041\u00e9x", "Aéx"),
        (r"\x\z", "xz"),
        (r"end\", "end"),
        (r"\u12", "u12"),
        (r"\ud800!", "ud800!"),
        (r"\u+123", "u+123"),
        (r"\ué000", "ué000"),
        (r"é\\é", "é\\é"),
    ] {
        assert_eq!(unescape(raw), said, "{raw}");
    }
    // No other character is escaped, quotes outside of a string least of all.
    assert_eq!(escape("\"é' ok"), "\"é' ok");
    assert_eq!(escape("\u{0}\u{b}\u{7f}\u{1f}"), r"\u0000\u000b\u007f\u001f");
}

#[test]
fn deviations_are_read_and_named() {
    let quirks = |text: &str| parse(text).unwrap().quirks().collect::<Vec<_>>();
    let ct = "Content-Type: text/plain\r\n\r\nhi";
    assert_eq!(quirks(&format!("From: <im:a@b>\n\n{ct}")), [Quirk::BareLineFeed]);
    assert_eq!(quirks(&format!("From:<im:a@b>\r\n\r\n{ct}")), [Quirk::ColonSpacing]);
    assert_eq!(quirks(&format!("From:  <im:a@b>\r\n\r\n{ct}")), [Quirk::ColonSpacing]);
    assert_eq!(quirks(&format!("Subject: a\tb\r\n\r\n{ct}")), [Quirk::RawTab]);
    assert_eq!(quirks("From: <im:a@b>\r\n\r\n\r\nhi"), [Quirk::NoContentType]);
    let outer = format!("Content-Type: Message/CPIM\r\n\r\n{DONKEY}");
    assert_eq!(quirks(&outer), [Quirk::OuterHeaders]);
    assert!(parse(&outer).unwrap().from().is_some());
    let bare = DONKEY.replace("\r\n", "\n");
    let message = parse(&bare).unwrap();
    assert_eq!(message.from().unwrap().uri, "im:piglet@100akerwood.com");
    assert_eq!(message.content(), b"<body>\nHere is the text of my message.\n</body>\n");
}

#[test]
fn content_length_cuts_but_never_stretches() {
    let with = |n: &str| {
        format!(
            "From: <im:a@b>\r\n\r\nContent-type: text/plain\r\nContent-length: {n}\r\n\r\nHello\r\n"
        )
    };
    assert_eq!(parse(&with("5")).unwrap().content(), b"Hello");
    for n in ["8", "-1", "99999999999999999999999", "..."] {
        assert_eq!(parse(&with(n)).unwrap().content(), b"Hello\r\n");
    }
}

#[test]
fn content_headers_fold_and_message_headers_do_not() {
    let text = "From: <im:a@b>\r\n\r\nContent-Type: multipart/signed;\r\n boundary=next\r\n\r\n";
    let message = parse(text).unwrap();
    assert_eq!(message.content_header("Content-Type").unwrap(), "multipart/signed; boundary=next");
    assert!(message.content_is("multipart/signed"));
    let folded = "Subject: a\r\n b\r\n\r\n";
    assert_eq!(parse(folded).unwrap_err().kind(), ParseErrorKind::MissingColon);
}

#[test]
fn what_is_no_message_is_an_error_with_its_offset() {
    for (text, kind, offset) in [
        ("", ParseErrorKind::Truncated, 0),
        ("From: <im:a@b>\r\n", ParseErrorKind::Truncated, 16),
        ("From <im>\r\n\r\n", ParseErrorKind::MissingColon, 9),
        ("A: b\r\nFr(om: x\r\n\r\n", ParseErrorKind::HeaderName, 8),
        (": x\r\n\r\n", ParseErrorKind::HeaderName, 0),
        (".a: x\r\n\r\n", ParseErrorKind::HeaderName, 0),
        ("a.b.c: x\r\n\r\n", ParseErrorKind::HeaderName, 3),
        ("A: b\u{7}\r\n\r\n", ParseErrorKind::ControlByte, 4),
        ("A: b\rc\r\n\r\n", ParseErrorKind::ControlByte, 4),
        ("A:;x=\"y z\r\n\r\n", ParseErrorKind::Parameter, 1),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (kind, offset), "{text:?}");
    }
    let bad = Message::parse(b"A: \xff\r\n\r\n", &Limits::DEFAULT).unwrap_err();
    assert_eq!((bad.kind(), bad.offset()), (ParseErrorKind::Utf8, 3));
}

#[test]
fn addresses_are_read() {
    for (value, expected) in [
        (
            "Winnie the Pooh <im:pooh@100akerwood.com>",
            Some((Some("Winnie the Pooh"), "im:pooh@100akerwood.com")),
        ),
        ("<im:tigger@100akerwood.com>", Some((None, "im:tigger@100akerwood.com"))),
        (r#""a \"b\" <c>" <im:x@y>"#, Some((Some("a \"b\" <c>"), "im:x@y"))),
        ("im:x@y", None),
        ("<>", None),
        ("<im:a b>", None),
        ("<im:a", None),
        ("<im:a> x", None),
        ("\"open <im:a>", None),
    ] {
        let read = Address::parse(value).ok();
        let read = read.map(|a| (a.name().map(|n| n.to_string()), a.uri));
        let read = read.as_ref().map(|(n, u)| (n.as_deref(), *u));
        assert_eq!(read, expected, "{value}");
    }
}

#[test]
fn limits_hold_at_n_and_not_at_n_plus_one() {
    let limits = Limits::DEFAULT.with_header_count_max(3);
    let with = |n: usize| format!("{}\r\nContent-Type: a/b\r\n\r\n", "A: b\r\n".repeat(n));
    assert!(Message::parse(with(2).as_bytes(), &limits).is_ok());
    let error = Message::parse(with(3).as_bytes(), &limits).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::Limit(LimitKind::HeaderCount));

    let text = "A: b\r\n\r\nContent-Type: a/b\r\n\r\nany";
    let head = text.len() - 3;
    let limits = Limits::DEFAULT.with_head_max(head);
    assert!(Message::parse(text.as_bytes(), &limits).is_ok());
    let limits = limits.with_head_max(head - 1);
    let error = Message::parse(text.as_bytes(), &limits).unwrap_err();
    assert_eq!(error.kind(), ParseErrorKind::Limit(LimitKind::Head));
    let endless = "A".repeat(20_000);
    assert_eq!(parse(&endless).unwrap_err().kind(), ParseErrorKind::Limit(LimitKind::Head));
}

#[test]
fn builders_refuse_what_could_break_out() {
    let build = |b: Builder| b.content("text/plain", b"x").unwrap_err();
    for (builder, error) in [
        (Builder::new().from(None, "im:a>\r\nTo: <im:b"), BuildError::Uri),
        (Builder::new().from(None, ""), BuildError::Uri),
        (Builder::new().subject("x", Some("en\r\nX: y")), BuildError::Name),
        (Builder::new().header("A b", "x"), BuildError::Name),
        (Builder::new().header("A\r\nB", "x"), BuildError::Name),
        (Builder::new().header("NS", "x <u:r>"), BuildError::Name),
        (Builder::new().header("p.A", "x"), BuildError::Prefix),
        (Builder::new().require("p.A"), BuildError::Prefix),
        (Builder::new().namespace("a b", "u:r"), BuildError::Name),
        (Builder::new().namespace("p", "u:r\n"), BuildError::Uri),
        (Builder::new().content_header("X", "a\r\nB: c"), BuildError::ContentHeader),
        (Builder::new().content_header("X Y", "a"), BuildError::ContentHeader),
        (Builder::new().subject(&"x".repeat(16 * 1024), None), BuildError::TooLong),
    ] {
        assert_eq!(build(builder), error);
    }
    assert_eq!(Builder::new().content("", b"").unwrap_err(), BuildError::NoContentType);
    assert_eq!(Builder::new().content("a\r\nb", b"").unwrap_err(), BuildError::ContentHeader);
    let many = (0..63).fold(Builder::new(), |b, _| b.header("A", "b"));
    assert!(many.clone().content("a/b", b"").is_ok());
    assert_eq!(many.header("A", "b").content("a/b", b"").unwrap_err(), BuildError::TooLong);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn escaping_is_undone_by_reading(text in any::<String>()) {
        let escaped = escape(&text);
        prop_assert!(!escaped.chars().any(|c| c.is_ascii_control()));
        prop_assert_eq!(unescape(&escaped), text.as_str());
    }

    #[test]
    fn what_is_built_is_read_again(
        name in any::<String>(),
        subject in any::<String>(),
        value in any::<String>(),
        content in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes = Builder::new()
            .from(Some(&name), "im:alice@example.com")
            .to(None, "im:bob@example.com")
            .namespace("p", "urn:x")
            .subject(&subject, Some("en"))
            .header("p.Header", &value)
            .content_header("Content-ID", "<1@x>")
            .content("application/octet-stream", &content)
            .unwrap();
        let message = Message::parse(&bytes, &Limits::DEFAULT).unwrap();
        let read = message.from().unwrap().name().map(|n| n.to_string()).unwrap_or_default();
        prop_assert_eq!(read, name);
        prop_assert_eq!(message.content(), &content[..]);
        prop_assert_eq!(message.content_type(), Some("application/octet-stream"));
        // Spaces in front of a value cannot be told from the separator.
        let read = message.subject(Some("en")).unwrap().value().to_string();
        prop_assert_eq!(read, subject.trim_start_matches(' '));
        let read = message.header("urn:x", "Header").unwrap().value().to_string();
        prop_assert_eq!(read, value.trim_start_matches(' '));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        walk(&bytes);
    }

    #[test]
    fn any_mutilation_is_read_or_refused_without_panic(at in 0..DONKEY.len(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = DONKEY.as_bytes().to_vec();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        walk(&bytes);
    }
}

fn walk(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes, &Limits::DEFAULT) else { return };
    for header in message.headers() {
        assert!(!header.raw.contains('\n'));
        let _read = (header.value(), header.language(), Address::parse(header.raw).is_ok());
    }
    let _read = (message.from(), message.to().count(), message.content_headers().count());
    let _read = (message.unknown_requirement(&[]), message.quirks().count());
    assert!(message.content().len() <= bytes.len());
}
