//! The value of each SIP header as its type has it, for `inspect sip`.

use proto_wire::ParseError;
use proto_wire::digest::{AuthenticationInfo as Info, Credentials};
use proto_wire::text::list::Items;
use proto_wire::text::params::Params;
use serde_json::{Map, Value, json};
use sip_proto::headers::{
    Accept, AcceptContact, AcceptEncoding, AcceptLanguage, Allow, AllowEvents, AuthenticationInfo,
    Authorization, CSeq, CallId, Contact, ContentDisposition, ContentEncoding, ContentId,
    ContentLanguage, ContentLength, ContentType, Date, Event, Expires, FlowTimer, Identity,
    IdentityInfo, InReplyTo, InfoPackage, Join, MaxBreadth, MaxForwards, MimeVersion, MinExpires,
    MinSe, NameAddr, Organization, Priority, Privacy, ProxyAuthenticate, ProxyAuthenticationInfo,
    ProxyAuthorization, ProxyRequire, RAck, RSeq, Reason, RecvInfo, ReferSub, Refresher,
    RejectContact, Replaces, RequestDisposition, Require, RetryWhen, SentAt, Server,
    SessionExpires, SipEtag, SipIfMatch, Subject, SubscriptionState, Supported, TargetDialog,
    Unsupported, UserAgent, Via, Warning, Worded, WwwAuthenticate,
};
use sip_proto::message::Field;
use sip_proto::{HeaderName, TypedHeader, Uri};

/// The value as its type has it; `None` for a name that has no type.
pub(super) fn typed(row: Field<'_>) -> Option<Result<Value, ParseError>> {
    use HeaderName as N;
    let value = row.bytes();
    macro_rules! number {
        ($type:ident) => {
            $type::parse(value).map(|v| json!(v.0))
        };
    }
    macro_rules! words {
        ($type:ident) => {
            each::<$type<'_>>(value, |v| worded(&v.0))
        };
    }
    macro_rules! dialog {
        ($type:ident) => {
            $type::parse(value).map(|d| {
                json!({ "call-id": d.call_id, "to-tag": d.to_tag, "from-tag": d.from_tag,
                    "early-only": d.early_only })
            })
        };
    }
    macro_rules! challenges {
        ($type:ident) => {
            $type::parse(value).map(|row| {
                let all = row.challenges().map(|c| match c.digest() {
                    Some(Ok(digest)) => json!({ "scheme": c.scheme(), "realm": digest.realm,
                        "algorithm": digest.algorithm_name, "stale": digest.stale }),
                    _ => json!({ "scheme": c.scheme(), "realm": c.realm() }),
                });
                Value::Array(all.collect())
            })
        };
    }
    macro_rules! credentials {
        ($type:ident) => {
            $type::parse(value).and_then(|row| row.credentials().map(|c| credentials(&c)))
        };
    }
    macro_rules! info {
        ($type:ident) => {
            $type::parse(value).and_then(|row| row.info().map(|i| info(&i)))
        };
    }
    macro_rules! text {
        ($($type:tt)*) => {
            $($type)*::parse(value).map(|v| json!(v.to_string()))
        };
    }
    Some(match row.id()? {
        N::VIA => each::<Via<'_>>(value, |v| {
            json!({
                "transport": lossy(v.transport_name),
                "host": v.sent_by.host.to_string(),
                "port": v.sent_by.port,
                "params": params(v.params()),
            })
        }),
        N::FROM | N::TO | N::REFER_TO | N::REFERRED_BY | N::REPLY_TO => {
            NameAddr::parse(value).and_then(|a| address(&a))
        }
        N::ROUTE
        | N::RECORD_ROUTE
        | N::PATH
        | N::SERVICE_ROUTE
        | N::P_ASSERTED_IDENTITY
        | N::P_PREFERRED_IDENTITY
        | N::P_ASSOCIATED_URI
        | N::HISTORY_INFO
        | N::DIVERSION
        | N::ALERT_INFO
        | N::CALL_INFO
        | N::ERROR_INFO => items(value, |item| address(&NameAddr::parse(item)?)),
        N::CONTACT => items(value, |item| match Contact::parse(item)? {
            Contact::Star => Ok(json!("*")),
            contact @ Contact::Address(_) => {
                contact.q()?;
                contact.address().map_or(Ok(Value::Null), address)
            }
        }),
        N::CSEQ => {
            CSeq::parse(value).map(|c| json!({ "number": c.number, "method": c.method.as_str() }))
        }
        N::CALL_ID => CallId::parse(value).map(|c| json!(c.0)),
        N::MAX_FORWARDS => number!(MaxForwards),
        N::EXPIRES => number!(Expires),
        N::MIN_EXPIRES => number!(MinExpires),
        N::CONTENT_LENGTH => number!(ContentLength),
        N::MAX_BREADTH => number!(MaxBreadth),
        N::FLOW_TIMER => number!(FlowTimer),
        N::RSEQ => number!(RSeq),
        N::MIN_SE => number!(MinSe),
        N::RETRY_AFTER => RetryWhen::parse(value).map(
            |r| json!({ "seconds": r.secs, "comment": r.comment(), "duration": r.duration() }),
        ),
        N::SESSION_EXPIRES => SessionExpires::parse(value).map(|s| {
            let refresher = s.refresher.map(|who| match who {
                Refresher::Uac => "uac",
                Refresher::Uas => "uas",
            });
            json!({ "seconds": s.secs, "refresher": refresher })
        }),
        N::RACK => RAck::parse(value)
            .map(|r| json!({ "rseq": r.rseq, "cseq": r.cseq, "method": r.method.as_str() })),
        N::REPLACES => dialog!(Replaces),
        N::JOIN => dialog!(Join),
        N::TARGET_DIALOG => dialog!(TargetDialog),
        N::CONTENT_TYPE => ContentType::parse(value).map(
            |c| json!({ "type": c.essence.to_ascii_lowercase(), "params": params(c.params()) }),
        ),
        N::ALLOW => each::<Allow<'_>>(value, |a| json!(a.0.as_str())),
        N::SUPPORTED => each::<Supported<'_>>(value, |t| json!(t.0)),
        N::REQUIRE => each::<Require<'_>>(value, |t| json!(t.0)),
        N::PROXY_REQUIRE => each::<ProxyRequire<'_>>(value, |t| json!(t.0)),
        N::UNSUPPORTED => each::<Unsupported<'_>>(value, |t| json!(t.0)),
        N::IN_REPLY_TO => each::<InReplyTo<'_>>(value, |t| json!(t.0)),
        N::WARNING => each::<Warning<'_>>(
            value,
            |w| json!({ "code": w.code, "agent": w.agent, "text": w.text }),
        ),
        N::ACCEPT => words!(Accept),
        N::ACCEPT_ENCODING => words!(AcceptEncoding),
        N::ACCEPT_LANGUAGE => words!(AcceptLanguage),
        N::ACCEPT_CONTACT => words!(AcceptContact),
        N::REJECT_CONTACT => words!(RejectContact),
        N::REQUEST_DISPOSITION => words!(RequestDisposition),
        N::ALLOW_EVENTS => words!(AllowEvents),
        N::CONTENT_DISPOSITION => words!(ContentDisposition),
        N::CONTENT_ENCODING => words!(ContentEncoding),
        N::CONTENT_LANGUAGE => words!(ContentLanguage),
        N::EVENT => words!(Event),
        N::SUBSCRIPTION_STATE => words!(SubscriptionState),
        N::REASON => words!(Reason),
        N::REFER_SUB => words!(ReferSub),
        N::PRIORITY => words!(Priority),
        N::INFO_PACKAGE => words!(InfoPackage),
        N::RECV_INFO => words!(RecvInfo),
        N::SIP_ETAG => words!(SipEtag),
        N::SIP_IF_MATCH => words!(SipIfMatch),
        N::WWW_AUTHENTICATE => challenges!(WwwAuthenticate),
        N::PROXY_AUTHENTICATE => challenges!(ProxyAuthenticate),
        N::AUTHORIZATION => credentials!(Authorization),
        N::PROXY_AUTHORIZATION => credentials!(ProxyAuthorization),
        N::AUTHENTICATION_INFO => info!(AuthenticationInfo),
        N::PROXY_AUTHENTICATION_INFO => info!(ProxyAuthenticationInfo),
        N::DATE => text!(Date),
        N::TIMESTAMP => text!(SentAt),
        N::SUBJECT => text!(Subject),
        N::SERVER => text!(Server),
        N::USER_AGENT => text!(UserAgent),
        N::ORGANIZATION => text!(Organization),
        N::MIME_VERSION => text!(MimeVersion),
        N::PRIVACY => text!(Privacy),
        N::IDENTITY => text!(Identity),
        N::IDENTITY_INFO => text!(IdentityInfo),
        N::CONTENT_ID => text!(ContentId),
        _ => return None,
    })
}

