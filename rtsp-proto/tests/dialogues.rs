//! Whole dialogues as real programs hold them, both sides of each: our client says what the
//! program's client says and understands what its server answers; our server answers what the
//! program's client asks. The texts are made here; only their shapes are those of the field.
//!
//! `-->` the client, `<--` the server (`-->$ 1 12`: a frame of 12 bytes on channel 1; `EOF`: the
//! connection's end). `!!` what our client makes of the answer before. `@@ 551` what our server
//! answers where the program's server answers otherwise.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

mod player;

use alloc::sync::Arc;
use player::{Player, quiet};
use proto_wire::sdp::Sdp;
use rtsp_proto::client::{Config, Event, PlayOptions, Settled};
use rtsp_proto::control_url::{self, Join};
use rtsp_proto::headers::{Range, Scale, Transport};
use rtsp_proto::server::{self, Carrier, Server};
use rtsp_proto::{
    HeaderName, Index, Instant, Limits, Message, Method, Methods, Output, Request, RequestBuilder,
    Seed, SessionKey,
};

/// One line or block of a dialogue.
#[derive(Debug)]
enum Step {
    Client(Vec<u8>),
    Server(Vec<u8>),
    ClientEof,
    /// What our client makes of it.
    Makes(String),
    /// What our server answers instead.
    Ours(u16),
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (mark, rest) = line.split_at(line.len().min(3));
        match mark {
            "!! " => steps.push(Step::Makes(rest.to_owned())),
            "@@ " => steps.push(Step::Ours(rest.parse().unwrap())),
            "-->" | "<--" => {
                let bytes = match rest.strip_prefix("$ ") {
                    Some(frame) => {
                        let (channel, len) = frame.split_once(' ').unwrap();
                        let len: u16 = len.parse().unwrap();
                        let mut bytes = vec![b'$', channel.parse().unwrap()];
                        bytes.extend_from_slice(&len.to_be_bytes());
                        bytes.resize(4 + usize::from(len), b'm');
                        bytes
                    }
                    None => {
                        let mut block = Vec::new();
                        let is_mark = |line: &str| {
                            ["-->", "<--", "!! ", "@@ ", "# "].iter().any(|m| line.starts_with(m))
                        };
                        while lines.peek().is_some_and(|line| !is_mark(line)) {
                            block.push(lines.next().unwrap());
                        }
                        message(&block)
                    }
                };
                steps.push(match (mark, rest.trim()) {
                    ("-->", "EOF") => Step::ClientEof,
                    ("-->", _) => Step::Client(bytes),
                    _ => Step::Server(bytes),
                });
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{line:?}"),
        }
    }
    steps
}

/// Lines as a message, with the length of its body.
fn message(lines: &[&str]) -> Vec<u8> {
    let head = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let body: String = lines
        .iter()
        .skip(head + 1)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\r\n"))
        .collect();
    let mut text: String = lines[..head].iter().map(|line| format!("{line}\r\n")).collect();
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    (text + &body).into_bytes()
}

/// What a request says, apart from who sends it.
fn essence(request: Request<'_>) -> String {
    let headers = request.headers();
    let transports: Vec<String> = headers
        .transports()
        .flatten()
        .map(|t| {
            format!("{:?} {:?} {:?} {:?}", t.lower, t.interleaved, t.client_port, t.mode.record)
        })
        .collect();
    let range = headers.typed::<Range<'_>>().ok().flatten().map(|range| range.to_string());
    let scheme = headers.get(HeaderName::Authorization).and_then(|a| a.split(' ').next());
    let essence = [
        format!("{} {} {:?}", request.method_name(), request.uri(), request.version()),
        format!("{:?}", headers.get(HeaderName::CSeq)),
        format!("{:?}", headers.get(HeaderName::Session)),
        format!("{transports:?} {range:?} {scheme:?}"),
        format!("{:?}", headers.typed::<Scale>()),
        String::from_utf8_lossy(request.body()).into_owned(),
    ];
    essence.join("\n")
}

