//! Targets of the area `rtsp`, one for each file of typed headers: any bytes are the value of
//! every header in it.
//!
//! No value makes one panic, offsets of errors lie inside, and what is read is written and read
//! again as the same: in both versions, where they differ.

use crate::Target;
use proto_wire::digest::Credentials;
use rtsp_proto::Version;
use rtsp_proto::headers::*;

/// The targets of this file.
pub const TARGETS: &[Target] = &[
    ("rtsp_typed_agents", rtsp_typed_agents),
    ("rtsp_typed_auth", rtsp_typed_auth),
    ("rtsp_typed_dates", rtsp_typed_dates),
    ("rtsp_typed_endings", rtsp_typed_endings),
    ("rtsp_typed_lists", rtsp_typed_lists),
    ("rtsp_typed_media", rtsp_typed_media),
    ("rtsp_typed_message_tags", rtsp_typed_message_tags),
    ("rtsp_typed_playing", rtsp_typed_playing),
    ("rtsp_typed_range", rtsp_typed_range),
    ("rtsp_typed_rtp_info", rtsp_typed_rtp_info),
    ("rtsp_typed_session", rtsp_typed_session),
    ("rtsp_typed_simple", rtsp_typed_simple),
    ("rtsp_typed_transport", rtsp_typed_transport),
    ("rtsp_typed_trust", rtsp_typed_trust),
];

/// No control bytes and no white space around: others do not get through the head scanner.
fn is_plain(data: &[u8]) -> bool {
    data.iter().all(|b| *b >= b' ' && *b != 0x7f) && data.trim_ascii() == data
}

/// Headers that are compared whole.
macro_rules! same {
    ($data:expr, $($type:ident),* $(,)?) => { $(
        match $type::parse($data) {
            Ok(read) if is_plain($data) => {
                let text = read.to_string();
                let again = $type::parse(text.as_bytes());
                assert_eq!(again.as_ref(), Ok(&read), "{}: {text:?}", stringify!($type));
            }
            Ok(read) => assert!(!format!("{read:?}").is_empty()),
            Err(error) => assert!(error.offset() <= $data.len(), "{}", stringify!($type)),
        }
    )* };
}

/// Headers that are compared by what they show.
macro_rules! shown {
    ($data:expr, $($type:ident),* $(,)?) => { $(
        match $type::parse($data) {
            Ok(read) => {
                let text = read.to_string();
                let again = $type::parse(text.as_bytes()).map(|again| again.to_string());
                assert!(!is_plain($data) || again.as_deref() == Ok(&*text), "{}: {text:?} {again:?}", stringify!($type));
                assert!(!format!("{read:?}").is_empty());
            }
            Err(error) => assert!(error.offset() <= $data.len(), "{}", stringify!($type)),
        }
    )* };
}

/// Headers that are read element by element.
macro_rules! lists {
    ($data:expr, $($type:ident),* $(,)?) => { $( if let Ok(list) = $type::parse($data) {
        let mut good = Vec::new();
        for item in list.iter() {
            match item {
                Ok(item) => good.push(item),
                Err(error) => assert!(error.offset() <= $data.len(), "{}", stringify!($type)),
            }
        }
        if is_plain($data) {
            let text = list.to_string();
            let again: Vec<_> = $type::parse(text.as_bytes())
                .expect("a list can always be read")
                .iter()
                .map(|item| item.expect("what was written can be read"))
                .collect();
            assert_eq!(again, good, "{}: {text:?}", stringify!($type));
        }
    } )* };
}

/// Who speaks.
pub fn rtsp_typed_agents(data: &[u8]) {
    same!(data, UserAgent, Server, Referrer, Referer, Conference, Host);
    shown!(data, FromHeader);
    lists!(data, Via);
    if let Ok(agent) = UserAgent::parse(data) {
        assert!(agent.products().count() <= data.len());
    }
    for hop in Via::parse(data).iter().flat_map(|via| via.iter()).flatten() {
        let _host = hop.host_port();
    }
}

