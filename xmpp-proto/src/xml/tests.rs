//! The strictness table, chunk invariance, limits and views.

#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use proto_wire::LimitKind;

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                      xmlns:own='urn:own' version='1.0'>";

/// All frames of a stream given in chunks of these lengths (the last takes the rest), white
/// space left out; and the error with its offset from the start of everything.
fn frames(
    bytes: &[u8],
    cuts: &[usize],
    limits: XmlLimits,
) -> (Vec<String>, Option<(XmlErrorKind, usize)>) {
    let mut scanner = Scanner::stream(limits);
    let (mut seen, mut start, mut there) = (Vec::new(), 0, 0);
    let mut cuts = cuts.iter().copied();
    loop {
        match scanner.scan(&bytes[start..there]) {
            Err(e) => return (seen, Some((e.kind(), start + e.offset()))),
            Ok(Some(frame)) => {
                let part = &bytes[start..start + frame.len];
                if frame.kind != FrameKind::Whitespace {
                    let what = scanner.element(part).map(|e| dump(e));
                    seen.push(format!("{:?} {}", frame.kind, what.unwrap_or_default()));
                }
                start += frame.len;
            }
            Ok(None) if there == bytes.len() => return (seen, None),
            Ok(None) => {
                there = bytes.len().min(there + cuts.next().unwrap_or(usize::MAX / 2).max(1))
            }
        }
    }
}

fn dump(e: Element<'_>) -> String {
    let mut out = format!("{{{}}}{}", e.namespace(), e.name());
    for a in e.attrs() {
        out += &format!(" {{{}}}{}={:?}", a.namespace(), a.name(), a.value());
    }
    for c in e.contents() {
        match c {
            Content::Text(t) => out += &format!(" {t:?}"),
            Content::Element(e) => out += &format!(" ({})", dump(e)),
        }
    }
    out
}

fn first_error(body: &[u8]) -> Option<(XmlErrorKind, usize)> {
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    let (_, error) = frames(&bytes, &[], XmlLimits::POST_AUTH);
    let ones = vec![1; bytes.len()];
    assert_eq!(error, frames(&bytes, &ones, XmlLimits::POST_AUTH).1, "byte by byte");
    error.map(|(kind, at)| (kind, at - HEADER.len()))
}

