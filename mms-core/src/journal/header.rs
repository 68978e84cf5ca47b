//! The header of a frame: its bytes and its checksum.

use super::frame::{Chain, FrameError, FrameErrorKind};
use crate::ids::Seq;
use crate::record::{RecordErrorKind, RecordVersion};
use crate::wire::Wire;
use twox_hash::XxHash3_64;

/// `MMSJ`.
const MAGIC: u32 = u32::from_le_bytes(*b"MMSJ");
/// What this crate writes; it reads every format before it.
pub(super) const FORMAT: u16 = 2;
pub(super) const HEADER: usize = 128;
/// Where the header's own checksum stands, and zeros in format 1; it covers all other bytes.
pub(super) const CHECK_AT: usize = 56;
pub(super) const PREVIOUS_AT: usize = 64;
pub(super) const CHAIN_AT: usize = 96;
/// No frame's records are longer.
pub(super) const BODY_MAX: usize = 16 * 1024 * 1024;

/// What stands before the records. docs/journal.md lists the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: u16,
    /// Which hash, by its number.
    pub(super) hash: u16,
    pub(super) number: u64,
    pub(super) first_seq: Seq,
    pub(super) count: u32,
    pub(super) body: u32,
    pub(super) last_time: i64,
    pub(super) epoch: u32,
    pub(super) previous: Chain,
    pub(super) chain: Chain,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        let magic = MAGIC.to_le_bytes();
        let begin = bytes.get(..bytes.len().min(4)).unwrap_or_default();
        if !magic.starts_with(begin) {
            return fail(FrameErrorKind::Magic, 0);
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return fail(FrameErrorKind::HeaderTruncated, bytes.len());
        };
        let format = header.get(4..).and_then(|mut at| u16::take(&mut at));
        let stands = header.get(CHECK_AT..).and_then(|mut at| u64::take(&mut at));
        // Zeros behind a check of four bytes are no part of it.
        let there =
            if format == Some(1) { stands.map(|check| check & 0xffff_ffff) } else { stands };
        if there != Some(check_of(header, format)) {
            return fail(FrameErrorKind::HeaderCheck, CHECK_AT);
        }
        let Some((header, zeros)) = Self::fields(header) else {
            return fail(FrameErrorKind::HeaderTruncated, 0);
        };
        if !(1..=FORMAT).contains(&header.format) || !zeros {
            return fail(FrameErrorKind::Format, 4);
        }
        let odd = header.format == 1 && header.body % 8 != 0;
        if header.body as usize > BODY_MAX || odd || header.count == 0 {
            return fail(FrameErrorKind::Length, 24);
        }
        Ok(header)
    }

    /// Whether a record of this version may stand in the frame.
    pub(super) fn fits(&self, version: RecordVersion, offset: usize) -> Result<(), FrameError> {
        let format = match version {
            RecordVersion::One => 1,
            RecordVersion::Two => 2,
        };
        if format == self.format {
            return Ok(());
        }
        Err(FrameError::new(FrameErrorKind::Record(RecordErrorKind::Version), offset))
    }

    /// The fields, and whether all reserved ones are zero.
    fn fields(header: &[u8]) -> Option<(Self, bool)> {
        let from = &mut { header };
        let _magic = u32::take(from)?;
        let format = u16::take(from)?;
        let hash = u16::take(from)?;
        let number = u64::take(from)?;
        let first_seq = Seq::take(from)?;
        let count = u32::take(from)?;
        let body = u32::take(from)?;
        let last_time = i64::take(from)?;
        let partition = u32::take(from)?;
        let epoch = u32::take(from)?;
        let digest = u64::take(from)?;
        let check = u64::take(from)?;
        let previous = Chain::take(from)?;
        let chain = Chain::take(from)?;
        // Format 1 had a check of four bytes, and one hash.
        let wide = format > 1 || (check >> 32 == 0 && hash == 0);
        let header = Self {
            format,
            hash,
            number,
            first_seq,
            count,
            body,
            last_time,
            epoch,
            previous,
            chain,
        };
        Some((header, wide && partition == 0 && digest == 0))
    }

    pub(super) fn write(&self, bytes: &mut [u8]) {
        let Some(header) = bytes.first_chunk_mut::<HEADER>() else {
            return;
        };
        let mut at = header.as_mut_slice();
        MAGIC.put(&mut at);
        FORMAT.put(&mut at);
        self.hash.put(&mut at);
        self.number.put(&mut at);
        self.first_seq.put(&mut at);
        self.count.put(&mut at);
        self.body.put(&mut at);
        self.last_time.put(&mut at);
        0_u32.put(&mut at);
        self.epoch.put(&mut at);
        0_u64.put(&mut at);
        0_u64.put(&mut at);
        self.previous.put(&mut at);
        self.chain.put(&mut at);
        let check = check_of(header, Some(FORMAT));
        check.put(&mut header.get_mut(CHECK_AT..).unwrap_or_default());
    }
}

/// The check of the header: of all its bytes but those that hold it, and in format 1 those that
/// are zero behind them; in later ones XXH3.
fn check_of(header: &[u8; HEADER], format: Option<u16>) -> u64 {
    let behind = if format == Some(1) { CHECK_AT.saturating_add(4) } else { PREVIOUS_AT };
    let mut bytes = [0; HEADER];
    let (front, rest) = bytes.split_at_mut(CHECK_AT);
    let from = header.get(behind..).unwrap_or_default();
    front.copy_from_slice(header.get(..CHECK_AT).unwrap_or_default());
    let rest = rest.get_mut(..from.len()).unwrap_or_default();
    rest.copy_from_slice(from);
    let covered = bytes.get(..CHECK_AT.saturating_add(from.len())).unwrap_or_default();
    if format == Some(1) { crc32fast::hash(covered).into() } else { XxHash3_64::oneshot(covered) }
}
