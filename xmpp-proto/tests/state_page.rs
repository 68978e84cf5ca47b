//! The page of tables is made of the tables: negotiation and presence subscriptions.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests state what must hold")]

use core::fmt::Write as _;
use xmpp_proto::stream::STEPS;
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
        "# Tables of XMPP\n\n\
         Made from the code by `xmpp-proto/tests/state_page.rs`, which fails when this page is stale.\n\n\
         ## The steps of a negotiation\n\n\
         `xmpp_proto::stream::STEPS`, in the order in which an initiator takes them. A receiver offers and accepts\n\
         those that are open; an initiator takes the first that is open, offered and wanted.\n\n\
         | step | secure | authenticated | bound | source |\n|---|---|---|---|---|\n",
    );
    for row in STEPS {
        let column = |wanted| match wanted {
            Some(true) => "yes",
            Some(false) => "not yet",
            None => "",
        };
        let [secure, authenticated, bound] = [row.secure, row.authenticated, row.bound].map(column);
        let source = row.source;
        writeln!(out, "| {:?} | {secure} | {authenticated} | {bound} | {source} |", row.step)
            .unwrap();
    }
    out.push_str(
        "\n# Presence subscriptions\n\n\
         RFC 6121 Appendix A as `xmpp_proto::subscription::process` has it. The states are the user's view of\n\
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
fn the_page_is_made_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/xmpp-proto-states.md");
    let expected = page();
    if std::fs::read_to_string(path).ok().as_deref() != Some(&expected) {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/xmpp-proto-states.md");
        std::fs::write(fresh, &expected).unwrap();
        panic!("docs/xmpp-proto-states.md is stale: copy {fresh} over it");
    }
}

/// RFC 6120 §4.3.5 draws the order: TLS, then authentication, then the resource; nothing comes
/// again once it is there.
#[test]
fn the_steps_come_in_the_order_of_the_rfc() {
    use xmpp_proto::stream::{Reached, Step};
    for secure in [false, true] {
        for authenticated in [false, true] {
            for bound in [false, true] {
                let reached = Reached { secure, authenticated, bound };
                let expected: &[Step] = match (secure, authenticated, bound) {
                    (false, false, false) => {
                        &[Step::StartTls, Step::Registration, Step::Sasl2, Step::Sasl]
                    }
                    (true, false, false) => &[Step::Registration, Step::Sasl2, Step::Sasl],
                    (_, true, false) => &[Step::Resumption, Step::Bind],
                    (_, true, true) => &[Step::Session],
                    // Nobody has a resource without being somebody.
                    (_, false, true) => &[],
                };
                assert!(reached.open_steps().eq(expected.iter().copied()), "{reached:?}");
            }
        }
    }
}