#[test]
fn every_malformed_class_is_refused_where_it_shows() {
    use XmlErrorKind as K;
    let rows: &[(&[u8], K, usize)] = &[
        (b"<a b='<'/>", K::LessThan, 6),
        (b"<a>]]></a>", K::CdataEnd, 3),
        (b"<a>x]]]></a>", K::CdataEnd, 5),
        (b"<a>\0</a>", K::Char, 3),
        (b"<a>\x01</a>", K::Char, 3),
        (b"<a b='\x0b'/>", K::Char, 6),
        (b"<a>\xef\xbf\xbe</a>", K::Char, 3),
        (b"<a>\xef\xbf\xbf</a>", K::Char, 3),
        (b"<a><![CDATA[\x02]]></a>", K::Char, 12),
        (b"<a>&#1;</a>", K::Reference, 3),
        (b"<a>&#0;</a>", K::Reference, 3),
        (b"<a>&#xFFFF;</a>", K::Reference, 3),
        (b"<a>&#xD800;</a>", K::Reference, 3),
        (b"<a>&#x110000;</a>", K::Reference, 3),
        (b"<a>&#99999999999999;</a>", K::Reference, 3),
        (b"<a>&#;</a>", K::Reference, 3),
        (b"<a>&#x;</a>", K::Reference, 3),
        (b"<a>&#X41;</a>", K::Reference, 3),
        (b"<a>&;</a>", K::Reference, 3),
        (b"<a>& b</a>", K::Reference, 3),
        (b"<a>&amp</a>", K::Reference, 3),
        (b"<a>&lt b;</a>", K::Reference, 3),
        (b"<a b='&'/>", K::Reference, 6),
        (b"<a>&nbsp;</a>", K::Entity, 3),
        (b"<a b='&Amp;'/>", K::Entity, 6),
        (b"<a>&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;</a>", K::Entity, 3),
        (b"<a a='1'b='2'/>", K::MissingSpace, 8),
        (b"<1a/>", K::Name, 1),
        (b"<-a/>", K::Name, 1),
        (b"<></>", K::Name, 1),
        (b"< a/>", K::Name, 1),
        (b"<a\"b\"/>", K::MissingSpace, 2),
        (b"<a 'b'/>", K::Name, 3),
        (b"<a/ >", K::Tag, 3),
        (b"<a /b>", K::Tag, 4),
        (b"<a:b:c/>", K::QName, 4),
        (b"<:/>", K::QName, 1),
        (b"<:a/>", K::QName, 1),
        (b"<own:/>", K::QName, 5),
        (b"<own:1/>", K::QName, 5),
        (b"<a own:='1'/>", K::QName, 7),
        (b"<a\xc3\x97/>", K::Name, 2),
        (b"<\xc2\xb7a/>", K::Name, 1),
        (b"<a b/>", K::Attribute, 4),
        (b"<a b=1/>", K::Attribute, 5),
        (b"<a b c='1'/>", K::Attribute, 5),
        (b"<a b='1' b='2'/>", K::DuplicateAttribute, 9),
        (b"<a xmlns='u1' xmlns='u2'/>", K::DuplicateAttribute, 14),
        (b"<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>", K::DuplicateAttribute, 35),
        (b"<a xmlns:p='u' xmlns:p='v'/>", K::DuplicateAttribute, 15),
        (b"<p:a/>", K::UnboundPrefix, 1),
        (b"<a p:b='1'/>", K::UnboundPrefix, 3),
        (b"<a><b xmlns:p='u'/><p:c/></a>", K::UnboundPrefix, 20),
        (b"<a xmlns:p=''/>", K::Declared, 3),
        (b"<a xmlns:xmlns='u'/>", K::Declared, 3),
        (b"<a xmlns:xml='u'/>", K::Declared, 3),
        (b"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", K::Declared, 3),
        (b"<a xmlns='http://www.w3.org/XML/1998/namespace'/>", K::Declared, 3),
        (b"<a xmlns='http://www.w3.org/2000/xmlns/'/>", K::Declared, 3),
        (b"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", K::Declared, 3),
        (b"<xmlns:a/>", K::UnboundPrefix, 1),
        (b"<a></b>", K::EndTag, 5),
        (b"<a></ab>", K::EndTag, 5),
        (b"<ab></a>", K::EndTag, 6),
        (b"<a></a x='1'>", K::Tag, 7),
        (b"<a></ a>", K::EndTag, 5),
        (b"<a><b></a></b>", K::EndTag, 8),
        (b"</stream:streams>", K::EndTag, 2),
        (b"</stream>", K::EndTag, 2),
        (b"<?xml version='1.0'?>", K::ProcessingInstruction, 0),
        (b"<?pi?>", K::ProcessingInstruction, 0),
        (b"<a><?pi?></a>", K::ProcessingInstruction, 3),
        (b"<a><?xml?></a>", K::ProcessingInstruction, 3),
        (b"<!-- c -->", K::Comment, 0),
        (b"<a><!-", K::Comment, 3),
        (b"<!DOCTYPE a>", K::Doctype, 0),
        (b"<a><!doctype", K::Doctype, 3),
        (b"<a><!ENTITY", K::Doctype, 3),
        (b"<a><![cdata[x]]></a>", K::Tag, 3),
        (b"<![CDATA[x]]>", K::TextOutside, 0),
        (b"text", K::TextOutside, 0),
        (b"&lt;", K::TextOutside, 0),
        (b" \n x", K::TextOutside, 3),
        (b"\xef\xbb\xbf<a/>", K::TextOutside, 0),
        (b"\0<a/>", K::Char, 0),
        (b"<a>\xff</a>", K::Utf8, 3),
        (b"<a>\xc0\x80</a>", K::Utf8, 3),
        (b"<a>\xed\xa0\x80</a>", K::Utf8, 3),
        (b"<a>\xe2\x82</a>", K::Utf8, 3),
        (b"<a>\xf4\x90\x80\x80</a>", K::Utf8, 3),
        (b"<a b='\xfe'/>", K::Utf8, 6),
        (b"<a\xff/>", K::Utf8, 2),
        (b"</stream:stream><a/>", K::AfterEnd, 16),
        (b"</stream:stream>x", K::AfterEnd, 16),
    ];
    for (bytes, kind, at) in rows {
        let name = String::from_utf8_lossy(bytes);
        assert_eq!(first_error(bytes), Some((*kind, *at)), "{name}");
    }
}

