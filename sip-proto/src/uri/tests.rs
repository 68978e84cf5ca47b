use super::*;
use alloc::format;
use alloc::string::String;
use proptest::prelude::*;
use proto_wire::ParseErrorKind;

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn the_parts_of_sip_uris() {
    for (text, user, password, host, port, transport) in [
        ("sip:alice@atlanta.com", Some("alice"), None, "atlanta.com", None, None),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            Some("alice"),
            Some("secretword"),
            "atlanta.com",
            None,
            Some("tcp"),
        ),
        ("sips:1212@gateway.com", Some("1212"), None, "gateway.com", None, None),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            Some("+1-212-555-1212"),
            Some("1234"),
            "gateway.com",
            None,
            None,
        ),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            None,
            None,
            "atlanta.com",
            None,
            None,
        ),
        (
            "sip:alice;day=tuesday@atlanta.com",
            Some("alice;day=tuesday"),
            None,
            "atlanta.com",
            None,
            None,
        ),
        ("SIP:a?b@h:5070", Some("a?b"), None, "h", Some(5070), None),
        (
            "sip:[2001:db8::10]:5070;transport=UDP",
            None,
            None,
            "[2001:db8::10]",
            Some(5070),
            Some("UDP"),
        ),
        // User reports: `#` and other raw characters in the user part, numeric host labels,
        // underscores, a colon in a parameter's value.
        ("sip:*72#9@h", Some("*72#9"), None, "h", None, None),
        (
            "sip:34020000001110000001@3402000000",
            Some("34020000001110000001"),
            None,
            "3402000000",
            None,
            None,
        ),
        ("sip:bob@my_container_1:5060", Some("bob"), None, "my_container_1", Some(5060), None),
        ("sip:a@b;transport=x:y", Some("a"), None, "b", None, Some("x:y")),
        ("sip:bob-0x5581@127.0.0.1", Some("bob-0x5581"), None, "127.0.0.1", None, None),
    ] {
        let uri = uri(text);
        let sip = uri.as_sip().unwrap();
        assert_eq!((sip.user, sip.password, sip.port), (user, password, port), "{text}");
        assert_eq!(alloc::format!("{}", sip.host), host, "{text}");
        assert_eq!(sip.param("transport"), transport, "{text}");
        assert_eq!(uri.as_str(), text);
    }
}

#[test]
fn other_schemes_are_kept() {
    let tel = uri("tel:+1-201-555-0123;phone-context=x");
    assert!(matches!(tel, Uri::Tel(t) if t.is_global() && t.number == "+1-201-555-0123"));
    let urn = uri("urn:service:sos");
    assert_eq!((urn.scheme(), urn.as_str()), ("urn", "urn:service:sos"));
    let odd = uri("nobodyKnowsThisScheme:totallyopaquecontent");
    assert!(matches!(odd, Uri::Other(o) if o.rest == "totallyopaquecontent"));
}

#[test]
fn what_is_no_uri_is_refused_with_its_place() {
    for (text, kind, at) in [
        ("", ParseErrorKind::Uri, 0),
        ("sip", ParseErrorKind::Uri, 0),
        ("sip:", ParseErrorKind::Host, 4),
        (":x", ParseErrorKind::Uri, 0),
        ("sip:a b@h", ParseErrorKind::Uri, 5),
        ("sip:@h", ParseErrorKind::Uri, 4),
        ("sip:a@", ParseErrorKind::Host, 6),
        ("sip:a@h:99999", ParseErrorKind::Port, 8),
        ("sip:a@h:x", ParseErrorKind::Port, 8),
        ("sip:a@[::1", ParseErrorKind::Host, 6),
        ("<sip:a@h>", ParseErrorKind::Uri, 0),
        ("tel:+", ParseErrorKind::Uri, 4),
        ("tel:12x", ParseErrorKind::Uri, 6),
    ] {
        let error = Uri::parse(text.as_bytes()).expect_err(text);
        assert_eq!((error.kind(), error.offset()), (kind, at), "{text}");
    }
    assert!(Uri::parse(b"sip:\xff@h").is_err());
}

#[test]
fn rfc_3261_19_1_4_equal() {
    for (a, b) in [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
    ] {
        assert!(uri(a).equivalent(&uri(b)) && uri(b).equivalent(&uri(a)), "{a} {b}");
    }
}

