//! Torn or damaged: what a journal ends with when its last bytes are no whole frame.
//!
//! A write that was cut off leaves the beginning of a frame. Behind that is nothing, or, in a file
//! whose room was set aside ahead, zeros. Anything else was changed after it was written.

use super::frame::{FrameError, FrameErrorKind, length_of};
use super::header::HEADER;
use super::recover::JournalEnd;
use crate::record::{Record, length_claimed};
use alloc::vec::Vec;

/// No record ends with so many zeros by itself.
const ZEROS_MIN: usize = 64;
/// In a record up to this length it is tried whether one flipped bit explains what is there.
const MENDED_MAX: usize = 2_048;

/// Whether there is nothing, or nothing but zeros.
pub(super) fn only_zeros(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|byte| *byte == 0) && bytes.iter().all(|byte| *byte == 0)
}

/// How a journal ends of which `left` is no whole frame, because of `error`.
pub(super) fn ending(left: &[u8], at: usize, frame: u64, error: FrameError) -> JournalEnd {
    let short =
        matches!(error.kind(), FrameErrorKind::HeaderTruncated | FrameErrorKind::BodyTruncated);
    let written = written(left);
    if short || is_beginning(left, written.len()) {
        // Without room set aside, zeros at the end are the frame's own.
        let present = if short { left.len() } else { written.len() };
        return JournalEnd::Torn { at, frame, present };
    }
    let more_behind = a_frame_begins(left.get(1..).unwrap_or_default());
    JournalEnd::Damaged { at, frame, error, more_behind }
}

/// Without the zeros at the end.
fn written(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes.get(..bytes.len().saturating_sub(zeros)).unwrap_or_default()
}

/// Whether `left` is the beginning of a frame, `present` bytes of it, and behind that only zeros.
fn is_beginning(left: &[u8], present: usize) -> bool {
    let magic = left.get(..present.min(4)).unwrap_or_default();
    if present < HEADER {
        return !magic.is_empty() && b"MMSJ".starts_with(magic);
    }
    let Some(length) = length_of(left) else {
        return false;
    };
    if present >= length {
        return false;
    }
    // The record in which the write ended; those before it must be as they were.
    let body = left.get(..length).and_then(|frame| frame.get(HEADER..)).unwrap_or_default();
    let mut at = HEADER;
    let mut rest = body;
    while let Ok((_, behind)) = Record::checked(rest) {
        at = length.saturating_sub(behind.len());
        rest = behind;
    }
    if rest.is_empty() {
        return false;
    }
    if present <= at.saturating_add(4) {
        return true;
    }
    let claimed = length_claimed(rest).unwrap_or(0);
    if claimed > rest.len() || present >= at.saturating_add(claimed) {
        return false;
    }
    if length.saturating_sub(present) >= ZEROS_MIN {
        return true;
    }
    // A bit among the zeros says nothing in a file whose zeros go on behind the frame.
    let tried = if left.len() > length { present.saturating_sub(at) } else { claimed };
    !is_one_bit_off(rest, claimed, tried)
}

/// Whether the record at the start is as it was but for one bit of the first `tried` bytes.
fn is_one_bit_off(bytes: &[u8], claimed: usize, tried: usize) -> bool {
    if claimed > MENDED_MAX {
        // It would take long to say: a person should look.
        return true;
    }
    let mut copy: Vec<u8> = bytes.to_vec();
    (0..tried.saturating_mul(8)).any(|bit| {
        let flip = |copy: &mut Vec<u8>| {
            if let Some(byte) = copy.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        };
        flip(&mut copy);
        let mended = Record::checked(&copy).is_ok();
        flip(&mut copy);
        mended
    })
}

/// Whether a whole header begins anywhere in `bytes`.
fn a_frame_begins(bytes: &[u8]) -> bool {
    bytes.windows(4).zip(0_usize..).any(|(window, at)| {
        window == b"MMSJ" && length_of(bytes.get(at..).unwrap_or_default()).is_some()
    })
}
