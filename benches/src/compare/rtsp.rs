//! RTSP: the index of an answer with SDP, a SETUP with its typed headers, an answer to PLAY with
//! its RTP-Info.
//!
//! *Index*: the status, how many headers, the text of CSeq, how long the body is.
//! *SETUP*: CSeq, Session, the two client ports or channels of Transport, the start of Range.
//! *PLAY*: CSeq, Session, the start of Range; of every stream the URL, the sequence number, the time.

use super::{Row, Set, Sink};
use crate::inputs::rtsp as inputs;
use crate::side;
use rtsp_proto::headers::{CSeq, NptRange, NptTime, Range, RangeSpec, Session};
use rtsp_proto::{HeaderName, Headers, Index, Limits, Message, Response};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &described() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), index);
            let name = format!("rtsp/index/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("httparse", side!(set, httparse::as_http, httparse::index));
        row("oddity-rtsp", side!(set, <[u8]>::to_vec, oddity::index));
        row("rtsp-types", side!(set, <[u8]>::to_vec, rtsp_types::index));
    }
    for set in &setups() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), setup);
            let name = format!("rtsp/setup/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("oddity-rtsp", side!(set, <[u8]>::to_vec, oddity::setup));
        row("rtsp-types", side!(set, <[u8]>::to_vec, rtsp_types::setup));
    }
    for set in &playing() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), play);
            let name = format!("rtsp/play/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("oddity-rtsp", side!(set, <[u8]>::to_vec, oddity::playing));
        row("rtsp-types", side!(set, <[u8]>::to_vec, rtsp_types::playing));
    }
    rows
}

pub(super) fn index(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let response = response(message, index);
    sink.number(u64::from(response.status().code()));
    sink.number(response.headers().iter().count() as u64);
    sink.text(response.headers().bytes(HeaderName::CSeq).expect("a CSeq"));
    sink.number(response.body().len() as u64);
}

