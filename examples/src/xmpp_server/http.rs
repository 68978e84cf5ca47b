//! Requests of HTTP/1.1 on one connection, one after the other, each with its body: just what
//! a connection manager needs.

use proto_wire::http::{HeadBuffer, HeadWriter};
use proto_wire::{Instant, Machine, Output, StreamMachine};
use std::collections::VecDeque;
use std::time::Duration;

const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// Silence after which a connection is closed; also for a request that never ends.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) struct Request {
    pub(super) method: String,
    pub(super) body: Vec<u8>,
}

pub(super) enum HttpEvent {
    /// Answer with [`Http::respond`].
    Request(Request),
    Closed,
}

enum State {
    Head(HeadBuffer),
    Body {
        method: String,
        len: usize,
        keep: bool,
    },
    /// The response is awaited; whether the connection stays then.
    Waiting {
        keep: bool,
        without_body: bool,
    },
    Closed,
}

/// The server's end of a connection.
pub(super) struct Http {
    body_max: usize,
    state: State,
    buffer: Vec<u8>,
    out: VecDeque<Output<bytes::Bytes, HttpEvent>>,
    deadline: Instant,
}

impl Http {
    pub(super) fn new(now: Instant, body_max: usize) -> Self {
        Self {
            body_max,
            state: State::Head(HeadBuffer::new(HEAD_MAX)),
            buffer: Vec::new(),
            out: VecDeque::new(),
            deadline: now.saturating_add(SILENCE),
        }
    }

    /// Answers the request that came last.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        status: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let State::Waiting { keep, without_body } = self.state else { return };
        let head = HeadWriter::new(&format!("HTTP/1.1 {status}"))
            .headers(headers.iter().copied())
            .header("Content-Length", &body.len().to_string())
            .header("Connection", if keep { "keep-alive" } else { "close" });
        let mut bytes = head.finish().to_vec();
        if !without_body {
            bytes.extend_from_slice(body);
        }
        self.out.push_back(Output::Transmit(bytes.into()));
        if !keep {
            return self.close();
        }
        self.state = State::Head(HeadBuffer::new(HEAD_MAX));
        self.deadline = now.saturating_add(SILENCE);
        self.read(now);
    }

    fn close(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.out.push_back(Output::Event(HttpEvent::Closed));
        }
    }

    /// What it is, is not understood: no more of it is.
    fn refuse(&mut self, now: Instant, status: &str) {
        self.state = State::Waiting { keep: false, without_body: false };
        self.respond(now, status, &[], b"");
    }

    fn read(&mut self, now: Instant) {
        loop {
            match &mut self.state {
                State::Head(head) => {
                    let used = match head.feed(&self.buffer) {
                        Ok(Some(used)) => used,
                        Ok(None) => return self.buffer.clear(),
                        Err(_) => return self.refuse(now, "431 Request Header Fields Too Large"),
                    };
                    self.buffer.drain(..used);
                    let Ok(head) = head.request(HEADERS_MAX) else {
                        return self.refuse(now, "400 Bad Request");
                    };
                    if head.headers.all("Transfer-Encoding").next().is_some() {
                        return self.refuse(now, "411 Length Required");
                    }
                    let lengths: Vec<&[u8]> = head.headers.all("Content-Length").collect();
                    let len = match lengths.as_slice() {
                        [] => Some(0),
                        [one] if one.iter().all(u8::is_ascii_digit) => {
                            std::str::from_utf8(one).ok().and_then(|text| text.parse().ok())
                        }
                        _ => None,
                    };
                    let Some(len) = len else { return self.refuse(now, "400 Bad Request") };
                    if len > self.body_max {
                        return self.refuse(now, "413 Content Too Large");
                    }
                    let keep = match head.minor_version {
                        0 => head.headers.has_token("Connection", "keep-alive"),
                        _ => !head.headers.has_token("Connection", "close"),
                    };
                    if head.headers.has_token("Expect", "100-continue") {
                        let go_on = bytes::Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n");
                        self.out.push_back(Output::Transmit(go_on));
                    }
                    let method = head.method.to_string();
                    self.state = State::Body { method, len, keep };
                }
                State::Body { method, len, keep } => {
                    if self.buffer.len() < *len {
                        return;
                    }
                    let body = self.buffer.drain(..*len).collect();
                    let (method, keep) = (std::mem::take(method), *keep);
                    self.state = State::Waiting { keep, without_body: method == "HEAD" };
                    self.out.push_back(Output::Event(HttpEvent::Request(Request { method, body })));
                }
                State::Waiting { .. } | State::Closed => return,
            }
        }
    }
}

