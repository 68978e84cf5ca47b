//! Lines of `inspect journal`: a flat file of frames, a line for each frame and each of its
//! records, and what an audit of the whole comes to. Each frame is checked for itself and against the
//! chain. A snapshot is told by its first bytes and listed section by section.

use super::{Field, Line, Options, Refusal};
use mms_core::{
    AssetId, Chain, Fact, Frame, FrameError, FrameErrorKind, MONEY, Owner, POINTS, Record, Snapshot,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Reads `input` and hands each line to `out`.
pub fn inspect(input: &[u8], options: &Options, out: &mut dyn FnMut(Line)) {
    if input.starts_with(b"MMSN") {
        return snapshot(input, out);
    }
    let mut reader = Reader::default();
    for chunk in options.chunks(input) {
        reader.pending.extend_from_slice(chunk);
        reader.read(out);
    }
    reader.end(out);
}

#[derive(Default)]
struct Reader {
    /// Bytes that are not yet a whole frame, and where they begin.
    pending: Vec<u8>,
    offset: u64,
    /// Number and hash of the frame before.
    last: Option<(u64, Chain)>,
    /// Looking for the next frame behind a damaged one.
    lost: bool,
    audit: Sums,
}

/// What all frames come to.
#[derive(Default)]
struct Sums {
    frames: u64,
    records: u64,
    postings: u64,
    /// How much was debited, by asset.
    turnover: BTreeMap<AssetId, i128>,
    last_seq: u64,
    faults: u64,
}

impl Reader {
    fn read(&mut self, out: &mut dyn FnMut(Line)) {
        let pending = std::mem::take(&mut self.pending);
        let mut left = pending.as_slice();
        while !left.is_empty() {
            let skip = match Frame::parse(left) {
                Ok((frame, _)) => {
                    self.frame(frame, out);
                    self.lost = false;
                    frame.as_bytes().len()
                }
                Err(error) if is_short(error) => break,
                Err(error) => {
                    // Zeros at the end are room that was set aside, not damage.
                    if left.iter().all(|byte| *byte == 0) {
                        break;
                    }
                    if !self.lost {
                        self.audit.faults += 1;
                        out(refused(self.offset, error));
                    }
                    self.lost = true;
                    next_magic(left)
                }
            };
            self.offset += skip as u64;
            left = left.get(skip..).unwrap_or_default();
        }
        self.pending = left.to_vec();
    }

    fn end(&mut self, out: &mut dyn FnMut(Line)) {
        if !self.pending.iter().all(|byte| *byte == 0) {
            // What is left behind damage is of the fault that was told.
            if let (false, Err(error)) = (self.lost, Frame::parse(&self.pending)) {
                self.audit.faults += 1;
                out(refused(self.offset, error));
            }
        }
        out(self.summary());
    }

    fn summary(&self) -> Line {
        let Sums { frames, records, postings, turnover, faults, .. } = &self.audit;
        let sound = *faults == 0;
        let mut line = Line {
            offset: self.offset + self.pending.len() as u64,
            kind: "audit",
            start: if sound { "intact".to_owned() } else { format!("{faults} faults") },
            ..Line::default()
        };
        line.fields.push(typed("frames", frames, json!(frames)));
        line.fields.push(typed("records", records, json!(records)));
        line.fields.push(typed("postings", postings, json!(postings)));
        for (asset, sum) in turnover {
            line.fields.push(Field {
                name: "turnover".to_owned(),
                value: format!("asset {asset}: {sum}"),
                typed: Some(json!({ "asset": asset.value(), "debited": sum.to_string() })),
                error: None,
            });
        }
        if let Some((_, chain)) = self.last {
            line.fields.push(Field::raw("chain", chain.to_string()));
        }
        line
    }

    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn FnMut(Line)) {
        let mut line = Line {
            offset: self.offset,
            kind: "frame",
            start: format!("frame {}", frame.number()),
            body: Some(frame.as_bytes().len() as u64 - 128),
            ..Line::default()
        };
        line.fields.push(typed("first-seq", frame.first_seq(), json!(frame.first_seq().value())));
        line.fields.push(typed("records", frame.record_count(), json!(frame.record_count())));
        line.fields.push(Field::raw("last-time", frame.last_time().to_string()));
        line.fields.push(typed("epoch", frame.epoch(), json!(frame.epoch())));
        line.fields.push(Field::raw("previous", frame.previous().to_string()));
        line.fields.push(Field::raw("chain", frame.chain().to_string()));
        let follows = match self.last {
            None => frame.number() != 1 || frame.previous() == Chain::START,
            Some((number, chain)) => frame.number() == number + 1 && frame.previous() == chain,
        };
        if !follows {
            let error = FrameError::new(FrameErrorKind::Chain, 0);
            line.error = Some(refusal(self.offset, error));
            self.audit.faults += 1;
        }
        self.audit.frames += 1;
        self.last = Some((frame.number(), frame.chain()));
        out(line);
        let mut offset = self.offset + 128;
        for record in frame.records() {
            let audit = &mut self.audit;
            audit.records += 1;
            for posting in record.postings() {
                audit.postings += 1;
                let sum = audit.turnover.entry(posting.account.asset()).or_default();
                *sum += i128::from(posting.amount.max(0));
            }
            let seq = record.head().seq.value();
            if follows && audit.last_seq != 0 && seq != audit.last_seq + 1 {
                audit.faults += 1;
            }
            audit.last_seq = seq;
            out(record_line(offset, record));
            offset += record.as_bytes().len() as u64;
        }
    }
}

