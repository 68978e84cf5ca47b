//! Captures of our own making: what is found in them, and that none of them does any harm.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold, and are hosts")]

use etherparse::PacketBuilder;
use examples::inspect::Options;
use examples::inspect::pcap::{self, Capture, Limits, Protocol};
use proto_wire::{Rng, Seed};
use std::process::{Command, Stdio};

const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 7], 40_000);
const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 554);

/// One Ethernet frame of TCP, from the client or to it.
fn tcp(forth: bool, seq: u32, syn: bool, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if forth { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let mut builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(from.0, to.0, 64)
        .tcp(from.1, to.1, seq, 1024);
    if syn {
        builder = builder.syn();
        if !forth {
            builder = builder.ack(1);
        }
    }
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// One Ethernet frame of UDP over IPv6; the end with the smaller port has an address of its own.
fn udp6(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let address = |small: bool| if small { [0xfd; 16] } else { [0xfe; 16] };
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6(address(from < to), address(to < from), 64)
        .udp(from, to)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// A pcap file, a packet each millisecond.
fn classic(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for (number, frame) in (0_u32..).zip(frames) {
        let len = u32::try_from(frame.len()).unwrap();
        for word in [1_700_000_000, number * 1000, len, len] {
            file.extend_from_slice(&u32::to_le_bytes(word));
        }
        file.extend_from_slice(frame);
    }
    file
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = u32::try_from(body.len() + padding + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &len, body, &[0; 3][..padding], &len].concat()
}

/// A pcapng file with times in nanoseconds, a packet each millisecond.
fn modern(frames: &[Vec<u8>]) -> Vec<u8> {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut file = block(0x0a0d_0d0a, &section);
    // Link type 1, any length; option 9: a resolution of 10^-9; the end of the options.
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
    for (number, frame) in (0_u64..).zip(frames) {
        let time = 1_700_000_000_000_000_000 + number * 1_000_000;
        let len = u32::try_from(frame.len()).unwrap().to_le_bytes();
        let (high, low) = ((time >> 32) as u32, time as u32);
        let times = [high.to_le_bytes(), low.to_le_bytes()].concat();
        let padding = frame.len().next_multiple_of(4) - frame.len();
        let head = [&[0; 4][..], &times, &len, &len].concat();
        file.extend(block(6, &[&head[..], frame, &[0; 3][..padding]].concat()));
    }
    file
}

fn read(file: &[u8]) -> Capture {
    read_with(file, &Limits::default())
}

fn read_with(file: &[u8], limits: &Limits) -> Capture {
    pcap::read(file, &Options::default(), limits, &mut |_| {}).unwrap()
}

/// `-->` and `<--` with the first words of each step.
fn ladder(capture: &Capture) -> Vec<String> {
    let steps = capture.dialogues.iter().flat_map(|dialogue| &dialogue.steps);
    steps
        .map(|step| format!("{} {}", if step.forth { ">" } else { "<" }, pcap::text::words(step)))
        .collect()
}

const OPTIONS: &[u8] = b"OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n";
const OK: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq : 1\r\n\r\n";

fn rtsp_frames() -> Vec<Vec<u8>> {
    let (first, second) = OPTIONS.split_at(20);
    let media = [b"$\0\0\x04abcd".repeat(5), OK.to_vec()].concat();
    vec![
        tcp(true, 99, true, b""),
        tcp(false, 499, true, b""),
        tcp(true, 120, false, second), // overtakes
        tcp(true, 100, false, first),
        tcp(true, 100, false, first), // sent again
        tcp(false, 500, false, OK),
        tcp(false, 500 + OK.len() as u32, false, &media),
    ]
}

#[test]
fn a_stream_is_put_together_from_segments_in_any_order() {
    for file in [classic(&rtsp_frames()), modern(&rtsp_frames())] {
        let capture = read(&file);
        let steps =
            ["> OPTIONS rtsp://h/a RTSP/1.0", "< RTSP/1.0 200 OK", "< $ 5 frames [20 bytes]"];
        assert_eq!(ladder(&capture)[..3], steps);
        assert_eq!(capture.packets, 7);
        let dialogue = &capture.dialogues[0];
        assert_eq!((dialogue.protocol, dialogue.lost), (Protocol::Rtsp, 0));
        assert_eq!(dialogue.client.to_string(), "192.0.2.7:40000");
        assert_eq!(dialogue.began() % 1_000_000_000, 3_000_000, "when its first byte was there");
        let text = pcap::text::of(&capture);
        assert!(text.contains("0.002  <--  RTSP/1.0 200 OK  ("), "the quirk is named: {text}");
    }
}

#[test]
fn blocks_of_other_kinds_are_passed_over_whatever_their_size() {
    let frames = rtsp_frames();
    for (size, is_read) in [(1000, true), (1 << 20, true), (16 << 20, false)] {
        let file = [modern(&frames[..5]), block(0x7777, &vec![0; size]), modern(&frames[5..])];
        let capture = read(&file.concat());
        assert_eq!(capture.packets, if is_read { 7 } else { 5 }, "{size}");
        assert_eq!(capture.broken.is_some(), !is_read, "{size}: {:?}", capture.broken);
    }
}

#[test]
fn what_is_missing_is_counted_and_the_rest_is_read() {
    let mut frames = rtsp_frames();
    frames.remove(3);
    frames.remove(3); // the first twenty bytes of the request never come
    frames.push(tcp(true, 100 + OPTIONS.len() as u32, false, OPTIONS));
    let capture = read(&classic(&frames));
    assert_eq!(capture.dialogues[0].lost, 20);
    let steps = ladder(&capture);
    assert!(steps.iter().any(|step| step == "> OPTIONS rtsp://h/a RTSP/1.0"), "{steps:?}");
    assert!(pcap::text::of(&capture).contains(", 20 bytes missing"));
}

#[test]
fn the_same_ports_again_are_another_dialogue() {
    let mut frames = rtsp_frames();
    frames.extend(rtsp_frames());
    assert_eq!(read(&classic(&frames)).dialogues.len(), 2);
}

#[test]
fn sip_over_udp_and_ip_version_6_by_its_looks_on_any_port() {
    let message =
        b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n";
    let stun = sip_proto::stun::request([7; 12]);
    let answer = sip_proto::stun::success([7; 12], "192.0.2.7:5060".parse().unwrap());
    let frames = [
        udp6(1111, 2222, &stun),
        udp6(2222, 1111, &answer),
        udp6(1111, 2222, message),
        udp6(2222, 1111, b"\r\n\r\n"),
        udp6(9, 9, b"other"),
    ];
    let capture = read(&modern(&frames));
    assert_eq!(capture.dialogues[0].protocol, Protocol::Sip);
    let steps = [
        "> STUN Binding request",
        "< STUN Binding success: 192.0.2.7:5060 [12 bytes]",
        "> OPTIONS sip:h SIP/2.0",
        "< keep-alive",
    ];
    assert_eq!(ladder(&capture), steps);
    assert_eq!(capture.unknown, 1);
}

#[test]
fn xmpp_begins_anew_after_login_and_ends_in_the_clear_where_tls_begins() {
    let header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='h' version='1.0' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    let starttls = format!("{header}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    let frames = [
        tcp(true, 0, true, b""),
        tcp(true, 1, false, starttls.as_bytes()),
        tcp(true, 1 + starttls.len() as u32, false, b"\x16\x03\x01\x00\x05hello"),
    ];
    let steps = ladder(&read(&classic(&frames)));
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert_eq!(steps[2], "> encrypted [10 bytes]");
    let twice =
        format!("{header}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>{header}<presence/>");
    let frames = [tcp(true, 0, true, b""), tcp(true, 1, false, twice.as_bytes())];
    let steps = ladder(&read(&classic(&frames)));
    assert!(steps[3].starts_with("> {jabber:client}presence"), "{steps:?}");
}

#[test]
fn every_limit_holds_and_is_told_of() {
    let frames: Vec<_> = (0..4).map(|n| udp6(1000 + n, 5060, b"x")).collect();
    let file = classic(&frames);
    let mut limits = Limits::default();
    limits.flows_max = 4;
    assert_eq!(read_with(&file, &limits).beyond, 0);
    limits.flows_max = 3;
    assert_eq!(read_with(&file, &limits).beyond, 1);

    let file = classic(&rtsp_frames());
    let client: usize = OPTIONS.len() + 20; // the first part was sent twice
    let server = OK.len() * 2 + 40;
    let mut limits = Limits::default();
    limits.direction_bytes_max = client.max(server);
    assert_eq!(read_with(&file, &limits).beyond, 0);
    limits.direction_bytes_max -= 1;
    assert_eq!(read_with(&file, &limits).beyond, 1);
    let mut limits = Limits::default();
    limits.total_bytes_max = client + server;
    assert_eq!(read_with(&file, &limits).beyond, 0);
    limits.total_bytes_max -= 1;
    assert_eq!(read_with(&file, &limits).beyond, 1);

    // The second of the segments that wait: one may, for the first is given up then.
    let frames = [tcp(true, 0, true, b""), tcp(true, 20, false, b"b"), tcp(true, 40, false, b"c")];
    let frames = [&frames[..], &[tcp(true, 1, false, OPTIONS)]].concat();
    let mut limits = Limits::default();
    limits.waiting_max = 2;
    assert_eq!(ladder(&read_with(&classic(&frames), &limits)).len(), 1, "OPTIONS came in time");
    limits.waiting_max = 1;
    assert!(read_with(&classic(&frames), &limits).dialogues.is_empty(), "it came too late");
}

#[test]
fn no_capture_does_harm() {
    let whole = [classic(&rtsp_frames()), modern(&rtsp_frames())];
    for file in &whole {
        // Cut anywhere: what came before counts, and the end is told of.
        for len in (24..file.len()).step_by(3) {
            let capture =
                pcap::read(&file[..len], &Options::default(), &Limits::default(), &mut |_| {});
            assert!(capture.is_err() || capture.unwrap().packets <= 7);
        }
    }
    for seed in 0..1000 {
        let mut rng = Rng::new(&Seed::from_u64(seed));
        let mut file = whole[(seed % 2) as usize].clone();
        for _ in 0..=rng.next_u64() % 8 {
            let at = (rng.next_u64() % file.len() as u64) as usize;
            file[at] = rng.next_u64() as u8;
        }
        if let Ok(capture) =
            pcap::read(&file[..], &Options::default(), &Limits::default(), &mut |_| {})
        {
            let page = pcap::page::of("x", &capture);
            assert_eq!(page.matches("<script").count(), 1, "seed {seed}");
            assert!(pcap::text::of(&capture).lines().count() < 100, "seed {seed}");
        }
    }
    assert!(
        pcap::read(&b"no capture"[..], &Options::default(), &Limits::default(), &mut |_| {})
            .is_err()
    );
    assert!(pcap::read(&b""[..], &Options::default(), &Limits::default(), &mut |_| {}).is_err());
}

#[test]
fn a_browser_shows_the_page_and_runs_nothing_of_the_capture() {
    let evil = b"OPTIONS rtsp://h/<img/src=x/onerror=document.title='bad'> RTSP/1.0\r\nCSeq: 1\r\n\
        X: <script>document.title='bad'</script>\r\n\r\n";
    let frames = [tcp(true, 0, true, b""), tcp(true, 1, false, evil)];
    let page = pcap::page::of("evil & co", &read(&classic(&frames)));
    let directory = std::env::temp_dir().join(format!("inspect-pcap-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    // The search, as a person would: the page's own script hides what does not match.
    let search = "<script>find.value='nowhere';find.dispatchEvent(new Event('input'))</script>";
    let file = directory.join("page.html");
    std::fs::write(&file, format!("{page}{search}")).unwrap();
    let found = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .args(["--virtual-time-budget=500", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .stderr(Stdio::null())
        .output();
    let Ok(found) = found else {
        println!("skipped: no such program: chromium");
        return;
    };
    let dom = String::from_utf8_lossy(&found.stdout);
    assert!(dom.contains("<title>evil &amp; co</title>"), "{dom}");
    assert!(dom.contains("&lt;script&gt;document.title='bad'&lt;/script&gt;"), "{dom}");
    // The script that was put behind the page is not the page's: it did not run.
    assert!(!dom.contains("<details class=\"forth\" hidden"), "{dom}");
    std::fs::remove_dir_all(directory).unwrap();
}
