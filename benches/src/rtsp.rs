//! Operations of the area `rtsp`.

use crate::Op;
use crate::inputs::rtsp as inputs;
use rtsp_proto::client::{self, Client};
use rtsp_proto::headers::{
    CSeq, ChannelPair, NptRange, NptTime, Range, RangeSpec, Session, Transport,
};
use rtsp_proto::interleaved::Frame;
use rtsp_proto::server::{self, Server};
use rtsp_proto::{
    Framer, HeaderName, Index, Instant, Limits, Message, Method, Output, Seed, SessionKey,
    StatusCode, Unit,
};
use std::hint::black_box;
use std::sync::Arc;

/// The operations of this area.
pub const OPS: &[Op] = &[
    Op {
        name: "rtsp/index/describe",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::describe(), Index::new());
            Box::new(move || index(&message, &mut scratch))
        },
    },
    Op {
        name: "rtsp/index/setup",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::setup(), Index::new());
            Box::new(move || index(&message, &mut scratch))
        },
    },
    Op {
        name: "rtsp/index/200sdp",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::described(), Index::new());
            Box::new(move || index(&message, &mut scratch))
        },
    },
    Op {
        name: "rtsp/index/varied",
        items: 1_024,
        allocates: false,
        make: || {
            let (messages, mut scratch) = (inputs::varied(), Index::new());
            Box::new(move || messages.iter().map(|m| index(m, &mut scratch)).sum())
        },
    },
    Op {
        name: "rtsp/typed-setup/one",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::setup(), Index::new());
            Box::new(move || typed_setup(&message, &mut scratch))
        },
    },
    Op {
        name: "rtsp/typed-setup/varied",
        items: 1_024,
        allocates: false,
        make: || {
            let (messages, mut scratch) = (inputs::varied_setups(), Index::new());
            Box::new(move || messages.iter().map(|m| typed_setup(m, &mut scratch)).sum())
        },
    },
    Op {
        name: "rtsp/typed-play/one",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::playing(), Index::new());
            Box::new(move || typed_play(&message, &mut scratch))
        },
    },
    Op {
        name: "rtsp/typed-play/varied",
        items: 1_024,
        allocates: false,
        make: || {
            let (messages, mut scratch) = (inputs::varied_playing(), Index::new());
            Box::new(move || messages.iter().map(|m| typed_play(m, &mut scratch)).sum())
        },
    },
    Op {
        name: "rtsp/frames/borrowed",
        items: 100,
        allocates: false,
        make: || {
            let stream = inputs::frames(100);
            Box::new(move || frames(&stream))
        },
    },
    Op {
        name: "rtsp/frames/framer",
        items: 100,
        allocates: false,
        make: || {
            let (stream, mut scratch) = (inputs::frames(100), Index::new());
            Box::new(move || framed(&stream, &mut scratch))
        },
    },
    Op {
        name: "rtsp/framer/whole",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::described(), Index::new());
            Box::new(move || chunked(&message, message.len(), &mut scratch, &Limits::DEFAULT))
        },
    },
    Op {
        name: "rtsp/framer/bytewise",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (inputs::described(), Index::new());
            Box::new(move || chunked(&message, 1, &mut scratch, &Limits::DEFAULT))
        },
    },
    Op {
        name: "rtsp/framer/endless-head",
        items: 1,
        allocates: false,
        make: || {
            let (message, mut scratch) = (endless(), Index::new());
            Box::new(move || chunked(&message, 1_024, &mut scratch, &Limits::DEFAULT))
        },
    },
    Op {
        name: "rtsp/framer/endless-256k",
        items: 256,
        allocates: false,
        make: || {
            let (message, mut scratch) = (endless(), Index::new());
            let limits = Limits::DEFAULT.with_head_max(1 << 20).with_header_count_max(1 << 16);
            Box::new(move || chunked(&message, 1_024, &mut scratch, &limits))
        },
    },
    Op {
        name: "rtsp/session/both-sides",
        items: 1,
        allocates: true,
        make: || {
            let host = Host::default();
            Box::new(move || session(&host, URL, usize::MAX, |_, _| ()))
        },
    },
    Op {
        name: "rtsp/session/bytewise",
        items: 1,
        allocates: true,
        make: || {
            let host = Host::default();
            Box::new(move || session(&host, URL, 1, |_, _| ()))
        },
    },
];

const URL: &str = "rtsp://camera.example.com/live/";

/// Framed, indexed, the start line understood.
fn index(message: &[u8], scratch: &mut Index) -> u64 {
    let (message, used) = parse(message, scratch);
    (used + message.headers().fields().len()) as u64
}

