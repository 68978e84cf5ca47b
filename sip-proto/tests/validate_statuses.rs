//! `validate` names the layer that objects and the status to answer: one row for each status, each from
//! a request that differs from a good one in this alone.
#![allow(clippy::unwrap_used, clippy::unwrap_in_result, reason = "tests state what must hold")]

use sip_proto::message::{Layer, Screen};
use sip_proto::{HeaderName, Objection, RequestBuf};

const GOOD: &str = "INVITE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKx\r\n\
    From: <sip:alice@example.com>;tag=1\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: 1@a\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:alice@192.0.2.1>\r\n\
    Max-Forwards: 70\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 5\r\n\r\nhello";

fn judge(text: &str, screen: &Screen<'_>) -> Result<(), Objection> {
    RequestBuf::parse(text.to_owned()).unwrap().view().validate_for(screen)
}

fn objects(from: &str, to: &str, screen: &Screen<'_>) -> (u16, Layer, Option<HeaderName>) {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replace(from, to);
    let objection = judge(&text, screen).unwrap_err();
    assert!(objection.error.offset() <= text.len());
    // The same message is no problem for an element that is asked nothing of this.
    (objection.status.as_u16(), objection.layer, objection.header)
}

fn agent() -> Screen<'static> {
    Screen::default()
}

#[test]
fn a_good_request_passes_both_roles() {
    assert_eq!(judge(GOOD, &agent()), Ok(()));
    assert_eq!(judge(GOOD, &Screen::proxy()), Ok(()));
    assert_eq!(judge(GOOD, &agent().with_dialog(Some(true)).with_decryption(true)), Ok(()));
}

#[test]
fn status_400_for_what_cannot_be_read() {
    let [f, s, t] = [Layer::Framing, Layer::Syntax, Layer::Transaction];
    for (from, to, layer, header) in [
        ("Length: 5", "Length: 6", f, None),
        ("Length: 5", "Length: x", f, None),
        ("Max-Forwards", "No Colon", f, None),
        ("From: <sip:alice@example.com>;tag=1\r\n", "", s, Some(HeaderName::FROM)),
        ("To: <", "To: \"", s, Some(HeaderName::TO)),
        ("Call-ID: 1@a", "Call-ID: 1 2", s, Some(HeaderName::CALL_ID)),
        ("CSeq: 1", "CSeq: x", s, Some(HeaderName::CSEQ)),
        ("SIP/2.0/UDP a.example.com", "SIP/2.0/UDP ", s, Some(HeaderName::VIA)),
        ("Max-Forwards: 70", "Max-Forwards: 700", s, Some(HeaderName::MAX_FORWARDS)),
        ("Contact: <sip:", "Contact: <sip:@", s, Some(HeaderName::CONTACT)),
        ("Content-Type: application/sdp", "Content-Type: sdp", s, Some(HeaderName::CONTENT_TYPE)),
        ("bob@example.com SIP/2.0", "bob@ex@ample SIP/2.0", s, None),
        ("CSeq: 1 INVITE", "CSeq: 1 ACK", t, Some(HeaderName::CSEQ)),
    ] {
        assert_eq!(objects(from, to, &agent()), (400, layer, header), "{to}");
    }
}

#[test]
fn status_413_for_a_body_that_is_too_large() {
    let screen = agent().with_sizes(2048, 4, 9999);
    assert_eq!(objects("hello", "hello", &screen), (413, Layer::Framing, None));
    assert_eq!(judge(GOOD, &agent().with_sizes(2048, 5, 9999)), Ok(()));
}

#[test]
fn status_414_for_a_uri_that_is_too_long() {
    let mut screen = agent();
    screen.uri_max = 18;
    assert_eq!(objects("hello", "hello", &screen), (414, Layer::Framing, None));
    screen.uri_max = 19;
    assert_eq!(judge(GOOD, &screen), Ok(()));
}

#[test]
fn status_513_for_a_message_that_is_too_large() {
    let screen = agent().with_sizes(2048, 99, GOOD.len() - 1);
    assert_eq!(objects("hello", "hello", &screen), (513, Layer::Framing, None));
    assert_eq!(judge(GOOD, &agent().with_sizes(2048, 99, GOOD.len())), Ok(()));
}

#[test]
fn status_416_for_a_scheme_that_is_not_understood() {
    for uri in ["urn:service:sos", "http://example.com", "nobodyKnows:opaque"] {
        let found = objects("sip:bob@example.com SIP", &format!("{uri} SIP"), &agent());
        assert_eq!(found, (416, Layer::User, None), "{uri}");
    }
    let tel = GOOD.replace("sip:bob@example.com SIP", "tel:+12015550123 SIP");
    assert_eq!(judge(&tel, &agent()), Ok(()));
    // Trap 32: who cannot do TLS says 416 to sips, and does not fall back to sip.
    let no_tls = agent().with_schemes(&["sip", "tel"]);
    assert_eq!(objects("sip:bob@example.com SIP", "sips:bob@h SIP", &no_tls).0, 416);
}

