//! Lines of `inspect rtsp`: requests, responses and interleaved frames of a stream, also of one
//! side of an HTTP tunnel or a WebSocket.

use super::rtsp_typed::typed;
use super::{Field, Line, Options, Refusal, tunnel};
use proto_wire::head::Field as Header;
use rtsp_proto::headers::ValueQuirks;
use rtsp_proto::{Framer, HeaderName, Index, Kind, Limits, ParseError, Unit, refused_when_strict};

/// Reads `input` and hands each line to `out`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    let Some(carried) = tunnel::open(input) else {
        return stream(input, options, out);
    };
    carried.lines.iter().cloned().for_each(&mut *out);
    stream(&carried.bytes, options, &mut |line| {
        out(line.placed(|at| carried.place(at, input.len())));
    });
}

/// The messages and frames of a stream. Behind what cannot be read it goes on where the next
/// message or frame seems to begin.
fn stream(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    let (mut framer, mut index) = (Framer::new(), Index::new());
    // Where the unit that is being read begins, and how much of the input has arrived.
    let (mut start, mut end) = (0_usize, 0_usize);
    for chunk in options.chunks(input) {
        end += chunk.len();
        while start < end {
            let buffer = input.get(start..end).unwrap_or_default();
            let len = match framer.next(buffer, &mut index, &Limits::DEFAULT) {
                Ok(None) => break,
                Ok(Some(Unit::Blank { len })) => len,
                Ok(Some(Unit::Frame { channel, len })) => {
                    out(frame(channel, len, start));
                    len
                }
                Ok(Some(Unit::Message { len })) => {
                    let bytes = buffer.get(..len).unwrap_or_default();
                    out(message(bytes, &mut index, start, options.strict));
                    len
                }
                // Whatever else there may be one day, it is nothing to show yet.
                Ok(Some(_)) => return,
                Err(error) => {
                    out(broken(error, start));
                    let skipped = next_start(input.get(start..).unwrap_or_default());
                    out(garbage(start, skipped));
                    framer = Framer::new();
                    skipped
                }
            };
            start += len;
        }
    }
    if start < end {
        let offset = end as u64;
        let error = Some(Refusal { kind: "ends in the middle".into(), offset });
        out(Line { offset: start as u64, kind: "error", error, ..Line::default() });
    }
}

/// How far it is to the next line that looks like the first of a message, or a small frame with
/// something that looks like a beginning behind it; to the end when there is none.
fn next_start(input: &[u8]) -> usize {
    let is_message = |at: usize| {
        let line = input.get(at..).unwrap_or_default().split(|b| *b == b'\n').next();
        let line = line.unwrap_or_default().trim_ascii_end();
        let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
        line.starts_with(b"RTSP/") || (version.starts_with(b"RTSP/") && version.len() < line.len())
    };
    let is_frame = |at: usize| {
        let Some([b'$', 0..=31, high, low]) = input.get(at..at.saturating_add(4)) else {
            return false;
        };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let behind = at.saturating_add(4).saturating_add(len);
        behind == input.len() || input.get(behind) == Some(&b'$') || is_message(behind)
    };
    let begins = |at: &usize| {
        is_frame(*at) || (input.get(at.wrapping_sub(1)) == Some(&b'\n') && is_message(*at))
    };
    (1..input.len()).find(begins).unwrap_or(input.len())
}

fn garbage(start: usize, len: usize) -> Line {
    let body = Some(len as u64);
    Line { offset: start as u64, kind: "garbage", body, ..Line::default() }
}

fn broken(error: ParseError, start: usize) -> Line {
    let error = Some(refusal(error, start));
    Line { offset: start as u64, kind: "error", error, ..Line::default() }
}

fn frame(channel: u8, len: usize, start: usize) -> Line {
    Line {
        offset: start as u64,
        kind: "frame",
        start: format!("$ channel {channel}"),
        body: Some(len.saturating_sub(4) as u64),
        ..Line::default()
    }
}

