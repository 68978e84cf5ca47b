#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::scan::plain_header;
use super::*;
use crate::{LimitKind, Limits, ParseError, ParseErrorKind};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

static NAMES: NameTable =
    NameTable::new(&[("Content-Length", "l"), ("Subject", "s"), ("CSeq", ""), ("Via", "v")]);

struct Sip;
impl Profile for Sip {
    const NAMES: &'static NameTable = &NAMES;
    const BARE_CR_ENDS_LINE: bool = false;
}

struct Rtsp;
impl Profile for Rtsp {
    const NAMES: &'static NameTable = &NAMES;
    const BARE_CR_ENDS_LINE: bool = true;
}

type Outcome = Result<Option<usize>, ParseError>;

fn whole<P: Profile>(bytes: &[u8], limits: &Limits) -> (Outcome, Index) {
    let mut index = Index::new();
    let outcome = Scanner::new().scan::<P>(bytes, &mut index, limits);
    (outcome, index)
}

fn in_chunks<P: Profile>(bytes: &[u8], ends: &[usize], limits: &Limits) -> (Outcome, Index) {
    let mut index = Index::new();
    let mut scanner = Scanner::new();
    for end in ends.iter().copied().chain([bytes.len()]) {
        match scanner.scan::<P>(&bytes[..end], &mut index, limits) {
            Ok(None) => {}
            outcome => return (outcome, index),
        }
    }
    (Ok(None), index)
}

fn bytewise<P: Profile>(bytes: &[u8], limits: &Limits) -> (Outcome, Index) {
    let ends: Vec<usize> = (0..bytes.len()).collect();
    in_chunks::<P>(bytes, &ends, limits)
}

/// Start line, then `name=value` per header with folds shown as they are.
fn shown(bytes: &[u8], index: &Index) -> String {
    let mut out = format!("{}|", index.start().of(bytes).escape_ascii());
    for field in index.fields(bytes).iter() {
        out += &format!("{}:", field.id());
        out += &format!("{}={}|", field.name().escape_ascii(), field.value().escape_ascii());
    }
    for (quirk, at) in index.quirks().iter() {
        out += &format!("{quirk}@{at} ");
    }
    out.trim_end().into()
}

