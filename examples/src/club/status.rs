//! A page that shows how the club is doing: read-only, on loopback, without scripts.
//!
//! The house writes down a [`Status`] now and then; the page is made of the last one. The
//! server knows nothing else, so nothing else can leak through it.

use super::{DOMAIN, desk::shown};
use proto_wire::http::{HeadBuffer, HeadWriter};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes of a request's head. Stops a client from filling the memory.
const HEAD_MAX: usize = 8 * 1024;
/// Header lines of a request.
const HEADERS_MAX: usize = 64;
/// How long one client may take: there is one at a time.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of the server may go unnoticed.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
/// How many moments the chart remembers.
pub const HISTORY: usize = 120;

/// How the club is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Who is connected with XMPP.
    pub online: Vec<String>,
    /// Who is registered with SIP, with how many phones.
    pub phones: Vec<(String, usize)>,
    /// Streams that play.
    pub watching: usize,
    /// Members, as the ledger has them.
    pub members: Vec<MemberLine>,
    /// Records in the journal.
    pub records: u64,
    /// Whether every law of the books holds.
    pub sound: bool,
    /// Stored value and points of all members, the newest last.
    pub history: Vec<(i64, i64)>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberLine {
    /// The name.
    pub name: String,
    /// The tier.
    pub tier: &'static str,
    /// Stored value in minor units.
    pub stored: i64,
    /// Points.
    pub points: i64,
}

impl MemberLine {
    /// A line of the table.
    #[must_use]
    pub const fn new(name: String, tier: &'static str, stored: i64, points: i64) -> Self {
        Self { name, tier, stored, points }
    }
}

impl Status {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=2>\
             <meta name=viewport content='width=device-width'><title>{DOMAIN}</title><style>\
             body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
             table{{border-collapse:collapse;width:100%}}td,th{{padding:.2rem .6rem;text-align:left;\
             border-bottom:1px solid #ddd}}.n{{text-align:right}}.bad{{color:#b00020}}</style>\
             <h1>{DOMAIN}</h1>"
        );
        // Writing to a String does not fail.
        let _ = self.write(&mut page);
        page
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        let phones: usize = self.phones.iter().map(|(_, count)| count).sum();
        writeln!(page, "<table><tr><th>Online (XMPP)<td id=online>{}", self.online.len())?;
        writeln!(page, "<td>{}", escaped(&self.online.join(", ")))?;
        writeln!(page, "<tr><th>Phones (SIP)<td id=phones>{phones}<td>")?;
        let names: Vec<&str> = self.phones.iter().map(|(name, _)| name.as_str()).collect();
        writeln!(page, "{}", escaped(&names.join(", ")))?;
        writeln!(page, "<tr><th>Watching (RTSP)<td id=watching>{}<td></table>", self.watching)?;
        let (class, books) =
            if self.sound { ("good", "the books balance") } else { ("bad", "DO NOT BALANCE") };
        let records = self.records;
        writeln!(page, "<h2>Ledger</h2><p id=books class={class}>{records} records, {books}.")?;
        writeln!(page, "<table><tr><th>Member<th>Tier<th class=n>Stored<th class=n>Points")?;
        for MemberLine { name, tier, stored, points } in &self.members {
            writeln!(page, "<tr><td>{}<td>{tier}", escaped(name))?;
            writeln!(page, "<td class=n>{}<td class=n>{points}", shown(*stored, true))?;
        }
        let stored = self.members.iter().map(|member| member.stored).sum();
        let points: i64 = self.members.iter().map(|member| member.points).sum();
        writeln!(page, "<tr><th>All<td><th class=n id=stored>{}", shown(stored, true))?;
        writeln!(page, "<th class=n id=points>{points}</table>")?;
        self.chart(page)
    }

