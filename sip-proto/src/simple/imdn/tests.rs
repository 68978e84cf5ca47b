use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
#[cfg(feature = "xml")]
use proptest::prelude::*;

/// RFC 5438 §7.1.1.3.
const HELLO: &str = "From: Alice <im:alice@example.com>\r\n\
    To: Bob <im:bob@example.com>\r\n\
    NS: imdn <urn:ietf:params:imdn>\r\n\
    imdn.Message-ID: 34jk324j\r\n\
    DateTime: 2006-04-04T12:16:49-05:00\r\n\
    imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n\
    \r\n\
    Content-type: text/plain\r\n\
    Content-length: 12\r\n\
    \r\n\
    Hello World\n";

fn message(text: &str) -> cpim::Message<'_> {
    cpim::Message::parse(text.as_bytes(), &cpim::Limits::DEFAULT).unwrap()
}

fn with(line: &str) -> String {
    HELLO.replace("DateTime", &format!("{line}\r\nDateTime"))
}

#[test]
fn the_request_of_rfc_5438_7_1_is_read_and_answered_once() {
    let hello = message(HELLO);
    assert!(!is_notification(&hello));
    assert_eq!(message_id(&hello), Some("34jk324j"));
    let mut receipts = Receipts::of(&hello).unwrap();
    assert_eq!(
        receipts.requested(),
        Requested::NONE.with_positive_delivery().with_negative_delivery()
    );
    assert_eq!(receipts.destination(), "im:alice@example.com");
    let bytes = receipts.give(Disposition::Delivery, Status::Delivered, "d834jied93rf").unwrap();
    let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
    assert!(is_notification(&receipt));
    assert_eq!(message_id(&receipt), Some("d834jied93rf"));
    assert_eq!(receipt.from().unwrap().uri, "im:bob@example.com");
    assert_eq!(receipt.to().next().unwrap().uri, "im:alice@example.com");
    assert_eq!(receipt.content_header("content-disposition").unwrap(), "notification");
    // §7.2.1: never "delivered" and then "failed".
    for status in [Status::Delivered, Status::Failed, Status::Error] {
        assert_eq!(receipts.give(Disposition::Delivery, status, "x"), Err(ReceiptError::Given));
    }
    assert_eq!(
        receipts.give(Disposition::Display, Status::Displayed, "x"),
        Err(ReceiptError::NotRequested)
    );
    assert_eq!(
        receipts.give(Disposition::Processing, Status::Stored, "x"),
        Err(ReceiptError::NotRequested)
    );
}

#[test]
fn trap_29_there_is_no_receipt_for_a_receipt() {
    for content in [
        "Content-type: message/imdn+xml",
        "Content-type: text/xml\r\nContent-Disposition: Notification",
    ] {
        let text = HELLO.replace("Content-type: text/plain", content);
        assert!(is_notification(&message(&text)));
        assert_eq!(Requested::of(&message(&text)), Requested::NONE);
        assert!(Receipts::of(&message(&text)).is_none());
    }
    let mut receipts = Receipts::of(&message(HELLO)).unwrap();
    let bytes = receipts.give(Disposition::Delivery, Status::Delivered, "x").unwrap();
    let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
    assert!(Receipts::of(&receipt).is_none());
    assert_eq!(receipt.header(NAMESPACE, "Disposition-Notification"), None);
}

#[test]
fn trap_29_receipts_need_the_namespace_and_the_id_and_the_time() {
    for lost in [
        "NS: imdn <urn:ietf:params:imdn>\r\n",
        "imdn.Message-ID: 34jk324j\r\n",
        "DateTime: 2006-04-04T12:16:49-05:00\r\n",
        "From: Alice <im:alice@example.com>\r\n",
    ] {
        assert!(Receipts::of(&message(&HELLO.replace(lost, ""))).is_none(), "{lost}");
    }
    // Another prefix is as good.
    assert!(Receipts::of(&message(&HELLO.replace("imdn ", "i ").replace("imdn.", "i."))).is_some());
}