fn message(bytes: &[u8], index: &mut Index, start: usize, strict: bool) -> Line {
    let quirks = index.head().quirks();
    let mut line = Line {
        offset: start as u64,
        kind: match index.kind() {
            Kind::Request => "request",
            Kind::Response => "response",
        },
        start: lossy(index.head().start().of(bytes)),
        quirks: quirks.iter().map(|(quirk, _)| quirk.as_str().to_owned()).collect(),
        body: Some(index.head().body().len() as u64),
        ..Line::default()
    };
    if let Some(defect) = index.defect() {
        line.error = Some(refusal(defect, start));
    } else if let (true, Some((quirk, at))) = (strict, quirks.first_of(refused_when_strict)) {
        let kind = format!("{quirk}: tolerated by default, refused by the strict profile");
        line.error = Some(Refusal { kind, offset: (start + at) as u64 });
    }
    // What deviates in the values, behind what deviates in the lines.
    for header in index.head().fields(bytes).iter() {
        let name = HeaderName::from_bytes(header.name());
        let found = name.map(|name| ValueQuirks::of(name, header.value())).unwrap_or_default();
        line.quirks.extend(found.iter().map(|quirk| quirk.as_str().to_owned()));
        if let (true, None, Some(quirk)) = (strict, &line.error, found.iter().next()) {
            let kind = format!("{quirk}: tolerated by default, refused by the strict profile");
            line.error = Some(Refusal { kind, offset: (start + header.value_offset()) as u64 });
        }
    }
    line.fields = index.head().fields(bytes).iter().map(|header| field(header, start)).collect();
    line
}

fn field(header: Header<'_>, start: usize) -> Field {
    let mut field = Field::raw(lossy(header.name()), lossy(&header.unfolded()));
    let value = header.value();
    let typed = HeaderName::from_bytes(header.name()).map(|name| typed(name, value));
    match typed {
        Some(Ok(typed)) => field.typed = typed,
        Some(Err(error)) => {
            field.error = Some(refusal(error, start.saturating_add(header.value_offset())));
        }
        None => {}
    }
    field
}