#[test]
fn heads_are_indexed_with_their_quirks() {
    for (name, bytes, sip, rtsp) in [
        ("plain", "A\r\nVia: x\r\n\r\n", "A|4:Via=x|", None),
        ("no headers", "A\r\n\r\n", "A|", None),
        ("compact", "A\r\nl:0\r\nS : y \t\r\n\r\n", "A|1:l=0|2:S=y|space-before-colon@9", None),
        ("bare LF", "A\nVia: x\n\n", "A|4:Via=x|bare-lf@1", None),
        ("mixed ends", "A\r\nVia: x\n\r\n", "A|4:Via=x|bare-lf@9", None),
        ("bare CR", "A\rVia: x\r\r", "never", Some("A|4:Via=x|bare-cr@1")),
        (
            "CR within a value",
            "A\r\nVia: x\ry: 1\r\n\r\n",
            "A|4:Via=x\\ry: 1|bare-cr@9",
            Some("A|4:Via=x|0:y=1|bare-cr@9"),
        ),
        (
            "fold",
            "A\r\nVia: x\r\n  y \r\n\tz\r\nCSeq:1\r\n\r\n",
            "A|4:Via=x\\r\\n  y \\r\\n\\tz|3:CSeq=1|folded@11",
            None,
        ),
        ("fold of nothing", "A\r\nVia:\r\n x\r\n\r\n", "A|4:Via=x|empty-value@3 folded@9", None),
        ("stray fold", "A\r\n b\r\n\r\n", "A|stray-fold@3", None),
        ("blank fold", "A\r\nVia: x\r\n  \r\n\r\n", "A|4:Via=x|folded@11", None),
        ("empty value", "A\r\nSubject:\r\n\r\n", "A|2:Subject=|empty-value@3", None),
        ("no colon", "A\r\ngarbage\r\nVia: x\r\n\r\n", "A|4:Via=x|no-colon@3", None),
        ("odd name", "A\r\nX Y: z\r\n\r\n", "A|0:X Y=z|bad-name@3", None),
        ("no name", "A\r\n: z\r\n\r\n", "A|0:=z|bad-name@3", None),
        (
            "control in name",
            "A\r\nVi\x01a: z\r\n\r\n",
            "A|0:Vi\\x01a=z|control-byte@5 bad-name@3",
            None,
        ),
        ("NUL in value", "A\r\nVia: a\0b\r\n\r\n", "A|4:Via=a\\x00b|control-byte@9", None),
        ("DEL in value", "A\r\nVia: a\x7fb\r\n\r\n", "A|4:Via=a\\x7fb|control-byte@9", None),
        ("tab in value", "A\r\nVia:\ta\tb\r\n\r\n", "A|4:Via=a\\tb|", None),
        ("UTF-8", "A\r\nVia: caf\u{e9}\r\n\r\n", "A|4:Via=caf\\xc3\\xa9|", None),
        ("colons", "A\r\nVia: a:b\r\n\r\n", "A|4:Via=a:b|", None),
        ("repeats", "A\r\nVia: a\r\nv: b\r\n\r\n", "A|4:Via=a|4:v=b|", None),
    ] {
        let limits = Limits::default();
        for (profile, expected) in [(false, sip), (true, rtsp.unwrap_or(sip))] {
            let scan = if profile { whole::<Rtsp> } else { whole::<Sip> };
            let (head, index) = scan(bytes.as_bytes(), &limits);
            if expected == "never" {
                assert_eq!(head, Ok(None), "{name}");
            } else {
                assert_eq!(head, Ok(Some(bytes.len())), "{name}");
                assert_eq!(shown(bytes.as_bytes(), &index), expected, "{name}");
            }
        }
    }
}

#[test]
fn a_value_that_is_not_utf8_spoils_nothing_else() {
    let bytes = b"A\r\nServer: caf\xe9\r\nCSeq: 1\r\n\r\n";
    let (head, index) = whole::<Rtsp>(bytes, &Limits::default());
    assert_eq!(head, Ok(Some(bytes.len())));
    let fields = index.fields(bytes);
    assert_eq!(fields.first(3).unwrap().text(), Some("1"));
    let server = fields.named("server").next().unwrap();
    assert_eq!((server.text(), server.value()), (None, &b"caf\xe9"[..]));
    assert_eq!(index.quirks().offset_of(Quirk::NonUtf8), Some(14));
}

#[test]
fn ordinary_headers_go_the_short_way() {
    for name in ["Via", "v", "CSeq", "Content-Length", "content-length"] {
        let start = "BYE sip:a SIP/2.0\r\n";
        for behind in
            ["", "\r\n", "Via: what follows, so long that a whole window is left behind it\r\n"]
        {
            let head = format!("{start}{name}: a value\r\n{behind}");
            assert!(
                plain_header::<Sip>(head.as_bytes(), start.len(), &mut None).is_some(),
                "{name}"
            );
        }
    }
}

#[test]
fn what_follows_the_head_is_not_looked_at() {
    let bytes = b"A\r\nVia: x\r\n\r\n\0\xff: \r\n";
    let (head, index) = whole::<Rtsp>(bytes, &Limits::default());
    assert_eq!(head, Ok(Some(13)));
    assert!(index.quirks().is_empty());
}

#[test]
fn a_scratch_index_forgets_the_message_before() {
    let mut index = Index::new();
    for (bytes, count) in [(&b"A\nx: 1\ny: 2\n\n"[..], 2), (b"B\r\nz: 3\r\n\r\n", 1)] {
        Scanner::new().scan::<Sip>(bytes, &mut index, &Limits::default()).unwrap();
        assert_eq!(index.fields(bytes).len(), count);
    }
    assert!(index.quirks().is_empty());
}