#[test]
fn behind_the_root_only_the_white_space_of_xml_may_stand() {
    for byte in 0..=u8::MAX {
        let parsed = Document::parse(&[b"<r/> ".as_slice(), &[byte], b" "].concat());
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => assert!(parsed.is_ok(), "{byte:#x}"),
            _ => assert_eq!(parsed, Err(XmlError::new(XmlErrorKind::AfterEnd, 5)), "{byte:#x}"),
        }
    }
}

#[test]
fn what_xml_allows_is_accepted() {
    for body in [
        "<a b = '1'\tc\n=\r\"2\" ></a >",
        "<a>></a>",
        "<a b='>'/>",
        "<a>]] > ]&gt;</a>",
        "<a><![CDATA[<message>]]]]><![CDATA[>]]></a>",
        "<a><![CDATA[]]></a>",
        "<a>&#x9;&#65;&#x1F4A9;&lt;&gt;&amp;&apos;&quot;</a>",
        "<a>&#00000000000000000065;</a>",
        "<own:a own:b='1' b='2'/>",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>",
        "<a xmlns='' xmlns:x='u'><x:b/></a>",
        "<a-1.x_\u{e9}\u{300}/>",
        "<\u{e9}/>",
        "<a>\u{feff}\u{1f4a9}\u{85}</a>",
        "  <a/>\n</stream:stream>\n",
    ] {
        assert_eq!(first_error(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn prologs() {
    use XmlErrorKind as K;
    let rows: &[(&str, Option<(K, usize)>)] = &[
        ("<?xml version='1.0'?><s/>", None),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes' ?>\n<s/>", None),
        ("<?xml version='1.0' encoding='utf-8'?><s/>", None),
        ("\u{feff}<?xml version='1.0'?><s/>", None),
        ("\u{feff}<s/>", None),
        (" \n<s/>", None),
        (" <?xml version='1.0'?><s/>", Some((K::ProcessingInstruction, 1))),
        ("<?xml version='1.0'?><?xml version='1.0'?><s/>", Some((K::ProcessingInstruction, 21))),
        ("<?xml version='1.1'?><s/>", Some((K::Declaration, 0))),
        ("<?xml?><s/>", Some((K::ProcessingInstruction, 0))),
        ("<?xml ?><s/>", Some((K::Declaration, 0))),
        ("<?xml version='1.0'><s/>", Some((K::Declaration, 0))),
        ("<?xml version='1.0'encoding='UTF-8'?><s/>", Some((K::Declaration, 0))),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><s/>", Some((K::Encoding, 0))),
        ("<?xml version='1.0' standalone='maybe'?><s/>", Some((K::Declaration, 0))),
        ("<?xml-stylesheet?><s/>", Some((K::ProcessingInstruction, 0))),
        ("<?XML version='1.0'?><s/>", Some((K::ProcessingInstruction, 0))),
        ("<!DOCTYPE s><s/>", Some((K::Doctype, 0))),
        ("<!--c--><s/>", Some((K::Comment, 0))),
        ("x<s/>", Some((K::TextOutside, 0))),
        ("</s>", Some((K::EndTag, 2))),
    ];
    for (text, expected) in rows {
        let ones = vec![1; text.len()];
        for cuts in [&[][..], &ones] {
            let got = frames(text.as_bytes(), cuts, XmlLimits::PRE_AUTH).1;
            assert_eq!(got, *expected, "{text}");
        }
    }
    let long = format!("<?xml version='1.0' {}", " ".repeat(200));
    assert_eq!(frames(long.as_bytes(), &[], XmlLimits::PRE_AUTH).1, Some((K::Declaration, 0)));
}

#[test]
fn header_prefixes_are_in_scope_and_inner_ones_win() {
    let body = "<own:a><own:b xmlns:own='urn:inner'/><own:c/></own:a>";
    let all = format!("{HEADER}{body}");
    let (seen, error) = frames(all.as_bytes(), &[], XmlLimits::PRE_AUTH);
    assert_eq!(error, None);
    assert_eq!(seen[1], "Element {urn:own}a ({urn:inner}b) ({urn:own}c)");
}

#[test]
fn the_default_namespace_of_a_header_with_any_number_of_attributes() {
    for extra in 0..8 {
        let more: String = (0..extra).map(|n| format!(" a{n}='{n}'")).collect();
        for default in ["", " xmlns='jabber:client'"] {
            let header = format!("<s:s xmlns:s='http://etherx.jabber.org/streams'{more}{default}>");
            let text = format!("{header}<a/>");
            let (seen, error) = frames(text.as_bytes(), &[], XmlLimits::PRE_AUTH);
            assert_eq!(error, None);
            let ns = if default.is_empty() { "" } else { "jabber:client" };
            assert_eq!(seen[1], format!("Element {{{ns}}}a"), "{header}");
        }
    }
}

#[test]
fn elements_with_more_attributes_than_a_byte_counts() {
    let attrs: String = (0..300).map(|n| format!(" a{n}='{n}'")).collect();
    let text = format!("<a{attrs}><b/>text</a>");
    let limits = XmlLimits::POST_AUTH.with_attributes_max(300);
    let doc = Document::parse_with(text.as_bytes(), limits).unwrap();
    assert_eq!(doc.root().attrs().count(), 300);
    assert_eq!(doc.root().attr("a299").as_deref(), Some("299"));
    assert_eq!((doc.root().children().count(), &*doc.root().text()), (1, "text"));
    let twice = text.replace(" a299=", " a7=");
    let error = Document::parse_with(twice.as_bytes(), limits).unwrap_err();
    assert_eq!(error.kind(), XmlErrorKind::DuplicateAttribute);
}

#[test]
fn the_stream_prefix_is_the_peers_choice() {
    let text = "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns:c='jabber:client'><c:message/></s:stream>";
    let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
    let open = scanner.scan(text.as_bytes()).unwrap().unwrap();
    assert!(scanner.element(&text.as_bytes()[..open.len]).unwrap().is(Ns::STREAM, "stream"));
    let rest = &text.as_bytes()[open.len..];
    let message = scanner.scan(rest).unwrap().unwrap();
    assert!(scanner.element(&rest[..message.len]).unwrap().is(Ns::CLIENT, "message"));
    let close = scanner.scan(&rest[message.len..]).unwrap().unwrap();
    assert_eq!(close.kind, FrameKind::StreamClose);
    assert_eq!(scanner.finish(), Ok(()));
}

#[test]
fn escaped_namespace_names_are_compared_unescaped() {
    let doc =
        Document::parse(b"<a xmlns='x&amp;y' xmlns:p='x&#38;y' p:k='1'><p:b/><b/></a>").unwrap();
    let root = doc.root();
    let kids: Vec<_> = root.children().map(|c| c.ns()).collect();
    assert_eq!(kids, [root.ns(), root.ns()]);
    assert_eq!(root.namespace(), "x&y");
    let doc = Document::parse(b"<a xmlns='jabber&#58;client'/>").unwrap();
    assert!(doc.root().is(Ns::CLIENT, "a"));
}

#[test]
fn limits_hold_at_n_and_break_at_n_plus_1() {
    let base = XmlLimits::POST_AUTH;
    let attrs = |n: usize| {
        let list: String = (0..n).map(|i| format!(" a{i}='{i}'")).collect();
        format!("<a{list}/>")
    };
    let nest = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    let spaces = |n: usize| {
        let list: String = (0..n).map(|i| format!(" xmlns:p{i}='jabber:client'")).collect();
        format!("<a{list}/>")
    };
    type Case<'a> = (LimitKind, XmlLimits, &'a dyn Fn(usize) -> String);
    let cases: &[Case<'_>] = &[
        (LimitKind::Stanza, base.with_stanza_max(20), &|n| format!("<a>{}</a>", "x".repeat(n - 7))),
        (LimitKind::Depth, base.with_depth_max(20), &nest),
        (LimitKind::Elements, base.with_elements_max(20), &|n| {
            format!("<a>{}</a>", "<b/>".repeat(n - 1))
        }),
        (LimitKind::Attributes, base.with_attributes_max(20), &attrs),
        (LimitKind::Namespaces, base.with_namespaces_max(20), &spaces),
        (LimitKind::Name, base.with_name_max(20), &|n| format!("<{}/>", "a".repeat(n))),
        (LimitKind::Value, base.with_value_max(20), &|n| format!("<a b='{}'/>", "x".repeat(n))),
    ];
    for (kind, limits, make) in cases {
        for n in [20, 21] {
            let text = make(n);
            for cut in [usize::MAX / 2, 1] {
                let mut scanner = Scanner::fragment(*limits);
                let mut there = 0;
                let got = loop {
                    match scanner.scan(&text.as_bytes()[..there]) {
                        Ok(None) if there < text.len() => there = text.len().min(there + cut),
                        other => break other,
                    }
                };
                match n {
                    20 => assert_eq!(got.unwrap().unwrap().len, text.len(), "{kind:?}"),
                    _ => assert_eq!(got.unwrap_err().kind(), XmlErrorKind::Limit(*kind)),
                }
            }
        }
    }
}

#[test]
fn deep_nesting_and_many_prefixes_stay_linear() {
    // Work is counted by the size of what is kept: nothing here may take seconds.
    let limits = XmlLimits::POST_AUTH
        .with_depth_max(400_000)
        .with_elements_max(400_000)
        .with_stanza_max(8 << 20);
    let deep = format!("{}{}", "<a>".repeat(300_000), "</a>".repeat(300_000));
    let doc = Document::parse_with(deep.as_bytes(), limits).unwrap();
    assert_eq!(doc.root().name(), "a");
    let refused = Document::parse(deep.as_bytes()).unwrap_err();
    assert_eq!(refused.kind(), XmlErrorKind::Limit(LimitKind::Depth));
}

#[test]
fn truncation_is_only_an_error_at_the_end() {
    let text = format!("{HEADER}<a><b/>");
    let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
    let open = scanner.scan(text.as_bytes()).unwrap().unwrap();
    assert_eq!(scanner.scan(&text.as_bytes()[open.len..]), Ok(None));
    assert_eq!(scanner.finish().unwrap_err().kind(), XmlErrorKind::Truncated);
    for part in ["", "<", "<a", "<a>", "<a>hel", "<a><b/>", "<a b='", "<a>&am", "<a><![CDATA[x]]"] {
        let error = Document::parse(part.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (XmlErrorKind::Truncated, part.len()), "{part}");
    }
}

#[test]
fn elements_taken_out_of_their_stream_keep_their_meaning() {
    let text = format!(
        "{HEADER}<message><x xmlns='urn:x' xmlns:q='urn:q'><own:y q:a='1'><z/></own:y></x><own:k/></message>"
    );
    let mut scanner = Scanner::stream(XmlLimits::PRE_AUTH);
    let open = scanner.scan(text.as_bytes()).unwrap().unwrap();
    let rest = &text.as_bytes()[open.len..];
    let frame = scanner.scan(rest).unwrap().unwrap();
    let message = scanner.element(&rest[..frame.len]).unwrap();
    let mut todo = vec![message];
    while let Some(element) = todo.pop() {
        todo.extend(element.children());
        let alone = element.to_standalone();
        let doc = Document::parse(alone.as_bytes()).unwrap();
        assert_eq!(dump(doc.root()), dump(element), "{alone}");
        let mut w = Writer::in_stream(Ns::SERVER);
        w.start(Ns::SERVER, "iq").element(element).end();
        let carried = Document::parse(w.finish().unwrap().as_bytes()).unwrap();
        assert_eq!(dump(carried.root().children().next().unwrap()), dump(element));
    }
}

#[test]
fn the_writer_gives_an_error_instead_of_bad_xml() {
    let bad = |f: &dyn Fn(&mut Writer)| {
        let mut w = Writer::new();
        f(&mut w);
        w.finish().unwrap_err()
    };
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a b").end();
        }),
        WriteError::Name
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "").end();
        }),
        WriteError::Name
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a:b").end();
        }),
        WriteError::Name
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").attr("xmlns", "u").end();
        }),
        WriteError::Name
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").attr("1", "u").end();
        }),
        WriteError::Name
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").attr("b", "\0").end();
        }),
        WriteError::Char
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").text("\u{c}").end();
        }),
        WriteError::Char
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").attr("b", "").attr("b", "").end();
        }),
        WriteError::DuplicateAttribute
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").text("x").attr("b", "").end();
        }),
        WriteError::Attribute
    );
    assert_eq!(
        bad(&|w| {
            w.text("x");
        }),
        WriteError::Outside
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a").end().end();
        }),
        WriteError::Outside
    );
    assert_eq!(
        bad(&|w| {
            w.leaf(Ns::NONE, "a", "").leaf(Ns::NONE, "a", "");
        }),
        WriteError::Outside
    );
    assert_eq!(
        bad(&|w| {
            w.start(Ns::NONE, "a");
        }),
        WriteError::Unclosed
    );
}

