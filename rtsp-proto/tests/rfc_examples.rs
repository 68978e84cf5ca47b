//! Every example message of RFC 2326, 7826, 4567 and 7825 is read, written and read again,
//! all its headers typed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::borrow::Cow;
use bytes::Bytes;
use core::fmt::{Debug, Display};
use proto_wire::head::unfold;
use rtsp_proto::headers::{
    Accept, AcceptCredentials, AcceptRanges, Allow, CSeq, CacheControl, Conference,
    ConnectionCredentials, ContentBase, ContentLength, ContentType, Date, Expires, FromHeader,
    KeyMgmt, Location, MediaProperties, MediaRange, NotifyReason, PipelinedRequests, ProxyRequire,
    ProxySupported, Public, Range, RequestStatus, Require, RtpInfos, Scale, SeekStyle, Server,
    Session, Supported, TerminateReason, Transports, TypedHeader, Unsupported, UserAgent, Via,
};
use rtsp_proto::range::Extent;
use rtsp_proto::{
    HeaderName, Index, Limits, Message, Method, RequestBuilder, ResponseBuilder, Version,
};

const FILES: [(&str, usize, &str); 4] = [
    ("2326", 89, include_str!("rfc_examples/rfc2326.txt")),
    ("7826", 150, include_str!("rfc_examples/rfc7826.txt")),
    ("4567", 7, include_str!("rfc_examples/rfc4567.txt")),
    ("7825", 10, include_str!("rfc_examples/rfc7825.txt")),
];

/// A message as it goes over the wire, and where it stands.
fn messages() -> impl Iterator<Item = (String, Vec<u8>)> {
    FILES.into_iter().flat_map(|(rfc, count, text)| {
        let messages: Vec<_> = text
            .split("\n%% ")
            .skip(1)
            .enumerate()
            .map(|(i, part)| {
                let (place, message) = part.split_once('\n').expect("a place and a message");
                let message = message.strip_suffix('\n').unwrap_or(message);
                let (head, body) = message.split_once("\n\n").unwrap_or((message, ""));
                let mut wire = head.trim_end_matches('\n').replace('\n', "\r\n");
                wire.push_str("\r\n\r\n");
                if !body.is_empty() {
                    wire.push_str(&body.replace('\n', "\r\n"));
                    wire.push_str("\r\n");
                }
                (format!("RFC {rfc}, message {i} ({place})"), wire.into_bytes())
            })
            .collect();
        assert_eq!(messages.len(), count, "messages of RFC {rfc}");
        messages
    })
}

fn parse<'a>(place: &str, bytes: &'a [u8], index: &'a mut Index) -> Message<'a> {
    let (message, used) = Message::parse(bytes, index, &Limits::DEFAULT)
        .unwrap_or_else(|error| panic!("{place}: {error}"))
        .unwrap_or_else(|| panic!("{place} is not whole"));
    assert_eq!(used, bytes.len(), "{place}: {:?}", String::from_utf8_lossy(&bytes[used..]));
    message
}

/// Start line, headers without folds, body.
type Content = (String, Vec<(String, String)>, Vec<u8>);

fn content(message: Message<'_>) -> Content {
    let start = match message {
        Message::Request(r) => format!("{} {} {:?}", r.method_name(), r.uri(), r.version()),
        Message::Response(r) => format!("{:?} {} {}", r.version(), r.status(), r.reason()),
    };
    let text = |bytes: &[u8]| String::from_utf8(unfold(bytes).into_owned()).unwrap();
    let headers = message.headers().iter().map(|(n, v)| (text(n), text(v))).collect();
    let body = match message {
        Message::Request(r) => r.body(),
        Message::Response(r) => r.body(),
    };
    (start, headers, body.to_vec())
}

/// The same message, built anew.
fn write(message: Message<'_>) -> Bytes {
    let (_, headers, body) = content(message);
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
    let kind = kind.map_or("", |(_, kind)| kind.as_str());
    macro_rules! rest {
        ($builder:expr) => {{
            let mut builder = $builder;
            for (name, value) in &headers {
                let is_of_body = !body.is_empty()
                    && ["Content-Type", "Content-Length"]
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(name));
                if !is_of_body {
                    builder = builder.header_named(name, value);
                }
            }
            if !body.is_empty() {
                builder = builder.body(kind, body.clone());
            }
            builder.to_bytes().expect("what was read can be written")
        }};
    }
    match message {
        Message::Request(request) => {
            let builder = match request.method() {
                Method::Extension => {
                    RequestBuilder::extension(request.method_name(), request.uri())
                }
                method => RequestBuilder::new(method, request.uri()),
            };
            rest!(builder.version(request.version()))
        }
        Message::Response(response) => {
            let builder = ResponseBuilder::new(response.status()).reason(response.reason());
            rest!(builder.version(response.version()))
        }
    }
}

