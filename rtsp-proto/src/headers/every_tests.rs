//! Properties of all typed headers: no text panics, and errors lie within the value.

use super::*;
use proptest::prelude::*;

/// Reads `value` as a `$type` header, shows it and walks what it holds.
macro_rules! read {
    ($value:expr, $($type:ident $(.$walk:ident())?),* $(,)?) => { $(
        match $type::parse($value) {
            Ok(_header) => {
                let _text = alloc::format!("{_header:?}");
                $( let _count = _header.$walk().count(); )?
            }
            Err(error) => prop_assert!(error.offset() <= $value.len(), "{}", stringify!($type)),
        }
    )* };
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    // Pieces that parsers look for, between random bytes.
    const PIECES: [&str; 34] = [
        "\"",
        "\\",
        ",",
        ";",
        "=",
        " ",
        "-",
        "/",
        ":",
        "(",
        ")",
        "<",
        ">",
        "*",
        "W/",
        "q=0.5",
        "npt=",
        "smpte=",
        "clock=",
        "1.5",
        "99999999999999999999",
        "GMT",
        "Nov",
        "Sun, 06",
        "Scales=\"1:2",
        "Time-Limited=",
        "prot=mikey;data=",
        "cseq=1",
        "status=200",
        "User ",
        "Digest ",
        "Basic ",
        "nonce=\"",
        "RTP/AVP;",
    ];
    let piece = prop_oneof![
        (0..PIECES.len()).prop_map(|i| PIECES[i].as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

use alloc::vec::Vec;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_text_panics_in_any_header(value in value()) {
        let v = value.as_slice();
        read!(v,
            Accept.iter(), AcceptCredentials.credentials(), AcceptEncoding.iter(),
            AcceptLanguage.iter(), AcceptRanges.iter(), Allow, Bandwidth, Blocksize,
            CacheControl.iter(), Conference, Connection.iter(), ConnectionCredentials, ContentBase,
            ContentEncoding.iter(), ContentLanguage.iter(), ContentLength, ContentLocation,
            ContentType, CSeq, Date, Expires, Frames, FromHeader, Host, IfMatch, IfModifiedSince,
            IfNoneMatch, Immediate, KeyMgmt.iter(), LastModified, Location, MediaProperties.iter(),
            MediaRange.iter(), MTag, NotifyReason, PipelinedRequests, ProxyRequire.iter(),
            ProxySupported.iter(), Public, Range, RateControl, Referer, Referrer, RequestStatus,
            Require.iter(), RetryAfter, Scale, SeekStyle, Server, Session, Speed, Supported.iter(),
            TerminateReason, Timestamp, Transport, Unsupported.iter(), UserAgent, Vary.iter(), Via.iter(),
        );
        #[cfg(feature = "digest")]
        read!(v,
            AuthenticationInfo, Authorization, ProxyAuthenticate.challenges(),
            ProxyAuthenticationInfo, ProxyAuthorization, WwwAuthenticate.challenges(),
        );
        let _infos = RtpInfos::new(v).count();
        if let Ok(chain) = ConnectionCredentials::parse(v) {
            let _certificates = chain.certificates();
        }
        if let Ok(via) = Via::parse(v) {
            let _hosts = via.iter().filter_map(Result::ok).filter(|h| h.host_port().is_ok()).count();
        }
        if let Ok(agent) = UserAgent::parse(v) {
            let _products = agent.products().count();
        }
    }

    /// What was read can be written, and reads as the same again.
    #[test]
    fn what_is_read_is_written_and_read_again(value in value()) {
        // Control bytes do not get through the head scanner, nor out of a writer.
        let value: Vec<u8> = value.into_iter().filter(|b| *b >= b' ' && *b != 0x7f).collect();
        let v = value.as_slice();
        macro_rules! again {
            ($($type:ident),* $(,)?) => { $(
                if let Ok(header) = $type::parse(v) {
                    let text = alloc::string::ToString::to_string(&header);
                    let read = $type::parse(text.as_bytes());
                    prop_assert_eq!(read.as_ref(), Ok(&header), "{}: {:?}", stringify!($type), text);
                }
            )* };
        }
        again!(
            Bandwidth, Blocksize, Conference, ConnectionCredentials, ContentLength, CSeq, Date,
            Expires, Frames, Host, IfModifiedSince, Immediate, LastModified, MTag, NotifyReason,
            PipelinedRequests, Range, RateControl, Referer, Referrer, RetryAfter, Scale, SeekStyle,
            Server, Session, TerminateReason, UserAgent,
        );
        macro_rules! list_again {
            ($($type:ident),* $(,)?) => { $(
                if let Ok(header) = $type::parse(v) {
                    let text = alloc::string::ToString::to_string(&header);
                    let read = $type::parse(text.as_bytes()).map(|again| again.iter().collect::<Vec<_>>());
                    let good: Vec<_> = header.iter().filter(Result::is_ok).collect();
                    prop_assert_eq!(read, Ok(good), "{}: {:?}", stringify!($type), text);
                }
            )* };
        }
        list_again!(
            Accept, AcceptEncoding, AcceptLanguage, AcceptRanges, CacheControl, Connection,
            ContentEncoding, ContentLanguage, KeyMgmt, MediaProperties, MediaRange, ProxyRequire,
            ProxySupported, Require, Supported, Unsupported, Vary, Via,
        );
    }
}
