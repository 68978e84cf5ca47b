#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::clock::{END, FIRST};
use super::*;
use crate::headers::TypedHeader;
use alloc::string::ToString;
use core::time::Duration;
use proptest::prelude::*;

const DROP: SmpteUnit = SmpteUnit::Smpte30Drop;
const PAL: SmpteUnit = SmpteUnit::Smpte25;

fn code(unit: SmpteUnit, text: &str) -> SmpteTime {
    SmpteTime::parse(unit, text.as_bytes()).unwrap()
}

fn extent(text: &str) -> Extent {
    Extent::of(&Range::parse(text.as_bytes()).unwrap()).unwrap()
}

/// The known values of drop-frame counting: two labels are left out each minute, but not
/// each tenth one, so that an hour of labels is 107892 frames, 3.6 ms short of an hour.
#[test]
fn labels_are_dropped_at_minutes_but_not_at_tenth_ones() {
    for (text, number) in [
        ("00:00:00:00", 0),
        ("00:00:59:29", 1799),
        ("00:01:00:02", 1800),
        ("00:01:00:03", 1801),
        ("00:01:59:29", 3597),
        ("00:02:00:02", 3598),
        ("00:09:59:29", 17981),
        ("00:10:00:00", 17982),
        ("00:10:00:01", 17983),
        ("00:11:00:02", 19782),
        ("01:00:00:00", 107_892),
        ("23:59:59:29", 2_589_407),
    ] {
        let time = code(DROP, text);
        assert_eq!(time.frame_number(DROP), number, "{text}");
        assert_eq!(SmpteTime::at(DROP, time.position(DROP)), Some(time), "{text}");
    }
    for (text, number) in [("00:01:00:00", 1500), ("00:00:00:24", 24), ("01:00:00:00", 90_000)] {
        assert_eq!(code(PAL, text).frame_number(PAL), number, "{text}");
    }
}

#[test]
fn every_frame_of_three_hours_has_one_label_and_no_dropped_one() {
    let mut before = None;
    for number in 0..323_676_u128 {
        let at = Position::from_thirds(number * 100_100_000);
        let time = SmpteTime::at(DROP, at).unwrap();
        assert!(!time.is_dropped(DROP), "{time}");
        assert!(before < Some(time), "{time}");
        assert_eq!(time.position(DROP), at);
        assert_eq!(at.is_whole_nanos(), number % 3 == 0, "{time}");
        before = Some(time);
    }
    assert_eq!(SmpteTime::at(DROP, Position::from_thirds(u128::MAX)), None);
}

/// RFC 2326 §3.5 and RFC 7826 §4.4.1 write `10:07:00`, a label that 30 drop leaves out.
#[test]
fn dropped_labels_mean_the_first_that_exists() {
    let dropped = code(DROP, "10:07:00");
    assert!(dropped.is_dropped(DROP) && !dropped.is_dropped(PAL));
    assert_eq!(dropped.position(DROP), code(DROP, "10:07:00:02").position(DROP));
    assert_eq!(code(DROP, "10:07:00:01.99").position(DROP), dropped.position(DROP));
}

#[test]
fn time_codes_are_read_in_all_their_forms() {
    for (text, expected) in [
        ("10:12:33:20", "10:12:33:20"),
        ("10:07:33", "10:07:33"),
        ("10:07:33:05.01", "10:07:33:05.01"),
        ("1:2:3:4.5", "01:02:03:04.05"),
        ("10:07:33.05", "10:07:33:00.05"),
        ("99:59:59:29.99", "99:59:59:29.99"),
    ] {
        assert_eq!(code(SmpteUnit::Smpte, text).to_string(), expected);
    }
    for (text, at) in [
        ("", 0),
        ("10:07", 5),
        ("10:07:", 6),
        ("10:60:00", 3),
        ("10:07:60", 6),
        ("10:07:00:30", 9),
        ("10:07:00:00.100", 12),
        ("100:07:00", 0),
        ("10:07:00:00:00", 11),
        ("10.07:00", 2),
        ("10:07:00:00.00.00", 14),
        ("a", 0),
        ("10:07:00 ", 8),
    ] {
        let error = SmpteTime::parse(DROP, text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ParseErrorKind::Time, at), "{text}");
    }
    assert!(SmpteTime::parse(PAL, b"0:0:0:25").is_err());
}