#[test]
fn status_420_for_an_extension_that_is_not_understood() {
    let require = "Require: 100rel, nothingSupportsThis\r\nMax-Forwards";
    let knows = agent().with_extensions(&["100rel"]);
    let wanted = (420, Layer::User, Some(HeaderName::REQUIRE));
    assert_eq!(objects("Max-Forwards", require, &knows), wanted);
    // A proxy looks at Proxy-Require only, a user agent at Require only.
    let proxy_require = GOOD.replace("Max-Forwards", "Proxy-Require: x\r\nMax-Forwards");
    assert_eq!(judge(&proxy_require, &agent()), Ok(()));
    assert_eq!(judge(&proxy_require, &Screen::proxy()).unwrap_err().status.as_u16(), 420);
    assert_eq!(judge(&GOOD.replace("Max-Forwards", require), &Screen::proxy()), Ok(()));
    // RFC 3261 §8.2.2.3: not for CANCEL and ACK.
    let cancel = GOOD.replace("INVITE", "CANCEL").replace("Max-Forwards", require);
    assert_eq!(judge(&cancel, &agent()), Ok(()));
}

#[test]
fn status_481_for_a_dialog_that_is_not_known() {
    let gone = agent().with_dialog(Some(false));
    let found = objects("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2", &gone);
    assert_eq!(found, (481, Layer::User, Some(HeaderName::TO)));
}

#[test]
fn status_482_for_a_merged_request_and_for_a_loop() {
    let wanted = (482, Layer::User, Some(HeaderName::VIA));
    assert_eq!(objects("hello", "hello", &agent().with_seen(true)), wanted);
    assert_eq!(objects("hello", "hello", &Screen::proxy().with_seen(true)), wanted);
    // A request within a dialog is never merged; a proxy's loop is one all the same.
    let within = GOOD.replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2");
    assert_eq!(judge(&within, &agent().with_seen(true)), Ok(()));
    assert!(judge(&within, &Screen::proxy().with_seen(true)).is_err());
}

#[test]
fn status_483_when_there_are_no_hops_left() {
    let wanted = (483, Layer::User, Some(HeaderName::MAX_FORWARDS));
    assert_eq!(objects("Max-Forwards: 70", "Max-Forwards: 0", &Screen::proxy()), wanted);
    let arrived = GOOD.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(judge(&arrived, &agent()), Ok(()));
    assert_eq!(judge(&arrived.replace("INVITE", "OPTIONS"), &Screen::proxy()), Ok(()));
}

#[test]
fn status_493_for_a_body_that_cannot_be_deciphered() {
    let sealed = "application/pkcs7-mime;smime-type=enveloped-data";
    let wanted = (493, Layer::User, Some(HeaderName::CONTENT_TYPE));
    assert_eq!(objects("application/sdp", sealed, &agent()), wanted);
    let text = GOOD.replace("application/sdp", sealed);
    assert_eq!(judge(&text, &agent().with_decryption(true)), Ok(()));
    assert_eq!(judge(&text, &Screen::proxy()), Ok(()));
    // In any case (RFC 3261 §7.3.1).
    for word in ["optional", "Optional"] {
        let optional = format!("Content-Disposition: session;handling={word}\r\nContent-Length");
        assert_eq!(judge(&text.replace("Content-Length", &optional), &agent()), Ok(()), "{word}");
    }
    let signed = GOOD.replace("application/sdp", "application/pkcs7-mime;smime-type=signed-data");
    assert_eq!(judge(&signed, &agent()), Ok(()));
}

#[test]
fn status_505_for_another_version() {
    assert_eq!(
        objects("example.com SIP/2.0", "example.com SIP/7.0", &agent()),
        (505, Layer::User, None)
    );
    let lower = GOOD.replace("example.com SIP/2.0", "example.com sip/2.0");
    assert_eq!(judge(&lower, &agent()), Ok(()));
}

/// Who objects first: the wire before the grammar, the grammar before the user.
#[test]
fn objections_come_in_the_order_of_the_layers() {
    let all = GOOD
        .replace("sip:bob@example.com SIP", "urn:x:y SIP")
        .replace("CSeq: 1 INVITE", "CSeq: x INVITE")
        .replace("Length: 5", "Length: 50");
    let layer = |text: &str| judge(text, &agent()).unwrap_err().layer;
    assert_eq!(layer(&all), Layer::Framing);
    let all = all.replace("Length: 50", "Length: 5");
    assert_eq!(layer(&all), Layer::Syntax);
    let all = all.replace("CSeq: x", "CSeq: 1").replace("1 INVITE", "1 BYE");
    assert_eq!(layer(&all), Layer::Transaction);
    let all = all.replace("1 BYE", "1 INVITE");
    assert_eq!(layer(&all), Layer::User);
}

/// `Screen::uri_max`, `body_max` and `message_max` at N, and one more.
#[test]
fn sizes_are_judged_at_n_and_at_one_more() {
    let request = RequestBuf::parse(GOOD.as_bytes().to_vec()).unwrap();
    let view = request.view();
    let (uri, body, all) = (view.uri_bytes().len(), view.body().len(), GOOD.len());
    assert_eq!(judge(GOOD, &agent().with_sizes(uri, body, all)), Ok(()));
    for (sizes, status) in [((uri - 1, body, all), 414), ((uri, body, all - 1), 513)] {
        let screen = agent().with_sizes(sizes.0, sizes.1, sizes.2);
        assert_eq!((screen.uri_max, screen.body_max, screen.message_max), sizes);
        assert_eq!(judge(GOOD, &screen).unwrap_err().status.as_u16(), status);
    }
}
