//! `sip_differential`: one datagram, read by this crate and, with the feature `peers-sip`, by the crates that
//! users would pick instead. Where both accept it they must have read the same; where they differ for a
//! reason, the reason stands beside the exception.

use bytes::Bytes;
use proto_wire::Limits;
use sip_proto::MessageBuf;
use sip_proto::message::Message;

/// The bytes are one datagram. Without the feature it is only compared with itself: edited by nothing and
/// cut to its own bytes, it is the same message.
pub fn sip_differential(data: &[u8]) {
    let Ok(message) = MessageBuf::parse(Bytes::copy_from_slice(data), &Limits::DEFAULT) else {
        return;
    };
    let edited = match message.view() {
        Message::Request(request) => request.edit().to_bytes(),
        Message::Response(response) => response.edit().to_bytes(),
    };
    let edited = edited.expect("no edits cannot overlap");
    assert_eq!(&edited[..], message.view().as_bytes());
    #[cfg(feature = "peers-sip")]
    peers::compare(data, &message);
}

#[cfg(feature = "peers-sip")]
mod peers {
    use bytes::Bytes;
    use proto_wire::head::Quirk;
    use sip_proto::headers::{CSeq, CallId, From, To, Via};
    use sip_proto::message::{Message, Strictness};
    use sip_proto::{HeaderName, MessageBuf, Uri};

    pub(super) fn compare(data: &[u8], ours: &MessageBuf) {
        let (strict, quirks, defect) = match ours.view() {
            Message::Request(r) => (r.validate_as(Strictness::Strict), r.quirks(), r.defect()),
            Message::Response(r) => (r.validate_as(Strictness::Strict), r.quirks(), r.defect()),
        };
        // Lines that one takes for a header and the other refuses or skips are no matter of reading.
        let lines_agree = [
            Quirk::BareLf,
            Quirk::BareCr,
            Quirk::NoColon,
            Quirk::BadName,
            Quirk::ControlByte,
            Quirk::StrayFold,
            Quirk::NoEmptyLine,
            Quirk::StartLineSpace,
        ]
        .iter()
        .all(|quirk| !quirks.contains(*quirk));
        if lines_agree && defect.is_none() {
            sipx(data, ours, strict.is_ok());
            if strict.is_ok() {
                rsip(ours);
            }
        }
    }

    /// `sipx-sip`: the start line, every header in order, the body, and what it types.
    fn sipx(data: &[u8], ours: &MessageBuf, strict: bool) {
        use sipx_sip::headers as theirs_of;
        let parsed =
            sipx_sip::parse_datagram(Bytes::copy_from_slice(data), &sipx_sip::Limits::datagram());
        let theirs = match parsed {
            Ok(theirs) => theirs,
            // What strictness accepts, it accepts too; but for its own limits, and empty lines in front,
            // which it does not skip on a datagram.
            Err(error) => {
                let text = format!("{error}").to_ascii_lowercase();
                let expected = text.contains("limit")
                    || text.contains("exceed")
                    || data.first().is_some_and(|b| matches!(b, b'\r' | b'\n'));
                assert!(!strict || expected, "sipx refuses: {error}");
                return;
            }
        };
        match (ours.view(), &theirs) {
            (Message::Request(ours), sipx_sip::Message::Request(theirs)) => {
                assert_eq!(ours.method().as_str().as_bytes(), theirs.method.as_bytes());
                if strict {
                    assert_eq!(ours.uri_bytes(), &theirs.uri.to_bytes()[..]);
                }
            }
            (Message::Response(ours), sipx_sip::Message::Response(theirs)) => {
                assert_eq!(ours.status().as_u16(), theirs.status.code());
                assert_eq!(ours.reason_bytes(), &theirs.reason[..]);
            }
            _ => panic!("a request for one and a response for the other"),
        }
        let (headers, their_headers) = (ours.view().headers(), theirs.headers());
        assert_eq!(headers.len(), their_headers.len(), "headers");
        for (ours, theirs) in headers.iter().zip(their_headers.iter()) {
            // Each unfolds in its own way; what is not white space must be the same.
            assert_eq!(squeezed(ours.bytes()), squeezed(theirs.raw_value()), "{}", ours.name());
        }
        assert_eq!(ours.view().body(), &theirs.body()[..], "body");
        if let (Ok(Some(ours)), Some(Ok(theirs))) =
            (headers.typed::<CSeq<'_>>(), their_headers.typed::<theirs_of::CSeq>())
        {
            assert_eq!(ours.number, theirs.sequence);
        }
        if let (Ok(Some(ours)), Some(Ok(theirs))) =
            (headers.typed::<CallId<'_>>(), their_headers.typed::<theirs_of::CallId>())
        {
            assert_eq!(ours.0.as_bytes(), &theirs.0[..]);
        }
        if let (Ok(Some(ours)), Some(Ok(theirs))) =
            (headers.typed::<From<'_>>(), their_headers.typed::<theirs_of::From>())
        {
            tag("From", ours.tag(), theirs.tag());
        }
        if let (Ok(Some(ours)), Some(Ok(theirs))) =
            (headers.typed::<To<'_>>(), their_headers.typed::<theirs_of::To>())
        {
            tag("To", ours.tag(), theirs.tag());
        }
        let vias: Result<Vec<_>, _> = headers.values::<Via<'_>>().collect();
        let their_vias: Result<Vec<_>, _> = their_headers.typed_all::<theirs_of::Via>().collect();
        if let (Ok(ours), Ok(theirs), true) = (vias, their_vias, strict) {
            assert_eq!(ours.len(), theirs.len(), "Via");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours.sent_by.port, theirs.port);
                assert_eq!(ours.branch().filter(|b| !b.is_empty()), theirs.branch());
            }
        }
    }

    fn tag(header: &str, ours: Option<&str>, theirs: Option<&[u8]>) {
        let theirs = theirs.filter(|tag| !tag.is_empty());
        assert_eq!(ours.map(str::as_bytes), theirs, "{header}");
    }

    fn squeezed(value: &[u8]) -> Vec<u8> {
        value.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
    }

    /// `rsip`: it knows no compact forms, no folds, no unknown methods, and looks beyond the start line for
    /// the end of a URI that is not of SIP; it is asked only about messages without any of them.
    fn rsip(ours: &MessageBuf) {
        use ::rsip::message::{HasHeaders as _, HeadersExt as _};
        use ::rsip::prelude::UntypedHeader as _;
        let view = ours.view();
        let plain = view.headers().iter().all(|f| {
            f.text().is_some_and(|text| !text.contains(['\r', '\n']))
                && f.id().is_none_or(|id| id.as_str().eq_ignore_ascii_case(f.name()))
        });
        let known = match ours {
            MessageBuf::Request(request) => matches!(request.view().uri(), Ok(Uri::Sip(_))),
            MessageBuf::Response(_) => true,
        };
        if !plain || !known {
            return;
        }
        let Ok(theirs) = ::rsip::SipMessage::try_from(view.as_bytes()) else { return };
        assert_eq!(view.headers().len(), theirs.headers().iter().count(), "headers");
        assert_eq!(view.body(), &theirs.body()[..], "body");
        let call_id = theirs.call_id_header().map(|h| h.value().trim().to_owned()).ok();
        assert_eq!(view.headers().get(HeaderName::CALL_ID).map(str::to_owned), call_id);
        let cseq = theirs.cseq_header().ok().and_then(|h| h.seq().ok());
        if let (Ok(Some(ours)), Some(theirs)) = (view.headers().typed::<CSeq<'_>>(), cseq) {
            assert_eq!(ours.number, theirs);
        }
    }
}
