//! What begins a message, prefix by prefix.

use super::plausible::{Verdict, begins, candidate, continues};
use super::{Received, Receiver, Resync, Tolerance};
use Verdict::{No, NotYet, Yes};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Limits, Rng, Seed};

/// How bytes come in does not matter: given away or lent, whole or one by one.
#[test]
fn bytes_are_cut_alike_however_they_come() {
    let stream = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x00\x00\x04\r\nab\r\n\
        RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: PLAY,\r\n  PAUSE\r\nContent-Length: 7\r\n\r\n\r\n$\x00\n\r\n\
        PLAY * RTSP/1.0\nCSeq: 2\nX: \xff\n\n\
        PLAY * RTSP/1.0\rCSeq: 3\r\rPLAY * RTSP/1.0\r\nCSeq: 4\r\nScale : 1\r\r\n\r\n\
        RTSP/1.0 404 \r\nno colon\r\nCSeq: 5\r\n\r\n$\x01\x00\x00\
        PAUSE * RTSP/1.0\r\nCSeq: 6\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        bbbbbbbbbbbbbbbbbbbb";
    for limits in [Limits::default(), Limits::default().with_line_max(60)] {
        for tolerance in [
            Tolerance::default(),
            Tolerance { resync: Some(Resync::default()), frames_in_heads: false },
            Tolerance { resync: None, frames_in_heads: true },
        ] {
            let mut expected = None;
            for seed in 0..60 {
                let mut rng = Rng::new(&Seed::from_u64(seed));
                let most = [u64::MAX, 1, 2, 30][usize::try_from(seed % 4).unwrap()];
                let told = received(stream, &limits, tolerance, || {
                    (1 + rng.below(most), rng.below(2) == 0)
                });
                assert_eq!(*expected.get_or_insert_with(|| told.clone()), told, "seed {seed}");
            }
            assert!(expected.unwrap().len() >= 8);
        }
    }
}

/// What a receiver makes of a stream whose pieces `next` decides about.
fn received(
    mut stream: &[u8],
    limits: &Limits,
    tolerance: Tolerance,
    mut next: impl FnMut() -> (u64, bool),
) -> Vec<String> {
    let mut receiver = Receiver::new(u16::MAX).with_tolerance(tolerance);
    let mut told = Vec::new();
    while !stream.is_empty() {
        let (len, is_owned) = next();
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(stream.len());
        let (piece, rest) = stream.split_at(len);
        stream = rest;
        if is_owned {
            receiver.push_owned(Bytes::copy_from_slice(piece));
        } else if receiver.absorbs(piece) {
            continue;
        } else {
            receiver.push(piece);
        }
        loop {
            match receiver.next(limits, |channel| channel < 2) {
                Ok(None) => break,
                Ok(Some(received)) => told.push(match received {
                    Received::Request(message) | Received::Malformed(message) => {
                        let view = message.view();
                        let text = view.as_bytes().escape_ascii();
                        format!("{text} {:?} {:?}", view.cseq(), view.quirks())
                    }
                    Received::Response(message) => {
                        let view = message.view();
                        let text = view.as_bytes().escape_ascii();
                        format!("{text} {:?} {:?}", view.cseq(), view.quirks())
                    }
                    other => format!("{other:?}"),
                }),
                Err(error) => {
                    told.push(format!("{error} {:?}", receiver.broken().view().cseq()));
                    return told;
                }
            }
        }
    }
    told.push(format!("{} left", receiver.len()));
    told
}

#[test]
fn what_may_follow_a_message() {
    for (bytes, verdict) in [
        (&b""[..], NotYet),
        (b"$", NotYet),
        (b"$\x00\x00\x10", Yes),
        (b"$\x00\x00\x11", No),
        (b"\r", Yes),
        (b"RTS", NotYet),
        (b"rtsp/", Yes),
        (b"RTSQ/", No),
        (b"X-OWN ", Yes),
        (b"X-OWN\t", Yes),
        (b" PLAY", No),
        (b"\x80\x60", No),
        (b"PLA\x00", No),
        // The longest method that is believed, before and after what follows it is there.
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", NotYet),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF ", Yes),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", No),
    ] {
        assert_eq!(continues(bytes, 16), verdict, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_believed_among_garbage() {
    let known = |channel| channel < 2;
    for (bytes, verdict) in [
        (&b""[..], NotYet),
        (b"RTSP/1.0 200", Yes),
        (b"RTSP/1.0 20", NotYet),
        (b"RTSP/1.0 20x", No),
        (b"RTSP/x", No),
        (b"rtsp/1.0 200", No),
        (b"R", NotYet),
        (b"RECORD * RTSP/1.0", Yes),
        (b"PLAY rtsp://h/a RTSP/2.0", Yes),
        (b"PLAY rtsp://h/a RTSP/", NotYet),
        (b"PLAY rtsp://h/a ", NotYet),
        (b"PLAY rtsp://h/a HTTP/1.0", No),
        (b"PLAY  RTSP/1.0", No),
        (b"PLAY_NOTIFY * RTSP/2.0", Yes),
        (b"PLAY_", NotYet),
        (b"WAVE * RTSP/1.0", No),
        (b"$\x01", NotYet),
        (b"$\x02", No),
        (b"$\x01\x00\x02ab", NotYet),
        (b"$\x01\x00\x02ab$", Yes),
        (b"$\x01\x00\x02abR", Yes),
        (b"$\x01\x00\x02ab\x80", No),
        (b"$\x01\x00\x11", No),
    ] {
        assert_eq!(begins(bytes, 16, known), verdict, "{}", bytes.escape_ascii());
        if verdict != No && !bytes.is_empty() {
            assert_eq!(candidate(bytes), Some(0), "{}", bytes.escape_ascii());
        }
    }
    // A URI that is too long is not waited for.
    let mut long = b"PLAY ".to_vec();
    long.resize(5 + 2047, b'x');
    assert_eq!(begins(&long, 16, known), NotYet);
    long.push(b'x');
    assert_eq!(begins(&long, 16, known), No);
}