pub(super) fn refusal(error: ParseError, start: usize) -> Refusal {
    let error = error.at(start);
    Refusal { kind: error.kind().to_string(), offset: error.offset() as u64 }
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(input: &[u8], options: &Options) -> Vec<Line> {
        let mut lines = Vec::new();
        inspect(input, options, &mut |line| lines.push(line));
        lines
    }

    const STREAM: &[u8] = b"\r\nSETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=8000-8001\r\nSession: 12;timeout=9\r\nRange: npt=1.5-\r\nX-Odd: \xe9\r\n\r\n$\x01\x00\x02hiRTSP/1.0 200\r\nCSeq: x\r\nRTP-Info: url=rtsp://h/a;seq=7\r\nContent-Length: 3\r\n\r\nabcNONSENSE\r\n\r\n";

    /// Where `needle` stands in the stream.
    fn at(needle: &[u8]) -> u64 {
        let found = STREAM.windows(needle.len()).position(|window| window == needle);
        found.expect("it is in the stream") as u64
    }

    #[test]
    fn every_line_of_a_stream() {
        let lines = lines(STREAM, &Options::default());
        let kinds: Vec<_> = lines.iter().map(|line| (line.offset, line.kind)).collect();
        let expected = [
            (at(b"SETUP"), "request"),
            (at(b"$"), "frame"),
            (at(b"RTSP/1.0 200"), "response"),
            (at(b"NONSENSE"), "request"),
        ];
        assert_eq!(kinds, expected);
        let [setup, frame, reply, nonsense] = &lines[..] else { panic!("four") };
        assert_eq!(setup.quirks, ["non-utf8", "leading-empty-line"]);
        let typed: Vec<_> = setup.fields.iter().filter_map(|field| field.typed.clone()).collect();
        assert_eq!(
            typed,
            [
                json!(3),
                json!([{
                    "id": "RTP/AVP", "profile": "AVP", "lower": "UDP", "delivery": "unicast",
                    "client_port": [8000, 8001],
                }]),
                json!({ "id": "12", "timeout": 9 }),
                json!({ "unit": "npt", "start": "1.5", "end": null }),
            ]
        );
        assert_eq!(frame.body, Some(2));
        assert_eq!((reply.body, reply.quirks.as_slice()), (Some(3), &["no-reason".to_owned()][..]));
        let error = reply.fields[0].error.as_ref().expect("a CSeq that is no number");
        assert_eq!(error.offset, at(b"x\r\nRTP-Info"));
        assert_eq!(nonsense.error.as_ref().map(|error| error.offset), Some(at(b"NONSENSE")));
    }

    #[test]
    fn the_lines_are_the_same_in_any_chunks() {
        let shown = |chunk| {
            let options = Options { chunk, ..Options::default() };
            lines(STREAM, &options).iter().map(Line::to_json).collect::<Vec<_>>()
        };
        let whole = shown(None);
        for chunk in [1, 2, 7, 64] {
            assert_eq!(shown(Some(chunk)), whole);
        }
    }

    #[test]
    fn what_ends_the_reading_is_one_error() {
        let cut = b"OPTIONS * RTSP/1.0\r\nCSeq:";
        let bad = b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n";
        for (input, offset) in [(&cut[..], 25), (bad, 36)] {
            let lines = lines(input, &Options::default());
            assert_eq!(lines.iter().filter(|line| line.error.is_some()).count(), 1);
            assert_eq!(lines[0].error.as_ref().map(|error| error.offset), Some(offset));
        }
    }

    /// A head without an end of sense, junk, half a frame: what follows is read again.
    #[test]
    fn reading_goes_on_behind_garbage() {
        let input = b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\njunk $\x99\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x00\x00\x02hi";
        for chunk in [None, Some(1), Some(7)] {
            let options = Options { chunk, ..Options::default() };
            let lines = lines(input, &options);
            let seen: Vec<_> = lines.iter().map(|line| (line.kind, line.body)).collect();
            let expected =
                [("error", None), ("garbage", Some(51)), ("response", Some(0)), ("frame", Some(2))];
            assert_eq!(seen, expected, "{chunk:?}");
        }
        assert_eq!(next_start(b"x$\x01\x00\x01a$"), 1);
        assert_eq!(next_start(b"no start at all"), 15);
    }

    /// Both directions of an HTTP tunnel: offsets are those of the file.
    #[test]
    fn tunnels_are_looked_into() {
        let post = b"POST /cam HTTP/1.0\r\nx-sessioncookie: c\r\n\r\nT1BUSU9OUyAq\r\nIFJUU1AvMS4wDQpDU2VxOiB4DQoNCg==JAAAAmhp";
        let seen = lines(post, &Options::default());
        let kinds: Vec<_> = seen.iter().map(|line| (line.kind, line.start.as_str())).collect();
        let expected = [
            ("http", "POST /cam HTTP/1.0"),
            ("request", "OPTIONS * RTSP/1.0"),
            ("frame", "$ channel 0"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(seen[1].offset, 42);
        // The wrong number is the 26th byte of the message.
        let error = seen[1].fields[0].error.as_ref().expect("no number");
        assert!((74..80).contains(&error.offset), "{error:?}");
        let get = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
        let seen = lines(get, &Options::default());
        assert_eq!((seen[0].kind, seen[1].kind, seen[1].offset), ("http", "response", 63));
        let bad = b"POST / HTTP/1.0\r\n\r\nT1BU-";
        let seen = lines(bad, &Options::default());
        let error = seen[1].error.as_ref().expect("no base64");
        assert_eq!((seen[1].kind, error.offset), ("error", 23));
    }

    #[test]
    fn websockets_are_looked_into() {
        let mut input = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let head = input.len();
        let message = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
        let (first, second) = message.split_at(10);
        for (opcode, part) in [(0x02, first), (0x89, &b"hi"[..]), (0x80, second)] {
            input.extend_from_slice(&[opcode, 0x80 | part.len() as u8, 1, 2, 3, 4]);
            input.extend(part.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(b, m)| b ^ m));
        }
        let seen = lines(&input, &Options::default());
        let kinds: Vec<_> = seen.iter().map(|line| (line.kind, line.offset as usize)).collect();
        assert_eq!(kinds, [("http", 0), ("websocket", head + 16), ("request", head + 6)]);
        assert_eq!(seen[1].start, "Ping");
    }

    #[test]
    fn the_strict_profile_refuses_what_is_tolerated() {
        let odd = b"OPTIONS * RTSP/1.0\r\nCSeq : 1\r\n\r\n";
        let refused = |strict| {
            let options = Options { strict, ..Options::default() };
            lines(odd, &options)[0].is_refused()
        };
        assert_eq!((refused(false), refused(true)), (false, true));
    }
}
