//! `sip_home`: registrar, location service and proxy of one domain survive any requests, answers, proofs and
//! times, keep their limits, never spin, and forget all transactions in the end.

use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::digest::{Client, Credential, Secret, Target};
use proto_wire::{Instant, Limits, Output, Rng, Seed};
use sip_proto::endpoint::{self, Listener, SipEvent, SipInput};
use sip_proto::home::{HomeConfig, HomeEvent, HomeServer, SecretId, StoreId};
use sip_proto::{HeaderName, MessageBuf, Method, RequestBuf, ResponseBuf, StatusCode, Transport};

fn at(n: u8) -> SocketAddr {
    ([192, 0, 2, n], 5060).into()
}

/// How many steps an input is: what its limits hold is full long before.
const STEPS: usize = 256;
/// The longest datagram: the rest of an input is one at each step that sends it.
const DATAGRAM: usize = 2_048;

/// The first byte says who is let in; then each step is two: what happens, and with what.
pub fn sip_home(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, at(1)));
    let below = endpoint::Config::new(listeners).with_transactions_max(24).with_queue_max(4);
    let mut config = HomeConfig::new("h", below).expect("a domain");
    config.bindings_max = 4;
    config.queue_max = 2;
    config = config.with_stored_messages(first & 1 != 0);
    if first & 2 != 0 {
        config = config.without_authentication();
    }
    let home = HomeServer::new(Instant::ZERO, config.into(), Seed::from_u64(1));
    let mut user = User::new(home);
    for (n, step) in data.chunks(2).enumerate().take(STEPS) {
        let (op, arg) = (step[0], step.get(1).copied().unwrap_or(0));
        match op % 9 {
            0 | 1 => user.asks("REGISTER", op, arg),
            2 => user.asks("MESSAGE", op, arg),
            3 => {
                let methods = ["INVITE", "CANCEL", "ACK", "BYE", "SUBSCRIBE", "OPTIONS", "x"];
                user.asks(methods[usize::from(arg >> 4) % methods.len()], op, arg);
            }
            // The rest of the bytes are a datagram.
            4 => {
                let rest = &data[(n * 2 + 1).min(data.len())..];
                user.sends(9, &rest[..rest.len().min(DATAGRAM)]);
            }
            5 => user.knows(arg),
            6 => user.answers(op, arg),
            7 => user.is_written_to(arg),
            _ => {
                user.now = user.now.saturating_add(Duration::from_secs(u64::from(arg)));
                user.home.handle_timeout(user.now);
                let next = user.home.poll_timeout();
                assert!(next.is_none_or(|next| next > user.now), "it spins");
            }
        }
        user.drain();
        // 24, and a CANCEL for each of them.
        assert!(user.home.endpoint().transactions() <= 2 * 24);
        let bindings = ["a@h", "b@h"].map(|address| user.home.bindings(address).len());
        assert!(bindings.iter().sum::<usize>() <= 4, "{bindings:?}");
    }
    user.ends();
}

/// Everybody outside, and what the program behind the server was asked.
struct User {
    home: HomeServer,
    now: Instant,
    rng: Rng,
    /// Answers challenges; made anew for each, as users come and go.
    digest: Option<Client>,
    forwarded: Vec<RequestBuf>,
    secrets: Vec<SecretId>,
    stores: Vec<StoreId>,
    connects: Vec<endpoint::ConnectId>,
}

impl User {
    fn new(home: HomeServer) -> Self {
        let rng = Rng::new(&Seed::from_u64(2));
        let (now, digest) = (Instant::ZERO, None);
        let (forwarded, secrets, stores, connects) = Default::default();
        Self { home, now, rng, digest, forwarded, secrets, stores, connects }
    }

    fn sends(&mut self, from: u8, data: &[u8]) {
        let input = SipInput::Datagram { local: at(1), remote: at(from), data };
        self.home.handle_input(self.now, input);
    }

