//! What names of XMPP mean, in words.

use base64::Engine as _;
use serde_json::{Value, json};
use xmpp_proto::xml::{Element, Ns};

/// The extension that a namespace belongs to.
pub fn extension(namespace: &str) -> Option<&'static str> {
    NAMES.iter().find(|(name, _)| *name == namespace).map(|(_, extension)| *extension)
}

const NAMES: &[(&str, &str)] = &[
    ("http://etherx.jabber.org/streams", "RFC 6120 streams"),
    ("urn:ietf:params:xml:ns:xmpp-tls", "RFC 6120 STARTTLS"),
    ("urn:ietf:params:xml:ns:xmpp-sasl", "RFC 6120 SASL"),
    ("urn:ietf:params:xml:ns:xmpp-bind", "RFC 6120 resource binding"),
    ("urn:ietf:params:xml:ns:xmpp-session", "RFC 3921 session"),
    ("urn:ietf:params:xml:ns:xmpp-framing", "RFC 7395 WebSocket framing"),
    ("jabber:iq:roster", "RFC 6121 roster"),
    ("urn:xmpp:features:rosterver", "XEP-0237 roster versioning"),
    ("urn:xmpp:features:pre-approval", "RFC 6121 pre-approval"),
    ("jabber:x:data", "XEP-0004 data forms"),
    ("jabber:iq:last", "XEP-0012 last activity"),
    ("http://jabber.org/protocol/disco#info", "XEP-0030 service discovery"),
    ("http://jabber.org/protocol/disco#items", "XEP-0030 service discovery"),
    ("http://jabber.org/protocol/muc", "XEP-0045 group chat"),
    ("http://jabber.org/protocol/muc#user", "XEP-0045 group chat"),
    ("jabber:iq:private", "XEP-0049 private storage"),
    ("vcard-temp", "XEP-0054 vCard"),
    ("http://jabber.org/protocol/rsm", "XEP-0059 result sets"),
    ("http://jabber.org/protocol/pubsub", "XEP-0060 publish-subscribe"),
    ("http://jabber.org/protocol/pubsub#event", "XEP-0060 publish-subscribe"),
    ("jabber:x:oob", "XEP-0066 out-of-band data"),
    ("jabber:iq:register", "XEP-0077 registration"),
    ("http://jabber.org/features/iq-register", "XEP-0077 registration"),
    ("http://jabber.org/protocol/chatstates", "XEP-0085 chat state"),
    ("jabber:iq:version", "XEP-0092 software version"),
    ("jabber:component:accept", "XEP-0114 component"),
    ("http://jabber.org/protocol/caps", "XEP-0115 capabilities"),
    ("http://jabber.org/protocol/httpbind", "XEP-0124 BOSH"),
    ("http://jabber.org/features/compress", "XEP-0138 compression"),
    ("http://jabber.org/protocol/compress", "XEP-0138 compression"),
    ("vcard-temp:x:update", "XEP-0153 avatar"),
    ("urn:xmpp:receipts", "XEP-0184 receipts"),
    ("urn:xmpp:blocking", "XEP-0191 blocking"),
    ("urn:xmpp:sm:3", "XEP-0198 stream management"),
    ("urn:xmpp:ping", "XEP-0199 ping"),
    ("urn:xmpp:time", "XEP-0202 time"),
    ("urn:xmpp:delay", "XEP-0203 delay"),
    ("urn:xmpp:xbosh", "XEP-0206 BOSH"),
    ("jabber:server:dialback", "XEP-0220 dialback"),
    ("urn:xmpp:features:dialback", "XEP-0220 dialback"),
    ("urn:xmpp:carbons:2", "XEP-0280 carbons"),
    ("urn:xmpp:forward:0", "XEP-0297 forwarding"),
    ("urn:xmpp:message-correct:0", "XEP-0308 correction"),
    ("urn:xmpp:mam:2", "XEP-0313 archive"),
    ("urn:xmpp:idle:1", "XEP-0319 idle"),
    ("urn:xmpp:chat-markers:0", "XEP-0333 markers"),
    ("urn:xmpp:hints", "XEP-0334 hints"),
    ("urn:xmpp:csi:0", "XEP-0352 client state"),
    ("urn:xmpp:sid:0", "XEP-0359 stanza ids"),
    ("urn:xmpp:bind:0", "XEP-0386 Bind 2"),
    ("urn:xmpp:sasl:2", "XEP-0388 SASL 2"),
    ("urn:xmpp:caps", "XEP-0390 capabilities 2"),
    ("urn:xmpp:sasl-cb:0", "XEP-0440 channel binding types"),
    ("urn:xmpp:stream-limits:0", "XEP-0478 stream limits"),
    ("urn:xmpp:fast:0", "XEP-0484 FAST"),
];

