//! Targets of the area `rtsp`.
//!
//! - `rtsp_parse`: what is a message is written and read again as the same message; offsets of
//!   errors lie inside.
//! - `rtsp_url`: URLs are written as they were read, and joining them ends.
//! - `rtsp_typed_*`: each typed header, in `rtsp_typed.rs`.
//! - `rtsp_peers`: what other crates read is read as the same, in `rtsp_peers.rs`.
//! - `rtsp_chunks`: the framer cuts the same units in any chunking.
//! - `rtsp_server`, `rtsp_client`: the machines give the same outputs in any chunking, close at
//!   most once and last, and do not grow with what they are sent.

extern crate alloc;

use crate::{Target, rtsp_typed};
use alloc::sync::Arc;
use bytes::Bytes;
use proto_wire::testing::chunks::{bytewise, cut, random, whole};
use rtsp_proto::client::{self, Client};
use rtsp_proto::control_url::{Join, base, resolve, same_stream};
use rtsp_proto::headers::{ChannelPair, Transport};
use rtsp_proto::server::{self, Server};
use rtsp_proto::{
    Framer, HeaderName, Index, Instant, Limits, Message, Method, Output, RequestBuilder,
    ResponseBuilder, Resync, Seed, StatusCode, Unit, Url, Version,
};

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("rtsp_parse", rtsp_parse),
    ("rtsp_url", rtsp_url),
    ("rtsp_peers", crate::rtsp_peers::rtsp_peers),
    ("rtsp_chunks", rtsp_chunks),
    ("rtsp_server", rtsp_server),
    ("rtsp_doors", crate::rtsp_doors::rtsp_doors),
    ("rtsp_client", rtsp_client),
    ("rtsp_typed_agents", rtsp_typed::rtsp_typed_agents),
    ("rtsp_typed_auth", rtsp_typed::rtsp_typed_auth),
    ("rtsp_typed_dates", rtsp_typed::rtsp_typed_dates),
    ("rtsp_typed_endings", rtsp_typed::rtsp_typed_endings),
    ("rtsp_typed_lists", rtsp_typed::rtsp_typed_lists),
    ("rtsp_typed_media", rtsp_typed::rtsp_typed_media),
    ("rtsp_typed_message_tags", rtsp_typed::rtsp_typed_message_tags),
    ("rtsp_typed_playing", rtsp_typed::rtsp_typed_playing),
    ("rtsp_typed_range", rtsp_typed::rtsp_typed_range),
    ("rtsp_typed_rtp_info", rtsp_typed::rtsp_typed_rtp_info),
    ("rtsp_typed_session", rtsp_typed::rtsp_typed_session),
    ("rtsp_typed_simple", rtsp_typed::rtsp_typed_simple),
    ("rtsp_typed_transport", rtsp_typed::rtsp_typed_transport),
    ("rtsp_typed_trust", rtsp_typed::rtsp_typed_trust),
    ("rtsp_range", crate::rtsp_more::rtsp_range),
    ("rtsp_gate", crate::rtsp_more::rtsp_gate),
    ("rtsp_tunnel", crate::rtsp_more::rtsp_tunnel),
    ("rtsp_states", crate::rtsp_more::rtsp_states),
];

/// The ways to cut `data` that are tried; the last depends on it.
fn cuts(data: &[u8]) -> [Vec<&[u8]>; 4] {
    let middle = data.iter().map(|b| usize::from(*b)).sum::<usize>() % (data.len() + 1);
    [whole(data), bytewise(data), random(data, data.len() as u64), cut(data, middle)]
}

/// Any bytes as one message.
pub fn rtsp_parse(data: &[u8]) {
    let mut index = Index::new();
    let (message, used) = match Message::parse(data, &mut index, &Limits::DEFAULT) {
        Ok(None) => return,
        Ok(Some(parsed)) => parsed,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error}");
            return;
        }
    };
    assert!(used <= data.len());
    for (name, value) in message.headers().iter() {
        assert!(!name.contains(&b':') && name.len() + value.len() <= data.len());
        rtsp_typed::TARGETS.iter().for_each(|(_, reads)| reads(value));
    }
    assert!(message.headers().value_quirks().count() <= 16 * data.len());
    let written = match message {
        Message::Request(request) => {
            let builder = match request.method() {
                Method::Extension => {
                    RequestBuilder::extension(request.method_name(), request.uri())
                }
                method => RequestBuilder::new(method, request.uri()),
            };
            let cseq = request.cseq().unwrap_or(0);
            builder.version(request.version()).header(HeaderName::CSeq, cseq).to_bytes()
        }
        Message::Response(response) => {
            let cseq = response.cseq().unwrap_or(0);
            ResponseBuilder::new(response.status())
                .version(response.version())
                .header(HeaderName::CSeq, cseq)
                .to_bytes()
        }
    };
    let written = written.expect("what was read can be written");
    let mut second = Index::new();
    let (again, len) = Message::parse(&written, &mut second, &Limits::DEFAULT)
        .expect("what was written can be read")
        .expect("it is whole");
    assert_eq!(len, written.len());
    match (message, again) {
        (Message::Request(one), Message::Request(two)) => {
            assert_eq!(one.method_name(), two.method_name());
            assert_eq!(one.uri(), two.uri());
            assert_eq!(one.version(), two.version());
        }
        (Message::Response(one), Message::Response(two)) => {
            assert_eq!((one.status(), one.version()), (two.status(), two.version()));
        }
        _ => panic!("a request is no response"),
    }
}