fn items(
    row: &[u8],
    read: impl Fn(&[u8]) -> Result<Value, ParseError>,
) -> Result<Value, ParseError> {
    let items = Items::new(row).filter(|item| !item.bytes.is_empty());
    items
        .map(|item| read(item.bytes).map_err(|e| e.at(item.offset)))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn each<'a, T: TypedHeader<'a>>(
    row: &'a [u8],
    show: impl Fn(T) -> Value,
) -> Result<Value, ParseError> {
    let items = Items::new(row).filter(|item| !item.bytes.is_empty());
    items
        .map(|item| T::parse(item.bytes).map(&show).map_err(|e| e.at(item.offset)))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn worded(value: &Worded<'_>) -> Value {
    json!({ "word": value.word, "params": params(value.params()) })
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

/// Without what proves the secret, or is one.
fn credentials(value: &Credentials<'_>) -> Value {
    match value {
        Credentials::Digest(digest) => json!({
            "scheme": "Digest",
            "username": digest.username,
            "realm": digest.realm,
            "uri": digest.uri,
            "algorithm": digest.algorithm_name,
            "qop": digest.qop_name,
            "nc": digest.nc_text,
        }),
        Credentials::Basic(basic) => json!({ "scheme": "Basic", "username": basic.username() }),
        Credentials::Other { scheme, .. } => json!({ "scheme": scheme }),
        _ => Value::Null,
    }
}

fn info(value: &Info<'_>) -> Value {
    json!({ "nextnonce": value.nextnonce, "qop": value.qop, "nc": value.nc })
}

pub(super) fn params(params: Params<'_>) -> Value {
    let mut object = Map::new();
    for param in params {
        object.insert(lossy(param.name), param.value.map_or(Value::Null, |v| json!(lossy(v))));
    }
    Value::Object(object)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
