//! The usual way through a value, which looks at a window of bytes, beside the way through any value;
//! and values that other text follows, which must not count.

use super::{Contact, From, NameAddr, Via};
use crate::message::TypedHeader;
use crate::uri::Uri;
use alloc::string::String;
use alloc::{format, vec::Vec};
use proptest::prelude::*;

/// What values are made of, and what breaks them.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&[
            "SIP/2.0/UDP ", "SIP/2.0/TCP a.example.com", "sip:", "sip:bob@", "<sip:", "<sip:a@b:5060", ">",
            "\"Bob\" ", "Bob ", "\"", "\\", "<", "@", ":", ";", "?", "=", "_", "*", ",", " ", "\r\n ",
            "host.example.com", "192.0.2.1", "5060", ";branch=z9hG4bK1", ";tag=7", ";lr", "\u{e9}", "\u{7f}",
        ][..]).prop_map(String::from),
        1 => "[a-z.-]{1,70}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn address(read: Result<NameAddr<'_>, proto_wire::ParseError>) -> String {
    let Ok(read) = read else { return format!("{:?}", read.err()) };
    let uri = read.uri().map(|uri| match uri {
        Uri::Sip(uri) => format!("{uri:?}"),
        other => format!("{other:?}"),
    });
    let params: Vec<_> = read.params().collect();
    let display = (read.display_bytes(), read.uri_bytes(), read.is_bracketed());
    format!("{:?}", (read.raw, display, uri, params, read.tag()))
}

fn via(read: Result<Via<'_>, proto_wire::ParseError>) -> String {
    let Ok(via) = read else { return format!("{:?}", read.err()) };
    let params: Vec<_> = via.params().map(|param| (param.name, param.value)).collect();
    format!("{:?}", (via, via.branch(), params))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_usual_way_finds_what_the_other_finds(value in pieces(), behind in pieces()) {
        let text = format!("{value}{behind}");
        let (bytes, len) = (value.as_bytes(), value.len());
        if let Some(usual) = Via::usual_text(&text, len) {
            prop_assert_eq!(via(Ok(usual)), via(Via::any(bytes)));
        }
        if let Some(usual) = NameAddr::usual(text.as_bytes(), len) {
            prop_assert_eq!(address(Ok(usual)), address(NameAddr::any(bytes)));
        }
    }

    #[test]
    fn what_follows_a_value_does_not_count(value in pieces(), behind in pieces()) {
        let text = format!("{value}{behind}");
        let len = value.len();
        prop_assert_eq!(via(Via::parse_leading(&text, len)), via(Via::parse(value.as_bytes())));
        let alone = address(From::parse(value.as_bytes()).map(|from| from.0));
        prop_assert_eq!(address(From::parse_leading(&text, len).map(|from| from.0)), alone);
        let star = |read: Result<Contact<'_>, _>| matches!(read, Ok(Contact::Star));
        let alone = star(Contact::parse(value.as_bytes()));
        prop_assert_eq!(star(Contact::parse_leading(&text, len)), alone);
    }
}
