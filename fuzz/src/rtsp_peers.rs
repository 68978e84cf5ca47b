//! `rtsp_peers`: what other parsers make of the same bytes. Whatever `rtsp-types` (feature
//! `peers-rtsp`) or `retina` (feature `peers`) read as one message or frame, ours reads as the same
//! one. Without the features only the framer and the parser of messages are compared.
//!
//! The other way round nothing is claimed: ours takes more than they do. Where ours refuses on
//! purpose what they take is said beside the code.

#[cfg(feature = "peers-rtsp")]
use proto_wire::ParseErrorKind;
use rtsp_proto::{Framer, Index, Limits, Message, ParseError, Unit};
use std::string::{String, ToString as _};
use std::vec::Vec;

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame { channel: u8, payload: Vec<u8> },
    Message { start: String, body: Vec<u8>, headers: Vec<(String, String)> },
}

/// The bytes begin with one message or frame.
pub fn rtsp_peers(data: &[u8]) {
    let ours = ours(data);
    if let Ok(Some(Seen::Message { body, headers, .. })) = &ours {
        assert!(body.len() + headers.len() <= data.len());
    }
    #[cfg(feature = "peers-rtsp")]
    compare(data, &ours);
}

#[cfg(feature = "peers-rtsp")]
fn compare(data: &[u8], ours: &Result<Option<Seen>, ParseError>) {
    // CR or LF by itself ends a line for us (RFC 2326 §4), and is text for them.
    let blank = data.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let ends = data[blank..].windows(4).position(|end| end == b"\r\n\r\n");
    let head = ends.map_or(data.len(), |end| blank + end);
    let mut last = 0;
    for byte in &data[..data.len().min(head + 2)] {
        if (last == b'\r') != (*byte == b'\n') && (last == b'\r' || *byte == b'\n') {
            return;
        }
        last = *byte;
    }
    if let Some(theirs) = rtsp_types(data) {
        same("rtsp-types", ours, &theirs);
    }
    #[cfg(feature = "peers")]
    if let Some(theirs) = retina(data) {
        same("retina", ours, &theirs);
    }
}

#[cfg(feature = "peers-rtsp")]
fn same(whose: &str, ours: &Result<Option<Seen>, ParseError>, theirs: &Seen) {
    match (ours, theirs) {
        (Ok(Some(Seen::Frame { .. })), _) | (_, Seen::Frame { .. }) => {
            assert_eq!(ours, &Ok(Some(theirs.copy())), "{whose}");
        }
        (
            Ok(Some(Seen::Message { start, body, headers })),
            Seen::Message { start: their_start, body: their_body, headers: their_headers },
        ) => {
            assert_eq!(start, their_start, "{whose}");
            assert_eq!(body, their_body, "{whose}: {start}");
            // Lines of one name are joined by them and not by us: those that stand once.
            for (name, value) in headers {
                // `rtsp-types` takes a name that only begins like a known one for that one.
                let alike = |other: &str| other.starts_with(&**name) || name.starts_with(other);
                let others = headers.iter().filter(|(other, _)| alike(other)).count();
                if others > 1 {
                    continue;
                }
                let their = their_headers.iter().find(|(other, _)| other == name);
                assert!(their.is_some(), "{whose}: {start}: no {name}");
                assert!(
                    their.is_some_and(|(_, their)| their == value),
                    "{whose}: {name}: {value:?} {their:?}"
                );
            }
        }
        // They have no limits.
        (Err(error), _) if matches!(error.kind(), ParseErrorKind::Limit(_)) => {}
        // They take a sign before the length, and of several the first.
        (Err(error), _)
            if matches!(
                error.kind(),
                ParseErrorKind::ContentLength | ParseErrorKind::ContentLengthConflict
            ) => {}
        // `rtsp-types` reads requests without a method.
        (Err(error), Seen::Message { start, .. })
            if error.kind() == ParseErrorKind::Method && start.is_empty() => {}
        // And statuses below 100, which have no class.
        (Err(error), Seen::Message { start, .. })
            if error.kind() == ParseErrorKind::StatusCode
                && start.parse().is_ok_and(|status: u16| status < 100) => {}
        (other, theirs) => panic!("{whose} reads {theirs:?}, we {other:?}"),
    }
}