/// The examples of RFC 2326 §3.5-3.7 and RFC 7826 §4.4.
#[test]
fn the_examples_of_the_rfcs_are_read_and_written() {
    for text in [
        "smpte=10:12:33:20-",
        "smpte=10:07:33-",
        "smpte=10:07:00-10:07:33:05.01",
        "smpte-25=10:07:00-10:07:33:05.01",
        "npt=123.45-125",
        "npt=now-",
        "clock=19961108T143720.25Z-",
        "clock=19961108T143720.25Z-19961108T144725.25Z",
        "clock=-19961108T144725Z",
        "smpte=-10:07:33",
    ] {
        assert_eq!(extent(text).to_string(), text);
    }
    assert_eq!(extent("SMPTE = 0:0:1 - 0:0:2").to_string(), "smpte=00:00:01-00:00:02");
    let no_seconds = UtcTime::parse(b"20141224T1500Z").unwrap();
    assert_eq!(no_seconds.to_string(), "20141224T150000Z");
    for (text, at) in [
        ("clock=19961108T143720.25Z", 19),
        ("clock=-", 0),
        ("clock=19961308T143720Z-", 0),
        ("clock=1996-", 4),
        ("clock=19961108T143720Z-19961108X143720Z", 25),
        ("smpte=1:2:3-1:2:x", 10),
        ("smpte-24=1:2:3-", 0),
        ("npt2=1-", 0),
        ("smpte", 0),
    ] {
        let range = Range::parse(text.as_bytes()).unwrap();
        assert_eq!(Extent::of(&range).unwrap_err().offset(), at, "{text}");
    }
}

#[test]
fn units_compare_exactly() {
    let reference = Reference {
        origin: UtcTime::from_unix(1_000_000_000, 500_000_000),
        now: Some(Position::from_duration(Duration::from_secs(100))),
    };
    for (one, two, same) in [
        ("smpte-25=0:0:10-", "npt=10-", Some(true)),
        ("smpte-25=0:0:10:05-", "npt=10.2-", Some(true)),
        ("smpte-25=0:0:10:05.01-", "npt=10.2004-", Some(true)),
        // 300 frames of 1001/30000 s: exactly 10.01 s.
        ("smpte=0:0:10-", "npt=10.01-", Some(true)),
        ("smpte=0:0:10-", "npt=10-", Some(false)),
        // One frame is 33.3666.. ms, which no number of nanoseconds is.
        ("smpte=0:0:0:01-", "npt=0.033366666-", Some(false)),
        ("npt=now-", "npt=100-", Some(true)),
        ("npt=now-", "npt=now-", Some(true)),
        ("clock=20010909T014650.5Z-", "npt=10-", Some(true)),
        ("clock=20010909T014639Z-", "npt=10-", None),
    ] {
        assert_eq!(extent(one).is_same(&extent(two), &reference), same, "{one} {two}");
    }
    assert_eq!(extent("npt=now-").is_same(&extent("npt=1-"), &Reference::default()), None);
}

#[test]
fn units_are_converted() {
    let reference = Reference { origin: UtcTime::from_unix(0, 0), now: None };
    let one = extent("smpte=00:00:10:00-00:01:00:02");
    assert_eq!(one.to_npt(&reference).unwrap().to_string(), "10.01-60.06");
    assert_eq!(
        one.to_clock(&reference).unwrap().to_string(),
        "19700101T000010.01Z-19700101T000100.06Z"
    );
    let clock = extent("clock=19700101T000010.01Z-");
    assert_eq!(clock.to_smpte(DROP, &reference).unwrap().to_string(), "smpte-30-drop=00:00:10-");
    assert_eq!(clock.to_npt(&Reference::default()), None);
    assert_eq!(clock.to_npt(&reference).unwrap().to_string(), "10.01-");
    // Before the origin there is no media.
    assert_eq!(extent("clock=19691231T235959Z-").to_npt(&reference), None);
    assert_eq!(extent("npt=360001-").to_smpte(PAL, &reference), None);
}

