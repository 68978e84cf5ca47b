//! How much memory things take that lie idle: `idle [COUNT]`, a million of each by default.
//!
//! Counted are the bytes asked of the allocator and the machine itself; what the allocator adds to
//! each piece is not in it.

use benches::alloc::growth;
use core::mem::size_of;
use core::net::SocketAddr;
use proto_wire::{Instant, Output, Seed};
use rtsp_proto::server::Server;
use sip_proto::endpoint::{Config, Endpoint, Listener, Path, SipEvent, SipInput};
use sip_proto::registrar::{Location, Registrar, RegistrarConfig, Step};
use sip_proto::{RequestBuf, StatusCode, Transport};
use std::process::ExitCode;
use std::sync::Arc;

#[global_allocator]
static ALLOC: benches::alloc::Counting = benches::alloc::Counting;

fn main() -> ExitCode {
    let Ok(count) = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse()) else {
        eprintln!("usage: idle [COUNT]");
        return ExitCode::from(2);
    };
    println!("{:<52} {:>9} {:>10}", "what", "count", "bytes each");
    rtsp_connections(10_000.min(count));
    sip_transactions(count);
    sip_bindings(count);
    ExitCode::SUCCESS
}

fn tell(what: &str, count: usize, bytes: i64) {
    println!("{what:<52} {count:>9} {:>10.0}", bytes as f64 / count as f64);
}

fn rtsp_connections(count: usize) {
    let now = Instant::ZERO;
    let own = size_of::<Server>() as i64;
    // As a host does: one configuration for all.
    let config = Arc::default();
    let new = || Server::new(now, Arc::clone(&config), Seed::from_u64(1));
    let (servers, bytes) = growth(|| (0..count).map(|_| new()).collect::<Vec<_>>());
    tell("RTSP server connection, fresh", servers.len(), bytes);
    drop(servers);
    // Read through once: what was received is given back.
    let asked = |mut server: Server| {
        let request = b"OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: player/5.1.9\r\n\r\n";
        server.handle_input(now, rtsp_proto::server::Input::Data(request));
        let mut answered = 0;
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(reply) => answered += reply.len(),
                Output::Event(rtsp_proto::server::Event::Request(asked)) => {
                    server.accept(now, asked.id).expect("can be answered");
                }
                Output::Event(_) => {}
            }
        }
        assert!(answered > 0, "was answered");
        server
    };
    let (servers, bytes) = growth(|| (0..count).map(|_| asked(new())).collect::<Vec<_>>());
    tell("RTSP server connection, idle after OPTIONS", servers.len(), bytes);
    println!("{:<52} {:>9} {own:>10}", "  of that the machine itself", "");
}

fn sip_transactions(count: usize) {
    let local: SocketAddr = ([192, 0, 2, 1], 5060).into();
    let config = Config::new([Listener::new(Transport::Udp, local)])
        .with_transactions_max(count.saturating_add(1));
    let now = Instant::ZERO;
    let mut endpoint = Endpoint::new(now, config.into(), Seed::from_u64(1));
    let mut answered = 0;
    let ((), bytes) = growth(|| {
        for number in 0..count {
            // From many peers: what one may have at once is limited.
            let [_, a, b, c] = ((number / 16) as u32).to_be_bytes();
            let remote: SocketAddr = ([10, a, b, c], 5060).into();
            let data = message(number);
            endpoint.handle_input(now, SipInput::Datagram { local, remote, data: data.as_bytes() });
            while let Some(output) = endpoint.poll_output() {
                match output {
                    Output::Event(SipEvent::Request { id, .. }) => {
                        let reply = endpoint.reply(id, StatusCode::OK).expect("a reply");
                        let reply = reply.build().expect("a reply");
                        endpoint.respond(now, id, &reply).expect("is sent");
                        answered += 1;
                    }
                    Output::Transmit(_) | Output::Event(_) => {}
                }
            }
        }
    });
    assert_eq!(answered, count, "each was a transaction of its own");
    tell("SIP server transaction, answered (kept 32 s)", count, bytes);
    println!("{:<52} {:>9} {:>10}", "  of that the 200 that it may send again", "", reply_len());
}

fn reply_len() -> usize {
    let request = RequestBuf::parse(message(0).into_bytes()).expect("a request");
    let reply =
        sip_proto::ResponseBuf::reply_to(request.view(), StatusCode::OK, Some("0123456789"));
    reply.build().expect("a reply").as_bytes().len()
}

fn message(number: usize) -> String {
    format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK776asdhds{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=49583\r\nTo: <sip:bob@example.com>\r\n\
         Call-ID: asd88asd77a{number}@192.0.2.7\r\nCSeq: 1 MESSAGE\r\n\
         Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    )
}

fn sip_bindings(count: usize) {
    let now = Instant::ZERO;
    let register = "REGISTER sip:example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKnashds7\r\nMax-Forwards: 70\r\n\
        From: <sip:alice@example.com>;tag=a73kszlfl\r\nTo: <sip:alice@example.com>\r\n\
        Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.7\r\nCSeq: 1 REGISTER\r\n\
        Contact: <sip:alice@192.0.2.7:5060>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n";
    let request = RequestBuf::parse(register.as_bytes()).expect("a request");
    let mut registrar =
        Registrar::new(RegistrarConfig::new("example.com", None), Seed::from_u64(1));
    let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 7], 5060).into());
    let path = Path::Datagram { local, remote };
    let Step::Fetch(wanted) = registrar.begin(now, request, path) else { panic!("no password") };
    let Step::Commit(wanted) = registrar.fetched(now, wanted, Vec::new()) else {
        panic!("a binding")
    };
    let binding = wanted.bindings().first().expect("a binding");
    let mut location = Location::new(count);
    let ((), bytes) = growth(|| {
        for number in 0..count {
            let mut binding = binding.clone();
            binding.uri = format!("sip:user{number}@192.0.2.7:5060");
            assert!(location.replace(&format!("user{number}@example.com"), vec![binding]));
        }
    });
    tell("SIP binding (one for each address)", count, bytes);
}