#[cfg(feature = "peers-rtsp")]
impl Seen {
    fn copy(&self) -> Self {
        match self {
            Self::Frame { channel, payload } => {
                Self::Frame { channel: *channel, payload: payload.clone() }
            }
            Self::Message { start, body, headers } => {
                Self::Message { start: start.clone(), body: body.clone(), headers: headers.clone() }
            }
        }
    }
}

/// The first unit that is no empty line.
fn ours(data: &[u8]) -> Result<Option<Seen>, ParseError> {
    let (mut framer, mut index, limits) = (Framer::new(), Index::new(), Limits::DEFAULT);
    let mut rest = data;
    loop {
        match framer.next(rest, &mut index, &limits)? {
            None => return Ok(None),
            Some(Unit::Blank { len }) => rest = &rest[len..],
            Some(Unit::Frame { channel, len }) => {
                return Ok(Some(Seen::Frame { channel, payload: rest[4..len].to_vec() }));
            }
            Some(Unit::Message { .. }) => break,
            // There is no other.
            Some(_) => return Ok(None),
        }
    }
    let mut index = Index::new();
    let Some((message, _)) = Message::parse(rest, &mut index, &limits)? else { return Ok(None) };
    let (start, body, headers) = match message {
        Message::Request(request) => {
            (request.method_name().to_owned(), request.body(), request.headers())
        }
        Message::Response(response) => {
            (response.status().code().to_string(), response.body(), response.headers())
        }
    };
    let headers = headers.iter().map(|(name, value)| (lower(name), words(value))).collect();
    Ok(Some(Seen::Message { start, body: body.to_vec(), headers }))
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Folds and runs of white space are one space to everybody.
fn words(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    // `rtsp-types` trims form feeds and vertical tabs too.
    text.split([' ', '\t', '\r', '\n', '\u{b}', '\u{c}'])
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(feature = "peers-rtsp")]
fn rtsp_types(data: &[u8]) -> Option<Seen> {
    use rtsp_types::Message;
    let (message, _) = Message::<Vec<u8>>::parse(data).ok()?;
    Some(match message {
        Message::Request(request) => Seen::Message {
            start: <&str>::from(request.method()).to_owned(),
            body: request.body().clone(),
            headers: request
                .headers()
                .map(|(name, value)| {
                    (lower(name.as_str().as_bytes()), words(value.as_str().as_bytes()))
                })
                .collect(),
        },
        Message::Response(response) => Seen::Message {
            start: u16::from(response.status()).to_string(),
            body: response.body().clone(),
            headers: response
                .headers()
                .map(|(name, value)| {
                    (lower(name.as_str().as_bytes()), words(value.as_str().as_bytes()))
                })
                .collect(),
        },
        Message::Data(data) => {
            Seen::Frame { channel: data.channel_id(), payload: data.as_slice().to_vec() }
        }
    })
}

/// The parser under the client of `retina`, which is not part of its public interface.
#[cfg(feature = "peers")]
fn retina(data: &[u8]) -> Option<Seen> {
    use retina::rtsp::msg::Message;
    use retina::rtsp::parse::Parser;
    let mut rest = data;
    let (message, body) = Parser::default().feed(&mut rest).ok()??;
    let seen = |headers: &retina::rtsp::msg::Headers| {
        let pair =
            |(name, value): (&retina::rtsp::msg::HeaderName, &retina::rtsp::msg::HeaderValue)| {
                (lower(name.as_bytes()), words(value.as_bytes()))
            };
        headers.iter().map(pair).collect()
    };
    Some(match message {
        Message::Request(request) => Seen::Message {
            start: request.method.to_string(),
            body: body.to_vec(),
            headers: seen(&request.headers),
        },
        Message::Response(response) => Seen::Message {
            start: response.status_code.as_u16().to_string(),
            body: body.to_vec(),
            headers: seen(&response.headers),
        },
        Message::Data(data) => Seen::Frame { channel: data.channel_id, payload: body.to_vec() },
    })
}

#[cfg(all(test, feature = "peers"))]
mod tests;
