use super::*;
use alloc::format;
use alloc::string::ToString;

#[test]
fn splitting_follows_rfc_7622() {
    type Row<'a> = (&'a str, Result<(Option<&'a str>, &'a str, Option<&'a str>), JidError>);
    let rows: &[Row<'_>] = &[
        ("example.org", Ok((None, "example.org", None))),
        ("a@b", Ok((Some("a"), "b", None))),
        ("a@b/c", Ok((Some("a"), "b", Some("c")))),
        ("b/c", Ok((None, "b", Some("c")))),
        ("b/c@d", Ok((None, "b", Some("c@d")))),
        ("a@b/c/d@e", Ok((Some("a"), "b", Some("c/d@e")))),
        ("a@b/ ", Ok((Some("a"), "b", Some(" ")))),
        ("", Err(JidError::NoDomain)),
        ("@b", Err(JidError::EmptyLocal)),
        ("a@", Err(JidError::NoDomain)),
        ("a@/c", Err(JidError::NoDomain)),
        ("/c", Err(JidError::NoDomain)),
        ("a@b/", Err(JidError::EmptyResource)),
    ];
    for (text, expected) in rows {
        let got = JidRef::parse(*text);
        let parts = got.as_ref().map(|j| (j.local(), j.domain(), j.resource()));
        assert_eq!(parts.map_err(|e| *e), *expected, "{text}");
    }
}

#[test]
fn parts_may_have_1023_octets_and_not_1024() {
    for (n, good) in [(1023, true), (1024, false)] {
        let part = "a".repeat(n);
        for text in [format!("{part}@b"), format!("a@{part}"), format!("a@b/{part}")] {
            assert_eq!(JidRef::parse(text.as_str()).is_ok(), good, "{n}");
            assert_eq!(Jid::new(&text).is_ok(), good, "{n}");
        }
    }
}

#[test]
fn preparation() {
    let rows: &[(&str, Result<&str, JidError>)] = &[
        ("Romeo@Montague.LIT/Orchard", Ok("romeo@montague.lit/Orchard")),
        ("a@b.", Ok("a@b")),
        ("a@[::1]", Ok("a@[::1]")),
        ("a@[0:0::1]", Ok("a@[::1]")),
        ("a@127.0.0.1", Ok("a@127.0.0.1")),
        ("a@[::1", Err(JidError::Domain)),
        ("a@[x]", Err(JidError::Domain)),
        ("a@b..c", Err(JidError::Domain)),
        ("a@.b", Err(JidError::Domain)),
        ("a@b c", Err(JidError::Domain)),
        ("a@b@c", Err(JidError::Domain)),
        ("a b@c", Err(JidError::Local)),
        ("a\"b@c", Err(JidError::Local)),
        ("a'b@c", Err(JidError::Local)),
        ("a:b@c", Err(JidError::Local)),
        ("a<b@c", Err(JidError::Local)),
        ("a\u{7f}@c", Err(JidError::Local)),
        ("a@c/\u{1}", Err(JidError::Resource)),
    ];
    for (text, expected) in rows {
        let got = Jid::new(text);
        assert_eq!(got.as_ref().map(Jid::as_str).map_err(|e| *e), *expected, "{text}");
    }
}

#[cfg(feature = "stringprep")]
#[test]
fn preparation_outside_of_ascii() {
    let rows: &[(&str, Result<&str, JidError>)] = &[
        ("J\u{dc}RGEN@b", Ok("j\u{fc}rgen@b")),
        ("stra\u{df}e@b", Ok("strasse@b")),
        ("a@B\u{dc}CHER.example", Ok("a@b\u{fc}cher.example")),
        ("a@xn--bcher-kva.example", Ok("a@b\u{fc}cher.example")),
        ("a@xn--a.example", Err(JidError::Domain)),
        // One name, however it is spelled; another than the one with two letters s.
        ("a@xn--strae-oqa.example", Ok("a@stra\u{df}e.example")),
        ("a@STRA\u{df}E.example", Ok("a@stra\u{df}e.example")),
        ("a@b/\u{2168}", Ok("a@b/IX")),
        ("a@b/\u{e000}", Err(JidError::Resource)),
        ("\u{265a}@b", Ok("\u{265a}@b")),
        // A lunate sigma becomes a capital sigma, which would become a small one.
        ("\u{3f9}@b", Err(JidError::Local)),
        ("a@\u{3c3}%", Err(JidError::Domain)),
        ("a@\u{3c3}\u{4}\0n", Err(JidError::Domain)),
    ];
    for (text, expected) in rows {
        let got = Jid::new(text);
        assert_eq!(got.as_ref().map(Jid::as_str).map_err(|e| *e), *expected, "{text}");
    }
}

/// A nick outside of the tables of Unicode 3.2 once ended whole streams.
#[test]
fn inbound_addresses_are_taken_as_they_are() {
    let jid = JidRef::parse("room@muc.example/\u{1f64c}").unwrap();
    assert_eq!(jid.resource(), Some("\u{1f64c}"));
    assert!(jid.to_jid().is_err());
}

#[test]
fn escapes_of_xep_0106() {
    for (plain, escaped) in [
        ("space cadet", r"space\20cadet"),
        ("call me \"ishmael\"", r"call\20me\20\22ishmael\22"),
        ("at&t guy", r"at\26t\20guy"),
        ("/.fanboy", r"\2f.fanboy"),
        ("::foo::", r"\3a\3afoo\3a\3a"),
        ("<foo>", r"\3cfoo\3e"),
        ("user@host", r"user\40host"),
        (r"c:\net", r"c\3a\net"),
        (r"c:\5commas", r"c\3a\5c5commas"),
        ("plain", "plain"),
    ] {
        assert_eq!(escape_local(plain).as_deref(), Some(escaped));
        assert_eq!(unescape_local(escaped), plain);
    }
    assert_eq!(escape_local(" x"), None);
    assert_eq!(escape_local("x "), None);
    assert_eq!(escape_local(""), None);
    assert_eq!(unescape_local(r"\20x\20").to_string(), r"\20x\20");
}

/// Where the two profiles differ (RFC 7622 against RFC 6122), and where they must not.
#[cfg(all(feature = "precis", feature = "stringprep"))]
#[test]
fn precis_and_stringprep() {
    let bad = Err;
    type Prepared<'a> = Result<&'a str, JidError>;
    let rows: &[(&str, Prepared<'_>, Prepared<'_>)] = &[
        // text, by stringprep, by PRECIS
        (
            "Romeo@Montague.LIT/Orchard",
            Ok("romeo@montague.lit/Orchard"),
            Ok("romeo@montague.lit/Orchard"),
        ),
        // RFC 7622 §3.5: sharp s and final sigma stay what they are.
        ("fu\u{df}ball@example.com", Ok("fussball@example.com"), Ok("fu\u{df}ball@example.com")),
        ("\u{3c0}@example.com", Ok("\u{3c0}@example.com"), Ok("\u{3c0}@example.com")),
        ("\u{3a3}@example.com/foo", Ok("\u{3c3}@example.com/foo"), Ok("\u{3c3}@example.com/foo")),
        (
            "king@example.com/\u{265a}",
            Ok("king@example.com/\u{265a}"),
            Ok("king@example.com/\u{265a}"),
        ),
        ("\u{265a}@example.com", Ok("\u{265a}@example.com"), bad(JidError::Local)),
        ("henry\u{2163}@example.com", Ok("henryiv@example.com"), bad(JidError::Local)),
        // Fullwidth letters are mapped by both.
        ("\u{ff21}@b", Ok("a@b"), Ok("a@b")),
        // A nick that is younger than Unicode 3.2: a known server closed the stream for it.
        ("a@b/\u{1f64c}", bad(JidError::Resource), Ok("a@b/\u{1f64c}")),
        ("a@b/\u{0}", bad(JidError::Resource), bad(JidError::Resource)),
        ("a@b/\u{e9}\u{7}", bad(JidError::Resource), bad(JidError::Resource)),
        ("a\u{a0}b@c", bad(JidError::Local), bad(JidError::Local)),
    ];
    for (text, old, new) in rows {
        let prepare =
            |profile| Jid::with_profile(text, profile).map(|jid| jid.as_str().to_string());
        let expect = |row: &Result<&str, JidError>| row.map(ToString::to_string);
        assert_eq!(prepare(Profile::Stringprep), expect(old), "stringprep {text:?}");
        assert_eq!(prepare(Profile::Precis), expect(new), "PRECIS {text:?}");
        for profile in [Profile::Stringprep, Profile::Precis] {
            if let Ok(jid) = Jid::with_profile(text, profile) {
                assert_eq!(Jid::with_profile(jid.as_str(), profile), Ok(jid), "again {text:?}");
            }
        }
    }
}