#[test]
fn an_index_answers_for_the_message_that_it_is_of() {
    let bytes = b"A\r\nVia: x\r\nX-a: b\r\n c\r\nvia: \xff\r\n\r\nbody";
    let (outcome, mut index) = whole::<Sip>(bytes, &Limits::DEFAULT);
    let head = outcome.unwrap().unwrap();
    assert!(index.body().is_empty());
    index.set_body(crate::Span::new(head, bytes.len()));
    assert_eq!(index.body().of(bytes), b"body");
    assert_eq!(index.to_exact(), index);

    let fields = index.fields(bytes);
    assert!(fields.len() == 3 && !fields.is_empty());
    assert!(Fields::NONE.is_empty() && Fields::NONE.at(0).is_none());
    let entry = index.entries()[1];
    assert_eq!((entry.name().of(bytes), entry.value().of(bytes)), (&b"X-a"[..], &b"b\r\n c"[..]));
    let at = |place| fields.at(place).unwrap();
    assert_eq!((at(0).id(), at(1).id(), at(2).id()), (4, 0, 4));
    assert_eq!((at(0).entry().id(), at(1).entry().id()), (4, 0));
    assert_eq!((at(0).text(), at(2).text()), (Some("x"), None));
    assert!(at(1).is_folded() && !at(0).is_folded());
    assert_eq!((&*at(1).unfolded(), &*at(0).unfolded()), (&b"b c"[..], &b"x"[..]));
    assert_eq!((at(1).offset(), at(1).value_offset()), (11, 16));
    assert!(fields.at(3).is_none() && fields.first(1).is_none());
    assert_eq!(fields.first(4).unwrap().value(), b"x");
    assert!(fields.all(4).map(Field::offset).eq([3, 23]));
    assert!(fields.named("VIA").map(Field::offset).eq(fields.all(4).map(Field::offset)));
    assert!(fields.named("x-a").map(Field::id).eq([0]));

    // The same rows, further behind.
    let moved: Vec<u8> = b"12".iter().chain(bytes).copied().collect();
    let later = entry.moved(2);
    assert_eq!((later.name().of(&moved), later.value().of(&moved)), (&b"X-a"[..], &b"b\r\n c"[..]));
    assert_eq!((later.moved(-2), later.id()), (entry, 0));
    let written = Entry::of_written(entry.name(), entry.value(), 7);
    assert_eq!((written.id(), written.name(), written.value()), (7, entry.name(), entry.value()));
}

#[test]
fn an_index_keeps_its_memory_and_says_so() {
    let mut index = Index::new();
    assert!(!index.holds_memory() && !index.to_exact().holds_memory());
    index.reserve(3);
    assert!(index.holds_memory() && index.entries.capacity() == 3);
    index.reserve(2);
    assert_eq!(index.entries.capacity(), 3);
    index.reserve(20);
    let capacity = index.entries.capacity();
    assert!(capacity >= 20);
    Scanner::new().scan::<Sip>(b"A\r\nVia: x\r\n\r\n", &mut index, &Limits::DEFAULT).unwrap();
    index.clear();
    assert_eq!((index.entries.capacity(), index.entries().len()), (capacity, 0));
    assert!(!index.to_exact().holds_memory());
    // Quirks are memory too.
    let mut odd = Index::new();
    for n in 0..64 {
        odd.note(Quirk::Garbage, n);
    }
    assert!(odd.entries.capacity() == 0 && odd.holds_memory());
    odd.clear();
    assert!(odd.quirks().iter().next().is_none());
}

