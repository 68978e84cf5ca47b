//! Comparison (RFC 3261 §19.1.4, RFC 3966 §4) and the key for maps, which is something else.

use super::{SipUri, TelUri, Uri};
use alloc::string::String;
use core::fmt::Write;
use proto_wire::text::chars::hex_digit;
use proto_wire::text::host::Host;
use proto_wire::text::params::{Param, Params};

impl Uri<'_> {
    /// Whether both name the same resource by the rules of their scheme.
    ///
    /// Not transitive (a parameter that only one of them has does not count), so not a key
    /// for a map: that is [`SipUri::address_key`]. URIs with more than 64 parameters or headers
    /// are the same only when these are written the same.
    #[must_use]
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        match (self, other) {
            (Self::Sip(a), Uri::Sip(b)) => a.equivalent(b),
            (Self::Tel(a), Uri::Tel(b)) => a.equivalent(b),
            (Self::Other(a), Uri::Other(b)) => {
                a.scheme.eq_ignore_ascii_case(b.scheme) && a.rest == b.rest
            }
            _ => false,
        }
    }
}

/// More parameters, or headers, than any URI needs: comparing each with each would take too long, so
/// such URIs are the same only when they are written the same.
const COMPARED_MAX: usize = 64;

/// These count even when only one URI has them; absent is not the same as the default.
const STRICT: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

impl SipUri<'_> {
    /// Whether both name the same resource (RFC 3261 §19.1.4).
    #[must_use]
    pub fn equivalent(&self, other: &SipUri<'_>) -> bool {
        self.secure == other.secure
            && self.port == other.port
            && self.host == other.host
            && same_optional(self.user, other.user)
            && same_optional(self.password, other.password)
            && if self.is_long() || other.is_long() {
                self.params == other.params && self.headers == other.headers
            } else {
                params_match(self.params(), other.params())
                    && params_match(other.params(), self.params())
                    && headers_match(self.headers(), other.headers())
                    && headers_match(other.headers(), self.headers())
            }
    }

    fn is_long(&self) -> bool {
        is_long(self.params()) || is_long(self.headers())
    }

    /// A key that is equal for all spellings of one address of record (RFC 3261 §10.3 item 5):
    /// user and host, escapes resolved, host in lower case, no parameters, no headers, no
    /// default port; `sip` and `sips` are one address.
    #[must_use]
    pub fn address_key(&self) -> String {
        let mut key = String::with_capacity(self.raw.len());
        if let Some(user) = self.user {
            push_canonical(&mut key, user);
            key.push('@');
        }
        push_host(&mut key, self.host);
        let default = if self.secure { 5061 } else { 5060 };
        if let Some(port) = self.port.filter(|p| *p != default) {
            // Writing to a string cannot fail.
            write!(key, ":{port}").unwrap_or_default();
        }
        key
    }
}

fn push_host(key: &mut String, host: Host<'_>) {
    match host {
        Host::Name(name) => key.extend(name.chars().map(|c| c.to_ascii_lowercase())),
        address => write!(key, "{address}").unwrap_or_default(),
    }
}

/// Escapes that mean an unreserved character are resolved, others are in one spelling.
fn push_canonical(key: &mut String, text: &str) {
    for unit in Units(text.as_bytes()) {
        match unit {
            Unit::Plain(byte) if byte.is_ascii_graphic() && byte != b'%' => {
                key.push(char::from(byte))
            }
            Unit::Plain(byte) | Unit::Escaped(byte) => {
                write!(key, "%{byte:02X}").unwrap_or_default()
            }
        }
    }
}

impl TelUri<'_> {
    /// Whether both are the same number: visual separators do not count, parameters do.
    #[must_use]
    pub fn equivalent(&self, other: &TelUri<'_>) -> bool {
        fn digits(number: &[u8]) -> impl Iterator<Item = u8> + '_ {
            let counts = |b: &u8| !matches!(b, b'-' | b'.' | b'(' | b')');
            number.iter().copied().filter(counts).map(|b| b.to_ascii_lowercase())
        }
        // §4: numbers in parameters are compared as numbers are.
        fn same(a: &Param<'_>, b: &Param<'_>) -> bool {
            let (left, right) = (a.value.unwrap_or(&[]), b.value.unwrap_or(&[]));
            let number = a.is(b"ext") || (a.is(b"phone-context") && left.starts_with(b"+"));
            if number { digits(left).eq(digits(right)) } else { same_value(a, b) }
        }
        fn covered(a: Params<'_>, b: Params<'_>) -> bool {
            let mut params = a;
            params.all(|p| {
                let mut same_name = b.into_iter().filter(|q| q.is(p.name));
                same_name.any(|q| same(&p, &q))
            })
        }
        digits(self.number.as_bytes()).eq(digits(other.number.as_bytes()))
            && if is_long(self.params()) || is_long(other.params()) {
                self.params == other.params
            } else {
                covered(self.params(), other.params()) && covered(other.params(), self.params())
            }
    }
}

fn is_long(mut params: Params<'_>) -> bool {
    params.nth(COMPARED_MAX).is_some()
}

/// One character, as it counts in a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Plain(u8),
    /// An escaped reserved character, which is not the same as the character itself.
    Escaped(u8),
}

struct Units<'a>(&'a [u8]);

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let [first, rest @ ..] = self.0 else { return None };
        if let (b'%', [a, b, tail @ ..]) = (first, rest) {
            if let (Some(high), Some(low)) = (hex_digit(*a), hex_digit(*b)) {
                self.0 = tail;
                let byte = high.wrapping_shl(4) | low;
                let reserved = b";/?:@&=+$,".contains(&byte);
                return Some(if reserved { Unit::Escaped(byte) } else { Unit::Plain(byte) });
            }
        }
        self.0 = rest;
        Some(Unit::Plain(*first))
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a == b || Units(a).eq(Units(b))
}

fn same_ignoring_case(a: &[u8], b: &[u8]) -> bool {
    fn lower(unit: Unit) -> Unit {
        match unit {
            Unit::Plain(byte) => Unit::Plain(byte.to_ascii_lowercase()),
            escaped @ Unit::Escaped(_) => escaped,
        }
    }
    a.eq_ignore_ascii_case(b) || Units(a).map(lower).eq(Units(b).map(lower))
}

fn same_optional(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a.as_bytes(), b.as_bytes()),
        (None, None) => true,
        _ => false,
    }
}

fn same_value(a: &Param<'_>, b: &Param<'_>) -> bool {
    same_ignoring_case(a.value.unwrap_or(&[]), b.value.unwrap_or(&[]))
}

/// Each parameter of `a` that `b` has too is equal (of one that stands twice, either); those in
/// `STRICT` must be there.
fn params_match(mut a: Params<'_>, b: Params<'_>) -> bool {
    a.all(|param| {
        let mut same_name =
            b.into_iter().filter(|other| same_ignoring_case(other.name, param.name)).peekable();
        if same_name.peek().is_none() {
            return !STRICT.iter().any(|name| param.is(name));
        }
        same_name.any(|other| same_value(&param, &other))
    })
}

/// All headers must be in both, in any order.
fn headers_match(mut a: Params<'_>, b: Params<'_>) -> bool {
    a.count() == b.count()
        && a.all(|header| {
            b.into_iter().any(|other| {
                same_ignoring_case(other.name, header.name)
                    && same(other.value.unwrap_or(&[]), header.value.unwrap_or(&[]))
            })
        })
}