/// quick-xml as oracle: what we accept it reads with the same names, values and texts.
#[cfg(feature = "quick-xml")]
fn assert_agrees(element: Element<'_>) {
    use quick_xml::events::Event;
    let alone = element.to_standalone();
    let mut reader = quick_xml::NsReader::from_str(&alone);
    let mut starts = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(e) | Event::Empty(e) => {
                starts += 1;
                for a in e.attributes() {
                    a.unwrap();
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let mut ours = 0;
    let mut todo = vec![element];
    while let Some(e) = todo.pop() {
        ours += 1;
        todo.extend(e.children());
    }
    assert_eq!(starts, ours);
}

fn arb_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("<a"),
            Just(">"),
            Just("/>"),
            Just("</a>"),
            Just(" b='1'"),
            Just(" b=\"&amp;\""),
            Just("&lt;"),
            Just("text"),
            Just("]]>"),
            Just("<![CDATA["),
            Just("\u{e9}"),
            Just("\u{1f4a9}"),
            Just("<own:x/>"),
            Just(" xmlns='u'"),
            Just(" xmlns:p='v'"),
            Just("<p:y"),
            Just("\r\n"),
            Just("'"),
            Just("&#x41;"),
            Just("</stream:stream>"),
            Just("<!--"),
            Just("\u{0}"),
            Just(" "),
            Just("<a>"),
            Just("<a><a>"),
            Just("</a></a>"),
        ],
        0..24,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn chunks_do_not_matter(body in arb_text(), cuts in proptest::collection::vec(1_usize..9, 0..60), small in any::<bool>()) {
        let limits = if small { XmlLimits::PRE_AUTH.with_stanza_max(HEADER.len()).with_depth_max(2) } else { XmlLimits::POST_AUTH };
        let text = format!("{HEADER}{body}");
        let whole = frames(text.as_bytes(), &[], limits);
        prop_assert_eq!(&whole, &frames(text.as_bytes(), &cuts, limits));
        let ones = vec![1; text.len()];
        prop_assert_eq!(&whole, &frames(text.as_bytes(), &ones, limits));
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut all = HEADER.as_bytes().to_vec();
        all.extend_from_slice(&bytes);
        let ones = vec![1; all.len()];
        prop_assert_eq!(frames(&all, &[], XmlLimits::PRE_AUTH), frames(&all, &ones, XmlLimits::PRE_AUTH));
    }

    #[test]
    fn what_is_written_reads_back(name in "[a-z_][a-z0-9.-]{0,8}", value in "\\PC*", text in "[\\PC\t\n\r]*") {
        let mut w = Writer::new();
        w.start_uri("urn:any", &name).attr("v", &value).start(Ns::CLIENT, "body").text(&text).end().end();
        let out = w.finish();
        if let Ok(out) = out {
            let doc = Document::parse(out.as_bytes()).unwrap();
            prop_assert_eq!(doc.root().name(), name);
            prop_assert_eq!(doc.root().attr("v").unwrap().to_string(), value);
            prop_assert_eq!(doc.root().child(Ns::CLIENT, "body").unwrap().text().to_string(), text);
        }
    }
}

