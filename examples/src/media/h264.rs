//! H.264: NAL units of Annex B, and the payloads of RFC 6184.

use super::PAYLOAD_MAX;

/// NAL unit types of ITU-T H.264 table 7-1 and RFC 6184 table 1.
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// What stands before each unit in a file.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The NAL units of an Annex B stream, without start codes and the zeros around them.
pub fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = behind_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let unit = rest?;
            let end = find_start_code(unit);
            rest = end.and_then(|end| behind_start_code(&unit[end..]));
            let unit = &unit[..end.unwrap_or(unit.len())];
            // A unit does not end in zeros (H.264 §7.4.1): these are trailing_zero_8bits.
            let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if len > 0 {
                return Some(&unit[..len]);
            }
        }
    })
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|three| three == [0, 0, 1])
}

fn behind_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

/// The type of a unit.
#[must_use]
pub fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |byte| byte & 0x1f)
}

/// Whether decoding can begin with this unit.
#[must_use]
pub fn is_key(unit: &[u8]) -> bool {
    kind(unit) == IDR
}

/// Whether a unit is a set of parameters, which a description carries too.
#[must_use]
pub fn is_parameter_set(unit: &[u8]) -> bool {
    matches!(kind(unit), SPS | PPS)
}

/// `profile-level-id` (RFC 6184 §8.1): three bytes of the sequence parameter set.
#[must_use]
pub fn profile_level_id(sps: &[u8]) -> Option<String> {
    match sps.get(..4) {
        Some([first, profile, constraints, level]) if first & 0x1f == SPS => {
            Some(format!("{profile:02X}{constraints:02X}{level:02X}"))
        }
        _ => None,
    }
}

/// The units of each picture (H.264 §7.4.1.2.3, as far as it is told without decoding): a
/// new one begins with the first unit behind a slice that is a delimiter, a set of
/// parameters, SEI, or a slice whose first macroblock is number 0.
#[must_use]
pub fn pictures(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut pictures: Vec<Vec<&[u8]>> = Vec::new();
    let mut has_slice = true;
    for unit in units(stream) {
        let is_slice = matches!(kind(unit), 1..=IDR);
        // first_mb_in_slice is an Exp-Golomb number: 0 is one bit that is set.
        let first = is_slice && unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let begins = first || matches!(kind(unit), SEI | SPS | PPS | DELIMITER);
        if pictures.is_empty() || (has_slice && begins) {
            pictures.push(Vec::new());
            has_slice = false;
        }
        if let Some(picture) = pictures.last_mut() {
            picture.push(unit);
        }
        has_slice |= is_slice;
    }
    pictures
}

/// The payloads of one unit: itself, or fragments when it is too long (RFC 6184 §5.6, §5.8).
#[must_use]
pub fn payloads(unit: &[u8]) -> Vec<Vec<u8>> {
    let Some((&header, body)) = unit.split_first() else { return Vec::new() };
    if unit.len() <= PAYLOAD_MAX {
        return vec![unit.to_vec()];
    }
    let pieces: Vec<&[u8]> = body.chunks(PAYLOAD_MAX - 2).collect();
    let last = pieces.len().saturating_sub(1);
    let fragment = |(at, piece): (usize, &&[u8])| {
        let start = if at == 0 { 0x80 } else { 0 };
        let end = if at == last { 0x40 } else { 0 };
        [&[(header & 0xe0) | FU_A, start | end | (header & 0x1f)], *piece].concat()
    };
    pieces.iter().enumerate().map(fragment).collect()
}

/// Puts units together again: single units, aggregates (STAP-A) and fragments (FU-A).
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    fragment: Vec<u8>,
    /// The sequence number that continues the fragment.
    next: Option<u16>,
}

impl Joiner {
    /// Takes one payload; hands each unit that is complete to `out`. A unit that lacks a
    /// fragment is dropped.
    pub fn push(&mut self, sequence: u16, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        let continues = self.next == Some(sequence);
        self.next = Some(sequence.wrapping_add(1));
        match kind(payload) {
            1..STAP_A => out(payload),
            STAP_A => {
                let mut rest = payload.get(1..).unwrap_or_default();
                while let [high, low, behind @ ..] = rest {
                    let len = usize::from(u16::from_be_bytes([*high, *low]));
                    let Some((unit, behind)) = behind.split_at_checked(len) else { return };
                    if !unit.is_empty() {
                        out(unit);
                    }
                    rest = behind;
                }
            }
            FU_A => {
                let [indicator, header, piece @ ..] = payload else { return };
                if header & 0x80 != 0 {
                    self.fragment.clear();
                    self.fragment.push((indicator & 0xe0) | (header & 0x1f));
                } else if !continues {
                    self.fragment.clear();
                }
                if self.fragment.is_empty() {
                    return;
                }
                self.fragment.extend_from_slice(piece);
                if header & 0x40 != 0 {
                    out(&self.fragment);
                    self.fragment.clear();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of two pictures, the first with parameters and two slices.
    const STREAM: &[u8] = &[
        0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0a, 9, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1,
        0x65, 0x11, 2, 0, 0, 0, 1, 0x41, 0x9a, 3, 0, 0,
    ];

    #[test]
    fn pictures_of_a_stream() {
        let pictures = pictures(STREAM);
        let kinds: Vec<Vec<u8>> = pictures
            .iter()
            .map(|picture| picture.iter().map(|unit| kind(unit)).collect())
            .collect();
        assert_eq!(kinds, [vec![7, 8, 5, 5], vec![1]]);
        assert_eq!(pictures[1][0], [0x41, 0x9a, 3], "zeros behind a unit are not of it");
        assert_eq!(profile_level_id(pictures[0][0]).as_deref(), Some("42C00A"));
        assert_eq!(units(b"no start code").count(), 0);
        assert_eq!(units(&[0, 0, 1, 0, 0, 1]).count(), 0);
    }

    #[test]
    fn long_units_are_cut_and_joined() {
        let long: Vec<u8> = std::iter::once(0x65).chain((1..=255).cycle().take(5_000)).collect();
        let short = [0x41, 1, 2];
        let mut payloads_sent = payloads(&long);
        assert_eq!(payloads_sent.len(), 4);
        assert!(payloads_sent.iter().all(|payload| payload.len() <= PAYLOAD_MAX));
        payloads_sent.extend(payloads(&short));
        // An aggregate of two.
        payloads_sent.push(vec![0x18, 0, 2, 0x67, 1, 0, 3, 0x68, 2, 3]);
        let join = |missing: Option<usize>| {
            let (mut joiner, mut got) = (Joiner::default(), Vec::new());
            for (sequence, payload) in payloads_sent.iter().enumerate() {
                if Some(sequence) != missing {
                    let sequence = u16::try_from(sequence).unwrap().wrapping_sub(2);
                    joiner.push(sequence, payload, &mut |unit| got.push(unit.to_vec()));
                }
            }
            got
        };
        let rest = [short.to_vec(), vec![0x67, 1], vec![0x68, 2, 3]];
        assert_eq!(join(None), [std::slice::from_ref(&long), &rest].concat());
        for lost in 0..4 {
            assert_eq!(join(Some(lost)), rest, "without fragment {lost}");
        }
    }
}