#[test]
fn quirks_are_noted_once_each_where_they_first_stand() {
    let mut quirks = Quirks::new();
    assert!(quirks.is_empty() && quirks.first_of(|_| true).is_none());
    for (at, quirk) in Quirk::ALL.iter().copied().enumerate() {
        assert!(!quirks.contains(quirk) && quirks.offset_of(quirk).is_none());
        quirks.note(quirk, at);
        quirks.note(quirk, 99);
        assert!(!quirks.is_empty() && quirks.contains(quirk));
        assert_eq!(quirks.offset_of(quirk), Some(at));
        assert_eq!(quirks.first_of(|other| other == quirk), Some((quirk, at)));
        assert_eq!(format!("{quirk}"), quirk.as_str());
    }
    assert!(quirks.iter().map(|(quirk, _)| quirk).eq(Quirk::ALL.iter().copied()));
    assert_eq!(quirks.first_of(|_| true), Some((Quirk::Folded, 0)));
    assert_eq!(quirks.first_of(|_| false), None);
    let names: alloc::collections::BTreeSet<_> = Quirk::ALL.iter().map(|q| q.as_str()).collect();
    assert_eq!(names.len(), Quirk::ALL.len());
}

#[test]
fn blank_lines_before_a_message_are_counted() {
    assert_eq!(leading_blank(b"\r\n\r\nA"), 4);
    assert_eq!(leading_blank(b"\n\rA"), 2);
    assert_eq!(leading_blank(b"A\r\n"), 0);
    assert_eq!(leading_blank(b"\r\n"), 2);
}

fn limit(kind: LimitKind, at: usize) -> Outcome {
    Err(ParseError::new(ParseErrorKind::Limit(kind), at))
}

/// N passes and N + 1 does not, and the error is the same when bytes come one by one.
fn assert_limit(fits: &str, breaks: &str, limits: &Limits, kind: LimitKind, at: usize) {
    assert_eq!(whole::<Sip>(fits.as_bytes(), limits).0, Ok(Some(fits.len())));
    assert_eq!(bytewise::<Sip>(fits.as_bytes(), limits).0, Ok(Some(fits.len())));
    assert_eq!(whole::<Sip>(breaks.as_bytes(), limits).0, limit(kind, at));
    assert_eq!(bytewise::<Sip>(breaks.as_bytes(), limits).0, limit(kind, at));
}

#[test]
fn head_max_at_n_and_n_plus_1() {
    let limits = Limits::default().with_head_max(20);
    let fits = "A\r\nVia: 89abcdef\r\n\r\n";
    assert_limit(fits, &fits.replace("f", "f0"), &limits, LimitKind::Head, 20);
}

#[test]
fn line_max_at_n_and_n_plus_1() {
    let limits = Limits::default().with_line_max(10);
    assert_limit(
        "A\r\nVia: 12345\r\n\r\n",
        "A\r\nVia: 123456\r\n\r\n",
        &limits,
        LimitKind::Line,
        13,
    );
    assert_limit(
        "A\r\nVia: 1\r\n 2\r\n\r\n",
        "A\r\nVia: 1\r\n 23\r\n\r\n",
        &limits,
        LimitKind::Line,
        13,
    );
    assert_limit("0123456789\r\n\r\n", "0123456789a\r\n\r\n", &limits, LimitKind::Line, 10);
}

#[test]
fn header_count_max_at_n_and_n_plus_1() {
    let limits = Limits::default().with_header_count_max(2);
    assert_limit(
        "A\r\na: 1\r\nb: 2\r\n c\r\n\r\n",
        "A\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n",
        &limits,
        LimitKind::HeaderCount,
        15,
    );
}

#[test]
fn a_head_full_in_two_ways_is_refused_for_the_same_one_in_any_chunking() {
    for line in ["\r:", "b: 2", " c", "\t", "\r\r", ":"] {
        let text = format!("A\r\na: 1\r\n{line}\r\n\r\n");
        for (head_max, count) in [(9, 1), (10, 1), (9, 0), (9, 2), (3, 0)] {
            let limits = Limits::default().with_head_max(head_max).with_header_count_max(count);
            let expected = whole::<Sip>(text.as_bytes(), &limits).0;
            assert_eq!(bytewise::<Sip>(text.as_bytes(), &limits).0, expected, "{line:?}");
            let expected = whole::<Rtsp>(text.as_bytes(), &limits).0;
            assert_eq!(bytewise::<Rtsp>(text.as_bytes(), &limits).0, expected, "{line:?}");
        }
        let limits = Limits::default().with_head_max(9).with_header_count_max(1);
        assert_eq!(whole::<Sip>(text.as_bytes(), &limits).0, limit(LimitKind::Head, 9));
    }
}

