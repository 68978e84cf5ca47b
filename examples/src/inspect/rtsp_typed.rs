//! The value of each RTSP header as its type has it, for `inspect rtsp`.

use super::rtsp::lossy;
use proto_wire::ParseError;
use proto_wire::digest::{Challenges, Credentials};
use rtsp_proto::headers::{
    Accept, AcceptCredentials, AcceptEncoding, AcceptLanguage, AcceptRanges, AddrList,
    AuthenticationInfo, Authorization, Bandwidth, Blocksize, CSeq, CacheControl, Conference,
    Connection, ConnectionCredentials, ContentBase, ContentEncoding, ContentLanguage,
    ContentLength, ContentLocation, ContentType, Date, Delivery, Expires, Frames, FromHeader, Host,
    IfMatch, IfModifiedSince, IfNoneMatch, Immediate, KeyMgmt, LastModified, Location,
    LowerTransport, MTag, MediaProperties, MediaRange, NotifyReason, NptTime, PipelinedRequests,
    PortPair, ProxyAuthenticationInfo, ProxyAuthorization, ProxyRequire, ProxySupported, Range,
    RangeSpec, RateControl, Referer, Referrer, RequestStatus, Require, RetryAfter, RtpInfo,
    RtpInfos, RtpProfile, Scale, SeekStyle, Server, Session, Speed, Supported, TerminateReason,
    Timestamp, Transport, Transports, Unsupported, UserAgent, Vary, Via,
};
use rtsp_proto::{HeaderName, Methods, TypedHeader, Version};
use serde_json::{Value, json};

/// The value as its type has it; `None` for an empty value.
pub(super) fn typed(name: HeaderName, value: &[u8]) -> Result<Option<Value>, ParseError> {
    if value.is_empty() {
        return Ok(None);
    }
    macro_rules! text {
        ($type:ident) => {
            json!($type::parse(value)?.to_string())
        };
    }
    // Element by element; the first that cannot be read is the error.
    macro_rules! list {
        ($type:ident) => {{
            let items = $type::parse(value)?.iter().map(|item| item.map(|item| item.to_string()));
            json!(items.collect::<Result<Vec<String>, ParseError>>()?)
        }};
    }
    Ok(Some(match name {
        HeaderName::CSeq => json!(CSeq::parse(value)?.0),
        HeaderName::ContentLength => json!(ContentLength::parse(value)?.0),
        HeaderName::Bandwidth => json!(Bandwidth::parse(value)?.0),
        HeaderName::Blocksize => json!(Blocksize::parse(value)?.0),
        HeaderName::PipelinedRequests => json!(PipelinedRequests::parse(value)?.0),
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
        HeaderName::Authorization => credentials(&Authorization::parse(value)?.0),
        HeaderName::ProxyAuthorization => credentials(&ProxyAuthorization::parse(value)?.0),
        HeaderName::AuthenticationInfo => {
            let info = AuthenticationInfo::parse(value)?.0;
            json!({ "qop": info.qop, "nextnonce": info.nextnonce, "rspauth": info.rspauth })
        }
        HeaderName::ProxyAuthenticationInfo => {
            let info = ProxyAuthenticationInfo::parse(value)?.0;
            json!({ "qop": info.qop, "nextnonce": info.nextnonce, "rspauth": info.rspauth })
        }
        HeaderName::Speed => json!(Speed::parse(value)?.for_version(Version::V2_0).to_string()),
        HeaderName::Accept => list!(Accept),
        HeaderName::AcceptEncoding => list!(AcceptEncoding),
        HeaderName::AcceptLanguage => list!(AcceptLanguage),
        HeaderName::AcceptRanges => list!(AcceptRanges),
        HeaderName::CacheControl => list!(CacheControl),
        HeaderName::Connection => list!(Connection),
        HeaderName::ContentEncoding => list!(ContentEncoding),
        HeaderName::ContentLanguage => list!(ContentLanguage),
        HeaderName::KeyMgmt => list!(KeyMgmt),
        HeaderName::MediaProperties => list!(MediaProperties),
        HeaderName::MediaRange => list!(MediaRange),
        HeaderName::ProxyRequire => list!(ProxyRequire),
        HeaderName::ProxySupported => list!(ProxySupported),
        HeaderName::Require => list!(Require),
        HeaderName::Supported => list!(Supported),
        HeaderName::Unsupported => list!(Unsupported),
        HeaderName::Vary => list!(Vary),
        HeaderName::Via => list!(Via),
        HeaderName::AcceptCredentials => text!(AcceptCredentials),
        HeaderName::Conference => text!(Conference),
        HeaderName::ConnectionCredentials => text!(ConnectionCredentials),
        HeaderName::Date => text!(Date),
        HeaderName::Expires => text!(Expires),
        HeaderName::Frames => text!(Frames),
        HeaderName::Host => text!(Host),
        HeaderName::From => text!(FromHeader),
        HeaderName::IfMatch => text!(IfMatch),
        HeaderName::IfModifiedSince => text!(IfModifiedSince),
        HeaderName::IfNoneMatch => text!(IfNoneMatch),
        HeaderName::Immediate => text!(Immediate),
        HeaderName::LastModified => text!(LastModified),
        HeaderName::MTag => text!(MTag),
        HeaderName::NotifyReason => text!(NotifyReason),
        HeaderName::RateControl => text!(RateControl),
        HeaderName::Referer => text!(Referer),
        HeaderName::Referrer => text!(Referrer),
        HeaderName::RequestStatus => text!(RequestStatus),
        HeaderName::RetryAfter => text!(RetryAfter),
        HeaderName::Scale => text!(Scale),
        HeaderName::SeekStyle => text!(SeekStyle),
        HeaderName::Server => text!(Server),
        HeaderName::TerminateReason => text!(TerminateReason),
        HeaderName::Timestamp => text!(Timestamp),
        HeaderName::UserAgent => text!(UserAgent),
        _ => return Ok(None),
    }))
}

