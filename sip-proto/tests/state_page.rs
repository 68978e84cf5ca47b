//! The page of the transactions' states is made of their tables.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests state what must hold")]

use core::fmt::Write as _;
use sip_proto::transaction::{
    Client, Fsm, InviteClient, InviteServer, Reliability, Server, rows, write_table,
};

/// One machine: what it is, its states as a drawing, its rows.
fn chapter<F: Fsm>(out: &mut String, source: &str) {
    writeln!(out, "\n## {}\n\n{source}\n", F::NAME).unwrap();
    out.push_str("```mermaid\nstateDiagram-v2\n");
    writeln!(out, "    [*] --> {:?}", F::STATES.first().unwrap()).unwrap();
    // One arrow for each pair of states, with all that goes along it.
    let mut arrows: Vec<(String, String, Vec<String>)> = Vec::new();
    for row in rows::<F>() {
        let Some(step) = row.step else { continue };
        let (from, to) = (format!("{:?}", row.state), format!("{:?}", step.next));
        let other = match row.on {
            Reliability::Reliable => Reliability::Unreliable,
            Reliability::Unreliable => Reliability::Reliable,
        };
        let same = F::step(row.state, row.event, other).map(|s| s.next) == Some(step.next);
        let label = match (same, row.on) {
            (true, _) => format!("{:?}", row.event),
            (false, Reliability::Reliable) => format!("{:?} (reliable)", row.event),
            (false, Reliability::Unreliable) => format!("{:?} (unreliable)", row.event),
        };
        match arrows.iter_mut().find(|(f, t, _)| *f == from && *t == to) {
            Some((_, _, labels)) if labels.contains(&label) => {}
            Some((_, _, labels)) => labels.push(label),
            None => arrows.push((from, to, vec![label])),
        }
    }
    for (from, to, labels) in arrows {
        writeln!(out, "    {from} --> {to}: {}", labels.join(", ")).unwrap();
    }
    out.push_str("    Terminated --> [*]\n```\n\n");
    write_table::<F>(out).unwrap();
}

fn page() -> String {
    let mut out = String::from(
        "# Transaction states of SIP\n\n\
         Made from the tables in `sip-proto/src/transaction/` by `sip-proto/tests/state_page.rs`, which fails\n\
         when this page is stale. What has no row changes nothing and calls for nothing.\n",
    );
    chapter::<InviteClient>(
        &mut out,
        "RFC 3261 §17.1.1 with RFC 6026: after a 2xx it stays in `Accepted` for 64 T1, so that every 2xx of\n\
         every fork is delivered, and one without a request here is not taken for an answer.",
    );
    chapter::<Client>(&mut out, "RFC 3261 §17.1.2.");
    chapter::<InviteServer>(
        &mut out,
        "RFC 3261 §17.2.1 with RFC 6026: after a 2xx it absorbs repeated INVITEs in `Accepted` for 64 T1; an\n\
         ACK and the user's repeated 2xx pass.",
    );
    chapter::<Server>(
        &mut out,
        "RFC 3261 §17.2.2 with RFC 4320: over unreliable transports a 100 goes out after 3.5 s, and nothing is\n\
         sent when the client has given up.",
    );
    out
}

#[test]
fn the_page_of_states_is_made_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sip-proto-states.md");
    let expected = page();
    if std::fs::read_to_string(path).ok().as_deref() != Some(&expected) {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/sip-proto-states.md");
        std::fs::write(fresh, &expected).unwrap();
        panic!("docs/sip-proto-states.md is stale: copy {fresh} over it");
    }
}