/// Of a limit of the line and one of the head at one byte it is the head that is full.
#[test]
fn a_line_that_fills_the_head_fills_the_head() {
    let text = b"A\r\nVia: 1234567\r\n\r\n";
    for (head_max, kind) in [(12, LimitKind::Head), (13, LimitKind::Head), (14, LimitKind::Line)] {
        let limits = Limits::default().with_head_max(head_max).with_line_max(10);
        let expected = limit(kind, head_max.min(13));
        assert_eq!(whole::<Sip>(text, &limits).0, expected, "{head_max}");
        assert_eq!(bytewise::<Sip>(text, &limits).0, expected, "{head_max}");
    }
}

/// RFC 3261 has no line end but CRLF: were this one, two readers would see the head end in two places.
#[test]
fn a_cr_alone_begins_a_line_and_ends_no_head_where_it_ends_no_line() {
    let text = b"A\r\nVia: 1\r\n\rX: y\r\n\r\n";
    for (outcome, index) in
        [whole::<Sip>(text, &Limits::DEFAULT), bytewise::<Sip>(text, &Limits::DEFAULT)]
    {
        assert_eq!(outcome, Ok(Some(text.len())));
        assert_eq!(index.fields(text).iter().count(), 2, "{}", shown(text, &index));
    }
    assert_eq!(whole::<Rtsp>(text, &Limits::DEFAULT).0, Ok(Some(12)));
}

#[test]
fn a_tab_may_stand_before_the_colon() {
    let text = b"A\r\nVia\t \t: x\r\n\r\n";
    let (outcome, index) = whole::<Sip>(text, &Limits::DEFAULT);
    assert_eq!(outcome, Ok(Some(text.len())));
    let fields = index.fields(text);
    let via = fields.iter().next().map(|via| (via.id(), via.name(), via.value()));
    assert_eq!(via, Some((NAMES.lookup(b"Via"), &b"Via"[..], &b"x"[..])));
}

#[test]
fn a_scanner_is_new_until_it_has_seen_a_byte() {
    let mut scanner = Scanner::new();
    assert!(scanner.is_new());
    for (text, new) in [(&b""[..], true), (b"A", false), (b"A\r\n", false)] {
        assert_eq!(scanner.scan::<Sip>(text, &mut Index::new(), &Limits::DEFAULT), Ok(None));
        assert_eq!(scanner.is_new(), new, "{text:?}");
    }
}

/// How long a buffer may become before it must be scanned: up to there nothing changes but by a line
/// end, and behind it something does.
#[test]
fn nothing_changes_up_to_where_a_scanner_is_quiet() {
    let limits = Limits::default().with_line_max(20).with_head_max(30).with_header_count_max(2);
    let quiet = |text: &[u8]| {
        let (mut scanner, mut index) = (Scanner::new(), Index::new());
        assert_eq!(scanner.scan::<Sip>(text, &mut index, &limits), Ok(None));
        scanner.quiet()
    };
    for (text, expected) in [
        (&b""[..], 0),
        (b"A", 20),
        (b"A\r\nVia: 1", 23),
        (b"A\r\nVia: 1\r\nb: 2", 30),
        // The next byte decides: about a line end, or a header too many.
        (b"A\r\nVia: 1\r", 0),
        (b"A\r\nVia: 1\r\nb: 2\r\n", 0),
    ] {
        assert_eq!(quiet(text), expected, "{}", text.escape_ascii());
        if expected > 0 {
            let mut longer = text.to_vec();
            longer.resize(expected, b'x');
            assert_eq!(whole::<Sip>(&longer, &limits).0, Ok(None));
            longer.push(b'x');
            assert!(whole::<Sip>(&longer, &limits).0.is_err());
        }
    }
}

