//! RTSP: DESCRIBE, SETUP, a 200 with SDP, a 200 to PLAY with RTP-Info; interleaved frames; and
//! varied requests and answers.

use super::{VARIED, Vary, text};

/// A DESCRIBE of 4 headers.
#[must_use]
pub fn describe() -> Vec<u8> {
    text(
        "DESCRIBE rtsp://camera.example.com:8554/live/stream1 RTSP/1.0",
        &[
            "CSeq: 3".into(),
            "User-Agent: player/5.1.9 (LibVLC/3.0.20)".into(),
            "Accept: application/sdp".into(),
            "Bandwidth: 1280000".into(),
        ],
        "",
    )
}

/// A SETUP of 5 headers.
#[must_use]
pub fn setup() -> Vec<u8> {
    text(
        "SETUP rtsp://camera.example.com:8554/live/stream1/trackID=1 RTSP/1.0",
        &[
            "CSeq: 4".into(),
            "User-Agent: player/5.1.9".into(),
            "Transport: RTP/AVP;unicast;client_port=50428-50429".into(),
            "Session: 6f9a41b27c33".into(),
            "Range: npt=0.000-".into(),
        ],
        "",
    )
}

/// A 200 to DESCRIBE: 7 headers and an SDP body of 18 lines.
#[must_use]
pub fn described() -> Vec<u8> {
    let body = sdp("camera.example.com", 1_700_000_000);
    text(
        "RTSP/1.0 200 OK",
        &[
            "CSeq: 3".into(),
            "Server: streamer/1.22.0".into(),
            "Date: Sun, 22 Nov 2026 06:37:00 GMT".into(),
            "Cache-Control: no-cache".into(),
            "Content-Base: rtsp://camera.example.com:8554/live/stream1/".into(),
            "Content-Type: application/sdp".into(),
            format!("Content-Length: {}", body.len()),
        ],
        &body,
    )
}

/// A 200 to PLAY: 5 headers, RTP-Info of two streams.
#[must_use]
pub fn playing() -> Vec<u8> {
    text(
        "RTSP/1.0 200 OK",
        &[
            "CSeq: 6".into(),
            "Session: 6f9a41b27c33".into(),
            "Server: streamer/1.22.0".into(),
            "Range: npt=0.000-596.480".into(),
            "RTP-Info: url=rtsp://camera.example.com:8554/live/stream1/trackID=1;seq=45102;rtptime=12345678,\
             url=rtsp://camera.example.com:8554/live/stream1/trackID=2;seq=30211;rtptime=9876543"
                .into(),
        ],
        "",
    )
}

/// `count` interleaved frames of a 4-byte header and 1,400 bytes each, on channels 0 and 1.
#[must_use]
pub fn frames(count: usize) -> Vec<u8> {
    let mut vary = Vary::new(0xf7a);
    let mut out = Vec::with_capacity(count * 1_404);
    for frame in 0..count {
        out.push(b'$');
        out.push(u8::from(frame % 8 == 7));
        out.extend_from_slice(&1_400_u16.to_be_bytes());
        out.extend((0..1_400).map(|_| vary.number(0, 255).to_le_bytes()[0]));
    }
    out
}

/// 1,024 messages: requests and answers of random names, headers in random order.
#[must_use]
pub fn varied() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0x275b);
    (0..VARIED).map(|_| varied_one(&mut vary)).collect()
}

/// The varied SETUP requests alone, 1,024 of them.
#[must_use]
pub fn varied_setups() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0x5e7);
    (0..VARIED).map(|_| request(&mut vary, "SETUP")).collect()
}

/// The varied answers to DESCRIBE alone, 1,024 of them.
#[must_use]
pub fn varied_described() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0xa2a);
    (0..VARIED).map(|_| answer(&mut vary, true)).collect()
}

/// The varied answers to PLAY alone, 1,024 of them.
#[must_use]
pub fn varied_playing() -> Vec<Vec<u8>> {
    let mut vary = Vary::new(0xa2b);
    (0..VARIED).map(|_| answer(&mut vary, false)).collect()
}

