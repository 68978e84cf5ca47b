//! An RTSP server on the first serial line and a SIP user agent on the second, on a
//! Cortex-M4 without an operating system. What is known of the outside is a byte that came
//! and a clock that ticks: the loop is the one of every other host.
//!
//! It prints what its heap holds when both have answered something, and goes on.
#![no_std]
#![no_main]

extern crate alloc;

mod board;

use alloc::format;
use alloc::sync::Arc;
use board::{Ticks, Uart};
use cortex_m_semihosting::hprintln;
use proto_wire::{Instant, Output, Seed};
use rtsp_proto::server::{self, Event, Server};
use rtsp_proto::{Method, StatusCode};
use sip_proto::Transport;
use sip_proto::endpoint::{self, FlowId, Listener, SipInput};
use sip_proto::ua::{self, UserAgent};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a microcontroller\r\nt=0 0\r\n\
                   m=audio 0 RTP/AVP 0\r\na=control:track1\r\n";

#[cortex_m_rt::entry]
fn main() -> ! {
    board::init_heap();
    let peripherals = cortex_m::Peripherals::take().expect("taken once");
    let mut ticks = Ticks::start(peripherals.SYST);
    // SAFETY: UART0 and UART1 of the board, each taken once.
    let (mut first, mut second) = unsafe { (Uart::new(0x4000_4000), Uart::new(0x4000_5000)) };

    // A board has a source of randomness or a seed in its flash; this one plays in a sandbox.
    let mut rtsp = Server::new(ticks.now(), Arc::default(), Seed::from_u64(1));
    let mut sip = Sip::new(ticks.now());
    hprintln!("ready: {} bytes of heap", board::heap_used());
    let mut answered = [false; 2];
    loop {
        let now = ticks.now();
        if let Some(byte) = first.read() {
            rtsp.handle_input(now, server::Input::Data(&[byte]));
        }
        if rtsp.poll_timeout().is_some_and(|at| at <= now) {
            rtsp.handle_timeout(now);
        }
        while let Some(output) = rtsp.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    first.write(&bytes);
                    note(&mut answered, 0);
                }
                // A serial line has no end: whoever comes next gets a new machine.
                Output::Event(Event::Closed(_)) => {
                    rtsp = Server::new(now, Arc::default(), Seed::from_u64(1));
                }
                Output::Event(event) => answer(&mut rtsp, now, event),
            }
        }
        if let Some(byte) = second.read() {
            let flow = sip.flow;
            sip.agent.handle_input(now, SipInput::Stream { flow, data: &[byte] });
        }
        if sip.agent.poll_timeout().is_some_and(|at| at <= now) {
            sip.agent.handle_timeout(now);
        }
        while let Some(output) = sip.agent.poll_output() {
            if let Output::Transmit(transmit) = output {
                second.write(&transmit.payload);
                note(&mut answered, 1);
            }
        }
    }
}

/// The application of RTSP: one description, no streams.
fn answer(rtsp: &mut Server, now: Instant, event: Event) {
    let Event::Request(asked) = event else { return };
    let base = format!("{}/", asked.request.view().uri());
    // What could fail is that the request was answered already, and it was not.
    let _ = match asked.method {
        Method::Describe => rtsp.describe(now, asked.id, &base, SDP),
        Method::Setup => rtsp.refuse(now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT),
        _ => rtsp.accept(now, asked.id),
    };
}

/// The user agent, whose only peer is the other end of the line.
struct Sip {
    agent: UserAgent,
    flow: FlowId,
}

impl Sip {
    fn new(now: Instant) -> Self {
        let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 5060).into());
        let endpoint = endpoint::Config::new([Listener::new(Transport::Tcp, local)]);
        let config = ua::Config::new("sip:board@example.com", endpoint).expect("a SIP address");
        let mut agent = UserAgent::new(now, config, Seed::from_u64(2));
        let flow = FlowId(1);
        let transport = Transport::Tcp;
        let opened = SipInput::FlowOpened { flow, transport, local, remote, connect: None };
        agent.handle_input(now, opened);
        Self { agent, flow }
    }
}

fn note(answered: &mut [bool; 2], which: usize) {
    let before = core::mem::replace(&mut answered[which], true);
    if !before && *answered == [true; 2] {
        hprintln!("answered on both lines: {} bytes of heap", board::heap_used());
    }
}
