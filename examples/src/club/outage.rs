//! A power cut: the ledger is killed while it works, and must come back with everything
//! that it had acknowledged.

use super::desk::Desk;
use super::evening::line_of;
use super::{Failure, MEMBERS};
use crate::ladder::{Ladder, Wire};
use mms_core::{Action, Balances, CardNumber, Who};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// The hidden argument that makes this program the one to be killed.
pub const VICTIM: &str = "--work-until-killed";
/// What each booking of the victim loads, in minor units: too little for a bonus.
const DRIP: i64 = 100;
/// After so many acknowledgements the power fails.
const ACKNOWLEDGED: u64 = 20;

/// Checks that the ledger in `data` is as it was left, kills a process that works on it,
/// and checks that nothing acknowledged is lost.
///
/// # Errors
///
/// When something is lost, or a law is broken.
pub fn survive(data: &Path, before: &[Balances], ladder: &Ladder) -> Result<(), Failure> {
    let reopened = balances(&Desk::open(data, Some(ladder.clone()))?)?;
    if reopened != before {
        return Err(format!("the books differ: {before:?}, then {reopened:?}").into());
    }
    ladder.text("  reopened: the same balances");

    let program = std::env::current_exe()?;
    let mut victim = Command::new(program).arg(VICTIM).arg(data).stdout(Stdio::piped()).spawn()?;
    let out = victim.stdout.take().ok_or("the victim has no output")?;
    let mut acknowledged = 0;
    for line in BufReader::new(out).lines() {
        acknowledged = line?.trim().parse()?;
        if acknowledged == ACKNOWLEDGED {
            // SIGKILL: nothing is flushed, nothing is closed.
            victim.kill()?;
        }
    }
    let status = victim.wait()?;
    if status.success() || acknowledged < ACKNOWLEDGED {
        return Err(format!("the victim was not killed: {status}, {acknowledged} booked").into());
    }
    ladder.note(Wire::Ledger, &format!("killed by SIGKILL after {acknowledged} acknowledgements"));

    let desk = Desk::open(data, Some(ladder.clone()))?;
    let after = balances(&desk)?;
    let ann = after.first().zip(before.first()).map(|(now, then)| now.principal - then.principal);
    let booked = ann.ok_or("ann is missing")?;
    let least = DRIP * i64::try_from(acknowledged)?;
    // One more may have reached the disk before its acknowledgement reached us.
    if booked % DRIP != 0 || booked < least || booked > least + DRIP {
        return Err(format!("acknowledged {least}, booked {booked}").into());
    }
    for ((name, _), balances) in MEMBERS.iter().zip(&after) {
        ladder.text(&line_of(name, balances));
    }
    let laws = desk.verify();
    ladder.text(&format!(
        "  every acknowledged booking is there, and all {} laws hold",
        laws.checks.len()
    ));
    if laws.is_sound() { Ok(()) } else { Err(laws.to_string().into()) }
}

/// Books and acknowledges on standard output until somebody kills this process.
///
/// # Errors
///
/// When a booking is refused or the store fails; and after very many bookings, so that a
/// victim that nobody kills ends too.
pub fn be_the_victim(data: &Path) -> Result<(), Failure> {
    let mut desk = Desk::open(data, None)?;
    let mut out = std::io::stdout().lock();
    for booked in 1..=100_000_u64 {
        let who = Who::Card(CardNumber::new(8_800_001));
        desk.book(Action::TopUp { who, amount: DRIP })?;
        writeln!(out, "{booked}")?;
        out.flush()?;
    }
    Err("nobody killed me".into())
}

fn balances(desk: &Desk) -> Result<Vec<Balances>, Failure> {
    let members: Option<Vec<_>> = MEMBERS.iter().map(|(name, _)| desk.member(name)).collect();
    let members = members.ok_or("a member is missing")?;
    Ok(members.into_iter().map(|member| desk.balances(member)).collect())
}