fn varied_one(vary: &mut Vary) -> Vec<u8> {
    if vary.chance(50) {
        let described = vary.chance(50);
        answer(vary, described)
    } else {
        let method = vary.pick(&["SETUP", "SETUP", "PLAY", "DESCRIBE", "OPTIONS", "GET_PARAMETER"]);
        request(vary, method)
    }
}

fn request(vary: &mut Vary, method: &str) -> Vec<u8> {
    let url = format!(
        "rtsp://{}:{}/{}/{}",
        vary.host(),
        vary.number(1024, 65_535),
        vary.word(2, 9),
        vary.word(2, 16)
    );
    let mut headers = vec![
        format!("CSeq: {}", vary.number(1, 100_000)),
        format!("User-Agent: {}/{}.{}", vary.word(3, 14), vary.number(0, 9), vary.number(0, 99)),
    ];
    if method == "SETUP" {
        let port = vary.number(1024, 65_000) & !1;
        headers.push(if vary.chance(50) {
            format!("Transport: RTP/AVP;unicast;client_port={port}-{}", port + 1)
        } else {
            format!("Transport: RTP/AVP/TCP;unicast;interleaved={}-{}", port % 8, port % 8 + 1)
        });
    }
    if method == "SETUP" || method == "PLAY" {
        headers.push(format!("Session: {}", vary.word(8, 24)));
        headers.push(format!("Range: npt={}.{}-", vary.number(0, 4000), vary.number(100, 999)));
    }
    if vary.chance(40) {
        headers.push(format!("X-{}: {}", vary.word(3, 12), vary.words(1, 5)));
    }
    vary.shuffle(&mut headers);
    text(&format!("{method} {url} RTSP/1.0"), &headers, "")
}

fn answer(vary: &mut Vary, described: bool) -> Vec<u8> {
    let mut headers = vec![
        format!("CSeq: {}", vary.number(1, 100_000)),
        format!("Server: {}/{}.{}", vary.word(3, 14), vary.number(0, 9), vary.number(0, 99)),
    ];
    let host = vary.host();
    let mut body = String::new();
    if described {
        body = sdp(&host, vary.number(1, u64::from(u32::MAX)));
        headers.push(format!("Content-Base: rtsp://{host}/{}/", vary.word(2, 16)));
        headers.push("Content-Type: application/sdp".into());
        headers.push(format!("Content-Length: {}", body.len()));
    } else {
        let path = vary.word(2, 16);
        let mut streams = Vec::new();
        for track in 1..=vary.number(1, 3) {
            streams.push(format!(
                "url=rtsp://{host}/{path}/trackID={track};seq={};rtptime={}",
                vary.number(0, 65_535),
                vary.number(0, u64::from(u32::MAX))
            ));
        }
        headers.push(format!("RTP-Info: {}", streams.join(",")));
        headers.push(format!("Session: {}", vary.word(8, 24)));
        headers.push(format!("Range: npt={}.{}-", vary.number(0, 4000), vary.number(100, 999)));
    }
    vary.shuffle(&mut headers);
    text("RTSP/1.0 200 OK", &headers, &body)
}

fn sdp(host: &str, session: u64) -> String {
    format!(
        "v=0\r\no=- {session} 1 IN IP4 {host}\r\ns=Session streamed with care\r\ni=rtsp-server\r\nt=0 0\r\n\
         a=tool:streamer\r\na=type:broadcast\r\na=control:*\r\na=range:npt=0-596.48\r\nm=video 0 RTP/AVP 96\r\n\
         b=AS:2500\r\na=rtpmap:96 H264/90000\r\na=framerate:30\r\n\
         a=fmtp:96 packetization-mode=1;profile-level-id=4d401f;sprop-parameter-sets=Z01AH5ZSAoAt2AiAAAADAIAAAB5HixdQ,aOuPIA==\r\n\
         a=control:trackID=1\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:trackID=2\r\n"
    )
}