/// Challenges, proofs, and what follows them.
pub fn rtsp_typed_auth(data: &[u8]) {
    shown!(data, WwwAuthenticate, ProxyAuthenticate);
    shown!(data, Authorization, ProxyAuthorization, AuthenticationInfo, ProxyAuthenticationInfo);
    let challenges = WwwAuthenticate::parse(data);
    for challenge in challenges.iter().flat_map(|header| header.challenges()) {
        if let Some(Ok(digest)) = challenge.digest() {
            let text = digest.to_string();
            let again = WwwAuthenticate::parse(text.as_bytes()).expect("it was written");
            let again = again.challenges().next().and_then(|one| one.digest());
            assert_eq!(again, Some(Ok(digest)), "{text}");
        }
    }
    if let Ok(Authorization(proof)) = Authorization::parse(data) {
        let text = proof.to_string();
        let Authorization(again) = Authorization::parse(text.as_bytes()).expect("it was written");
        match (proof, again) {
            (Credentials::Basic(one), Credentials::Basic(two)) => {
                assert_eq!((one.username(), one.password()), (two.username(), two.password()));
            }
            (Credentials::Digest(one), Credentials::Digest(two)) => assert_eq!(one, two, "{text}"),
            (Credentials::Other { scheme: one, .. }, Credentials::Other { scheme: two, .. }) => {
                assert_eq!(one, two);
            }
            (one, two) => panic!("{one:?} {two:?}"),
        }
    }
    if let Ok(AuthenticationInfo(info)) = AuthenticationInfo::parse(data) {
        let text = info.to_string();
        assert_eq!(AuthenticationInfo::parse(text.as_bytes()).map(|again| again.0), Ok(info));
    }
}

/// Times of day.
pub fn rtsp_typed_dates(data: &[u8]) {
    same!(data, Date, Expires, IfModifiedSince, LastModified, RetryAfter);
    if let Ok(Date(date)) = Date::parse(data) {
        for version in [Version::V1_0, Version::V2_0] {
            let text = date.for_version(version).to_string();
            assert_eq!(Date::parse(text.as_bytes()), Ok(Date(date)), "{text}");
        }
    }
}

/// Why something ended.
pub fn rtsp_typed_endings(data: &[u8]) {
    same!(data, TerminateReason);
    shown!(data, RequestStatus);
}

/// Lists of words.
pub fn rtsp_typed_lists(data: &[u8]) {
    lists!(data, Accept, AcceptEncoding, AcceptLanguage, AcceptRanges, CacheControl);
    lists!(data, Connection, ContentEncoding, ContentLanguage, ProxyRequire, ProxySupported);
    lists!(data, Require, Supported, Unsupported, Vary);
    if let Ok(accept) = Accept::parse(data) {
        assert!(accept.quality("application/sdp").0 <= 1000);
    }
    if let Ok(connection) = Connection::parse(data) {
        let _close = connection.is_close();
    }
    assert!(Tokens::new(data).count() <= data.len() + 1);
}

/// What media can do.
pub fn rtsp_typed_media(data: &[u8]) {
    lists!(data, MediaProperties, MediaRange);
    let scales = MediaProperties::parse(data).ok().and_then(|list| list.scales());
    assert!(scales.is_none_or(|scales| scales.to_string().len() <= 64 * data.len()));
}

/// Versions of a description.
pub fn rtsp_typed_message_tags(data: &[u8]) {
    same!(data, MTag);
    shown!(data, IfMatch, IfNoneMatch);
}

/// Numbers and words about playing.
pub fn rtsp_typed_playing(data: &[u8]) {
    same!(data, Bandwidth, Blocksize, ContentLength, Frames, Immediate, NotifyReason);
    same!(data, PipelinedRequests, RateControl, Scale, SeekStyle);
    shown!(data, Timestamp);
    if let Ok(speed) = Speed::parse(data) {
        let text = speed.for_version(Version::V2_0).to_string();
        assert_eq!(Speed::parse(text.as_bytes()), Ok(speed), "{text}");
        // 1.0 has no ranges: it says the lower end, which is read as both.
        let text = speed.for_version(Version::V1_0).to_string();
        let again = Speed::parse(text.as_bytes()).expect("what was written can be read");
        assert_eq!(again.for_version(Version::V1_0).to_string(), text);
    }
}