/// A line for the snapshot and one for each of its sections.
fn snapshot(input: &[u8], out: &mut dyn FnMut(Line)) {
    let mut line = Line { kind: "snapshot", start: "snapshot".to_owned(), ..Line::default() };
    let snapshot = match Snapshot::parse(input) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let (kind, offset) = (error.kind().to_string(), error.offset() as u64);
            line.error = Some(Refusal { kind, offset });
            return out(line);
        }
    };
    let position = snapshot.position();
    line.body = Some(input.len() as u64);
    line.fields.push(typed("seq", snapshot.seq(), json!(snapshot.seq().value())));
    line.fields.push(typed("frame", position.frame, json!(position.frame)));
    line.fields.push(typed("epoch", position.epoch, json!(position.epoch)));
    line.fields.push(Field::raw("chain", position.chain.to_string()));
    line.fields.push(Field::raw("digest", snapshot.digest().to_string()));
    out(line);
    let mut offset = 128;
    for (section, rows, bytes) in snapshot.sections() {
        let mut line = Line {
            offset,
            kind: "section",
            start: section.name().to_owned(),
            body: Some(bytes as u64),
            ..Line::default()
        };
        line.fields.push(typed("rows", rows, json!(rows)));
        out(line);
        offset += 32 + bytes as u64;
    }
}

fn record_line(offset: u64, record: Record<'_>) -> Line {
    let head = record.head();
    let mut line = Line {
        offset,
        kind: "record",
        start: format!("{} {}", head.seq, head.kind.name()),
        body: Some(record.as_bytes().len() as u64),
        ..Line::default()
    };
    line.fields.push(Field::raw("time", head.at.time.to_string()));
    line.fields.push(Field::raw("day", head.at.day.to_string()));
    if head.key.value() != 0 {
        line.fields.push(Field::raw("key", format!("{:032x}", head.key.value())));
    }
    line.fields.push(typed("store", head.store, json!(head.store.value())));
    for (name, value) in [("actor", head.actor.value()), ("terminal", head.terminal.value())] {
        if value != 0 {
            line.fields.push(typed(name, value, json!(value)));
        }
    }
    if let Some(member) = head.member {
        line.fields.push(typed("member", member, json!(member.value())));
    }
    for posting in record.postings() {
        let account = posting.account;
        let owner = match account.owner() {
            Owner::Member(member) => format!("member {member}"),
            Owner::Store(store) => format!("store {store}"),
            Owner::Staff(actor) => format!("staff {actor}"),
            other => format!("{other:?}"),
        };
        line.fields.push(Field {
            name: "posting".to_owned(),
            value: match account.asset() {
                MONEY | POINTS => {
                    format!("{owner} {} {:+}", account.code().short(), posting.amount)
                }
                kind => {
                    format!("{owner} {} {:+} of {kind}", account.code().short(), posting.amount)
                }
            },
            typed: Some(json!({
                "owner": owner,
                "code": account.code().short(),
                "asset": account.asset().value(),
                // A string: numbers in JSON are not exact beyond 2^53.
                "amount": posting.amount.to_string(),
            })),
            error: None,
        });
    }
    for fact in record.facts() {
        line.fields.push(Field::raw(fact.name(), fields_of(&fact)));
    }
    line
}

/// The fields of a fact as `Debug` shows them, without its name.
fn fields_of(fact: &Fact) -> String {
    let shown = format!("{fact:?}");
    shown.strip_prefix(fact.name()).unwrap_or(&shown).trim().to_owned()
}

fn typed(name: &str, value: impl ToString, typed: serde_json::Value) -> Field {
    Field { name: name.to_owned(), value: value.to_string(), typed: Some(typed), error: None }
}

fn refused(offset: u64, error: FrameError) -> Line {
    Line { offset, kind: "error", error: Some(refusal(offset, error)), ..Line::default() }
}

fn refusal(offset: u64, error: FrameError) -> Refusal {
    Refusal { kind: error.kind().to_string(), offset: offset + error.offset() as u64 }
}

fn is_short(error: FrameError) -> bool {
    matches!(error.kind(), FrameErrorKind::HeaderTruncated | FrameErrorKind::BodyTruncated)
}

