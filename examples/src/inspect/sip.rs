//! Lines of `inspect sip`: messages of a datagram, a stream or one side of a `WebSocket`, keep-alives,
//! and STUN between them.

use super::sip_typed::typed;
use super::tunnel::{self, Carried};
use super::{Field, Line, Options, Refusal, sip_body};
use proto_wire::{Limits, ParseError};
use sip_proto::message::{self, Strictness};
use sip_proto::stream::{Framed, Framer};
use sip_proto::stun::{self, Binding};
use sip_proto::{Index, Message};

/// Reads `input` and hands each line to `out`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    if options.datagram {
        return datagram(input, options, out);
    }
    if let Some(carried) = tunnel::open(input).filter(Carried::is_websocket) {
        return web(&carried, input.len(), options, out);
    }
    let mut framer = Framer::new(Limits::DEFAULT);
    for chunk in options.chunks(input) {
        framer.push(chunk);
        while let Some(item) = framer.next_item() {
            let offset = framer.item_offset();
            out(match item {
                Ok(Framed::Message(message)) => line(message.view(), offset, options),
                Ok(_) => Line { offset, kind: "keep-alive", ..Line::default() },
                Err(error) => refused(error, offset),
            });
        }
    }
    // The last message is not whole; after an error nothing more is told.
    if framer.is_open() && framer.buffered() > 0 {
        let error = ParseError::new(proto_wire::ParseErrorKind::Truncated, framer.buffered());
        out(refused(error, framer.item_offset()));
    }
}

/// RFC 7118 §5: a message in each of the WebSocket's.
fn web(carried: &Carried, end: usize, options: &Options, out: &mut dyn FnMut(Line)) {
    carried.lines.iter().cloned().for_each(&mut *out);
    let mut begin = 0;
    for message_end in &carried.ends {
        let message = carried.bytes.get(begin..*message_end).unwrap_or_default();
        datagram(message, options, &mut |line| {
            let from = begin as u64;
            out(line.placed(|at| carried.place(from.saturating_add(at), end)));
        });
        begin = *message_end;
    }
}

/// What is for the flow and not for SIP (RFC 5626 §4.4.2).
fn stun_line(input: &[u8]) -> Line {
    let hex = |id: stun::StunId| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let body = Some(input.len().saturating_sub(20) as u64);
    let line = Line { kind: "stun", body, ..Line::default() };
    let (start, id) = match stun::parse(input) {
        Some(Binding::Request { id, unknown }) if unknown.is_empty() => {
            ("STUN Binding request".into(), id)
        }
        Some(Binding::Request { id, unknown }) => {
            (format!("STUN Binding request that wants {unknown:#06x?} understood"), id)
        }
        Some(Binding::Success { id, mapped: Some(mapped) }) => {
            (format!("STUN Binding success: {mapped}"), id)
        }
        Some(Binding::Success { id, mapped: None }) => {
            ("STUN Binding success without address".into(), id)
        }
        Some(Binding::Error { id, code: Some(code) }) => (format!("STUN Binding error {code}"), id),
        Some(Binding::Error { id, code: None }) => ("STUN Binding error".into(), id),
        _ if input.starts_with(&[0, 0x11]) => {
            return Line { start: "STUN Binding indication".into(), ..line };
        }
        _ => {
            let kind = "no Binding message that can be read".to_owned();
            return Line { error: Some(Refusal { kind, offset: 0 }), ..line };
        }
    };
    Line { start, fields: vec![Field::raw("id", hex(id))], ..line }
}

fn datagram(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    if stun::is_stun(input) {
        return out(stun_line(input));
    }
    if !input.is_empty() && input.iter().all(|b| matches!(b, b'\r' | b'\n')) {
        return out(Line { kind: "keep-alive", ..Line::default() });
    }
    let mut index = Index::new();
    match Message::parse_datagram(input, &mut index, &Limits::DEFAULT) {
        Ok(message) => {
            // The message's own offsets begin behind empty lines.
            let blank = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            out(line(message, blank as u64, options));
        }
        Err(error) => out(refused(error, 0)),
    }
}

fn refused(error: ParseError, base: u64) -> Line {
    Line { offset: base, kind: "error", error: Some(refusal(error, base)), ..Line::default() }
}

fn refusal(error: ParseError, base: u64) -> Refusal {
    Refusal { kind: error.kind().to_string(), offset: base + error.offset() as u64 }
}