    /// Stored value and points over time, each to its own scale.
    fn chart(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "<h2>Lately</h2><svg id=chart viewBox='0 0 600 120' role=img>")?;
        writeln!(page, "<title>Stored value and points of all members</title>")?;
        let stored: Vec<i64> = self.history.iter().map(|(stored, _)| *stored).collect();
        let points: Vec<i64> = self.history.iter().map(|(_, points)| *points).collect();
        for (values, color) in [(stored, "#0b6e4f"), (points, "#b5651d")] {
            let top = values.iter().copied().max().unwrap_or(0).max(1);
            write!(page, "<polyline fill=none stroke={color} stroke-width=2 points='")?;
            for (at, value) in values.iter().enumerate() {
                let x = at as f64 * 600.0 / (HISTORY - 1) as f64;
                write!(page, "{x:.0},{:.1} ", 115.0 - *value as f64 * 110.0 / top as f64)?;
            }
            writeln!(page, "'/>")?;
        }
        writeln!(page, "</svg><p><small>stored value green, points brown</small>")
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> String {
        let members = self.members.iter().map(|member| {
            let MemberLine { name, tier, stored, points } = member;
            json!({ "name": name, "tier": tier, "stored": stored, "points": points })
        });
        json!({
            "online": self.online,
            "phones": self.phones.iter().map(|(_, count)| count).sum::<usize>(),
            "watching": self.watching,
            "members": members.collect::<Vec<_>>(),
            "records": self.records,
            "sound": self.sound,
        })
        .to_string()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Serves the last status. It stops when it is dropped.
#[derive(Debug)]
pub struct StatusServer {
    addr: SocketAddr,
    status: Arc<Mutex<Status>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StatusServer {
    /// Listens on this port of loopback; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When it cannot be bound.
    pub fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let (status, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (shown, stopping) = (Arc::clone(&status), stop.clone());
        let thread = thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                match listener.accept() {
                    // A client that breaks off is no matter of ours.
                    Ok((socket, _)) => drop(answer(socket, &shown)),
                    Err(_) => thread::sleep(STOP_INTERVAL),
                }
            }
        });
        Ok(Self { addr, status, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What is shown from now on.
    pub fn show(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join().is_err();
        }
    }
}

fn answer(mut socket: TcpStream, status: &Mutex<Status>) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    let (mut head, mut buffer, begun) = (HeadBuffer::new(HEAD_MAX), [0; 1024], Instant::now());
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        socket.set_read_timeout(Some(left))?;
        let len = socket.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        match head.feed(&buffer[..len]) {
            Ok(None) => {}
            Ok(Some(_)) => break,
            Err(_) => return reply(&mut socket, "431 Request Header Fields Too Large", "", ""),
        }
    }
    let Ok(request) = head.request(HEADERS_MAX) else {
        return reply(&mut socket, "400 Bad Request", "", "");
    };
    // Only names of this machine: a page elsewhere must not read this one through a name of its own.
    let host = request.headers.text("Host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    if !matches!(host, "127.0.0.1" | "localhost") {
        return reply(&mut socket, "421 Misdirected Request", "", "");
    }
    if request.method != "GET" {
        return reply(&mut socket, "405 Method Not Allowed", "", "");
    }
    let status = status.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match request.target {
        "/" => reply(&mut socket, "200 OK", "text/html; charset=utf-8", &status.page()),
        "/status.json" => reply(&mut socket, "200 OK", "application/json", &status.json()),
        _ => reply(&mut socket, "404 Not Found", "", ""),
    }
}

fn reply(socket: &mut TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let body = if body.is_empty() { status } else { body };
    let kind = if kind.is_empty() { "text/plain" } else { kind };
    let head = HeadWriter::new(&format!("HTTP/1.1 {status}"))
        .header("Content-Type", kind)
        .header("Content-Length", &body.len().to_string())
        .header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        .header("Cache-Control", "no-store")
        .header("Allow", "GET")
        .header("Connection", "close");
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(&head.finish())?;
    socket.write_all(body.as_bytes())
}
