//! What begins a message, prefix by prefix.

use super::plausible::{Verdict, begins, candidate, continues};
use Verdict::{No, NotYet, Yes};

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
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE", NotYet),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", No),
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