#[test]
fn intervals_contain_cover_and_meet() {
    let forward = Interval::between(1, 9);
    let backward = Interval::between(9, 1);
    let open = Interval::from(5);
    let until = Interval { start: None, end: Some(5) };
    assert!(backward.is_reverse() && !forward.is_reverse() && !forward.is_empty());
    for (interval, at, inside) in [
        (forward, 1, Some(true)),
        (forward, 9, Some(false)),
        (backward, 9, Some(true)),
        (backward, 1, Some(false)),
        (open, 100, Some(true)),
        (open, 4, Some(false)),
        (until, 4, None),
    ] {
        assert_eq!(interval.contains(at), inside, "{interval} {at}");
    }
    for (one, two, covers, both) in [
        (forward, Interval::between(2, 3), Some(true), Some(Interval::between(2, 3))),
        (forward, Interval::between(3, 2), Some(true), Some(Interval::between(2, 3))),
        (forward, Interval::between(2, 10), Some(false), Some(Interval::between(2, 9))),
        (forward, open, Some(false), Some(Interval::between(5, 9))),
        (open, Interval::from(7), Some(true), Some(Interval::from(7))),
        (forward, Interval::between(9, 10), Some(false), None),
        (forward, until, None, None),
    ] {
        assert_eq!(one.covers(&two), covers, "{one} {two}");
        assert_eq!(one.intersection(&two), both, "{one} {two}");
        assert_eq!(two.intersection(&one), both, "{one} {two}");
    }
}

#[test]
fn the_calendar_has_its_known_days() {
    for (text, secs, weekday) in [
        ("19700101T000000Z", 0, 4),
        ("19691231T235959Z", -1, 3),
        ("20000229T000000Z", 951_782_400, 2),
        ("19000301T000000Z", -2_203_891_200, 4),
        ("20261122T063700Z", 1_795_329_420, 0),
        ("99991231T235959Z", END - 1, 5),
        ("00000101T000000Z", FIRST, 6),
    ] {
        let time = UtcTime::parse(text.as_bytes()).unwrap();
        assert_eq!((time.unix_secs(), time.weekday()), (secs, weekday), "{text}");
        assert_eq!(time.to_string(), text);
    }
    for text in ["19000229T000000Z", "20230431T000000Z", "20230001T000000Z", "20230100T000000Z"] {
        assert!(UtcTime::parse(text.as_bytes()).is_err(), "{text}");
    }
    for text in ["20230101T240000Z", "20230101T006000Z", "20230101T000061Z", "99991231T235960Z"] {
        assert!(UtcTime::parse(text.as_bytes()).is_err(), "{text}");
    }
    let leap = UtcTime::parse(b"20161231T235960Z").unwrap();
    assert_eq!(leap, UtcTime::parse(b"20170101t000000").unwrap());
    assert_eq!(UtcTime::from_unix(0, 1_000_000_000), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn labels_and_positions_agree(subframes in 0_u64..900_000_000, pal: bool) {
        let unit = if pal { PAL } else { DROP };
        let at = Position::from_thirds(u128::from(subframes) * if pal { 1_200_000 } else { 1_001_000 });
        let time = SmpteTime::at(unit, at).unwrap();
        prop_assert_eq!(time.position(unit), at);
        let text = time.to_string();
        prop_assert_eq!(SmpteTime::parse(unit, text.as_bytes()), Ok(time));
    }

    #[test]
    fn times_are_read_as_written(secs in FIRST..END, nanos in 0..1_000_000_000_u32) {
        let time = UtcTime::from_unix(secs, nanos).unwrap();
        let text = time.to_string();
        prop_assert_eq!(UtcTime::parse(text.as_bytes()), Ok(time));
        let (date, of_day) = (time.date(), time.time_of_day());
        prop_assert_eq!(UtcTime::from_civil(date, of_day, nanos), Some(time));
    }

    #[test]
    fn npt_goes_to_positions_and_back(secs: u64, nanos in 0..1_000_000_000_u32) {
        let at = Duration::new(secs, nanos);
        let position = Position::from_duration(at);
        prop_assert!(position.is_whole_nanos());
        prop_assert_eq!(position.to_duration(), Some(at));
    }

    #[test]
    fn no_bytes_panic(value in prop::collection::vec(any::<u8>(), 0..40), unit in 0..4_u8) {
        let unit = ["smpte=", "smpte-25=", "clock=", ""][usize::from(unit)];
        let text = [unit.as_bytes(), &value].concat();
        if let Some(extent) = Range::parse(&text).ok().and_then(|range| Extent::of(&range).ok()) {
            let reference = Reference { origin: UtcTime::from_unix(0, 0), now: None };
            let _npt = extent.to_npt(&reference);
            let written = extent.to_string();
            let again = Extent::of(&Range::parse(written.as_bytes()).unwrap());
            prop_assert_eq!(again, Ok(extent));
        }
    }
}