#[test]
fn every_example_is_read_written_and_read_again() {
    for (place, bytes) in messages() {
        let mut index = Index::new();
        let message = parse(&place, &bytes, &mut index);
        let expected = if place.starts_with("RFC 2326") || place.starts_with("RFC 4567") {
            Version::V1_0
        } else {
            Version::V2_0
        };
        let version = match message {
            Message::Request(request) => request.version(),
            Message::Response(response) => response.version(),
        };
        assert_eq!(version, expected, "{place}");
        let written = write(message);
        let mut index = Index::new();
        let again = content(parse(&place, &written, &mut index));
        let (start, mut headers, body) = content(message);
        let (start_again, mut headers_again, body_again) = again;
        assert_eq!((start, body), (start_again, body_again), "{place}");
        // The builder puts the two headers of the body last, spelled as the RFC does.
        let normalise = |headers: &mut Vec<(String, String)>| {
            headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
            headers.sort();
        };
        normalise(&mut headers);
        normalise(&mut headers_again);
        assert_eq!(headers, headers_again, "{place}");
    }
}

#[test]
fn every_header_of_every_example_is_typed() {
    let mut typed = 0;
    let mut mistakes = Vec::new();
    for (place, bytes) in messages() {
        let mut index = Index::new();
        let message = parse(&place, &bytes, &mut index);
        for (name, value) in message.headers().iter() {
            let Some(name) = HeaderName::from_bytes(name) else {
                let known = ["Funky-Parameter", "Accept-Range"];
                assert!(known.iter().any(|k| k.as_bytes() == name), "{place}: unknown header");
                continue;
            };
            let value = unfold(value);
            match check(name, &value) {
                Ok(()) => typed += 1,
                Err(why) => mistakes.push((place.clone(), name, why)),
            }
        }
    }
    // The missing quote of A.2 and A.3, the `200 1 OK` of RFC 2326 §14.5 and wrong weekdays are
    // among what is tolerated.
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    assert!(typed > 1000, "{typed} headers were typed");
}

/// What the grammars have is no quirk: the examples deviate in what their authors got wrong
/// (sequence numbers beyond 16 bits, a weekday, semicolons at the end).
#[test]
fn the_examples_deviate_in_little() {
    let mut odd = Vec::new();
    for (place, bytes) in messages() {
        let mut index = Index::new();
        let message = parse(&place, &bytes, &mut index);
        for (name, quirk) in message.headers().value_quirks() {
            let rfc = place.split(',').next().unwrap();
            odd.push(format!("{rfc}: {name}: {quirk}"));
        }
    }
    odd.sort();
    odd.dedup();
    let expected = [
        "RFC 2326: RTP-Info: bad-number",
        "RFC 7826: Date: odd-date",
        "RFC 7826: RTP-Info: bad-number",
        "RFC 7826: RTP-Info: stray-separator",
        "RFC 7826: Transport: stray-separator",
    ];
    assert_eq!(odd, expected);
}

