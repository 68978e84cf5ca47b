//! One seed, one input, one time line: the same bytes. Another seed: tags, branches and
//! call ids that nobody guesses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use proto_wire::{Instant, Output, Seed};
use sip_proto::Transport;
use sip_proto::endpoint::{Config, Listener, SipInput, Target};
use sip_proto::home::{HomeConfig, HomeServer};
use sip_proto::ua::{self, UserAgent};

/// All that goes over the wire while a user registers, refreshes, and writes to nobody.
fn evening(seed: u64) -> Vec<u8> {
    let mut now = Instant::ZERO;
    let [home_at, ann_at] = ["192.0.2.1:5060", "192.0.2.7:5060"].map(|at| at.parse().unwrap());
    let udp = |address| Config::new([Listener::new(Transport::Udp, address)]);
    let open = HomeConfig::new("club.example", udp(home_at)).unwrap().without_authentication();
    let mut home = HomeServer::new(now, open.into(), Seed::from_u64(seed));
    let registrar = Target::Address(Transport::Udp, home_at);
    let config = ua::Config::new("sip:ann@club.example", udp(ann_at)).unwrap();
    let mut ann = UserAgent::new(now, config.with_outbound(registrar), Seed::from_u64(!seed));
    ann.register(now).unwrap();
    ann.send_message(now, "sip:ben@club.example", "text/plain", "hello").unwrap();
    let mut wire = Vec::new();
    for _ in 0..100 {
        now = now.saturating_add(core::time::Duration::from_secs(60));
        ann.handle_timeout(now);
        home.handle_timeout(now);
        for _ in 0..4 {
            while let Some(output) = ann.poll_output() {
                if let Output::Transmit(sent) = output {
                    let data = &sent.payload;
                    wire.extend_from_slice(data);
                    let (local, remote) = (home_at, ann_at);
                    home.handle_input(now, SipInput::Datagram { local, remote, data });
                }
            }
            while let Some(output) = home.poll_output() {
                if let Output::Transmit(sent) = output {
                    let data = &sent.payload;
                    wire.extend_from_slice(data);
                    let (local, remote) = (ann_at, home_at);
                    ann.handle_input(now, SipInput::Datagram { local, remote, data });
                }
            }
        }
    }
    wire
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_other_ids() {
    let one = evening(1);
    let text = String::from_utf8_lossy(&one);
    assert!(text.matches("\r\nCSeq: ").count() > 6, "it was refreshed: {text}");
    assert!(text.contains("SIP/2.0 404"), "{text}");
    assert_eq!(one, evening(1));
    assert_ne!(one, evening(2));
}
