//! RTSP beside peers that do a part of the work: `retina` types what it reads for its own client
//! only, `msf-rtsp` leaves bodies and RTP-Info to its user. The rows are those of [`super::rtsp`],
//! and a stream of `$` frames.

use super::rtsp::{described, index, setup, setups};
use super::{Row, Set, Sink};
use crate::inputs::rtsp as inputs;
use crate::side;
use rtsp_proto::{Framer, Index, Limits, Unit};

/// The rows of this file.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for set in &described() {
        let mut row = |peer, theirs| {
            let ours = side!(set, <[u8]>::to_vec, Index::new(), index);
            let name = format!("rtsp/index/{}", set.name);
            rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
        };
        row("retina", side!(set, <[u8]>::to_vec, retina::index));
        row("msf-rtsp", side!(set, <[u8]>::to_vec, msf::index));
    }
    for set in &setups() {
        let ours = side!(set, <[u8]>::to_vec, Index::new(), setup);
        let theirs = side!(set, <[u8]>::to_vec, msf::setup);
        let (name, peer) = (format!("rtsp/setup/{}", set.name), "msf-rtsp");
        rows.push(Row { name, peer, items: set.messages.len(), ours, theirs });
    }
    let set = Set::one("100", inputs::frames(100));
    let mut row = |peer, theirs| {
        let ours = side!(&set, <[u8]>::to_vec, Index::new(), frames);
        rows.push(Row { name: "rtsp/frames/100".into(), peer, items: 1, ours, theirs });
    };
    row("retina", side!(&set, <[u8]>::to_vec, retina::frames));
    row("rtsp-types", side!(&set, <[u8]>::to_vec, rtsp_types_frames));
    rows
}

/// Every frame of a stream: its channel and its payload, borrowed.
fn frames(stream: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let (mut framer, mut rest) = (Framer::new(), stream);
    while let Some(Unit::Frame { channel, len }) =
        framer.next(rest, index, &Limits::DEFAULT).expect("frames")
    {
        sink.number(u64::from(channel));
        sink.text(&rest[4..len]);
        rest = &rest[len..];
    }
}

fn rtsp_types_frames(stream: &[u8], sink: &mut impl Sink) {
    use ::rtsp_types::Message;
    let mut rest = stream;
    while !rest.is_empty() {
        let (message, used) = Message::<&[u8]>::parse(rest).expect("parses");
        let Message::Data(data) = message else { panic!("a frame") };
        sink.number(u64::from(data.channel_id()));
        sink.text(data.as_slice());
        rest = &rest[used..];
    }
}

/// `retina` 0.4: the parser under its client, which is not part of its public interface.
pub mod retina {
    use super::Sink;
    use ::retina::rtsp::msg::Message;
    use ::retina::rtsp::parse::Parser;

    /// Index.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let mut rest = message;
        let (message, body) = Parser::default().feed(&mut rest).expect("parses").expect("whole");
        let Message::Response(response) = message else { panic!("a response") };
        sink.number(u64::from(response.status_code.as_u16()));
        sink.number(response.headers.iter().count() as u64);
        sink.text(response.headers.get("CSeq").expect("a CSeq").as_bytes());
        sink.number(body.len() as u64);
    }

    /// Frames.
    pub fn frames(stream: &[u8], sink: &mut impl Sink) {
        let (mut parser, mut rest) = (Parser::default(), stream);
        while let Some((message, payload)) = parser.feed(&mut rest).expect("parses") {
            let Message::Data(data) = message else { panic!("a frame") };
            sink.number(u64::from(data.channel_id));
            sink.text(payload);
        }
    }
}

/// `msf-rtsp` 0.3: decoders of heads, on the buffer of a connection.
pub mod msf {
    use super::Sink;
    use bytes::BytesMut;
    use msf_rtsp::header::SessionHeader;
    use msf_rtsp::header::TransportHeaderV10;
    use msf_rtsp::header::range::{NptRange, NptTime};
    use msf_rtsp::request::{RequestHeaderDecoder, RequestHeaderDecoderOptions};
    use msf_rtsp::response::{ResponseHeaderDecoder, ResponseHeaderDecoderOptions};

    /// Index; the body is what is left in the buffer.
    pub fn index(message: &[u8], sink: &mut impl Sink) {
        let mut buffer = BytesMut::from(message);
        let mut decoder = ResponseHeaderDecoder::new(ResponseHeaderDecoderOptions::new());
        let header = decoder.decode(&mut buffer).expect("parses").expect("whole");
        sink.number(u64::from(header.status_code()));
        sink.number(header.get_all_header_fields().count() as u64);
        let cseq = header.get_header_field_value("CSeq").expect("a CSeq");
        sink.text(cseq.to_str().expect("text").as_bytes());
        sink.number(buffer.len() as u64);
    }

    /// SETUP.
    pub fn setup(message: &[u8], sink: &mut impl Sink) {
        let mut buffer = BytesMut::from(message);
        let mut decoder = RequestHeaderDecoder::new(RequestHeaderDecoderOptions::new());
        let header = decoder.decode(&mut buffer).expect("parses").expect("whole");
        let value = |name: &'static str| header.get_header_field_value(name).expect("is there");
        let text = |name: &'static str| value(name).to_str().expect("text");
        sink.number(text("CSeq").parse().expect("a number"));
        let session = SessionHeader::try_from(value("Session")).expect("a Session");
        sink.text(session.id().as_bytes());
        let transports = TransportHeaderV10::parse(text("Transport")).expect("a Transport");
        let transport = transports.first().expect("a Transport");
        if let Some(ports) = transport.client_port_pair() {
            sink.number(u64::from(ports.rtp()));
            sink.number(ports.rtcp().map_or(0, u64::from));
        }
        if let Some(channels) = transport.interleaved_pair() {
            sink.number(u64::from(channels.rtp()));
            sink.number(channels.rtcp().map_or(0, u64::from));
        }
        let range = NptRange::try_from(value("Range")).expect("a Range");
        if let NptRange::StartFrom(NptTime::Timestamp(seconds)) = range {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a time of day, rounded to milliseconds"
            )]
            sink.number((seconds * 1_000.0).round() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_agree() {
        for set in described() {
            let index = side!(set, <[u8]>::to_vec, retina::index).found;
            assert_eq!(index, side!(set, <[u8]>::to_vec, msf::index).found);
        }
    }
}
