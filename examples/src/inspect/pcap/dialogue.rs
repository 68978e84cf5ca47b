//! From what two ends said to a dialogue: the protocol by what it looks like, its messages by the
//! time at which they began.

use super::flows::{Flow, Run};
use crate::inspect::{Line, Options, rtsp, sip, xmpp};
use std::fmt;
use std::net::SocketAddr;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// RTSP, or RTSP in HTTP.
    Rtsp,
    /// SIP.
    Sip,
    /// XMPP.
    Xmpp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtsp => "RTSP",
            Self::Sip => "SIP",
            Self::Xmpp => "XMPP",
        })
    }
}

/// What two ends said to each other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dialogue {
    /// In which language.
    pub protocol: Protocol,
    /// Who began.
    pub client: SocketAddr,
    /// With whom.
    pub server: SocketAddr,
    /// Over TCP; otherwise UDP.
    pub tcp: bool,
    /// Bytes that were sent and are not in the capture.
    pub lost: u64,
    /// Message by message, in the order of time.
    pub steps: Vec<Step>,
}

/// One message, or a row of frames.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// When it began, in nanoseconds since 1970.
    pub time: u64,
    /// From client to server.
    pub forth: bool,
    /// What was said.
    pub line: Line,
    /// How many frames in a row this stands for; 0 for anything but frames.
    pub frames: u64,
    /// When the last of them began.
    pub until: u64,
}

impl Dialogue {
    /// When it began.
    #[must_use]
    pub fn began(&self) -> u64 {
        self.steps.first().map_or(0, |step| step.time)
    }

    /// How long it took, in nanoseconds.
    #[must_use]
    pub fn took(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.until.saturating_sub(self.began()))
    }
}

pub(super) fn of(flow: &Flow, options: &Options) -> Option<Dialogue> {
    let protocol =
        flow.said.iter().flat_map(|said| &said.runs).find_map(|run| protocol(&run.bytes))?;
    let mut steps = Vec::new();
    for (said, forth) in flow.said.iter().zip([true, false]) {
        for run in &said.runs {
            read(run, protocol, flow.tcp, options, &mut |time, line| {
                let frames = u64::from(line.kind == "frame");
                steps.push(Step { time, forth, line, frames, until: time });
            });
        }
    }
    steps.sort_by_key(|step| step.time);
    let lost = flow.said.iter().map(|said| said.lost).sum();
    let steps = in_rows(steps);
    let (client, server, tcp) = (flow.client, flow.server, flow.tcp);
    Some(Dialogue { protocol, client, server, tcp, lost, steps })
}

/// The lines of a run, with their times; what is encrypted is one line.
fn read(
    run: &Run,
    protocol: Protocol,
    tcp: bool,
    options: &Options,
    out: &mut dyn FnMut(u64, Line),
) {
    // STARTTLS: a handshake begins with a segment of its own.
    let is_handshake = |at: usize| {
        at > 0 && run.bytes.get(at..).is_some_and(|rest| rest.starts_with(&[0x16, 0x03]))
    };
    let clear = run.marks.iter().map(|(at, _)| *at).find(|at| is_handshake(*at));
    let (clear, secret) = run.bytes.split_at(clear.unwrap_or(run.bytes.len()));
    let mut line = |line: Line| {
        let offset = usize::try_from(line.offset).unwrap_or(usize::MAX);
        out(run.time(offset), line);
    };
    let options = Options { datagram: !tcp, ..*options };
    match protocol {
        Protocol::Rtsp => rtsp::inspect(clear, &options, &mut line),
        Protocol::Sip => sip::inspect(clear, &options, &mut line),
        Protocol::Xmpp => {
            let begins = streams(clear);
            for (nth, from) in begins.iter().enumerate() {
                let next = begins.get(nth + 1).copied();
                let part = clear.get(*from..next.unwrap_or(clear.len())).unwrap_or_default();
                // A stream that begins anew, or goes on under TLS, has no end.
                let has_end = next.is_none() && secret.is_empty();
                xmpp::inspect(part, &options, &mut |said| {
                    let at_end = said.error.as_ref().is_some_and(|e| e.offset >= part.len() as u64);
                    if has_end || !at_end {
                        line(said.placed(|at| at + *from as u64));
                    }
                });
            }
        }
    }
    if !secret.is_empty() {
        let (offset, body) = (clear.len() as u64, Some(secret.len() as u64));
        line(Line { offset, kind: "tls", start: "encrypted".into(), body, ..Line::default() });
    }
}

/// Where streams begin in what was said: each with its XML declaration, if it has one.
fn streams(bytes: &[u8]) -> Vec<usize> {
    let mut begins = vec![0];
    let mut declared = bytes.starts_with(b"<?xml");
    for (at, _) in bytes.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'<') {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(b"<?xml ") {
            begins.push(at);
            declared = true;
        } else if rest.starts_with(b"<stream:stream") {
            if !declared {
                begins.push(at);
            }
            declared = false;
        }
    }
    begins
}

/// Frames behind each other in one direction are one step: a stream has thousands.
fn in_rows(steps: Vec<Step>) -> Vec<Step> {
    let mut rows: Vec<Step> = Vec::new();
    for step in steps {
        match rows.last_mut() {
            Some(row) if step.frames > 0 && row.frames > 0 && row.forth == step.forth => {
                row.frames += 1;
                row.until = step.time;
                row.line.body = Some(row.line.body.unwrap_or(0) + step.line.body.unwrap_or(0));
                row.line.start = format!("$ {} frames", row.frames);
            }
            _ => rows.push(step),
        }
    }
    rows
}

/// What the first bytes look like.
fn protocol(bytes: &[u8]) -> Option<Protocol> {
    let text = bytes.trim_ascii_start();
    let head = text.get(..text.len().min(2048)).unwrap_or_default();
    let first = head.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    let ends = |what: &[u8]| {
        first.starts_with(what) || first.split(|b| *b == b' ').any(|word| word.starts_with(what))
    };
    if ends(b"RTSP/1.") || ends(b"RTSP/2.") {
        return Some(Protocol::Rtsp);
    }
    if ends(b"SIP/2.0") {
        return Some(Protocol::Sip);
    }
    if ends(b"HTTP/1.") {
        let head = head.to_ascii_lowercase();
        let names = |what: &str| memchr_in(&head, what.as_bytes());
        let socket = names("sec-websocket-protocol:");
        return if names("x-rtsp-tunnelled") || (socket && names("rtsp")) {
            Some(Protocol::Rtsp)
        } else if socket && names("xmpp") {
            Some(Protocol::Xmpp)
        } else if socket && names("sip") {
            Some(Protocol::Sip)
        } else {
            None
        };
    }
    let names = |what: &str| memchr_in(head, what.as_bytes());
    let is_xml = head.starts_with(b"<");
    let is_xmpp = names("http://etherx.jabber.org/streams") || names("xmpp-framing");
    (is_xml && is_xmpp).then_some(Protocol::Xmpp)
}

fn memchr_in(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