/// SETUP with CSeq, Session, the ports or channels of Transport, the start of Range.
fn typed_setup(message: &[u8], scratch: &mut Index) -> u64 {
    let headers = parse(message, scratch).0.headers();
    let mut sum = u64::from(headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq").0);
    sum += headers.typed::<Session<'_>>().expect("a Session").map_or(0, |s| s.id.len() as u64);
    let transport = headers.transports().next().expect("a Transport").expect("a Transport");
    sum += transport.client_port.map_or(0, |ports| u64::from(ports.rtp) + u64::from(ports.rtcp()));
    sum += transport.interleaved.map_or(0, |channels| u64::from(channels.rtp) + 1);
    sum + start(&headers.typed::<Range<'_>>().expect("a Range").expect("a Range"))
}

/// The answer to PLAY with CSeq, Session, the start of Range and all of RTP-Info.
fn typed_play(message: &[u8], scratch: &mut Index) -> u64 {
    let headers = parse(message, scratch).0.headers();
    let mut sum = u64::from(headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq").0);
    sum += headers.typed::<Session<'_>>().expect("a Session").map_or(0, |s| s.id.len() as u64);
    for info in headers.rtp_infos() {
        sum += info.url.len() as u64 + u64::from(info.seq.unwrap_or(0));
        sum += u64::from(info.rtptime.unwrap_or(0));
    }
    sum + start(&headers.typed::<Range<'_>>().expect("a Range").expect("a Range"))
}

fn start(range: &Range<'_>) -> u64 {
    match range.spec {
        RangeSpec::Npt(NptRange { start: Some(NptTime::At(at)), .. }) => {
            at.as_secs() + u64::from(at.subsec_nanos())
        }
        _ => 0,
    }
}

fn parse<'a>(message: &'a [u8], scratch: &'a mut Index) -> (Message<'a>, usize) {
    Message::parse(message, scratch, &Limits::DEFAULT).expect("parses").expect("whole")
}

/// Borrowed frames, one behind the other.
fn frames(mut stream: &[u8]) -> u64 {
    let mut sum = 0;
    while let Some((frame, used)) = Frame::parse(stream) {
        sum += black_box(frame).payload.len() as u64 + u64::from(frame.channel);
        stream = &stream[used..];
    }
    sum
}

/// The same by the framer, which also takes text.
fn framed(mut stream: &[u8], scratch: &mut Index) -> u64 {
    let (mut framer, mut sum) = (Framer::new(), 0);
    while let Ok(Some(Unit::Frame { channel, len })) =
        framer.next(stream, scratch, &Limits::DEFAULT)
    {
        sum += len as u64 + u64::from(channel);
        stream = &stream[len..];
    }
    sum
}

/// One message in pieces of `size`; how far it got.
fn chunked(message: &[u8], size: usize, scratch: &mut Index, limits: &Limits) -> u64 {
    let mut framer = Framer::new();
    let mut end = 0;
    while end < message.len() {
        end = (end + size).min(message.len());
        match framer.next(&message[..end], scratch, limits) {
            Ok(None) => {}
            Ok(Some(_)) => return end as u64,
            Err(error) => return error.offset() as u64,
        }
    }
    end as u64
}

/// A head of 256 KiB that does not end.
fn endless() -> Vec<u8> {
    let mut message = b"OPTIONS * RTSP/1.0\r\n".to_vec();
    while message.len() < 256 * 1_024 {
        message.extend_from_slice(b"X-Header: some value of some length\r\n");
    }
    message
}

/// What a host has one of for all its connections.
#[derive(Debug, Default)]
pub(crate) struct Host {
    client: Arc<client::Config>,
    server: Arc<server::Config>,
}

/// OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN: client and server joined in memory, in pieces of at
/// most `size` bytes; `answered` is told of each response.
pub(crate) fn session(
    host: &Host,
    url: &str,
    size: usize,
    mut answered: impl FnMut(Method, StatusCode),
) -> u64 {
    let now = Instant::ZERO;
    let mut client = Client::new(now, Arc::clone(&host.client), Seed::from_u64(1));
    let mut server = Server::new(now, Arc::clone(&host.server), Seed::from_u64(2));
    let key = client.open_session(now, url).expect("opens");
    client.options(now, url).expect("asks");
    let mut moved = 0;
    loop {
        let mut idle = true;
        while let Some(output) = client.poll_output() {
            idle = false;
            match output {
                Output::Transmit(bytes) => {
                    moved += bytes.len() as u64;
                    if size >= bytes.len() {
                        server.handle_input(now, server::Input::Owned(bytes));
                    } else {
                        for piece in bytes.chunks(size) {
                            server.handle_input(now, server::Input::Data(piece));
                        }
                    }
                }
                Output::Event(event) => {
                    if let client::Event::Response { method, response, .. } = &event {
                        answered(*method, response.view().status());
                    }
                    follow(&mut client, key, url, &event);
                }
            }
        }
        while let Some(output) = server.poll_output() {
            idle = false;
            match output {
                Output::Transmit(bytes) => {
                    moved += bytes.len() as u64;
                    if size >= bytes.len() {
                        client.handle_input(now, client::Input::Owned(bytes));
                    } else {
                        for piece in bytes.chunks(size) {
                            client.handle_input(now, client::Input::Data(piece));
                        }
                    }
                }
                Output::Event(server::Event::Request(asked)) => answer(&mut server, &asked),
                Output::Event(_) => {}
            }
        }
        if idle {
            assert!(client.session(key).is_none(), "torn down");
            return moved;
        }
    }
}

fn follow(client: &mut Client, key: SessionKey, url: &str, event: &client::Event) {
    let now = Instant::ZERO;
    let client::Event::Response { method, .. } = event else { return };
    let sent = match method {
        Method::Options => client.describe(now, url),
        Method::Describe => {
            let offer = Transport::interleaved(Some(ChannelPair::starting_at(0)));
            client.setup(now, key, "rtsp://camera.example.com/live/trackID=1", &[offer])
        }
        Method::Setup => client.play(now, key, None),
        Method::Play => client.teardown(now, key),
        _ => return,
    };
    sent.expect("asks");
}

fn answer(server: &mut Server, asked: &server::Incoming) {
    let now = Instant::ZERO;
    let headers = asked.request.view().headers();
    match asked.method {
        Method::Describe => server.describe(now, asked.id, "rtsp://camera.example.com/live/", SDP),
        Method::Setup => {
            let offer = headers.transports().flatten().next().expect("an offer");
            server.accept_setup(now, asked.id, &offer).map(drop)
        }
        _ => server.accept(now, asked.id),
    }
    .expect("answers");
    debug_assert!(headers.contains(HeaderName::CSeq));
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Camera\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n";