#[test]
fn every_request_with_every_outcome() {
    use Disposition::{Delivery, Display, Processing};
    let asking = [
        ("positive-delivery", Delivery, Status::Delivered),
        ("negative-delivery", Delivery, Status::Failed),
        ("processing", Processing, Status::Processed),
        ("processing", Processing, Status::Stored),
        ("display", Display, Status::Displayed),
    ];
    for (word, ..) in asking {
        let text = HELLO.replace("positive-delivery, negative-delivery", word);
        for (other, disposition, status) in asking {
            let mut receipts = Receipts::of(&message(&text)).unwrap();
            let given = receipts.give(disposition, status, "x").map(|_| ());
            let expected = if word == other { Ok(()) } else { Err(ReceiptError::NotRequested) };
            assert_eq!(given, expected, "{word} {disposition:?} {status:?}");
        }
        for disposition in [Delivery, Processing, Display] {
            for status in [
                Status::Delivered,
                Status::Failed,
                Status::Processed,
                Status::Stored,
                Status::Displayed,
            ] {
                if !disposition.allows(status) {
                    let mut receipts = Receipts::of(&message(&text)).unwrap();
                    assert_eq!(receipts.give(disposition, status, "x"), Err(ReceiptError::Status));
                }
            }
        }
    }
}

#[test]
fn a_refused_request_gets_no_negative_receipt() {
    let mut receipts = Receipts::of(&message(HELLO)).unwrap();
    receipts.answered(404);
    assert_eq!(
        receipts.give(Disposition::Delivery, Status::Failed, "x"),
        Err(ReceiptError::Refused)
    );
    receipts.answered(202);
    assert!(receipts.give(Disposition::Delivery, Status::Failed, "x").is_ok());
}

#[test]
fn receipts_follow_the_recorded_route_in_its_order() {
    let text =
        with("imdn.IMDN-Record-Route: <im:s2@x>\r\nimdn.IMDN-Record-Route: \"S 1\" <im:s1@x>");
    let mut receipts = Receipts::of(&message(&text)).unwrap();
    assert_eq!(receipts.destination(), "im:s2@x");
    let bytes = receipts.give(Disposition::Delivery, Status::Delivered, "x").unwrap();
    let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
    let routes: Vec<&str> = receipt.all(NAMESPACE, "IMDN-Route").map(|h| h.raw).collect();
    assert_eq!(routes, ["<im:s2@x>", "\"S 1\" <im:s1@x>"]);
    assert_eq!(receipt.header(NAMESPACE, "IMDN-Record-Route"), None);
}

#[test]
fn requests_are_written_and_read() {
    let all = Requested::NONE
        .with_display()
        .with_negative_delivery()
        .with_positive_delivery()
        .with_processing();
    for wanted in [all, Requested::NONE, Requested::NONE.with_display()] {
        let builder = cpim::Builder::new().from(None, "im:a@x").to(None, "im:b@x");
        let bytes = wanted
            .write(builder, "id1", proto_wire::Timestamp::from_unix_secs(0))
            .content("text/plain", b"hi")
            .unwrap();
        let read = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
        assert_eq!(Requested::of(&read), wanted);
        assert_eq!(
            (message_id(&read), read.date_time()),
            (Some("id1"), Some("1970-01-01T00:00:00.000000Z"))
        );
    }
}

#[test]
fn an_id_cannot_break_out_of_its_line() {
    let mut receipts = Receipts::of(&message(HELLO)).unwrap();
    let bytes =
        receipts.give(Disposition::Delivery, Status::Delivered, "x\r\nFrom: <im:evil@x>").unwrap();
    let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
    assert_eq!(receipt.from().unwrap().uri, "im:bob@example.com");
    assert_eq!(receipt.all(cpim::NAMESPACE, "From").count(), 1);
}

#[cfg(feature = "xml")]
mod payloads {
    use super::*;

    /// RFC 5438 §7.2.1.2.
    const SHOWN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<imdn xmlns="urn:ietf:params:xml:ns:imdn">
      <message-id>34jk324j</message-id>
      <datetime>2008-04-04T12:16:49-05:00</datetime>
      <recipient-uri>im:bob@example.com</recipient-uri>
      <original-recipient-uri
         >im:bob@example.com</original-recipient-uri>
      <display-notification>
         <status>
            <displayed/>
         </status>
      </display-notification>
    </imdn>"#;

