//! The same bytes, cut in different ways.

use crate::{Rng, Seed};
use alloc::vec::Vec;
use core::fmt::Debug;

/// All of `data` as one chunk, for [`assert_chunk_invariant`].
#[must_use]
pub fn whole(data: &[u8]) -> Vec<&[u8]> {
    if data.is_empty() { Vec::new() } else { alloc::vec![data] }
}

/// One chunk per byte, for [`assert_chunk_invariant`].
#[must_use]
pub fn bytewise(data: &[u8]) -> Vec<&[u8]> {
    data.chunks(1).collect()
}

/// Chunks of 1 to 64 bytes, most of them short, chosen by `seed`.
///
/// ```
/// let data = [7; 1000];
/// let chunks = proto_wire::testing::chunks::random(&data, 3);
/// assert_eq!(chunks.concat(), data);
/// assert!(chunks.iter().all(|c| !c.is_empty()));
/// ```
#[must_use]
pub fn random(data: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut rng = Rng::new(&Seed::from_u64(seed));
    let mut rest = data;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(random_len(&mut rng, rest.len()));
        chunks.push(chunk);
        rest = behind;
    }
    chunks
}

/// Two chunks, cut behind `at` bytes, for [`assert_chunk_invariant`]; one chunk when that is an end of `data`.
#[must_use]
pub fn cut(data: &[u8], at: usize) -> Vec<&[u8]> {
    match data.split_at_checked(at) {
        Some((one, two)) if !one.is_empty() && !two.is_empty() => alloc::vec![one, two],
        _ => whole(data),
    }
}

/// Asserts that `outputs` does not depend on how `data` is cut: whole, byte by byte, in
/// eight random ways, and, up to 512 bytes, in two at every place.
///
/// `outputs` makes a fresh parser or machine, feeds it the chunks in order and returns
/// all that came out, errors and their offsets included.
///
/// ```
/// use proto_wire::testing::chunks::assert_chunk_invariant;
///
/// let lines = assert_chunk_invariant(b"one\ntwo\n", |chunks| {
///     let mut text = Vec::new();
///     chunks.iter().for_each(|c| text.extend_from_slice(c));
///     text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
/// });
/// assert_eq!(lines.len(), 3);
/// ```
///
/// # Panics
///
/// When two ways of cutting give different outputs; the message says which.
pub fn assert_chunk_invariant<R: PartialEq + Debug>(
    data: &[u8],
    mut outputs: impl FnMut(&[&[u8]]) -> R,
) -> R {
    let expected = outputs(&whole(data));
    assert_eq!(
        outputs(&bytewise(data)),
        expected,
        "byte by byte (left) differs from whole (right)"
    );
    for seed in 0..8 {
        assert_eq!(
            outputs(&random(data, seed)),
            expected,
            "random chunks of seed {seed} (left) differ from whole (right)"
        );
    }
    if data.len() <= 512 {
        for at in 1..data.len() {
            assert_eq!(
                outputs(&cut(data, at)),
                expected,
                "cut behind byte {at} (left) differs from whole (right)"
            );
        }
    }
    expected
}

/// A length from 1 to 64, at most `max`; half of them are below 5, as short cuts find more.
pub(crate) fn random_len(rng: &mut Rng, max: usize) -> usize {
    let bound = if rng.below(2) == 0 { 4 } else { 64 };
    let len = usize::try_from(rng.below(bound)).unwrap_or(0);
    len.saturating_add(1).min(max)
}