impl Machine for Http {
    type Input<'a> = Option<&'a [u8]>;
    type Transmit = bytes::Bytes;
    type Event = HttpEvent;

    fn handle_input(&mut self, now: Instant, input: Option<&[u8]>) {
        match input {
            Some(data) if !matches!(self.state, State::Closed) => {
                self.buffer.extend_from_slice(data);
                self.read(now);
            }
            Some(_) => {}
            None => self.close(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.close();
        }
    }

    fn poll_output(&mut self) -> Option<Output<bytes::Bytes, HttpEvent>> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let counts = matches!(self.state, State::Head(_) | State::Body { .. });
        counts.then_some(self.deadline)
    }
}

impl StreamMachine for Http {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, Some(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, None);
    }

    fn is_closed(event: &HttpEvent) -> bool {
        matches!(event, HttpEvent::Closed)
    }

    fn wants_input(&self) -> bool {
        matches!(self.state, State::Head(_) | State::Body { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::{Http, HttpEvent};
    use proto_wire::{Instant, Machine as _, Output, StreamMachine as _};

    fn talk(http: &mut Http, data: &[u8]) -> Vec<String> {
        http.handle_data(Instant::ZERO, data);
        let mut said = Vec::new();
        while let Some(output) = http.poll_output() {
            said.push(match output {
                Output::Transmit(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Output::Event(HttpEvent::Closed) => "closed".to_string(),
                Output::Event(HttpEvent::Request(request)) => {
                    format!("{} {}", request.method, String::from_utf8_lossy(&request.body))
                }
            });
        }
        said
    }

    #[test]
    fn requests_come_one_after_the_other_however_they_are_cut() {
        let two = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
            GET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
        for step in [1, 7, two.len()] {
            let mut http = Http::new(Instant::ZERO, 8);
            let mut said = Vec::new();
            for chunk in two.chunks(step) {
                let mut words = talk(&mut http, chunk);
                // An answer lets the next request come, which may be there already.
                while !words.is_empty() {
                    let asks = |word: &String| word.starts_with("POST") || word.starts_with("GET");
                    if words.iter().any(asks) {
                        http.respond(Instant::ZERO, "200 OK", &[("A", "b")], b"x");
                    }
                    said.append(&mut words);
                    words = talk(&mut http, b"");
                }
            }
            let head = "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nConnection: ";
            let first = format!("{head}keep-alive\r\n\r\nx");
            let second = format!("{head}close\r\n\r\nx");
            assert_eq!(said, ["POST abc", &first, "GET ", &second, "closed"], "{step}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused_and_the_connection_closed() {
        for (request, status) in [
            (&b"nonsense\r\n\r\n"[..], "400"),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411"),
            (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "413"),
        ] {
            let said = talk(&mut Http::new(Instant::ZERO, 8), request);
            assert!(said[0].starts_with(&format!("HTTP/1.1 {status} ")), "{said:?}");
            assert_eq!(said[1..], ["closed"]);
        }
        let mut http = Http::new(Instant::ZERO, 8);
        assert!(talk(&mut http, b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n").is_empty());
        http.handle_timeout(http.poll_timeout().unwrap());
        assert_eq!(talk(&mut http, b"12345678"), ["closed"]);
    }
}