/// Any bytes as URLs.
pub fn rtsp_url(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(url) = Url::parse(text) {
        assert_eq!(url.to_string(), text);
    }
    let middle = (text.len() / 2..=text.len()).find(|at| text.is_char_boundary(*at));
    let (one, two) = text.split_at(middle.expect("the end is one"));
    for join in [Join::Append, Join::Rfc3986] {
        assert!(resolve(one, two, join).len() <= text.len() + 3);
    }
    assert!(same_stream(one, one));
    assert!(!base(Some(one), Some(two), "rtsp://h/").is_empty());
}

/// Any bytes as a stream.
pub fn rtsp_chunks(data: &[u8]) {
    let [first, rest @ ..] = cuts(data);
    let expected = units(&first);
    for chunks in rest {
        assert_eq!(units(&chunks), expected);
    }
}

fn units(chunks: &[&[u8]]) -> Vec<String> {
    let (mut framer, mut index) = (Framer::new().with_payload_max(1_000), Index::new());
    let limits = Limits::default().with_head_max(300).with_line_max(100).with_body_max(200);
    let (mut out, mut buffer) = (Vec::new(), Vec::new());
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        loop {
            let len = match framer.next(&buffer, &mut index, &limits) {
                Ok(None) => break,
                Err(error) => {
                    out.push(format!("{error}"));
                    return out;
                }
                Ok(Some(Unit::Blank { len })) => len,
                Ok(Some(Unit::Frame { channel, len })) => {
                    out.push(format!("frame {channel} {len}"));
                    len
                }
                Ok(Some(Unit::Message { len })) => {
                    let quirks: Vec<_> = index.head().quirks().iter().collect();
                    out.push(format!("message {len} {:?} {quirks:?}", index.defect()));
                    len
                }
                Ok(Some(other)) => panic!("{other:?}"),
            };
            assert!(len > 0 && len <= buffer.len());
            buffer.drain(..len);
        }
    }
    out
}

/// Any bytes to a server with one session, which answers nothing by itself, in any chunks; and
/// to one whose application answers at once.
pub fn rtsp_server(data: &[u8]) {
    let [first, rest @ ..] = cuts(data);
    let expected = serve(&first, false);
    for chunks in rest {
        assert_eq!(serve(&chunks, false), expected);
    }
    let outputs = serve(&first, true);
    let closed = outputs.iter().filter(|line| line.starts_with("Closed")).count();
    assert!(closed <= 1 && (closed == 0 || outputs.last().expect("one").starts_with("Closed")));
}

fn serve(chunks: &[&[u8]], answers: bool) -> Vec<String> {
    let now = Instant::ZERO;
    // Small, so that an input can cross them.
    let limits = Limits::default().with_head_max(600).with_line_max(200).with_body_max(300);
    let config = server::Config::default().with_malformed_max(2).with_pending_max(4);
    let config = config.with_limits(limits);
    let mut server = Server::new(now, Arc::new(config), Seed::from_u64(1));
    let mut out = Vec::new();
    for chunk in chunks {
        server.handle_input(now, server::Input::Data(chunk));
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(bytes) => readable(&mut out, &bytes),
                Output::Event(event) => {
                    if let (true, server::Event::Request(asked)) = (answers, &event) {
                        let offer = asked.request.view().headers().transports().flatten().next();
                        let done = match (asked.method, offer) {
                            (Method::Setup, Some(offer)) => {
                                server.accept_setup(now, asked.id, &offer).map(drop)
                            }
                            _ => server.accept(now, asked.id),
                        };
                        if done.is_err() {
                            let refused = server.refuse(now, asked.id, StatusCode::NOT_FOUND);
                            assert!(refused.is_ok(), "what waits for an answer can be refused");
                        }
                    }
                    out.push(format!("{event:?}"));
                }
            }
        }
    }
    out
}

/// Any bytes to a client that has asked three things, in any chunks: as it is by default, and
/// in 2.0, going on behind garbage.
pub fn rtsp_client(data: &[u8]) {
    let recovers = client::Config::default()
        .with_version(Version::V2_0)
        .with_resync(Some(Resync::default().with_skip_max(1000)))
        .with_frames_in_heads(true);
    for config in [client::Config::default(), recovers] {
        // Small, so that an input can cross them.
        let limits = Limits::default().with_head_max(600).with_line_max(200).with_body_max(300);
        let config = Arc::new(config.with_malformed_max(2).with_limits(limits));
        let [first, rest @ ..] = cuts(data);
        let expected = ask(&config, &first);
        for chunks in rest {
            assert_eq!(ask(&config, &chunks), expected);
        }
    }
}

fn ask(config: &Arc<client::Config>, chunks: &[&[u8]]) -> Vec<String> {
    let now = Instant::ZERO;
    let mut client = Client::new(now, Arc::clone(config), Seed::from_u64(1));
    let mut out = Vec::new();
    let url = "rtsp://h/a";
    client.options(now, url).expect("asks");
    client.describe(now, url).expect("asks");
    let key = client.open_session(now, url).expect("opens");
    let offer = Transport::interleaved(Some(ChannelPair::starting_at(0)));
    client.setup(now, key, url, &[offer]).expect("asks");
    for chunk in chunks {
        client.handle_input(now, client::Input::Data(chunk));
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit(bytes) => readable(&mut out, &bytes),
                Output::Event(event) => out.push(format!("{event:?}")),
            }
        }
    }
    let closed = out.iter().filter(|line| line.starts_with("Closed")).count();
    assert!(closed <= 1 && (closed == 0 || out.last().expect("one").starts_with("Closed")));
    out
}

/// What a machine sends is whole messages that its own side would read.
fn readable(out: &mut Vec<String>, bytes: &Bytes) {
    let mut index = Index::new();
    let (_, used) = Message::parse(bytes, &mut index, &Limits::DEFAULT)
        .expect("what is sent can be read")
        .expect("it is whole");
    assert_eq!(used, bytes.len());
    out.push(bytes.escape_ascii().to_string());
}