fn line(message: Message<'_>, base: u64, options: &Options) -> Line {
    let strictness = if options.strict { Strictness::Strict } else { Strictness::Lenient };
    let (kind, quirks, objection) = match message {
        Message::Request(r) => ("request", r.quirks(), r.validate_as(strictness).err()),
        Message::Response(r) => ("response", r.quirks(), r.validate_as(strictness).err()),
    };
    let bytes = message.as_bytes();
    let start_line = bytes.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or(bytes);
    let start = String::from_utf8_lossy(start_line).into_owned();
    let body_at = bytes.len().saturating_sub(message.body().len()) as u64;
    let body = sip_body::field(message.headers(), message.body(), base.saturating_add(body_at));
    Line {
        offset: base,
        kind,
        start,
        fields: message.headers().iter().map(|f| field(f, base)).chain(body).collect(),
        quirks: quirks.iter().map(|(quirk, _)| quirk.to_string()).collect(),
        body: Some(message.body().len() as u64),
        error: objection.map(|o| {
            let mut refusal = refusal(o.error, base);
            refusal.kind = match o.header {
                Some(header) => format!("{header}: {} (answer {})", refusal.kind, o.status),
                None => format!("{} (answer {})", refusal.kind, o.status),
            };
            refusal
        }),
    }
}