/// Range, as it is written; what it means is `rtsp_range`.
pub fn rtsp_typed_range(data: &[u8]) {
    same!(data, Range);
    if let Ok(range) = Range::parse(data) {
        let text = range.to_string();
        let again = Range::parse(text.as_bytes()).expect("what was written can be read");
        assert_eq!(again.as_npt(), range.as_npt());
    }
}

/// RTP-Info in both forms.
pub fn rtsp_typed_rtp_info(data: &[u8]) {
    assert!(RtpInfos::new(data).count() <= data.len() + 1);
    for info in RtpInfos::new(data) {
        // What does not fit between the separators is read, and never written by anybody.
        if info.url.is_empty()
            || info.url.contains(|c: char| c.is_ascii_control() || "\" ,;".contains(c))
        {
            continue;
        }
        for version in [Version::V1_0, Version::V2_0] {
            let text = info.for_version(version).to_string();
            let again: Vec<_> = RtpInfos::new(text.as_bytes()).collect();
            let [again] = &again[..] else { panic!("{text}: {again:?}") };
            assert_eq!((again.seq, again.rtptime), (info.seq, info.rtptime), "{text}");
        }
    }
}

/// Session.
pub fn rtsp_typed_session(data: &[u8]) {
    same!(data, Session);
}

/// One number, one text, one set.
pub fn rtsp_typed_simple(data: &[u8]) {
    same!(data, CSeq, ContentBase, ContentLocation, Location);
    shown!(data, ContentType);
    let (Ok(Allow(allow)), Ok(Public(public))) = (Allow::parse(data), Public::parse(data)) else {
        panic!("a list of methods can always be read");
    };
    assert_eq!(allow, public);
    let Ok(Allow(again)) = Allow::parse(allow.to_string().as_bytes()) else {
        panic!("a list of methods can always be read");
    };
    // The known methods; that there are others is known too, but not which.
    assert!(again.iter().eq(allow.iter()), "{allow}");
}

/// Transport in both versions.
pub fn rtsp_typed_transport(data: &[u8]) {
    if let Err(error) = Transport::parse(data) {
        assert!(error.offset() <= data.len());
    }
    for transport in Transports::new(data) {
        let transport = match transport {
            Ok(transport) => transport,
            Err(error) => {
                assert!(error.offset() <= data.len());
                continue;
            }
        };
        assert!(transport.dest_addr().count() <= data.len());
        for version in [Version::V1_0, Version::V2_0] {
            // An id that is no text is not written, only kept.
            if !transport.id().is_ascii() {
                continue;
            }
            let text = transport.for_version(version).to_string();
            let all: Vec<_> = Transports::new(text.as_bytes()).collect();
            let [Ok(again)] = &all[..] else { panic!("{text}: {all:?}") };
            // Where interleaved UDP contradicted itself, it is read as TCP; then the form is stable.
            let settled = again.for_version(version).to_string();
            let last = Transport::parse(settled.as_bytes()).expect("what was written can be read");
            assert_eq!(last.for_version(version).to_string(), settled);
            assert_eq!(again.profile, transport.profile, "{text}");
            assert_eq!(again.ssrc, transport.ssrc, "{text}");
            assert_eq!(again.interleaved, transport.interleaved, "{text}");
            assert_eq!(again.delivery, transport.delivery, "{text}");
            // 2.0 writes ports as addresses.
            let has_ports = version == Version::V1_0 && transport.client_port.is_some();
            assert_eq!(again.client_port.is_some(), has_ports, "{text}");
        }
    }
}

/// Certificates and keys.
pub fn rtsp_typed_trust(data: &[u8]) {
    same!(data, ConnectionCredentials);
    shown!(data, AcceptCredentials);
    lists!(data, KeyMgmt);
    if let Ok(accepted) = AcceptCredentials::parse(data) {
        assert!(accepted.credentials().count() <= data.len());
    }
    let chain = ConnectionCredentials::parse(data).ok();
    if let Some(certificates) = chain.and_then(|chain| chain.certificates()) {
        assert!(certificates.iter().map(Vec::len).sum::<usize>() <= data.len());
    }
}
