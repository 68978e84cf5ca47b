//! The RTSP server where it is not as it is by default.

extern crate alloc;

use alloc::sync::Arc;
use core::time::Duration;
use proto_wire::digest::{Secret, ServerConfig};
use rtsp_proto::server::{Authentication, Config, DetachedSession, Event, Input, Server};
use rtsp_proto::{Instant, Method, Output, Resync, Seed, StatusCode};

/// Two connections of one server that pass sessions to each other, in the modes that the first
/// byte names: authentication, datagrams, sessions elsewhere, resynchronisation, the strict
/// profile. Pieces between bytes `FF` go to one or the other, a second apart. No order of
/// requests panics, brings two sessions of one id, keeps the host busy, or leaves a request
/// that can neither be answered nor refused.
pub fn rtsp_doors(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let has = |bit: u8| mode & (1 << bit) != 0;
    let mut config = Config::default()
        .with_sessions_elsewhere(has(2))
        .with_sessions_outlive(has(2))
        .with_frames_in_heads(has(3))
        .with_strict(has(4))
        .with_malformed_max(2)
        .with_pending_max(4);
    if has(0) {
        let realm = ServerConfig::new("realm").expect("a plain realm");
        config = config.with_authentication(Authentication::new(realm));
    }
    if has(3) {
        config = config.with_resync(Some(Resync::default().with_skip_max(500)));
    }
    let config = Arc::new(config);
    let open = |seed| {
        let (config, seed) = (Arc::clone(&config), Seed::from_u64(seed));
        match has(1) {
            true => Server::over_datagrams(Instant::ZERO, config, seed),
            false => Server::new(Instant::ZERO, config, seed),
        }
    };
    let mut host = Host { servers: [open(1), open(2)], closed: [0, 0], away: Vec::new() };
    let mut now = Instant::ZERO;
    for piece in data.split(|byte| *byte == 0xFF) {
        let Some((first, rest)) = piece.split_first() else { continue };
        let at = usize::from(first % 2);
        // Either the piece names its connection by a digit, or it is all message.
        let bytes = if first.is_ascii_digit() { rest } else { piece };
        let input = if has(1) { Input::Datagram(bytes) } else { Input::Data(bytes) };
        host.servers[at].handle_input(now, input);
        host.serve(now, at);
        now = now.saturating_add(Duration::from_secs(1));
        for server in &mut host.servers {
            server.handle_timeout(now);
            assert!(server.poll_timeout().is_none_or(|at| at > now), "a busy loop");
        }
    }
    for at in 0..2 {
        host.servers[at].handle_input(now, Input::Eof);
        host.serve(now, at);
        let _mistake = host.servers[at].close(now);
        host.serve(now, at);
        assert_eq!(host.closed[at], 1, "closed once");
        assert_eq!(host.servers[at].poll_timeout(), None);
    }
}

struct Host {
    servers: [Server; 2],
    closed: [usize; 2],
    away: Vec<DetachedSession>,
}

impl Host {
    fn serve(&mut self, now: Instant, at: usize) {
        while let Some(output) = self.servers[at].poll_output() {
            assert_eq!(self.closed[at], 0, "something behind the end: {output:?}");
            let Output::Event(event) = output else { continue };
            match event {
                Event::Request(asked) => {
                    let server = &mut self.servers[at];
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
                Event::SecretWanted { id, username, .. } => {
                    let secret = match username.is_empty() {
                        true => Secret::Unknown,
                        false => Secret::Password("secret"),
                    };
                    self.servers[at].authenticate(now, id, secret).expect("it waits");
                }
                Event::SessionWanted { id, session, .. } => self.want(now, at, id, &session),
                Event::SessionDetached { detached, .. } => self.away.push(detached),
                Event::Closed(_) => self.closed[at] += 1,
                _ => {}
            }
        }
    }

    /// From those that are away, or from the other connection; else there is none.
    fn want(&mut self, now: Instant, at: usize, id: rtsp_proto::RequestId, wanted: &str) {
        let other = &mut self.servers[1 - at];
        let key = other.sessions().find(|(_, session)| session.id() == wanted).map(|(key, _)| key);
        let away = self.away.iter().position(|session| session.id() == wanted);
        assert!(key.is_none() || away.is_none(), "two sessions of one id");
        let found = match (key, away) {
            (Some(key), _) => other.detach_session(now, key).ok(),
            (None, Some(away)) => Some(self.away.swap_remove(away)),
            (None, None) => None,
        };
        let server = &mut self.servers[at];
        if let Some(session) = found {
            match server.attach_session(now, id, session) {
                Ok(_) => return,
                Err(refused) => self.away.push(refused.session),
            }
        }
        server.refuse(now, id, StatusCode::SESSION_NOT_FOUND).expect("it waits");
    }
}