#[cfg(feature = "quick-xml")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn quick_xml_reads_what_we_accept(body in arb_text()) {
        if let Ok(doc) = Document::parse_in(Ns::CLIENT, body.as_bytes()) {
            assert_agrees(doc.root());
        }
    }
}

/// One byte at a time, in every state that can be long: quadratic work would take minutes.
#[test]
fn a_slow_drip_of_single_bytes_stays_linear() {
    let long = "x".repeat(60_000);
    let limits = XmlLimits::POST_AUTH.with_name_max(65_535);
    for text in [
        format!("<a>{long}</a>"),
        format!("<a b='{long}'/>"),
        format!("<a><![CDATA[{long}]]></a>"),
        format!("<{long}></{long}>"),
        format!("<a{}/>", " ".repeat(60_000)),
        format!("<a>{}</a>", "&amp;".repeat(12_000)),
        format!("<a>{}</a>", "\u{e9}".repeat(30_000)),
        format!("{}<a/>", "\n".repeat(60_000)),
    ] {
        let mut scanner = Scanner::fragment(limits);
        let bytes = text.as_bytes();
        for there in 1..bytes.len() {
            assert_eq!(scanner.scan(&bytes[..there]), Ok(None));
        }
        assert_eq!(scanner.scan(bytes).unwrap().unwrap().len, bytes.len());
    }
}

#[cfg(feature = "quick-xml")]
#[test]
fn serde_types_become_payloads_and_come_back() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Order {
        #[serde(rename = "@xmlns")]
        ns: String,
        #[serde(rename = "@id")]
        id: u32,
        item: Vec<String>,
    }
    let order =
        Order { ns: "urn:club".into(), id: 7, item: vec!["tea & cake".into(), "<x>".into()] };
    let doc = to_xml("order", &order).unwrap();
    assert_eq!((doc.root().name(), &*doc.root().namespace()), ("order", "urn:club"));
    let mut w = Writer::in_stream(Ns::CLIENT);
    w.start(Ns::CLIENT, "message").element(doc.root()).end();
    let message = Document::parse_in(Ns::CLIENT, w.finish().unwrap().as_bytes()).unwrap();
    let back: Order = from_element(message.root().children().next().unwrap()).unwrap();
    assert_eq!(back, order);
    // What serde writes is checked like anything else.
    assert!(to_xml("order", &Order { item: vec!["\u{1}".into()], ..order }).is_err());
    assert!(from_element::<Order>(message.root()).is_err());
}