pub(super) fn setup(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let (message, _) =
        Message::parse(message, index, &Limits::DEFAULT).expect("parses").expect("whole");
    let Message::Request(request) = message else { panic!("a request") };
    let headers = request.headers();
    sink.number(u64::from(headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq").0));
    sink.text(headers.typed::<Session<'_>>().expect("a Session").expect("a Session").id.as_bytes());
    let transport = headers.transports().next().expect("a Transport").expect("a Transport");
    if let Some(ports) = transport.client_port {
        sink.number(u64::from(ports.rtp));
        sink.number(u64::from(ports.rtcp()));
    }
    if let Some(channels) = transport.interleaved {
        sink.number(u64::from(channels.rtp));
        sink.number(channels.rtcp.map_or(0, u64::from));
    }
    start(headers, sink);
}

fn play(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let headers = response(message, index).headers();
    sink.number(u64::from(headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq").0));
    sink.text(headers.typed::<Session<'_>>().expect("a Session").expect("a Session").id.as_bytes());
    start(headers, sink);
    for stream in headers.rtp_infos() {
        sink.text(stream.url.as_bytes());
        sink.number(stream.seq.map_or(0, u64::from));
        sink.number(stream.rtptime.map_or(0, u64::from));
    }
}

fn response<'a>(message: &'a [u8], index: &'a mut Index) -> Response<'a> {
    let (message, _) =
        Message::parse(message, index, &Limits::DEFAULT).expect("parses").expect("whole");
    let Message::Response(response) = message else { panic!("a response") };
    response
}

fn start(headers: Headers<'_>, sink: &mut impl Sink) {
    let range = headers.typed::<Range<'_>>().expect("a Range").expect("a Range");
    if let RangeSpec::Npt(NptRange { start: Some(NptTime::At(start)), .. }) = range.spec {
        sink.number(u64::try_from(start.as_millis()).expect("a time of day"));
    }
}

/// `httparse`, as a yardstick on the same message with an HTTP start line.
pub mod httparse {
    use super::Sink;
    pub use crate::compare::sip::httparse::as_http;

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let mut headers = [::httparse::EMPTY_HEADER; 32];
        let mut response = ::httparse::Response::new(&mut headers);
        let end = response.parse(message).expect("parses").unwrap();
        sink.number(response.code.map_or(0, u64::from));
        sink.number(response.headers.len() as u64);
        let cseq = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("cseq"));
        sink.text(cseq.expect("a CSeq").value);
        sink.number((message.len() - end) as u64);
    }
}

/// `oddity-rtsp-protocol` 0.2.
pub mod oddity {
    use super::Sink;
    use oddity_rtsp_protocol::{
        Channel, NptTime, Port, Range, Request, RequestParser, Response, ResponseParser, RtpInfo,
    };

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let response = response(message);
        sink.number(u64::try_from(response.status).expect("three digits"));
        sink.number(response.headers.len() as u64);
        sink.text(response.headers.get("CSeq").expect("a CSeq").as_bytes());
        sink.number(response.body.as_ref().map_or(0, bytes::Bytes::len) as u64);
    }

    /// SETUP.
    pub fn setup(message: &[u8], sink: &mut impl Sink) {
        let request: Request =
            RequestParser::new().parse_and_into_request(message).expect("parses");
        let cseq = request.headers.get("CSeq").expect("a CSeq");
        sink.number(cseq.parse().expect("a number"));
        sink.text(request.session().expect("a Session").as_bytes());
        let transports = request.transport().expect("a Transport");
        let transport = transports.first().expect("a Transport");
        if let Some(Port::Range(low, high)) = transport.client_port() {
            sink.number(u64::from(*low));
            sink.number(u64::from(*high));
        }
        if let Some(Channel::Range(low, high)) = transport.interleaved_channel() {
            sink.number(u64::from(*low));
            sink.number(u64::from(*high));
        }
        start(&request.range().expect("a Range").expect("a Range"), sink);
    }

    /// PLAY.
    pub fn playing(message: &[u8], sink: &mut impl Sink) {
        let response = response(message);
        let header = |name| response.headers.get(name).expect("there").as_str();
        sink.number(header("CSeq").parse().expect("a number"));
        sink.text(header("Session").as_bytes());
        start(&header("Range").parse().expect("a Range"), sink);
        // The crate types one stream; the list is up to its user.
        for stream in header("RTP-Info").split(',') {
            let stream: RtpInfo = stream.parse().expect("a stream");
            sink.text(stream.url.as_bytes());
            sink.number(stream.seq.map_or(0, u64::from));
            sink.number(stream.rtptime.map_or(0, u64::from));
        }
    }

    fn response(message: &[u8]) -> Response {
        ResponseParser::new().parse_and_into_response(message).expect("parses")
    }

    fn start(range: &Range, sink: &mut impl Sink) {
        if let Some(NptTime::Time(seconds)) = &range.start {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a time of day, rounded to milliseconds"
            )]
            sink.number((seconds * 1_000.0).round() as u64);
        }
    }
}

/// `rtsp-types` 0.1.
pub mod rtsp_types {
    use super::Sink;
    use ::rtsp_types::headers::{
        CSEQ, CSeq, NptRange, NptTime, Range, RtpInfos, Session, Transport, Transports,
    };
    use ::rtsp_types::{Message, Response};

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let response = response(message);
        sink.number(u64::from(u16::from(response.status())));
        sink.number(response.headers().count() as u64);
        sink.text(response.header(&CSEQ).expect("a CSeq").as_str().as_bytes());
        sink.number(response.body().len() as u64);
    }

    /// SETUP.
    pub fn setup(message: &[u8], sink: &mut impl Sink) {
        let (message, _) = Message::<&[u8]>::parse(message).expect("parses");
        let Message::Request(request) = message else { panic!("a request") };
        let cseq = request.typed_header::<CSeq>().expect("a CSeq").expect("a CSeq");
        sink.number(u64::from(*cseq));
        let session = request.typed_header::<Session>().expect("a Session").expect("a Session");
        sink.text(session.0.as_bytes());
        let transports =
            request.typed_header::<Transports>().expect("a Transport").expect("a Transport");
        let Some(Transport::Rtp(transport)) = transports.first() else { panic!("RTP") };
        if let Some((low, high)) = transport.params.client_port {
            sink.number(u64::from(low));
            sink.number(high.map_or(0, u64::from));
        }
        if let Some((low, high)) = transport.params.interleaved {
            sink.number(u64::from(low));
            sink.number(high.map_or(0, u64::from));
        }
        start(&request.typed_header::<Range>().expect("a Range").expect("a Range"), sink);
    }

    /// PLAY.
    pub fn playing(message: &[u8], sink: &mut impl Sink) {
        let response = response(message);
        let cseq = response.typed_header::<CSeq>().expect("a CSeq").expect("a CSeq");
        sink.number(u64::from(*cseq));
        let session = response.typed_header::<Session>().expect("a Session").expect("a Session");
        sink.text(session.0.as_bytes());
        start(&response.typed_header::<Range>().expect("a Range").expect("a Range"), sink);
        let Some(RtpInfos::V1(streams)) = response.typed_header::<RtpInfos>().expect("RTP-Info")
        else {
            panic!("RTP-Info of RTSP 1.0")
        };
        for stream in &streams {
            sink.text(stream.uri.as_str().as_bytes());
            sink.number(stream.seq.map_or(0, u64::from));
            sink.number(stream.rtptime.map_or(0, u64::from));
        }
    }

    fn response(message: &[u8]) -> Response<&[u8]> {
        let (message, _) = Message::<&[u8]>::parse(message).expect("parses");
        let Message::Response(response) = message else { panic!("a response") };
        response
    }

    fn start(range: &Range, sink: &mut impl Sink) {
        if let Range::Npt(
            NptRange::From(NptTime::Seconds(seconds, nanos))
            | NptRange::FromTo(NptTime::Seconds(seconds, nanos), _),
        ) = range
        {
            sink.number(seconds * 1_000 + u64::from(nanos.unwrap_or(0)) / 1_000_000);
        }
    }
}

pub(super) fn setups() -> [Set; 2] {
    [Set::one("setup", inputs::setup()), Set::varied(inputs::varied_setups())]
}

pub(super) fn described() -> [Set; 2] {
    [Set::one("200sdp", inputs::described()), Set::varied(inputs::varied_described())]
}

fn playing() -> [Set; 2] {
    [Set::one("play200", inputs::playing()), Set::varied(inputs::varied_playing())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_agree() {
        for set in described() {
            let index = side!(set, <[u8]>::to_vec, oddity::index).found;
            assert_eq!(index, side!(set, httparse::as_http, httparse::index).found);
            assert_eq!(index, side!(set, <[u8]>::to_vec, rtsp_types::index).found);
        }
        for set in setups() {
            let setup = side!(set, <[u8]>::to_vec, oddity::setup).found;
            assert_eq!(setup, side!(set, <[u8]>::to_vec, rtsp_types::setup).found);
        }
        for set in playing() {
            let playing = side!(set, <[u8]>::to_vec, oddity::playing).found;
            assert_eq!(playing, side!(set, <[u8]>::to_vec, rtsp_types::playing).found);
        }
    }
}