/// What an error condition of a stanza (RFC 6120 §8.3.3) or a stream (§4.9.3) says.
pub fn condition(name: &str) -> &'static str {
    match name {
        "bad-format" => "the XML cannot be processed as a stream",
        "bad-namespace-prefix" => "a prefix is missing or wrong",
        "bad-request" => "the request is malformed",
        "conflict" => "something of this name exists already, or another connection took over",
        "connection-timeout" => "the other side was silent for too long",
        "feature-not-implemented" => "the feature exists, and not here",
        "forbidden" => "the sender lacks the permission",
        "gone" => "the recipient is no longer at this address",
        "host-gone" => "the domain is not served any more",
        "host-unknown" => "the domain is not served here",
        "improper-addressing" => "an address is missing",
        "internal-server-error" => "the server is in trouble",
        "invalid-from" => "the sender is not who the stream belongs to",
        "invalid-namespace" => "the namespace of the stream or its content is wrong",
        "invalid-xml" => "the XML is not valid",
        "item-not-found" => "what was asked for does not exist",
        "jid-malformed" => "an address is malformed",
        "not-acceptable" => "the recipient does not accept the terms",
        "not-allowed" => "nobody may do this",
        "not-authorized" => "authentication must come first, or failed",
        "not-well-formed" | "xml-not-well-formed" => "the XML is not well-formed",
        "payment-required" => "payment is due (RFC 3920)",
        "policy-violation" => "a rule or a limit of the service was broken",
        "recipient-unavailable" => "the recipient is offline",
        "redirect" => "ask elsewhere",
        "registration-required" => "the sender must register first",
        "remote-connection-failed" => "another server that is needed cannot be reached",
        "remote-server-not-found" => "the recipient's server does not exist",
        "remote-server-timeout" => "the recipient's server does not answer",
        "reset" => "the stream must begin anew, its security has changed",
        "resource-constraint" => "too much at once",
        "restricted-xml" => "comments, processing instructions, DTDs or entities were used",
        "see-other-host" => "connect to another host",
        "service-unavailable" => "the service is not offered here",
        "subscription-required" => "a subscription must come first",
        "system-shutdown" => "the server shuts down",
        "undefined-condition" => "something else, which may be explained inside",
        "unexpected-request" => "the request came out of turn",
        "unsupported-encoding" => "the stream is not UTF-8",
        "unsupported-feature" => "a mandatory feature is missing",
        "unsupported-stanza-type" => "an element that is not expected here",
        "unsupported-version" => "the version of the stream is not supported",
        _ => "not in the specifications",
    }
}

/// A step of SASL, decoded. Passwords, tokens, proofs and signatures are left out.
pub fn sasl(root: Element<'_>) -> Option<Value> {
    let (Ns::SASL | Ns::SASL2, step) = (root.ns(), root.name()) else { return None };
    let mechanism = root.attr("mechanism").map(|name| name.into_owned());
    let inside = ["initial-response", "additional-data"];
    let inner = root.children().find(|child| inside.contains(&child.name()));
    let text = inner.unwrap_or(root).text();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let condition = root.children().map(|child| child.name()).next();
    Some(json!({
        "step": step,
        "mechanism": mechanism,
        "message": message(mechanism.as_deref(), &text),
        "condition": condition.filter(|_| step == "failure"),
    }))
}

fn message(mechanism: Option<&str>, text: &str) -> Value {
    if let Some((authzid, rest)) = text.split_once('\0') {
        // PLAIN, or a token: everything behind the name is secret.
        let user = rest.split_once('\0').map_or("", |(user, _)| user);
        let user = if user.is_empty() { authzid } else { user };
        return json!({ "user": user, "secret": "(not shown)" });
    }
    let scram = text.contains("r=") || text.starts_with("v=");
    match mechanism {
        _ if text.is_empty() => Value::Null,
        _ if scram => {
            let hidden = |part: &str| match part.split_once('=') {
                Some((name @ ("p" | "v"), value)) if !value.starts_with("tls-") => {
                    format!("{name}=(not shown)")
                }
                _ => part.to_string(),
            };
            json!(text.split(',').map(hidden).collect::<Vec<_>>().join(","))
        }
        Some("EXTERNAL" | "ANONYMOUS") => json!(text),
        _ => json!("(not shown)"),
    }
}

/// What an element of stream management says.
pub fn management(root: Element<'_>) -> Option<String> {
    if root.ns() != Ns::SM {
        return None;
    }
    let h = root.attr("h").unwrap_or_default();
    Some(match root.name() {
        "enable" => "stanzas are to be acknowledged".into(),
        "enabled" => "stanzas are acknowledged from here on".into(),
        "r" => "asks how many stanzas were handled".into(),
        "a" => format!("{h} stanzas were handled"),
        "resume" => format!("wants to go on with a session of which it handled {h} stanzas"),
        "resumed" => format!("goes on with a session of which it handled {h} stanzas"),
        "failed" => "no stream management, or the session is not known".into(),
        other => format!("{other}: not in XEP-0198"),
    })
}