    /// `arg`: two bits of identity, two of who, the rest what is special; `op`: contacts, and whether
    /// the last challenge is answered.
    fn asks(&mut self, method: &str, op: u8, arg: u8) {
        let registers = method == "REGISTER";
        let who = if arg & 4 == 0 { "a" } else { "b" };
        let uri = if registers { "sip:h" } else { "sip:b@h" };
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;rport;branch=z9hG4bK{}{method}\r\n\
             From: <sip:{who}@h>;tag=1\r\nTo: <sip:{who}@h>\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n\
             Max-Forwards: {}\r\n",
            op,
            arg & 3,
            op >> 3,
            70 * (arg >> 7 ^ 1)
        );
        if registers {
            text.push_str(
                [
                    "Contact: <sip:a@192.0.2.9>\r\n",
                    "Contact: <sip:a@192.0.2.8>;q=0.3;expires=60, <sip:a@192.0.2.7>;expires=0\r\n",
                    "Contact: *\r\nExpires: 0\r\n",
                    "Expires: 5\r\nContact: <sip:a@192.0.2.6;ob>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\nSupported: outbound, gruu, path\r\n",
                    "Path: <sip:192.0.2.5;lr>\r\nSupported: path\r\nContact: <sip:a@192.0.2.9>;expires=4294967295\r\n",
                    "",
                    "Contact: <tel:1>\r\nRequire: x\r\n",
                    "Contact: <sip:a@192.0.2.9;transport=tcp>\r\n",
                ][usize::from(arg >> 4) % 8],
            );
        }
        if let (Some(digest), true) = (&mut self.digest, op & 64 != 0) {
            let answers = digest.answers(&mut self.rng, method.as_bytes(), uri.as_bytes(), b"");
            let name = if registers { "Authorization" } else { "Proxy-Authorization" };
            for answer in &answers {
                text.push_str(&format!("{name}: {}\r\n", answer.value()));
            }
        }
        text.push_str("Content-Length: 0\r\n\r\n");
        self.sends(9, text.as_bytes());
    }

    /// The program answers one of the questions.
    fn knows(&mut self, arg: u8) {
        if let Some(id) = self.secrets.pop() {
            let secrets = [Secret::Password("pw"), Secret::Password("other"), Secret::Unknown];
            let [right, wrong, unknown] = secrets;
            let secret = match arg % 4 {
                0 | 1 => right,
                2 => wrong,
                _ => unknown,
            };
            self.home.supply_secret(self.now, id, secret);
        }
        if let Some(id) = self.stores.pop() {
            let outcome = if arg & 4 == 0 { Ok(()) } else { Err(StatusCode::NOT_FOUND) };
            self.home.stored(self.now, id, outcome);
        }
        if let Some(connect) = self.connects.pop() {
            self.home.handle_input(self.now, SipInput::ConnectFailed { connect });
        }
    }

    /// Somebody answers what was forwarded.
    fn answers(&mut self, op: u8, arg: u8) {
        let recent: Vec<&RequestBuf> = self.forwarded.iter().rev().take(8).collect();
        let Some(request) = recent.get(usize::from(arg) % 8) else { return };
        let codes = [100, 180, 200, 302, 401, 407, 486, 503, 603];
        let status = StatusCode::new(codes[usize::from(op >> 3) % codes.len()]).expect("one");
        let reply = ResponseBuf::reply_to(request.view(), status, Some("t")).build();
        if let Ok(reply) = reply {
            self.sends(8, &reply.into_bytes());
        }
    }

    /// The club writes to a user who is there.
    fn is_written_to(&mut self, arg: u8) {
        let address = if arg & 1 == 0 { "a@h" } else { "b@h" };
        let date = [(HeaderName::DATE, "Sat, 13 Nov 2010 23:29:00 GMT")];
        let headers = if arg & 2 == 0 { &date[..] } else { &[] };
        let is_there = !self.home.bindings(address).is_empty();
        let body = vec![b'x'; usize::from(arg)];
        let (now, from) = (self.now, "sip:club@h");
        let sent = self.home.send_message_with(now, from, address, "text/plain", body, headers);
        assert!(is_there || sent.is_err());
    }

    fn drain(&mut self) {
        while let Some(output) = self.home.poll_output() {
            match output {
                // What goes out is a message, whatever came in.
                Output::Transmit(t) if !sip_proto::stun::is_stun(&t.payload) => {
                    match MessageBuf::parse(t.payload, &Limits::DEFAULT).expect("a message") {
                        MessageBuf::Request(r) if r.view().method() != Method::Ack => {
                            self.forwarded.push(r);
                        }
                        MessageBuf::Response(r) => self.is_challenged(&r),
                        MessageBuf::Request(_) => {}
                    }
                }
                Output::Event(HomeEvent::SecretWanted { id, .. }) => self.secrets.push(id),
                Output::Event(HomeEvent::StoreWanted { id, .. }) => self.stores.push(id),
                Output::Event(HomeEvent::Endpoint(SipEvent::ConnectWanted { connect, .. })) => {
                    self.connects.push(connect);
                }
                _ => {}
            }
        }
    }

    fn is_challenged(&mut self, response: &ResponseBuf) {
        let (name, target) = match response.view().status().as_u16() {
            401 => (HeaderName::WWW_AUTHENTICATE, Target::Origin),
            407 => (HeaderName::PROXY_AUTHENTICATE, Target::Proxy),
            _ => return,
        };
        let challenges: Vec<Vec<u8>> =
            response.view().headers().rows(name).map(|row| row.bytes().to_vec()).collect();
        let mut digest = Client::new([Credential::new("a", "pw").expect("plain text")]);
        let answered = digest.challenged(target, &challenges, &[]);
        self.digest = answered.is_ok().then_some(digest);
    }

    /// Whatever happened, it is over some time.
    fn ends(&mut self) {
        let mut turns = 0;
        while !(self.secrets.is_empty() && self.stores.is_empty() && self.connects.is_empty()) {
            turns += 1;
            assert!(turns < 10_000, "no end of questions");
            self.knows(3);
            self.drain();
        }
        turns = 0;
        while let Some(at) = self.home.poll_timeout() {
            turns += 1;
            assert!(turns < 10_000 && at >= self.now, "no end");
            self.now = at;
            self.home.handle_timeout(at);
            self.drain();
            self.connects.clear();
        }
        assert_eq!(self.home.endpoint().transactions(), 0);
        assert!(self.home.bindings("a@h").is_empty() && self.home.bindings("b@h").is_empty());
    }
}
