//! Wi-Fi Display, in which both sides ask (M1 to M9): our client is the display, our server the
//! source. What RTSP has no word for are bodies, a tag and the bytes of parameters.
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
use player::Player;
use rtsp_proto::client::{Client, Event};
use rtsp_proto::headers::{PortPair, Transport};
use rtsp_proto::server::{self, Server};
use rtsp_proto::{
    HeaderName, Instant, Method, Methods, Output, RequestBuilder, ResponseBuilder, Seed, StatusCode,
};

const WFD: &str = "org.wfa.wfd1.0";
const URL: &str = "rtsp://192.0.2.1/wfd1.0/streamid=0";
const NOW: Instant = Instant::from_secs(1);

/// The conversation so far, a line for each message.
struct Evening {
    sink: Client,
    source: Server,
    log: Vec<String>,
    session: Option<rtsp_proto::SessionKey>,
}

impl Evening {
    fn run(&mut self) {
        loop {
            let mut is_idle = true;
            while let Some(output) = self.source.poll_output() {
                is_idle = false;
                match output {
                    Output::Transmit(bytes) => {
                        self.sink.handle_input(NOW, rtsp_proto::client::Input::Owned(bytes));
                    }
                    Output::Event(event) => self.source_hears(event),
                }
            }
            while let Some(output) = self.sink.poll_output() {
                is_idle = false;
                match output {
                    Output::Transmit(bytes) => {
                        self.source.handle_input(NOW, server::Input::Owned(bytes));
                    }
                    Output::Event(event) => self.sink_hears(event),
                }
            }
            if is_idle {
                return;
            }
        }
    }

    fn sink_hears(&mut self, event: Event) {
        match event {
            Event::Request { id: Some(id), request } => {
                let view = request.view();
                let body = String::from_utf8(view.body().to_vec()).unwrap();
                self.log.push(format!("source: {} {body}", view.method_name()));
                let ok = ResponseBuilder::new(StatusCode::OK);
                let answer = match view.method() {
                    Method::Options => {
                        assert!(view.headers().tokens(HeaderName::Require).eq([WFD]));
                        ok.header(
                            HeaderName::Public,
                            format!("{WFD}, GET_PARAMETER, SET_PARAMETER"),
                        )
                    }
                    Method::GetParameter => ok.body("text/parameters", format!("{body}: 3\r\n")),
                    _ => ok,
                };
                self.sink.respond(NOW, id, &answer).unwrap();
                if body == "wfd_trigger_method: SETUP" {
                    let session = self.sink.open_session(NOW, URL).unwrap();
                    let offer = Transport::udp(PortPair::new(19000, None));
                    self.sink.setup(NOW, session, URL, &[offer]).unwrap();
                    self.session = Some(session);
                }
            }
            Event::Response { method, response, .. } => {
                self.log.push(format!("{} {}", method.name(), response.view().status().code()));
            }
            Event::StreamReady { session, .. } => {
                self.sink.play(NOW, session, None).unwrap();
            }
            Event::SessionEnded { .. } => self.session = None,
            other => panic!("{other:?}"),
        }
    }

    fn source_hears(&mut self, event: server::Event) {
        match event {
            server::Event::Request(asked) if asked.method == Method::Setup => {
                let offer = asked.request.view().headers().transports().next().unwrap().unwrap();
                self.source.accept_setup(NOW, asked.id, &offer).unwrap();
            }
            server::Event::Request(asked) => self.source.accept(NOW, asked.id).unwrap(),
            server::Event::Response { method, response, .. } => {
                let view = response.view();
                let body = String::from_utf8_lossy(view.body()).into_owned();
                let public = view.headers().get(HeaderName::Public).unwrap_or_default();
                self.log.push(format!("sink: {} {public}{}", method.name(), body.trim_end()));
            }
            server::Event::SessionEnded { reason, .. } => self.log.push(format!("{reason:?}")),
            other => panic!("{other:?}"),
        }
    }

    fn source_asks(&mut self, method: Method, body: &str) {
        let mut request = RequestBuilder::new(method, "rtsp://localhost/wfd1.0");
        if method == Method::Options {
            request = RequestBuilder::new(method, "*").header(HeaderName::Require, WFD);
        } else if !body.is_empty() {
            request = request.body("text/parameters", body.to_owned());
        }
        self.source.request(NOW, None, &request).unwrap();
        self.run();
    }
}

#[test]
fn a_source_and_its_display_ask_each_other() {
    let accepted = [Method::Options, Method::GetParameter, Method::SetParameter];
    let config =
        rtsp_proto::client::Config::default().with_accepted_methods(Methods::of(&accepted));
    let sink = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let config = server::Config::default().with_features(vec![WFD.into()]);
    let source = Server::new(NOW, Arc::new(config), Seed::from_u64(2));
    let mut evening = Evening { sink, source, log: Vec::new(), session: None };
    evening.source_asks(Method::Options, ""); // M1
    let ask = RequestBuilder::new(Method::Options, "*").header(HeaderName::Require, WFD);
    evening.sink.request(NOW, None, ask).unwrap(); // M2
    evening.run();
    evening.source_asks(Method::GetParameter, "wfd_audio_codecs"); // M3
    evening.source_asks(Method::SetParameter, "wfd_audio_codecs: LPCM"); // M4
    evening.source_asks(Method::SetParameter, "wfd_trigger_method: SETUP"); // M5 to M7
    evening.source_asks(Method::GetParameter, ""); // M16
    let session = evening.session.unwrap();
    evening.sink.teardown(NOW, session).unwrap(); // M8
    evening.run();
    assert_eq!(
        evening.log,
        [
            "source: OPTIONS ",
            "sink: OPTIONS org.wfa.wfd1.0, GET_PARAMETER, SET_PARAMETER",
            "OPTIONS 200",
            "source: GET_PARAMETER wfd_audio_codecs",
            "sink: GET_PARAMETER wfd_audio_codecs: 3",
            "source: SET_PARAMETER wfd_audio_codecs: LPCM",
            "sink: SET_PARAMETER ",
            "source: SET_PARAMETER wfd_trigger_method: SETUP",
            "sink: SET_PARAMETER ",
            "SETUP 200",
            "PLAY 200",
            "source: GET_PARAMETER ",
            "sink: GET_PARAMETER : 3",
            "TornDown",
            "TEARDOWN 200",
        ]
    );
    assert_eq!(evening.session, None);
}

/// A client that knows nothing of it says so, with the tag, as a server would.
#[test]
fn what_a_server_requires_and_nobody_has_is_551() {
    let mut player = Player::new();
    player.hears("OPTIONS * RTSP/1.0\nCSeq: 1\nRequire: org.wfa.wfd1.0, play.basic\n\n");
    let said = player.sent();
    assert!(said.starts_with("RTSP/1.0 551 Option Not Supported\nCSeq: 1\n"), "{said}");
    assert!(said.contains("\nUnsupported: org.wfa.wfd1.0\n"), "{said}");
    player.hears("OPTIONS * RTSP/2.0\nCSeq: 2\nRequire: play.basic\n\n");
    assert!(player.sent().starts_with("RTSP/2.0 200 OK\nCSeq: 2\n"));
    player.hears_bytes(b"OPTIONS * RTSP/1.0\r\nCSeq: 3\r\nRequire: a\0b\r\n\r\n");
    assert_eq!(player.sent(), "RTSP/1.0 551 Option Not Supported\nCSeq: 3\n\n");
}
