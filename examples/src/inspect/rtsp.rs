//! Lines of `inspect rtsp`: requests, responses and interleaved frames of a stream.

use super::{Field, Line, Options, Refusal};
use proto_wire::digest::Challenges;
use proto_wire::head::Field as Header;
use proto_wire::text::chars;
use rtsp_proto::headers::{
    CSeq, ContentBase, ContentLocation, ContentType, Delivery, Location, LowerTransport, NptTime,
    PortPair, Range, RangeSpec, RtpInfo, RtpInfos, RtpProfile, Session, Tokens, Transport,
    Transports,
};
use rtsp_proto::{
    Framer, HeaderName, Index, Kind, Limits, Methods, ParseError, TypedHeader, Unit,
    refused_when_strict,
};
use serde_json::{Value, json};

/// Reads `input` and hands each line to `out`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    let (mut framer, mut index) = (Framer::new(), Index::new());
    // Where the unit that is being read begins, and how much of the input has arrived.
    let (mut start, mut end) = (0_usize, 0_usize);
    for chunk in options.chunks(input) {
        end += chunk.len();
        loop {
            let buffer = input.get(start..end).unwrap_or_default();
            let unit = match framer.next(buffer, &mut index, &Limits::DEFAULT) {
                Ok(None) => break,
                Ok(Some(unit)) => unit,
                Err(error) => return out(broken(error, start)),
            };
            let len = match unit {
                Unit::Blank { len } => len,
                Unit::Frame { channel, len } => {
                    out(frame(channel, len, start));
                    len
                }
                Unit::Message { len } => {
                    let bytes = buffer.get(..len).unwrap_or_default();
                    out(message(bytes, &mut index, start, options.strict));
                    len
                }
                // Whatever else there may be one day, it is nothing to show yet.
                _ => return,
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

/// The value as its type has it; `None` for headers without a type, and for empty values.
fn typed(name: HeaderName, value: &[u8]) -> Result<Option<Value>, ParseError> {
    if value.is_empty() {
        return Ok(None);
    }
    Ok(Some(match name {
        HeaderName::CSeq => json!(CSeq::parse(value)?.0),
        HeaderName::ContentLength | HeaderName::Bandwidth | HeaderName::Blocksize => {
            json!(chars::parse_u64(value))
        }
        HeaderName::Session => {
            let session = Session::parse(value)?;
            json!({ "id": session.id, "timeout": session.timeout_secs })
        }
        HeaderName::Transport => {
            let specs = Transports::new(value).map(|spec| spec.map(|spec| transport(&spec)));
            json!(specs.collect::<Result<Vec<Value>, ParseError>>()?)
        }
        HeaderName::Range => range(&Range::parse(value)?),
        HeaderName::RtpInfo => {
            json!(RtpInfos::new(value).map(|i| rtp_info(&i)).collect::<Vec<_>>())
        }
        HeaderName::Public | HeaderName::Allow => {
            let methods = Methods::from_text(value);
            json!(methods.iter().map(|method| method.name()).collect::<Vec<_>>())
        }
        HeaderName::Require
        | HeaderName::ProxyRequire
        | HeaderName::Supported
        | HeaderName::ProxySupported
        | HeaderName::Unsupported
        | HeaderName::AcceptRanges
        | HeaderName::Accept => json!(Tokens::new(value).collect::<Vec<_>>()),
        HeaderName::ContentType => {
            let kind = ContentType::parse(value)?;
            json!({ "type": kind.essence(), "charset": kind.param("charset") })
        }
        HeaderName::ContentBase => json!(ContentBase::parse(value)?.0),
        HeaderName::ContentLocation => json!(ContentLocation::parse(value)?.0),
        HeaderName::Location => json!(Location::parse(value)?.0),
        HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate => {
            let challenges =
                Challenges::new(value).map(|c| json!({ "scheme": c.scheme(), "realm": c.realm() }));
            json!(challenges.collect::<Vec<_>>())
        }
        _ => return Ok(None),
    }))
}

fn transport(spec: &Transport<'_>) -> Value {
    let ports = |ports: Option<PortPair>| ports.map(|p| json!([p.rtp, p.rtcp()]));
    let addresses = |list: rtsp_proto::headers::AddrList<'_>| match list.collect::<Vec<_>>() {
        none if none.is_empty() => Value::Null,
        some => json!(some),
    };
    let mut object = json!({
        "id": lossy(spec.id()),
        "profile": match spec.profile {
            RtpProfile::Avp => "AVP",
            RtpProfile::Avpf => "AVPF",
            RtpProfile::Savp => "SAVP",
            RtpProfile::Savpf => "SAVPF",
            _ => "other",
        },
        "lower": match spec.lower {
            LowerTransport::Udp => "UDP",
            LowerTransport::Tcp => "TCP",
            _ => "other",
        },
        "delivery": spec.delivery.map(|delivery| match delivery {
            Delivery::Unicast => "unicast",
            Delivery::Multicast => "multicast",
        }),
        "interleaved": spec.interleaved.map(|channels| json!([channels.rtp, channels.rtcp])),
        "client_port": ports(spec.client_port),
        "server_port": ports(spec.server_port),
        "port": ports(spec.port),
        "destination": spec.destination(),
        "source": spec.source(),
        "dest_addr": addresses(spec.dest_addr()),
        "src_addr": addresses(spec.src_addr()),
        "ttl": spec.ttl,
        "layers": spec.layers,
        "ssrc": spec.ssrc.map(|ssrc| format!("{ssrc:08X}")),
        "mode": match (spec.mode.play, spec.mode.record) {
            (false, false) => Value::Null,
            (true, false) => json!(["PLAY"]),
            (false, true) => json!(["RECORD"]),
            (true, true) => json!(["PLAY", "RECORD"]),
        },
    });
    // Only what is there.
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

fn range(range: &Range<'_>) -> Value {
    // As text: a JSON number would not be exact.
    let point = |at: Option<NptTime>| at.map(|at| at.to_string());
    let mut object = match range.spec {
        RangeSpec::Npt(npt) => {
            json!({ "unit": "npt", "start": point(npt.start), "end": point(npt.end) })
        }
        RangeSpec::Other { unit, value } => json!({ "unit": unit, "value": value }),
        _ => json!({ "unit": range.to_string() }),
    };
    if let (Value::Object(members), Some(time)) = (&mut object, range.time) {
        members.insert("time".into(), json!(time));
    }
    object
}

fn rtp_info(info: &RtpInfo<'_>) -> Value {
    let ssrc = info.ssrc.map(|ssrc| format!("{ssrc:08X}"));
    json!({ "url": info.url, "seq": info.seq, "rtptime": info.rtptime, "ssrc": ssrc })
}

fn refusal(error: ParseError, start: usize) -> Refusal {
    let error = error.at(start);
    Refusal { kind: error.kind().to_string(), offset: error.offset() as u64 }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0].error.as_ref().map(|error| error.offset), Some(offset));
        }
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
