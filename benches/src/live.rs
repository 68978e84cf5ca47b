//! An endpoint in the middle of its work: so many transactions live, one more begins and is answered
//! whenever one ends.

use core::net::SocketAddr;
use proto_wire::{Instant, Output, Seed};
use sip_proto::endpoint::{Config, Endpoint, Listener, SipEvent, SipInput};
use sip_proto::{StatusCode, Transport};

/// Timer J, which ends an answered transaction over datagrams.
const LIFE: u64 = 32_000_000_000;

/// The endpoint, and the traffic that it meets.
#[derive(Debug)]
pub struct Live {
    endpoint: Endpoint,
    message: Vec<u8>,
    /// Where the numbers are that make each message another one.
    places: Vec<usize>,
    local: SocketAddr,
    number: u32,
    /// Between one message and the next, in nanoseconds.
    pace: u64,
    now: u64,
}

impl Live {
    /// An endpoint in which `count` transactions live, all answered.
    ///
    /// # Panics
    ///
    /// When another number of them does.
    #[must_use]
    pub fn new(count: u32) -> Self {
        let local: SocketAddr = ([192, 0, 2, 1], 5060).into();
        let config = Config::new([Listener::new(Transport::Udp, local)])
            .with_transactions_max(usize::MAX)
            .with_transactions_per_source_max(usize::MAX);
        let message = message();
        let text = String::from_utf8(message.clone()).expect("text");
        let places = text.match_indices("00000000").map(|(at, _)| at).collect();
        let mut live = Self {
            endpoint: Endpoint::new(Instant::ZERO, config.into(), Seed::from_u64(1)),
            message,
            places,
            local,
            number: 0,
            pace: LIFE.div_ceil(u64::from(count.max(1))),
            now: 0,
        };
        for _ in 0..count {
            live.message();
        }
        assert_eq!(live.transactions(), count as usize);
        live
    }

    /// How many transactions live.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.endpoint.transactions()
    }

    /// The transaction that is due ends; a MESSAGE comes, is read, and is answered with 200. Returns how
    /// many bytes were sent.
    ///
    /// # Panics
    ///
    /// When the endpoint does something else.
    pub fn message(&mut self) -> usize {
        self.now += self.pace;
        let now = Instant::from_nanos(self.now);
        let digits = hex(self.number);
        for at in &self.places {
            self.message[*at..*at + 8].copy_from_slice(&digits);
        }
        let [_, a, b, c] = (self.number / 16).to_be_bytes();
        self.number += 1;
        self.endpoint.handle_timeout(now);
        let (local, remote) = (self.local, ([10, a, b, c], 5060).into());
        self.endpoint.handle_input(now, SipInput::Datagram { local, remote, data: &self.message });
        let mut sent = 0;
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => sent += transmit.payload.len(),
                Output::Event(SipEvent::Request { id, .. }) => {
                    let reply = self.endpoint.reply(id, StatusCode::OK).expect("a reply");
                    let reply = reply.build().expect("a reply");
                    self.endpoint.respond(now, id, &reply).expect("is sent");
                }
                Output::Event(_) => {}
            }
        }
        assert!(sent > 0 && self.endpoint.poll_timeout().is_some());
        sent
    }
}

fn hex(number: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (place, digit) in digits.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (28 - 4 * place)) as usize & 15];
    }
    digits
}

/// The message of the other measurements, with numbers in its branch and its Call-ID.
fn message() -> Vec<u8> {
    let message = String::from_utf8(crate::inputs::sip::message()).expect("text");
    let message = message.replace("branch=z9hG4bK776sgdkse", "branch=z9hG4bK7700000000");
    message.replace("Call-ID: asd88asd77a@", "Call-ID: asd00000000@").into_bytes()
}
