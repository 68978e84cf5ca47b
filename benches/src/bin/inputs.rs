//! Writes what SIP and RTSP are measured on to standard output, for parsers that live in other programs (see
//! `benches/c`): `inputs invite`, `message`, `200ok`, `register` or `varied`; `setup` or the varied `setups`.
//! Before each message stands its length in four bytes, the least first.

use benches::inputs::{rtsp, sip};
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let messages = match std::env::args().nth(1).as_deref() {
        Some("invite") => vec![sip::invite()],
        Some("message") => vec![sip::message()],
        Some("200ok") => vec![sip::ok()],
        Some("register") => vec![sip::register()],
        Some("varied") => sip::varied(),
        Some("setup") => vec![rtsp::setup()],
        Some("setups") => rtsp::varied_setups(),
        _ => {
            eprintln!(
                "usage: inputs invite | message | 200ok | register | varied | setup | setups"
            );
            return ExitCode::from(2);
        }
    };
    let mut bytes = Vec::new();
    for message in messages {
        let len = u32::try_from(message.len()).expect("a short message");
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&message);
    }
    match io::stdout().lock().write_all(&bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
