//! What SIP carries as far as this workspace reads it, for `inspect sip`: session descriptions, CPIM
//! with what is in it, typing notices and receipts.

use super::{Field, Refusal};
use proto_wire::sdp::Sdp;
use serde_json::{Value, json};
use sip_proto::Headers;
use sip_proto::headers::ContentType;
use sip_proto::simple::{cpim, imdn, iscomposing};

/// How deep CPIM may stand in CPIM.
const DEPTH_MAX: u8 = 3;

/// The body as one more field, which no header name can be; `None` for one of a type that is not read.
pub(super) fn field(headers: Headers<'_>, body: &[u8], offset: u64) -> Option<Field> {
    let kind = headers.typed::<ContentType<'_>>().ok()??;
    let read = read(kind.essence, body, DEPTH_MAX)?;
    let mut field = Field::raw("(body)", kind.essence);
    match read {
        Ok(value) => field.typed = Some(value),
        Err((kind, at)) => {
            field.error = Some(Refusal { kind, offset: offset + at as u64 });
        }
    }
    Some(field)
}

/// What a body of this type says, or what is wrong with it and where.
fn read(kind: &str, body: &[u8], depth: u8) -> Option<Result<Value, (String, usize)>> {
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if body.is_empty() {
        return None;
    }
    if is("application/sdp") {
        return Some(Ok(description(body)));
    }
    if is(iscomposing::MEDIA_TYPE) {
        let read = iscomposing::IsComposing::parse_xml(body).map(|status| {
            json!({
                "state": format!("{:?}", status.state).to_ascii_lowercase(),
                "refresh": status.refresh_secs,
                "contenttype": status.content_type,
                "lastactive": status.last_active,
            })
        });
        return Some(read.map_err(|error| (error.to_string(), 0)));
    }
    if is(imdn::MEDIA_TYPE) {
        let read = imdn::Report::parse_xml(body).map(|report| {
            json!({
                "message-id": report.message_id,
                "disposition": format!("{:?}", report.disposition()).to_ascii_lowercase(),
                "status": report.status().as_str(),
                "recipient": report.recipient,
            })
        });
        return Some(read.map_err(|error| (error.to_string(), 0)));
    }
    if is(cpim::MEDIA_TYPE) && depth > 0 {
        return Some(match cpim::Message::parse(body, &cpim::Limits::DEFAULT) {
            Ok(message) => Ok(envelope(&message, depth)),
            Err(error) => Err((error.kind().to_string(), error.offset())),
        });
    }
    None
}

fn description(body: &[u8]) -> Value {
    let sdp = Sdp::new(body);
    let media = sdp.media().map(|media| {
        json!({
            "kind": media.kind(),
            "port": media.port(),
            "protocol": media.protocol(),
            "formats": media.formats().collect::<Vec<_>>(),
            "direction": media.direction().name(),
        })
    });
    let quirks = sdp.quirks().into_iter().map(|(quirk, _)| quirk.to_string());
    json!({
        "name": sdp.name(),
        "address": sdp.connection().and_then(|c| c.ip()).map(|ip| ip.to_string()),
        "media": media.collect::<Vec<_>>(),
        "quirks": quirks.collect::<Vec<_>>(),
    })
}

fn envelope(message: &cpim::Message<'_>, depth: u8) -> Value {
    let headers = message.headers().map(|header| {
        json!({ "namespace": header.namespace, "name": header.name, "value": header.value() })
    });
    let kind = message.content_type().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let content = match read(essence, message.content(), depth.saturating_sub(1)) {
        Some(Ok(value)) => value,
        Some(Err((error, _))) => json!({ "error": error }),
        None => Value::Null,
    };
    json!({
        "headers": headers.collect::<Vec<_>>(),
        "quirks": message.quirks().map(|quirk| quirk.to_string()).collect::<Vec<_>>(),
        "type": message.content_type(),
        "bytes": message.content().len(),
        "content": content,
    })
}
