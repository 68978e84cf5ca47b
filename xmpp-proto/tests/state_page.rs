//! The page of presence subscriptions is made of the table.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests state what must hold")]

use core::fmt::Write as _;
use xmpp_proto::subscription::{Direction, Request, State, process};

const DIRECTIONS: [(Direction, &str); 2] = [
    (Direction::Outbound, "What the user sends (§A.2)"),
    (Direction::Inbound, "What the contact sends (§A.3)"),
];

const REQUESTS: [(Request, &str); 4] = [
    (Request::Subscribe, "subscribe"),
    (Request::Unsubscribe, "unsubscribe"),
    (Request::Subscribed, "subscribed"),
    (Request::Unsubscribed, "unsubscribed"),
];

fn page() -> String {
    let mut out = String::from(
        "# States of presence subscriptions\n\n\
         RFC 6121 Appendix A as `xmpp_proto::subscription::process` has it, made from that function by\n\
         `xmpp-proto/tests/state_page.rs`, which fails when this page is stale. The states are the user's view of\n\
         one contact, as the user's server keeps it. The drawings show what changes a state, the tables everything.\n",
    );
    for (direction, title) in DIRECTIONS {
        write!(out, "\n## {title}\n\n```mermaid\nstateDiagram-v2\n    [*] --> None\n").unwrap();
        let mut arrows: Vec<(State, State, Vec<&str>)> = Vec::new();
        for state in State::ALL {
            for (request, name) in REQUESTS {
                let (_, next) = process(state, direction, request);
                if next == state {
                    continue;
                }
                match arrows.iter_mut().find(|(f, t, _)| (*f, *t) == (state, next)) {
                    Some((_, _, names)) => names.push(name),
                    None => arrows.push((state, next, vec![name])),
                }
            }
        }
        for (from, to, names) in arrows {
            writeln!(out, "    {from:?} --> {to:?}: {}", names.join(", ")).unwrap();
        }
        out.push_str("```\n\n| state | type | next | what the server does |\n|---|---|---|---|\n");
        for state in State::ALL {
            for (request, name) in REQUESTS {
                let (action, next) = process(state, direction, request);
                writeln!(out, "| {state:?} | {name} | {next:?} | {action:?} |").unwrap();
            }
        }
    }
    out
}

#[test]
fn the_page_of_states_is_made_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/xmpp-proto-states.md");
    let expected = page();
    if std::fs::read_to_string(path).ok().as_deref() != Some(&expected) {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/xmpp-proto-states.md");
        std::fs::write(fresh, &expected).unwrap();
        panic!("docs/xmpp-proto-states.md is stale: copy {fresh} over it");
    }
}