fn with_request<T>(bytes: &[u8], f: impl FnOnce(Request<'_>) -> T) -> Option<T> {
    let mut index = Index::new();
    match Message::parse(bytes, &mut index, &Limits::default()) {
        Ok(Some((Message::Request(request), _))) => Some(f(request)),
        _ => None,
    }
}

fn makes(event: &Event) -> String {
    match event {
        Event::Response { method, response, .. } => {
            format!("{} {}", method.name(), response.view().status().code())
        }
        Event::StreamReady { settled: Settled::Interleaved(pair), .. } => {
            format!("channels {pair}")
        }
        Event::StreamReady { settled: Settled::Udp { client_port, server_port, .. }, .. } => {
            let show =
                |p: &Option<rtsp_proto::headers::PortPair>| p.map_or("?".into(), |p| p.to_string());
            format!("udp {} to {}", show(server_port), show(client_port))
        }
        Event::Media { session, channel, payload } => {
            format!(
                "media {channel} {} {}",
                payload.len(),
                if session.is_some() { "ours" } else { "stray" }
            )
        }
        Event::TransportRefused { interleaved, .. } => {
            format!(
                "refused, {} instead",
                if interleaved.is_some() { "interleaved" } else { "udp" }
            )
        }
        Event::SessionEnded { reason, .. } => format!("session ended: {reason:?}"),
        Event::Unmatched { response } => format!("unmatched {}", response.view().status().code()),
        other => format!("{other:?}"),
    }
}

#[cfg(feature = "digest")]
fn known_as_alice(config: Config) -> Config {
    let alice = proto_wire::digest::Credential::new("alice", "secret").unwrap();
    config.with_credential(alice)
}

/// Without the feature no challenge can be answered: those dialogues are left out below.
#[cfg(not(feature = "digest"))]
fn known_as_alice(config: Config) -> Config {
    config
}

/// Our client in the place of the program's.
fn replay_client(name: &str, text: &str) {
    let mut player: Option<Player> = None;
    let mut session: Option<SessionKey> = None;
    // What the description says, to find the URLs to set up as players do.
    let (mut base, mut controls) = (String::new(), Vec::new());
    let mut events = Vec::new().into_iter();
    for step in steps(text) {
        match step {
            Step::Client(bytes) if bytes.starts_with(b"$") => {
                let player = player.as_mut().unwrap();
                let payload = bytes[4..].to_vec();
                player.client.send_media(player.now, bytes[1], payload.into()).unwrap();
                player.sent();
            }
            Step::Client(bytes) => {
                assert_eq!(events.next(), None, "{name}: a `!!` is missing");
                let Some(version) = with_request(&bytes, |request| request.version()) else {
                    panic!("{name}: {}", String::from_utf8_lossy(&bytes));
                };
                let player = player.get_or_insert_with(|| {
                    Player::with(known_as_alice(quiet().with_version(version)))
                });
                let mut sent = player.sent();
                if sent.is_empty() {
                    with_request(&bytes, |request| {
                        command(player, &mut session, request, &base, &mut controls);
                    });
                    sent = player.sent();
                }
                let sent = sent.replace('\n', "\r\n").into_bytes();
                let said = with_request(&sent, essence);
                assert_eq!(said, with_request(&bytes, essence), "{name}");
            }
            Step::Server(bytes) => {
                let player = player.as_mut().unwrap();
                assert_eq!(events.next(), None, "{name}: a `!!` is missing");
                let heard = player.hears_bytes(&bytes);
                for event in &heard {
                    let Event::Response { method: Method::Describe, response, .. } = event else {
                        continue;
                    };
                    let (headers, body) = (response.view().headers(), response.view().body());
                    base = control_url::base(
                        headers.get(HeaderName::ContentBase),
                        headers.get(HeaderName::ContentLocation),
                        "",
                    );
                    controls = Sdp::new(body)
                        .media()
                        .filter_map(|m| m.control().map(str::to_owned))
                        .collect();
                    controls.reverse();
                }
                events = heard.iter().map(makes).collect::<Vec<_>>().into_iter();
            }
            Step::Makes(expected) => {
                assert_eq!(events.next().as_deref(), Some(expected.as_str()), "{name}");
            }
            Step::ClientEof | Step::Ours(_) => {}
        }
    }
    assert_eq!(events.next(), None, "{name}: a `!!` is missing at the end");
}

/// Lets our client say what `request` says.
fn command(
    player: &mut Player,
    session: &mut Option<SessionKey>,
    request: Request<'_>,
    base: &str,
    controls: &mut Vec<String>,
) {
    let (now, uri, headers) = (player.now, request.uri(), request.headers());
    let client = &mut player.client;
    let range = headers.typed::<Range<'_>>().unwrap();
    let done = match request.method() {
        Method::Options => client.options(now, uri),
        Method::Describe => client.describe(now, uri),
        Method::Announce => {
            let key = *session.get_or_insert_with(|| client.open_session(now, uri).unwrap());
            client.announce(now, key, request.body().to_vec())
        }
        Method::Setup => {
            // Where a player finds it, when there was a description.
            let url =
                controls.pop().map(|control| control_url::resolve(base, &control, Join::Append));
            // Some set up the whole when it has one stream.
            assert!(uri == base || url.as_deref().unwrap_or(uri) == uri, "{url:?}");
            let key = *session.get_or_insert_with(|| client.open_session(now, base).unwrap());
            let offers: Vec<Transport<'_>> = headers.transports().flatten().collect();
            client.setup(now, key, uri, &offers)
        }
        Method::Play => {
            let mut options = PlayOptions::new();
            if let Some(range) = &range {
                options = options.with_range(range);
            }
            if let Some(Scale(scale)) = headers.typed().unwrap() {
                options = options.with_scale(scale);
            }
            client.play_with(now, session.unwrap(), &options)
        }
        Method::Pause => client.pause(now, session.unwrap()),
        Method::Teardown => client.teardown(now, session.unwrap()),
        method => {
            let mut asked = RequestBuilder::new(method, uri);
            if let Some(range) = range {
                asked = asked.header(HeaderName::Range, range);
            }
            client.request(now, *session, asked)
        }
    };
    done.unwrap_or_else(|error| panic!("{} {uri}: {error}", request.method_name()));
}

/// Our server in the place of the program's.
fn replay_server(name: &str, text: &str) {
    let offered = Methods::of(&[Method::Announce, Method::Record]);
    let config = server::Config::default();
    let methods = config.methods.union(offered);
    let now = Instant::from_secs(1);
    let mut server = Server::new(now, Arc::new(config.with_methods(methods)), Seed::from_u64(3));
    let steps = steps(text);
    // The id that the dialogue has, and the one that our server gave.
    let (mut theirs, mut ours): (Option<String>, Option<String>) = (None, None);
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Client(bytes) => {
                let mut bytes = bytes.clone();
                if let (Some(theirs), Some(ours), false) = (&theirs, &ours, bytes.starts_with(b"$"))
                {
                    bytes = String::from_utf8(bytes).unwrap().replace(theirs, ours).into_bytes();
                }
                let sdp = description(&steps[at..]);
                server.handle_input(now, server::Input::Data(&bytes));
                answers.extend(serve(&mut server, &sdp));
            }
            Step::ClientEof => {
                server.handle_input(now, server::Input::Eof);
                answers.extend(serve(&mut server, ""));
            }
            Step::Ours(status) => {
                let first = (!answers.is_empty()).then(|| answers.remove(0));
                assert_eq!(first.as_deref().map(status_of), Some(*status), "{name}");
            }
            Step::Server(bytes) if bytes.starts_with(b"$") => {}
            Step::Server(bytes) => {
                let id = session_of(bytes);
                if theirs.is_none() {
                    theirs = id;
                }
                // Ours was compared already.
                if matches!(at.checked_sub(1).map(|before| &steps[before]), Some(Step::Ours(_))) {
                    continue;
                }
                let first = (!answers.is_empty()).then(|| answers.remove(0));
                let first = first.unwrap_or_else(|| {
                    panic!("{name}: no answer for {}", String::from_utf8_lossy(bytes))
                });
                assert_eq!(
                    status_of(&first),
                    status_of(bytes),
                    "{name}: {}",
                    String::from_utf8_lossy(&first)
                );
                if ours.is_none() {
                    ours = session_of(&first);
                }
            }
            Step::Makes(_) => {}
        }
    }
    assert!(answers.is_empty(), "{name}: {answers:?}");
}