#[test]
fn rfc_3261_19_1_4_not_equal() {
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
        // A reserved character and its escape are two things.
        ("sip:a%3bb@h", "sip:a;b@h"),
        ("sip:a@h;user=ip", "sip:a@h"),
        ("sip:a:pw@h", "sip:a@h"),
        ("tel:+12015550123", "tel:12015550123"),
    ] {
        assert!(!uri(a).equivalent(&uri(b)) && !uri(b).equivalent(&uri(a)), "{a} {b}");
    }
}

#[test]
fn equivalence_is_not_transitive_and_the_key_is() {
    let (plain, on, off) =
        (uri("sip:c@h"), uri("sip:c@h;security=on"), uri("sip:c@h;security=off"));
    assert!(plain.equivalent(&on) && plain.equivalent(&off) && !on.equivalent(&off));
    let key = |u: Uri<'_>| u.as_sip().unwrap().address_key();
    assert_eq!(key(on), key(off));
    for (text, expected) in [
        ("sip:%61lice@AtlanTa.com:5060;transport=tcp?x=y", "alice@atlanta.com"),
        ("sips:alice@atlanta.com:5061", "alice@atlanta.com"),
        ("sip:alice@atlanta.com:5070", "alice@atlanta.com:5070"),
        ("sip:a%3Bb%00@h", "a%3Bb%00@h"),
        ("sip:h", "h"),
    ] {
        assert_eq!(key(uri(text)), expected, "{text}");
    }
}

#[test]
fn strict_readers_find_what_the_grammar_lacks() {
    for (text, at) in [
        ("sip:alice@h", None),
        ("sip:*72#9@h", Some(7)),
        ("sip:a%zz@h", Some(5)),
        ("sip:a@h;x=^", Some(10)),
        ("sip:a%00b@h", None),
        ("sip:a@h;x=^?q=1", Some(10)),
        ("sip:a@h;x=1?q=^", Some(14)),
        ("sip:a@h;x;?q=1", Some(10)),
        ("sip:a@h;x?", Some(9)),
        ("tel:+1-201;phone-context=[::1]", None),
        ("tel:+1;x=%4", Some(9)),
        ("tel:+1;x=^", Some(9)),
        ("http://[::1]/a?b=c;d@e,f%20g", None),
        ("http://h/\u{496}", Some(9)),
        ("urn:a%zz", Some(5)),
        ("urn:a#b", Some(5)),
    ] {
        assert_eq!(uri(text).first_oddity(), at, "{text}");
    }
}

#[test]
fn a_forbidden_byte_is_found_at_every_place() {
    for length in 1..40 {
        for place in 0..length {
            for byte in [0, b' ', 0x1f, b'<', b'>', b'"', 0x7f] {
                let mut text = alloc::vec![b'='; length];
                text[place] = byte;
                let mut uri = b"sip:u".to_vec();
                uri.extend_from_slice(&text);
                uri.extend_from_slice(b"@h");
                let error = Uri::parse(&uri).unwrap_err();
                assert_eq!(error.offset(), place + 5, "{length} {place} {byte}");
            }
            for byte in [b'!', b'=', b'?', b'#', b'~', b';'] {
                let mut uri = b"sip:u".to_vec();
                uri.resize(place + 5, b'=');
                uri.push(byte);
                uri.extend_from_slice(b"@h");
                assert!(Uri::parse(&uri).is_ok(), "{place} {byte}");
            }
        }
    }
}

/// RFC 5954 §3.2: addresses are compared by what they mean.
#[test]
fn rfc_5954_addresses_have_many_spellings() {
    for (a, b) in [
        ("sip:bob@[::ffff:192.0.2.128]", "sip:bob@[::ffff:c000:280]"),
        ("sip:bob@[2001:db8::9:1]", "sip:bob@[2001:db8::9:01]"),
        ("sip:bob@[0:0:0:0:0:FFFF:129.144.52.38]", "sip:bob@[::FFFF:129.144.52.38]"),
        ("sip:bob@[2001:DB8:0:0::9]", "sip:bob@[2001:db8::9]"),
    ] {
        let (a, b) = (uri(a), uri(b));
        assert!(a.equivalent(&b) && b.equivalent(&a), "{a:?} {b:?}");
        let key = |uri: &Uri<'_>| uri.as_sip().unwrap().address_key();
        assert_eq!(key(&a), key(&b));
    }
    assert!(!uri("sip:bob@[2001:db8::9]").equivalent(&uri("sip:bob@[2001:db8::9:0]")));
    assert!(!uri("sip:bob@[::ffff:192.0.2.1]").equivalent(&uri("sip:bob@192.0.2.1")));
}