/// Bytes to the next place where a frame may begin; the last three may be the start of its
/// name, so they are kept for the next chunk.
fn next_magic(left: &[u8]) -> usize {
    let behind = left.get(1..).unwrap_or_default();
    match behind.windows(4).position(|four| four == b"MMSJ") {
        Some(at) => at + 1,
        None => left.len().saturating_sub(3).max(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests state what must hold")]
    use super::*;
    use mms_core::*;

    fn journal() -> Vec<u8> {
        let mut ledger =
            Ledger::new(Limits::default(), Program::sample().into(), Seed::from_u64(1)).unwrap();
        let mut writer = FrameWriter::new(1, Chain::START, 1);
        let at = At::utc(Timestamp::from_unix_secs(1_700_000_000));
        let mut journal = Vec::new();
        let member = MemberId::new(0);
        let actions = [
            Action::Enrol {
                token: MemberToken::new(5),
                kind: MemberKind::Individual,
                plan: PlanId::new(0),
                referrer: None,
            },
            Action::TopUp { who: member.into(), amount: 10_000 },
            Action::Spend { who: member.into(), amount: 1_100 },
        ];
        for (key, action) in (1..).zip(actions) {
            let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
            let outcome = ledger.apply(at, &command, writer.buffer());
            let Outcome::Accepted(receipt) = outcome else { panic!("{outcome:?}") };
            writer.added(receipt.seq, receipt.time);
            if key != 2 {
                journal.extend_from_slice(writer.seal().unwrap().bytes());
            }
        }
        journal
    }

    fn lines(input: &[u8], chunk: Option<usize>) -> Vec<String> {
        let mut lines = Vec::new();
        let options = Options { chunk, ..Options::default() };
        inspect(input, &options, &mut |line| lines.push(line.to_json().to_string()));
        lines
    }

    #[test]
    fn frames_and_records_are_listed() {
        let mut kinds = Vec::new();
        inspect(&journal(), &Options::default(), &mut |line| {
            assert!(!line.is_refused());
            kinds.push(line.start);
        });
        let expected = ["frame 1", "1 Enrolled", "frame 2", "2 ToppedUp", "3 Spent", "intact"];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn the_audit_sums_what_was_debited_as_text() {
        let last = lines(&journal(), None).pop().unwrap();
        let audit: serde_json::Value = serde_json::from_str(&last).unwrap();
        let text = audit.to_string();
        assert!(text.contains("\"intact\""), "{text}");
        let found = mms_core::audit(&journal());
        let money = found.turnover.get(&MONEY).unwrap();
        assert!(text.contains(&format!("\"{money}\"")), "amounts are strings: {text}");
        assert!(text.contains(&found.chain.to_string()));
    }

    #[test]
    fn a_snapshot_is_listed_section_by_section() {
        let mut recovery = Recovery::new(
            Ledger::new(Limits::default(), Program::sample().into(), Seed::from_u64(1)).unwrap(),
        );
        recovery.journal(&journal());
        let recovered = recovery.finish();
        let bytes = recovered.ledger.snapshot(recovered.writer.position());
        let mut starts = Vec::new();
        inspect(&bytes, &Options::default(), &mut |line| {
            assert!(!line.is_refused());
            starts.push(line.start);
        });
        // These stand in it only when there is something in them.
        let rare = [
            Section::Places,
            Section::Fields,
            Section::Orders,
            Section::Reminders,
            Section::Stores,
            Section::Terminals,
            Section::SaleFields,
            Section::Terms,
            Section::Parts,
            Section::Voids,
        ];
        let sections = Section::ALL.iter().filter(|section| !rare.contains(section));
        let sections = sections.map(|section| section.name());
        assert_eq!(starts, ["snapshot"].into_iter().chain(sections).collect::<Vec<_>>());
        let mut damaged = bytes;
        damaged[300] ^= 1;
        let refused = lines(&damaged, None);
        assert!(refused.len() == 1 && refused[0].contains("Members"), "{refused:?}");
    }

    #[test]
    fn the_lines_do_not_depend_on_the_chunks() {
        let whole = journal();
        let mut damaged = whole.clone();
        damaged[200] ^= 1;
        let mut padded = whole.clone();
        padded.extend([0; 300]);
        for input in [&whole, &damaged, &padded, &whole[..500].to_vec()] {
            let expected = lines(input, None);
            for chunk in [1, 7, 128, 1000] {
                assert_eq!(lines(input, Some(chunk)), expected, "{chunk}");
            }
        }
    }

    #[test]
    fn a_damaged_frame_is_named_and_the_next_one_read() {
        let mut input = journal();
        input[150] ^= 1;
        let mut seen = Vec::new();
        inspect(&input, &Options::default(), &mut |line| {
            seen.push((line.start.clone(), line.error.map(|error| error.kind)));
        });
        assert_eq!(seen[0].1.as_deref(), Some("the record's checksum does not match"));
        assert_eq!(seen[1].0, "frame 2");
        assert!(seen.iter().any(|(start, _)| start == "3 Spent"));
    }
}