fn status_of(response: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(response);
    text.split(' ').nth(1).and_then(|status| status.trim().parse().ok()).unwrap()
}

fn session_of(response: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(response);
    let value = text.lines().find_map(|line| line.strip_prefix("Session: "))?;
    Some(value.split(';').next()?.trim().to_owned())
}

/// The body of the next answer of the program's server.
fn description(steps: &[Step]) -> String {
    let next = steps.iter().find_map(|step| match step {
        Step::Server(bytes) if !bytes.starts_with(b"$") => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    let body = next.as_deref().and_then(|text| text.split_once("\r\n\r\n")).map(|(_, body)| body);
    body.unwrap_or_default().to_owned()
}

/// Answers all that is asked, as a server that allows everything; what went out.
fn serve(server: &mut Server, sdp: &str) -> Vec<Vec<u8>> {
    let now = Instant::from_secs(1);
    let mut out = Vec::new();
    while let Some(output) = server.poll_output() {
        let asked = match output {
            Output::Transmit(bytes) => {
                out.push(bytes.to_vec());
                continue;
            }
            Output::Event(server::Event::Request(asked)) => asked,
            Output::Event(_) => continue,
        };
        let done = match asked.method {
            Method::Describe => server.describe(now, asked.id, "rtsp://h/base/", sdp.to_owned()),
            Method::Setup => match server.choose(&asked, &[Carrier::Interleaved, Carrier::Udp]) {
                Ok(offer) => server.accept_setup(now, asked.id, &offer).map(drop),
                Err(status) => server.refuse(now, asked.id, status),
            },
            Method::Play => server.accept_play(now, asked.id, None, &[]),
            _ => server.accept(now, asked.id),
        };
        done.unwrap_or_else(|error| panic!("{error}"));
    }
    out
}

macro_rules! dialogues {
    ($($(#[$when:meta])? $name:ident)*) => { $(
        $(#[$when])?
        mod $name {
            const TEXT: &str = include_str!(concat!("dialogues/", stringify!($name), ".txt"));

            #[test]
            fn our_client() {
                super::replay_client(stringify!($name), TEXT);
            }

            #[test]
            fn our_server() {
                super::replay_server(stringify!($name), TEXT);
            }
        }
    )* };
}

dialogues! {
    aiortsp_plays
    aiortsp_refuses_udp
    #[cfg(feature = "digest")] aiortsp_signs
    aiortsp_two_streams
    ffmpeg_listens
    ffmpeg_two_streams
    #[cfg(feature = "digest")] gst_basic
    #[cfg(feature = "digest")] gst_digest
    gst_nothing_there
    gst_record
    gst_two_streams
    gst_udp
    gst_v2
    #[cfg(feature = "digest")] gst_wrong_password
    live555_behind_relay
    live555_early_rtcp
    live555_relays
    live555_takes_anything
    live555_udp
    #[cfg(feature = "digest")] openrtsp_digest
    rtspsrc_udp
    vlc_udp
}

/// Requests that no player sends; only our server hears them.
#[test]
fn probes() {
    replay_server("probes", include_str!("dialogues/probes.txt"));
    let in_a_session = include_str!("dialogues/probes_in_a_session.txt");
    replay_server("probes_in_a_session", in_a_session);
}