#[test]
fn a_head_that_never_ends_stops_at_the_limit() {
    let endless = "A: b\r\n".repeat(10_000);
    let limits = Limits::default().with_header_count_max(usize::MAX);
    let (outcome, _) = whole::<Sip>(endless.as_bytes(), &limits);
    assert_eq!(outcome, limit(LimitKind::Head, limits.head_max));
    let line = "A".repeat(100_000);
    assert_eq!(
        bytewise::<Sip>(line.as_bytes(), &limits).0,
        limit(LimitKind::Line, limits.line_max)
    );
}

/// Bytes that are likely to make lines, folds, odd line ends and odd bytes.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(&b"\r\n"[..]),
        1 => Just(&b"\n"[..]),
        1 => Just(&b"\r"[..]),
        1 => Just(&b" "[..]),
        1 => Just(&b"\t"[..]),
        3 => Just(&b"Via: a"[..]),
        2 => Just(&b"Content-Length"[..]),
        2 => Just(&b":"[..]),
        1 => Just(&b"\0"[..]),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\xc3\xa9"[..]),
        1 => Just(&b"x\x7fyzzzzzzzzzzzzzzzz"[..]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..80_usize, 1..40_usize, 0..6_usize).prop_map(|(head, line, count)| {
        Limits::default().with_head_max(head).with_line_max(line).with_header_count_max(count)
    })
}

fn assert_same<P: Profile>(bytes: &[u8], ends: &[usize], limits: &Limits) {
    let expected = whole::<P>(bytes, limits);
    for other in [bytewise::<P>(bytes, limits), in_chunks::<P>(bytes, ends, limits)] {
        assert_eq!(other.0, expected.0, "{}", bytes.escape_ascii());
        match expected.0 {
            Ok(Some(_)) => assert_eq!(other.1, expected.1, "{}", bytes.escape_ascii()),
            Ok(None) => {}
            Err(_) => {
                let read = |index: &Index| (index.start(), index.entries().to_vec());
                assert_eq!(read(&other.1), read(&expected.1), "{}", bytes.escape_ascii());
            }
        }
    }
}

proptest! {
    #[test]
    fn chunking_changes_nothing(
        bytes in message(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        limits in prop_oneof![Just(Limits::default()), limits()],
    ) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        assert_same::<Sip>(&bytes, &ends, &limits);
        assert_same::<Rtsp>(&bytes, &ends, &limits);
    }

    #[test]
    fn the_short_way_through_a_header_finds_what_the_long_way_finds(
        name in prop_oneof![
            prop::sample::select(&["Via", "v", "CSeq", "cseq", "Content-Length", "SUBJECT", "L"][..])
                .prop_map(str::as_bytes)
                .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..24),
        ],
        colon in prop::sample::select(&[": ", ":", " : ", ":  ", ":\t"][..]),
        value in prop_oneof![
            "[ -~]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..12),
        ],
        end in prop::sample::select(&["\r\n", "\n", "\r", " \r\n", ""][..]),
    ) {
        let mut bytes = [&name[..], colon.as_bytes(), &value, end.as_bytes()].concat();
        bytes.extend_from_slice(b"Via: what follows, longer than a window\r\n\r\n");
        if let Some((entry, end)) = plain_header::<Sip>(&bytes, 0, &mut None) {
            let mut index = Index::new();
            let long = Scanner::new().any_header::<Sip>(&bytes, &mut index);
            prop_assert_eq!(long, Some(end));
            prop_assert_eq!(index.entries(), &[entry]);
            prop_assert!(index.quirks().is_empty());
        }
    }

    #[test]
    fn spans_lie_within_the_head(bytes in message()) {
        let (head, index) = whole::<Rtsp>(&bytes, &Limits::default());
        if let Ok(Some(head)) = head {
            for entry in index.entries() {
                prop_assert!(entry.name().start() <= entry.name().end());
                prop_assert!(entry.name().end() <= entry.value().start() || entry.value().is_empty());
                prop_assert!(entry.value().end() <= head);
            }
        }
    }
}