/// RFC 3966 §4.
#[test]
fn rfc_3966_4_numbers_and_their_contexts() {
    for (a, b, same) in [
        ("tel:+1-201-555-0123", "tel:+1(201)555.0123", true),
        ("tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.COM", true),
        ("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555", true),
        ("tel:+12015550123;ext=1-23", "tel:+12015550123;ext=123", true),
        ("tel:7042;phone-context=a-b.example", "tel:7042;phone-context=ab.example", false),
        ("tel:+1;a=1;b=2", "tel:+1;B=2;A=1", true),
        ("tel:+1;a=1", "tel:+1", false),
        ("tel:1", "tel:+1", false),
    ] {
        let (one, two) = (uri(a), uri(b));
        assert_eq!((one.equivalent(&two), two.equivalent(&one)), (same, same), "{a} {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_usual_way_finds_what_the_other_finds(
        pieces in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(&[
                "bob", "@", ":", "5060", "192.0.2.1", "a.example.com", ";lr", ";x=y", "?a=b", "?", "_", "<",
                "\"", " ", "\u{e9}", "\u{7f}", "+1-555", "%20", "[::1]",
            ][..]).prop_map(String::from),
            1 => "[a-z.-]{1,70}",
        ], 0..8),
        behind in "[a-z@:;>\r]{0,8}",
    ) {
        let raw = format!("sip:{}", pieces.concat());
        let text = format!("{raw}{behind}");
        if let Some(usual) = parse::usual_sip(&text, raw.len(), 4, false) {
            let other = parse::any_sip(raw.as_bytes(), 4, false);
            prop_assert_eq!(format!("{:?}", Some(usual)), format!("{:?}", other.ok()));
        }
    }
}

/// RFC 3261 §19.1.1: no parameter stands twice; the strict profile refuses it, case aside.
#[test]
fn a_parameter_that_stands_twice_is_found() {
    for (text, at) in [
        ("sip:a@h", None),
        ("sip:a@h;x;y=x;xx", None),
        ("sip:a@h;x=1;X?q=1", Some(12)),
        ("sip:a@h;;x;y;;x", Some(14)),
    ] {
        assert_eq!(uri(text).as_sip().unwrap().repeated_param(), at, "{text}");
    }
}

/// Each parameter with each would be quadratic work for who wrote them.
#[test]
fn what_has_more_parameters_than_any_uri_needs_is_the_same_only_as_it_is_written() {
    let with = |count: usize, last: &str| {
        let params: String = (0..count).map(|n| format!(";p{n}")).collect();
        format!("sip:alice@a.example{params}{last}")
    };
    let few = (with(63, ";x=a"), with(63, ";X=A"));
    assert!(uri(&few.0).equivalent(&uri(&few.1)) && uri(&few.1).equivalent(&uri(&few.0)));
    let many = (with(64, ";x=a"), with(64, ";X=A"));
    assert!(uri(&many.0).equivalent(&uri(&many.0)));
    assert!(!uri(&many.0).equivalent(&uri(&many.1)) && !uri(&many.1).equivalent(&uri(&many.0)));
    assert!(!uri(&many.0).equivalent(&uri(&few.0)) && !uri(&few.0).equivalent(&uri(&many.0)));
    let headers = |count: usize| format!("sip:alice@a.example?a=1{}", "&a=1".repeat(count));
    assert!(uri(&headers(64)).equivalent(&uri(&headers(64))));
    assert!(!uri(&headers(64)).equivalent(&uri(&headers(65))));
    let numbers = |count: usize, last: &str| format!("tel:+1{}{last}", ";a=b".repeat(count));
    let long = (numbers(64, ";x=a"), numbers(64, ";X=A"));
    assert!(uri(&long.0).equivalent(&uri(&long.0)) && !uri(&long.0).equivalent(&uri(&long.1)));
}

/// Headers that stand twice: what one URI has alone tells it apart from either side.
#[test]
fn comparing_headers_is_the_same_from_both_sides() {
    let (twice, both) = (uri("sip:a.example?a=1&a=1"), uri("sip:a.example?a=1&a=2"));
    assert!(!twice.equivalent(&both) && !both.equivalent(&twice));
}
