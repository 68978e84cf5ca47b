//! Lines of `inspect sip`.

use super::{Field, Line, Options, Refusal};
use proto_wire::text::list::Items;
use proto_wire::text::params::Params;
use proto_wire::{Limits, ParseError};
use serde_json::{Map, Value, json};
use sip_proto::headers::{
    Allow, CSeq, CallId, Contact, ContentType, Expires, MaxForwards, MinExpires, NameAddr,
    ProxyRequire, Require, RetryAfter, Supported, Unsupported, Via,
};
use sip_proto::message::{self, Strictness};
use sip_proto::stream::{Framed, Framer};
use sip_proto::{HeaderName, Index, Message, TypedHeader, Uri};

/// Reads `input` and hands each line to `out`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    if options.datagram {
        return datagram(input, options, out);
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

fn datagram(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
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
    Line {
        offset: base,
        kind,
        start,
        fields: message.headers().iter().map(|f| field(f, base)).collect(),
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

/// The value as its type has it, where this tool knows the type.
fn typed(row: message::Field<'_>) -> Option<Result<Value, ParseError>> {
    use HeaderName as N;
    Some(match row.id()? {
        N::VIA => each::<Via<'_>>(row, |v| {
            json!({
                "transport": text(v.transport_name),
                "host": v.sent_by.host.to_string(),
                "port": v.sent_by.port,
                "params": params(v.params()),
            })
        }),
        N::FROM | N::TO | N::REFER_TO | N::REFERRED_BY | N::REPLY_TO => {
            one(row, |value| address(&NameAddr::parse(value)?))
        }
        N::ROUTE | N::RECORD_ROUTE | N::PATH | N::SERVICE_ROUTE => {
            items(row, |value| address(&NameAddr::parse(value)?))
        }
        N::CONTACT => items(row, |value| match Contact::parse(value)? {
            Contact::Star => Ok(json!("*")),
            contact @ Contact::Address(_) => {
                contact.q()?;
                contact.address().map_or(Ok(Value::Null), address)
            }
        }),
        N::CSEQ => one(row, |v| {
            CSeq::parse(v).map(|c| json!({"number": c.number, "method": c.method.as_str()}))
        }),
        N::CALL_ID => one(row, |v| CallId::parse(v).map(|c| json!(c.0))),
        N::MAX_FORWARDS => one(row, |v| MaxForwards::parse(v).map(|m| json!(m.0))),
        N::EXPIRES => one(row, |v| Expires::parse(v).map(|e| json!(e.0))),
        N::MIN_EXPIRES => one(row, |v| MinExpires::parse(v).map(|e| json!(e.0))),
        N::RETRY_AFTER => one(row, |v| RetryAfter::parse(v).map(|e| json!(e.0))),
        N::CONTENT_LENGTH => one(row, |v| {
            proto_wire::text::chars::parse_u64(v)
                .map(|n| json!(n))
                .ok_or_else(|| ParseError::new(proto_wire::ParseErrorKind::ContentLength, 0))
        }),
        N::CONTENT_TYPE => {
            one(row, |v| {
                ContentType::parse(v).map(|c| json!({"type": c.essence.to_ascii_lowercase(), "params": params(c.params())}))
            })
        }
        N::ALLOW => each::<Allow<'_>>(row, |a| json!(a.0.as_str())),
        N::SUPPORTED => each::<Supported<'_>>(row, |t| json!(t.0)),
        N::REQUIRE => each::<Require<'_>>(row, |t| json!(t.0)),
        N::PROXY_REQUIRE => each::<ProxyRequire<'_>>(row, |t| json!(t.0)),
        N::UNSUPPORTED => each::<Unsupported<'_>>(row, |t| json!(t.0)),
        _ => return None,
    })
}

fn one(
    row: message::Field<'_>,
    read: impl Fn(&[u8]) -> Result<Value, ParseError>,
) -> Result<Value, ParseError> {
    read(row.bytes())
}

fn items(
    row: message::Field<'_>,
    read: impl Fn(&[u8]) -> Result<Value, ParseError>,
) -> Result<Value, ParseError> {
    let items = Items::new(row.bytes()).filter(|item| !item.bytes.is_empty());
    items
        .map(|item| read(item.bytes).map_err(|e| e.at(item.offset)))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn each<'a, T: TypedHeader<'a>>(
    row: message::Field<'a>,
    show: impl Fn(T) -> Value,
) -> Result<Value, ParseError> {
    let items = Items::new(row.bytes()).filter(|item| !item.bytes.is_empty());
    items
        .map(|item| T::parse(item.bytes).map(&show).map_err(|e| e.at(item.offset)))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn address(value: &NameAddr<'_>) -> Result<Value, ParseError> {
    let mut object = Map::new();
    object.insert("display".into(), json!(value.display()));
    let uri = value.uri()?;
    object.insert("uri".into(), uri_value(&uri));
    object.insert("params".into(), params(value.params()));
    Ok(Value::Object(object))
}

fn uri_value(uri: &Uri<'_>) -> Value {
    match uri {
        Uri::Sip(sip) => json!({
            "scheme": uri.scheme(),
            "user": sip.user,
            "host": sip.host.to_string(),
            "port": sip.port,
            "params": params(sip.params()),
        }),
        Uri::Tel(tel) => {
            json!({"scheme": "tel", "number": tel.number, "params": params(tel.params())})
        }
        other => json!({"scheme": other.scheme(), "uri": other.as_str()}),
    }
}

fn params(params: Params<'_>) -> Value {
    let mut object = Map::new();
    for param in params {
        object.insert(text(param.name), param.value.map_or(Value::Null, |v| json!(text(v))));
    }
    Value::Object(object)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
