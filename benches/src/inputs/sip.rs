//! SIP: an INVITE with SDP as a proxy sees it, a MESSAGE, a 200 with SDP, a REGISTER with digest
//! credentials; and varied requests and answers of these kinds.

use super::{VARIED, Vary, text};
use bytes::Bytes;

/// An INVITE of 14 headers with an SDP body, on its way through one proxy.
#[must_use]
pub fn invite() -> Vec<u8> {
    let body = sdp("192.0.2.101", 49_172, "2890844526");
    text(
        "INVITE sip:bob@biloxi.example.com SIP/2.0",
        &[
            "Via: SIP/2.0/UDP ss1.atlanta.example.com:5060;branch=z9hG4bK2d4790.1;received=192.0.2.111".into(),
            "Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport".into(),
            "Record-Route: <sip:ss1.atlanta.example.com;lr>".into(),
            "Max-Forwards: 69".into(),
            "From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl".into(),
            "To: Bob <sip:bob@biloxi.example.com>".into(),
            "Call-ID: 3848276298220188511@atlanta.example.com".into(),
            "CSeq: 2 INVITE".into(),
            "Contact: <sip:alice@client.atlanta.example.com;transport=tcp>".into(),
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE".into(),
            "Supported: replaces, timer".into(),
            "User-Agent: softphone/2.4.1 (desk)".into(),
            "Content-Type: application/sdp".into(),
            format!("Content-Length: {}", body.len()),
        ],
        &body,
    )
}

/// A MESSAGE of 10 headers with a line of text.
#[must_use]
pub fn message() -> Vec<u8> {
    let body = "Watson, come here. I have a question about your tickets.";
    text(
        "MESSAGE sip:user2@domain.example SIP/2.0",
        &[
            "Via: SIP/2.0/TCP user1pc.domain.example;branch=z9hG4bK776sgdkse".into(),
            "Max-Forwards: 70".into(),
            "From: \"User One\" <sip:user1@domain.example>;tag=49583".into(),
            "To: <sip:user2@domain.example>".into(),
            "Call-ID: asd88asd77a@1.2.3.4".into(),
            "CSeq: 1 MESSAGE".into(),
            "Contact: <sip:user1@user1pc.domain.example>".into(),
            "User-Agent: softphone/2.4.1".into(),
            "Content-Type: text/plain".into(),
            format!("Content-Length: {}", body.len()),
        ],
        body,
    )
}

/// A 200 to an INVITE: 12 headers and an SDP body.
#[must_use]
pub fn ok() -> Vec<u8> {
    let body = sdp("192.0.2.201", 3456, "2890844527");
    text(
        "SIP/2.0 200 OK",
        &[
            "Via: SIP/2.0/UDP ss1.atlanta.example.com:5060;branch=z9hG4bK2d4790.1;received=192.0.2.111".into(),
            "Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport=5060".into(),
            "Record-Route: <sip:ss1.atlanta.example.com;lr>".into(),
            "From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl".into(),
            "To: Bob <sip:bob@biloxi.example.com>;tag=314159".into(),
            "Call-ID: 3848276298220188511@atlanta.example.com".into(),
            "CSeq: 2 INVITE".into(),
            "Contact: <sip:bob@client.biloxi.example.com;transport=tcp>".into(),
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY".into(),
            "Supported: replaces".into(),
            "Content-Type: application/sdp".into(),
            format!("Content-Length: {}", body.len()),
        ],
        &body,
    )
}

/// A REGISTER of 11 headers with digest credentials, without a body.
#[must_use]
pub fn register() -> Vec<u8> {
    text(
        "REGISTER sip:ss2.biloxi.example.com SIP/2.0",
        &[
            "Via: SIP/2.0/TCP client.biloxi.example.com:5061;branch=z9hG4bKnashd92".into(),
            "Max-Forwards: 70".into(),
            "From: Bob <sip:bob@biloxi.example.com>;tag=ja743ks76zlflH".into(),
            "To: Bob <sip:bob@biloxi.example.com>".into(),
            "Call-ID: 1j9FpLxk3uxtm8tn@biloxi.example.com".into(),
            "CSeq: 2 REGISTER".into(),
            "Contact: <sip:bob@client.biloxi.example.com>;expires=3600".into(),
            "Authorization: Digest username=\"bob\", realm=\"atlanta.example.com\", \
             nonce=\"ea9c8e88df84f1cec4341ae6cbe5a359\", uri=\"sip:ss2.biloxi.example.com\", \
             response=\"dfe56131d1958046689d83306477ecc5\", algorithm=MD5, cnonce=\"0a4f113b\", \
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", qop=auth, nc=00000001"
                .into(),
            "Expires: 3600".into(),
            "User-Agent: softphone/2.4.1".into(),
            "Content-Length: 0".into(),
        ],
        "",
    )
}

/// 1,024 messages: requests and 200s, names and hosts of random length, headers in random
/// order (Via first, as proxies write them), some without a body.
#[must_use]
pub fn varied() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0x51b);
    (0..VARIED).map(|_| varied_one(&mut vary)).collect()
}

/// 1,024 MESSAGE requests, each from another sender: names, hosts and texts of random length.
#[must_use]
pub fn varied_messages() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0x3e55);
    (0..VARIED).map(|number| message_of(&mut vary, number)).collect()
}