fn field(row: message::Field<'_>, base: u64) -> Field {
    let mut field = Field::raw(
        String::from_utf8_lossy(row.raw().name()),
        String::from_utf8_lossy(&row.raw().unfolded()),
    );
    match typed(row) {
        Some(Ok(value)) => field.typed = Some(value),
        Some(Err(error)) => field.error = Some(refusal(error, base + row.offset() as u64)),
        None => {}
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use sip_proto::HeaderName;

    const TWO: &str = "\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bK1, SIP/2.0/UDP i\r\n\
        f: \"A\" <sip:a@b>;tag=1\r\nt: sip:b@c\r\ni: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nl: 0\r\n\r\n\
        SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\nFrom: <sip:a@b>\r\nTo: \"open <sip:b@c>\r\nCall-ID: 1\r\n\
        CSeq: x\r\nl: 2\r\n\r\nhiOPTIONS sip:a";

    fn lines(input: &str, chunk: Option<usize>) -> Vec<Line> {
        let mut out = Vec::new();
        inspect(input.as_bytes(), &Options { chunk, ..Options::default() }, &mut |l| out.push(l));
        out
    }

    #[test]
    fn a_stream_is_shown_message_by_message() {
        let lines = lines(TWO, None);
        let kinds: Vec<&str> = lines.iter().map(|l| l.kind).collect();
        assert_eq!(kinds, ["keep-alive", "request", "response", "error"]);
        assert_eq!(lines[1].offset, 4);
        assert_eq!(lines[1].start, "OPTIONS sip:a@b SIP/2.0");
        assert!(!lines[1].is_refused(), "{:?}", lines[1]);
        let via = lines[1].fields[0].typed.as_ref().expect("a typed Via");
        assert_eq!(via[0]["params"]["branch"], "z9hG4bK1");
        assert_eq!(via[1]["host"], "i");
        assert!(lines[2].is_refused());
        let to = lines[2].fields[2].error.as_ref().expect("an error");
        assert_eq!(to.offset, TWO.find("\"open").expect("there") as u64);
        assert_eq!(lines[3].error.as_ref().expect("an error").offset, TWO.len() as u64);
    }

    #[test]
    fn chunks_give_the_same_lines() {
        let whole: Vec<Value> = lines(TWO, None).iter().map(Line::to_json).collect();
        for chunk in 1..50 {
            let cut: Vec<Value> = lines(TWO, Some(chunk)).iter().map(Line::to_json).collect();
            assert_eq!(cut, whole, "chunks of {chunk}");
        }
    }

    #[test]
    fn a_datagram_is_one_line() {
        let mut out = Vec::new();
        let options = Options { datagram: true, strict: true, ..Options::default() };
        inspect(b"\r\nOPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP h\n\n", &options, &mut |l| {
            out.push(l)
        });
        assert_eq!((out.len(), out[0].offset, out[0].kind), (1, 2, "request"));
        assert!(out[0].quirks.contains(&"bare-lf".to_owned()) && out[0].error.is_some());
    }

    fn one(datagram: &[u8]) -> Line {
        let mut out = Vec::new();
        let options = Options { datagram: true, ..Options::default() };
        inspect(datagram, &options, &mut |line| out.push(line));
        assert_eq!(out.len(), 1, "{out:?}");
        out.remove(0)
    }

    #[test]
    fn stun_between_messages_is_told() {
        let id = [7; 12];
        let seen = "192.0.2.7:5060".parse().expect("an address");
        for (bytes, start) in [
            (stun::request(id), "STUN Binding request"),
            (stun::success(id, seen), "STUN Binding success: 192.0.2.7:5060"),
            (stun::unknown_attributes(id, &[3]), "STUN Binding error 420"),
        ] {
            let line = one(&bytes);
            assert_eq!((line.kind, &*line.start), ("stun", start));
            assert_eq!(line.fields[0].value, "07".repeat(12));
            assert!(!line.is_refused());
        }
        let mut other = stun::request(id).to_vec();
        other[1] = 0x11;
        assert_eq!(one(&other).start, "STUN Binding indication");
        other[1] = 3; // Allocate is another protocol's.
        assert!(one(&other).is_refused());
    }

    /// RFC 7118 §5: a message in each of the WebSocket's, and none needs a length.
    #[test]
    fn web_sockets_are_looked_into() {
        let mut input = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let head = input.len();
        let message = b"OPTIONS sip:h SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let (first, second) = message.split_at(10);
        let frames = [
            (0x01, first),
            (0x89, &b"hi"[..]),
            (0x80, second),
            (0x81, b"\r\n\r\n"),
            (0x81, message),
        ];
        let mut places = Vec::new();
        for (opcode, part) in frames {
            places.push(input.len() + 6);
            input.extend_from_slice(&[opcode, 0x80 | part.len() as u8, 1, 2, 3, 4]);
            input.extend(part.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(b, m)| b ^ m));
        }
        let mut seen = Vec::new();
        inspect(&input, &Options::default(), &mut |line| seen.push(line));
        let kinds: Vec<_> = seen.iter().map(|line| (line.kind, line.offset as usize)).collect();
        assert_eq!(
            kinds,
            [
                ("http", 0),
                ("websocket", head + 16),
                ("request", places[0]),
                ("keep-alive", places[3]),
                ("request", places[4])
            ]
        );
        // The row that stands in the second frame is found there.
        let cseq = seen[2].error.as_ref().expect("no Via");
        assert!(cseq.offset as usize >= places[0], "{cseq:?}");
    }

    /// Each name that the crate knows has a type here too.
    #[test]
    fn every_header_is_shown_as_its_type_has_it() {
        let mut index = Index::new();
        for name in (1..=u8::MAX).filter_map(HeaderName::from_id) {
            let text = format!("OPTIONS sip:h SIP/2.0\r\n{name}: 1\r\n\r\n");
            let message = Message::parse_datagram(text.as_bytes(), &mut index, &Limits::DEFAULT);
            let row = message.expect("a message").headers().iter().next().expect("a row");
            assert!(typed(row).is_some(), "{name}");
        }
        let shown = |row: &str| {
            let line = one(format!("OPTIONS sip:h SIP/2.0\r\n{row}\r\n\r\n").as_bytes());
            line.fields[0].typed.clone().expect("a value")
        };
        let digest = shown(
            "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", \
            uri=\"sip:h\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"",
        );
        assert_eq!((&digest["username"], &digest["nc"]), (&"a".into(), &"00000001".into()));
        assert_eq!(digest.get("response"), None);
        assert_eq!(shown("x: 90;refresher=uas")["refresher"], "uas");
        assert_eq!(shown("o: refer;id=7")[0]["params"]["id"], "7");
        assert_eq!(shown("Retry-After: 5 (busy)")["comment"], "busy");
    }

    #[test]
    fn bodies_that_are_known_are_read() {
        let shown = |kind: &str, body: &str| {
            let text =
                format!("MESSAGE sip:h SIP/2.0\r\nc: {kind}\r\nl: {}\r\n\r\n{body}", body.len());
            let line = one(text.as_bytes());
            line.fields.get(2).cloned()
        };
        let typed = |kind: &str, body: &str| shown(kind, body).and_then(|f| f.typed).expect("read");
        let sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
            m=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n";
        let sdp = typed("application/sdp", sdp);
        assert_eq!(sdp["address"], "192.0.2.7");
        assert_eq!(
            (&sdp["media"][0]["port"], &sdp["media"][0]["formats"][1]),
            (&4000.into(), &"8".into())
        );
        assert_eq!(sdp["media"][0]["direction"], "sendonly");
        let typing = "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>\
            <state>active</state><refresh>90</refresh></isComposing>";
        assert_eq!(typed("application/im-iscomposing+xml", typing)["refresh"], 90);
        let cpim = format!(
            "From: <im:a@h>\r\nNS: x <urn:x>\r\nx.Word: 1\r\n\r\n\
            Content-Type: application/im-iscomposing+xml\r\n\r\n{typing}"
        );
        let cpim = typed("message/cpim", &cpim);
        assert_eq!(cpim["headers"][2]["namespace"], "urn:x");
        assert_eq!(cpim["content"]["state"], "active");
        let broken = shown("message/cpim", "no header\r\n\r\n").expect("a field");
        assert!(broken.error.is_some());
        assert!(shown("text/plain", "hello").is_none());
    }
}