    #[test]
    fn the_payload_of_rfc_5438_7_2_1_2_is_read() {
        let report = Report::parse_xml(SHOWN.as_bytes()).unwrap();
        assert_eq!(
            (report.message_id.as_str(), report.date_time.as_str()),
            ("34jk324j", "2008-04-04T12:16:49-05:00")
        );
        assert_eq!(report.recipient.as_deref(), Some("im:bob@example.com"));
        assert_eq!(report.original_recipient.as_deref(), Some("im:bob@example.com"));
        assert_eq!(
            (report.disposition(), report.status()),
            (Disposition::Display, Status::Displayed)
        );
    }

    #[test]
    fn payloads_with_impossible_parts_are_refused() {
        for (from, to, error) in [
            ("<displayed/>", "<delivered/>", XmlError::Value),
            ("<displayed/>", "", XmlError::Missing),
            ("<message-id>34jk324j</message-id>", "", XmlError::Missing),
            ("34jk324j", "", XmlError::Value),
            ("<displayed/>", "<x:y xmlns:x='urn:x'><displayed/></x:y>", XmlError::Missing),
            ("imdn xmlns", "imdm xmlns", XmlError::Root),
        ] {
            assert_eq!(
                Report::parse_xml(SHOWN.replace(from, to).as_bytes()),
                Err(error),
                "{from} {to}"
            );
        }
        let extended = SHOWN.replace("<displayed/>", "<x:y xmlns:x='urn:x'/><displayed/>");
        assert!(Report::parse_xml(extended.as_bytes()).is_ok());
    }

    #[test]
    fn a_receipt_repeats_what_the_message_said() {
        let text = with("Subject:;lang=en 5 < 6 & \\\"7\\\"\r\nimdn.Original-To: <im:list@x>");
        let mut receipts = Receipts::of(&message(&text)).unwrap();
        let bytes = receipts.give(Disposition::Delivery, Status::Delivered, "x").unwrap();
        let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
        let report = Report::parse_xml(receipt.content()).unwrap();
        assert_eq!(report.subject.as_deref(), Some("5 < 6 & \"7\""));
        assert_eq!(report.language.as_deref(), Some("en"));
        assert_eq!(report.original_recipient.as_deref(), Some("im:list@x"));
        assert_eq!(report.recipient.as_deref(), Some("im:bob@example.com"));
        assert_eq!(report.date_time, "2006-04-04T12:16:49-05:00");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn payloads_are_written_and_read(id in "[!-~]{1,30}", subject in "\\PC{0,20}", shown in any::<bool>()) {
            let (kind, status) = if shown { (Disposition::Display, Status::Displayed) } else { (Disposition::Delivery, Status::Failed) };
            let mut report = Report::new(id, "t", kind, status).unwrap();
            report.recipient = Some("im:a@b".into());
            report.original_recipient = Some("im:c@d".into());
            report = report.with_subject(subject.trim(), Some("de"));
            prop_assert_eq!(Report::parse_xml(report.to_xml().as_bytes()), Ok(report));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), at in 0..SHOWN.len(), byte in any::<u8>()) {
            let _read = Report::parse_xml(&bytes);
            let mut mutilated = SHOWN.as_bytes().to_vec();
            mutilated[at] = byte;
            let _read = Report::parse_xml(&mutilated);
        }
    }
}

/// An attribute is read as it was written, escapes resolved.
#[cfg(feature = "xml")]
#[test]
fn the_language_of_a_subject_comes_back_as_it_was() {
    let report = Report::new("1", "t", Disposition::Display, Status::Displayed).unwrap();
    let report = report.with_recipient("im:a@b").with_original_recipient("im:a@b");
    let report = report.with_subject("x", Some("a&\"<b"));
    assert_eq!(Report::parse_xml(report.to_xml().as_bytes()), Ok(report.clone()));
    let odd = report.to_xml().replace("&quot;", "&odd;");
    assert!(Report::parse_xml(odd.as_bytes()).is_err());
}