fn message_of(vary: &mut Vary, number: usize) -> Vec<u8> {
    let (alice, bob) = (vary.word(3, 12), vary.word(3, 12));
    let (here, there) = (vary.host(), vary.host());
    let body = vary.words(2, 20);
    let via = format!("Via: SIP/2.0/UDP {here};branch=z9hG4bK{}{number}", vary.word(6, 20));
    let mut headers = vec![
        "Max-Forwards: 70".into(),
        format!("From: \"{}\" <sip:{alice}@{here}>;tag={}", vary.words(1, 2), vary.word(4, 16)),
        format!("To: <sip:{bob}@{there}>"),
        format!("Call-ID: {}@{here}", vary.word(8, 32)),
        format!("CSeq: {} MESSAGE", vary.number(1, 100_000)),
        format!("User-Agent: {}/{}", vary.word(4, 14), vary.number(0, 9)),
        "Content-Type: text/plain".into(),
        format!("Content-Length: {}", body.len()),
    ];
    vary.shuffle(&mut headers);
    headers.insert(0, via);
    text(&format!("MESSAGE sip:{bob}@{there} SIP/2.0"), &headers, &body)
}

/// What a request is made of, for builders.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The request URI.
    pub uri: String,
    /// Names and values, but for those of the body.
    pub headers: Vec<(String, String)>,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// The fields of a request that was made here.
///
/// # Panics
///
/// When it was not.
#[must_use]
pub fn fields(message: &[u8]) -> Fields {
    let message = core::str::from_utf8(message).expect("text");
    let (head, body) = message.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let uri = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a URI");
    let mut fields = Fields {
        uri: uri.to_owned(),
        headers: Vec::new(),
        content_type: String::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        match name {
            "Content-Length" => {}
            "Content-Type" => value.clone_into(&mut fields.content_type),
            _ => fields.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    fields
}

fn varied_one(vary: &mut Vary) -> Vec<u8> {
    let method =
        vary.pick(&["INVITE", "INVITE", "INVITE", "MESSAGE", "OPTIONS", "BYE", "REGISTER"]);
    let (alice, bob) = (vary.word(3, 12), vary.word(3, 12));
    let (here, there) = (vary.host(), vary.host());
    let answer = vary.chance(25);
    let start = if answer {
        "SIP/2.0 200 OK".to_owned()
    } else {
        format!("{method} sip:{bob}@{there} SIP/2.0")
    };
    let mut vias = Vec::new();
    for _ in 0..vary.number(1, 3) {
        let mut via = format!(
            "Via: SIP/2.0/{} {}:{};branch=z9hG4bK{}",
            vary.pick(&["UDP", "TCP", "TLS"]),
            vary.host(),
            vary.number(1024, 65_535),
            vary.word(6, 24)
        );
        if vary.chance(30) {
            via.push_str(&format!(";received=192.0.2.{}", vary.number(1, 254)));
        }
        if vary.chance(40) {
            via.push_str(";rport");
        }
        vias.push(via);
    }
    let mut rest = vec![
        format!("Max-Forwards: {}", vary.number(1, 70)),
        format!("Call-ID: {}@{here}", vary.word(8, 32)),
        format!("CSeq: {} {method}", vary.number(1, 100_000)),
        format!("Contact: <sip:{alice}@{}:{}>", vary.host(), vary.number(1024, 65_535)),
    ];
    rest.push(if vary.chance(50) {
        format!("From: \"{}\" <sip:{alice}@{here}>;tag={}", vary.words(1, 3), vary.word(4, 16))
    } else {
        format!("From: <sip:{alice}@{here}>;tag={}", vary.word(4, 16))
    });
    let mut to = format!("To: <sip:{bob}@{there}>");
    if answer || vary.chance(30) {
        to.push_str(&format!(";tag={}", vary.word(4, 16)));
    }
    rest.push(to);
    if vary.chance(60) {
        rest.push("Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE".into());
    }
    if vary.chance(60) {
        rest.push(format!("Supported: {}, {}", vary.word(3, 9), vary.word(3, 9)));
    }
    if vary.chance(70) {
        rest.push(format!(
            "User-Agent: {}/{}.{}",
            vary.word(4, 14),
            vary.number(0, 9),
            vary.number(0, 99)
        ));
    }
    if vary.chance(40) {
        rest.push(format!("Record-Route: <sip:{};lr>", vary.host()));
    }
    for _ in 0..vary.number(0, 2) {
        rest.push(format!("X-{}: {}", vary.word(3, 12), vary.words(1, 6)));
    }
    let body = if vary.chance(60) {
        let (address, port) =
            (format!("192.0.2.{}", vary.number(1, 254)), vary.number(1024, 65_535));
        rest.push("Content-Type: application/sdp".into());
        let session = vary.number(1, u64::from(u32::MAX)).to_string();
        sdp(&address, port, &session)
    } else {
        String::new()
    };
    rest.push(format!("Content-Length: {}", body.len()));
    vary.shuffle(&mut rest);
    vias.extend(rest);
    text(&start, &vias, &body)
}

fn sdp(address: &str, port: u64, session: &str) -> String {
    format!(
        "v=0\r\no=alice {session} {session} IN IP4 client.atlanta.example.com\r\ns=-\r\n\
         c=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
    )
}
