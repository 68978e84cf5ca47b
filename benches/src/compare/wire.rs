//! The head scanner alone, beside `httparse` on the same bytes with an HTTP start line.
//!
//! How many headers, the Call-ID or CSeq, where the body begins.

use super::sip::httparse::{as_http, index as theirs};
use super::{Row, Set, Sink};
use crate::inputs::sip as inputs;
use crate::side;
use proto_wire::Limits;
use proto_wire::head::{Index, NameTable, Profile, Scanner};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    [
        Set::one("invite", inputs::invite()),
        Set::one("message", inputs::message()),
        Set::one("register", inputs::register()),
        Set::varied(inputs::varied()),
    ]
    .iter()
    .map(|set| Row {
        name: format!("wire/head/{}", set.name),
        peer: "httparse",
        items: set.messages.len(),
        ours: side!(set, <[u8]>::to_vec, Index::new(), ours),
        theirs: side!(set, as_http, theirs),
    })
    .collect()
}

struct Names;

impl Profile for Names {
    const NAMES: &'static NameTable = &NameTable::new(&[
        ("Via", "v"),
        ("From", "f"),
        ("To", "t"),
        ("Call-ID", "i"),
        ("CSeq", ""),
        ("Contact", "m"),
        ("Max-Forwards", ""),
        ("Content-Type", "c"),
        ("Content-Length", "l"),
    ]);
    const BARE_CR_ENDS_LINE: bool = false;
}
const CALL_ID: u8 = 4;

fn ours(message: &[u8], index: &mut Index, sink: &mut impl Sink) {
    let end = Scanner::new().scan::<Names>(message, index, &Limits::DEFAULT);
    let end = end.expect("parses").expect("whole");
    sink.number(index.entries().len() as u64);
    sink.text(index.fields(message).first(CALL_ID).expect("a Call-ID").value());
    sink.number((message.len() - end) as u64);
}
