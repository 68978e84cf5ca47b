//! The bytes that everything is measured on: one typical message of each kind, and 1,024 varied
//! ones, because one message repeated trains the branch predictor and flatters everybody.
//!
//! All of it is made here from a fixed seed: the same bytes in every run and for every peer.

pub mod rtsp;
pub mod sip;
pub mod xmpp;

use proto_wire::{Rng, Seed};

/// Messages in a varied set.
pub const VARIED: usize = 1_024;

/// A seeded source of names, numbers and orders.
#[derive(Debug)]
pub struct Vary(Rng);

impl Vary {
    /// A source that gives the same choices for the same `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rng::new(&Seed::from_u64(seed)))
    }

    /// A number in `low..=high`.
    pub fn number(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below(high - low + 1)
    }

    /// True in `percent` of 100 calls.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.0.below(100) < percent
    }

    /// One of `of`.
    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.0.below(of.len() as u64)).unwrap_or(0);
        of[index]
    }

    /// A lower-case word of `low..=high` letters and digits that starts with a letter.
    pub fn word(&mut self, low: u64, high: u64) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let len = self.number(low, high);
        (0..len)
            .map(|at| {
                let among = if at == 0 { 26 } else { LETTERS.len() as u64 };
                let index = usize::try_from(self.0.below(among)).unwrap_or(0);
                char::from(LETTERS[index])
            })
            .collect()
    }

    /// A host name, or an IPv4 address in a quarter of the calls.
    pub fn host(&mut self) -> String {
        if self.chance(25) {
            format!("192.0.2.{}", self.number(1, 254),)
        } else {
            format!("{}.{}.example", self.word(2, 9), self.word(3, 12))
        }
    }

    /// Some words with spaces between, `low..=high` of them.
    pub fn words(&mut self, low: u64, high: u64) -> String {
        let count = self.number(low, high);
        let words: Vec<String> = (0..count).map(|_| self.word(1, 9)).collect();
        words.join(" ")
    }

    /// Puts `items` in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.0.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

/// A start line, headers and a body, with CRLF line ends.
#[must_use]
pub fn text(start: &str, headers: &[String], body: &str) -> Vec<u8> {
    let mut out = format!("{start}\r\n");
    for header in headers {
        out.push_str(header);
        out.push_str("\r\n");
    }
    out.push_str("\r\n");
    out.push_str(body);
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_all_differ() {
        for (name, set) in [
            ("sip", [sip::varied(), sip::varied()]),
            ("rtsp", [rtsp::varied(), rtsp::varied()]),
            ("xmpp", [xmpp::varied(), xmpp::varied()]),
        ] {
            let [one, two] = set;
            assert_eq!(one, two, "{name}");
            assert_eq!(one.len(), VARIED);
            let mut distinct = one.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), VARIED, "{name}");
            let mean = one.iter().map(Vec::len).sum::<usize>() / VARIED;
            println!("{name}: mean {mean} bytes");
        }
    }

    #[test]
    fn content_lengths_are_right() {
        let mut all = sip::varied();
        all.extend([sip::invite(), sip::message(), sip::ok(), sip::register()]);
        all.extend(rtsp::varied());
        all.extend([rtsp::describe(), rtsp::setup(), rtsp::described(), rtsp::playing()]);
        for message in all {
            let message = String::from_utf8(message).unwrap();
            let (head, body) = message.split_once("\r\n\r\n").unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length:"))
                .map_or(0, |value| value.trim().parse().unwrap());
            assert_eq!(body.len(), length, "{message}");
        }
    }
}