/// Reads `value` as what `name` is, writes it and reads that.
fn check(name: HeaderName, value: &[u8]) -> Result<(), String> {
    fn same<T: PartialEq + Debug>(one: T, two: T) -> Result<(), String> {
        if one == two { Ok(()) } else { Err(format!("{one:?} is not {two:?}")) }
    }
    macro_rules! plain {
        ($type:ident) => {{
            let read = $type::parse(value).map_err(|error| error.to_string())?;
            let text = read.to_string();
            let again = $type::parse(text.as_bytes()).map_err(|error| error.to_string())?;
            same(&read, &again)
        }};
    }
    macro_rules! list {
        ($type:ident) => {{
            let read = $type::parse(value).map_err(|error| error.to_string())?;
            let items: Result<Vec<_>, _> = read.iter().collect();
            let items = items.map_err(|error| error.to_string())?;
            let text = read.to_string();
            let again: Vec<_> = $type::parse(text.as_bytes()).unwrap().iter().flatten().collect();
            same(&items, &again)
        }};
    }
    /// Types without a comparison of their own.
    fn shown(read: impl Display, again: impl Fn(&[u8]) -> Option<String>) -> Result<(), String> {
        let text = read.to_string();
        same(again(text.as_bytes()), Some(text))
    }
    match name {
        HeaderName::Accept => list!(Accept),
        HeaderName::AcceptCredentials => {
            let read = AcceptCredentials::parse(value).map_err(|error| error.to_string())?;
            if let Some(Err(error)) = read.credentials().find(Result::is_err) {
                return Err(error.to_string());
            }
            shown(read, |text| AcceptCredentials::parse(text).ok().map(|a| a.to_string()))
        }
        HeaderName::AcceptRanges => list!(AcceptRanges),
        HeaderName::Allow => plain!(Allow),
        HeaderName::CacheControl => list!(CacheControl),
        HeaderName::Conference => plain!(Conference),
        HeaderName::ConnectionCredentials => plain!(ConnectionCredentials),
        HeaderName::ContentBase => {
            ContentBase::parse(value).map(drop).map_err(|error| error.to_string())
        }
        HeaderName::ContentLength => plain!(ContentLength),
        HeaderName::ContentType => {
            ContentType::parse(value).map(drop).map_err(|error| error.to_string())
        }
        HeaderName::CSeq => plain!(CSeq),
        HeaderName::Date => plain!(Date),
        HeaderName::Expires => plain!(Expires),
        HeaderName::From => plain!(FromHeader),
        HeaderName::KeyMgmt => list!(KeyMgmt),
        HeaderName::Location => Location::parse(value).map(drop).map_err(|error| error.to_string()),
        HeaderName::MediaProperties => list!(MediaProperties),
        HeaderName::MediaRange => list!(MediaRange),
        HeaderName::NotifyReason => plain!(NotifyReason),
        HeaderName::PipelinedRequests => plain!(PipelinedRequests),
        HeaderName::ProxyRequire => list!(ProxyRequire),
        HeaderName::ProxySupported => list!(ProxySupported),
        HeaderName::Public => plain!(Public),
        HeaderName::Range => {
            let range = Range::parse(value).map_err(|error| error.to_string())?;
            let extent = Extent::of(&range).map_err(|error| error.to_string())?;
            let text = extent.to_string();
            let again = Range::parse(text.as_bytes()).map_err(|error| error.to_string())?;
            same(Extent::of(&again), Ok(extent))?;
            if let Some(at) = range.effective_at() {
                at.map_err(|error| error.to_string())?;
            }
            plain!(Range)
        }
        HeaderName::RequestStatus => plain!(RequestStatus),
        HeaderName::Require => list!(Require),
        HeaderName::RtpInfo => {
            let infos: Vec<_> = RtpInfos::new(value).collect();
            if infos.is_empty() || infos.iter().any(|i| i.url.is_empty() || i.rtptime.is_none()) {
                return Err(format!("{infos:?}"));
            }
            Ok(())
        }
        HeaderName::Scale => plain!(Scale),
        HeaderName::SeekStyle => plain!(SeekStyle),
        HeaderName::Server => plain!(Server),
        HeaderName::Session => plain!(Session),
        HeaderName::Supported => list!(Supported),
        HeaderName::TerminateReason => plain!(TerminateReason),
        HeaderName::Transport => {
            let transports: Result<Vec<_>, _> = Transports::new(value).collect();
            let transports = transports.map_err(|error| error.to_string())?;
            if transports.is_empty() { Err("nothing".into()) } else { Ok(()) }
        }
        HeaderName::Unsupported => list!(Unsupported),
        HeaderName::UserAgent => plain!(UserAgent),
        HeaderName::Via => list!(Via),
        other => Err(format!("{other} is not checked here")),
    }
}

#[test]
fn folded_values_come_out_in_one_line() {
    let folded = b"RTP/AVP;unicast;\r\n  client_port=1-2";
    assert!(matches!(unfold(folded), Cow::Owned(_)));
    assert_eq!(Transports::new(folded).count(), 1);
}