/// Whose they are; what proves it is not shown.
fn credentials(credentials: &Credentials<'_>) -> Value {
    match credentials {
        Credentials::Basic(basic) => json!({ "scheme": "Basic", "user": basic.username() }),
        Credentials::Digest(digest) => {
            json!({ "scheme": "Digest", "user": digest.username, "uri": digest.uri })
        }
        Credentials::Other { scheme, .. } => json!({ "scheme": scheme }),
        _ => Value::Null,
    }
}

fn transport(spec: &Transport<'_>) -> Value {
    let ports = |ports: Option<PortPair>| ports.map(|p| json!([p.rtp, p.rtcp()]));
    let addresses = |list: AddrList<'_>| match list.collect::<Vec<_>>() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing that has a name is shown without its type.
    #[test]
    fn every_header_has_a_typed_value() {
        let samples = [
            ("Bandwidth", "9"),
            ("Blocksize", "9"),
            ("CSeq", "9"),
            ("Content-Length", "9"),
            ("Pipelined-Requests", "9"),
            ("Content-Base", "rtsp://h/"),
            ("Location", "rtsp://h/"),
            ("Content-Location", "rtsp://h/"),
            ("Referer", "rtsp://h/"),
            ("Referrer", "rtsp://h/"),
            ("Content-Type", "a/b"),
            ("Immediate", "yes"),
            ("Rate-Control", "no"),
            ("Scale", "-1.5"),
            ("Speed", "1.0-2.0"),
            ("Range", "npt=1-"),
            ("Media-Range", "npt=1-"),
            ("MTag", "\"a\""),
            ("If-Match", "*"),
            ("If-None-Match", "\"a\""),
            ("Frames", "intra"),
            ("Session", "a"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Expires", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Retry-After", "5"),
            ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Timestamp", "1.5 2"),
            ("Transport", "RTP/AVP;unicast"),
            ("RTP-Info", "url=a;seq=1"),
            ("Via", "2.0 a"),
            ("KeyMgmt", "prot=mikey; uri=\"u\"; data=\"QQ==\""),
            ("Request-Status", "cseq=1 status=200 reason=\"OK\""),
            ("Connection-Credentials", "\"rtsps://h\";QQ=="),
            ("Accept-Credentials", "User"),
            ("Authorization", "Basic dTpw"),
            ("Proxy-Authorization", "Basic dTpw"),
            ("WWW-Authenticate", "Basic realm=\"r\""),
            ("Proxy-Authenticate", "Basic realm=\"r\""),
            ("Authentication-Info", "qop=auth"),
            ("Proxy-Authentication-Info", "qop=auth"),
            ("From", "a@b"),
            ("Media-Properties", "No-Seeking"),
            ("Terminate-Reason", "Server-Admin"),
        ];
        for name in HeaderName::ALL {
            let sample = samples.iter().find(|(sampled, _)| *sampled == name.as_str());
            let value = sample.map_or("word", |(_, value)| value);
            let typed = typed(*name, value.as_bytes());
            assert!(matches!(typed, Ok(Some(_))), "{}: {typed:?}", name.as_str());
        }
    }
}
