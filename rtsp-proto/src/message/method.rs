//! Methods (RFC 2326 §10, RFC 7826 §13).

use crate::headers::bytes::first_eight;
use core::fmt;
use proto_wire::text::chars;

/// What a request asks for. Method names are case-sensitive (RFC 2326 §4.2).
///
/// A method that no RFC names is [`Method::Extension`]; its spelling is
/// [`Request::method_name`](crate::Request::method_name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// What is possible (§10.1).
    Options,
    /// Give the description (§10.2).
    Describe,
    /// Here is a (new) description (§10.3; RTSP 1.0 only).
    Announce,
    /// Agree on a transport (§10.4).
    Setup,
    /// Start sending (§10.5).
    Play,
    /// Stop sending for a while (§10.6).
    Pause,
    /// End the session or one stream of it (§10.7).
    Teardown,
    /// Read parameters; without a body, a sign of life (§10.8).
    GetParameter,
    /// Write parameters (§10.9).
    SetParameter,
    /// Go elsewhere; from the server (§10.10).
    Redirect,
    /// Start recording what the client sends (§10.11; RTSP 1.0 only).
    Record,
    /// Something about the playing changed; from the server (RFC 7826 §13.5).
    PlayNotify,
    /// Any other.
    Extension,
}

impl Method {
    /// Every method that has a name here.
    pub const KNOWN: &'static [Self] = &[
        Self::Options,
        Self::Describe,
        Self::Announce,
        Self::Setup,
        Self::Play,
        Self::Pause,
        Self::Teardown,
        Self::GetParameter,
        Self::SetParameter,
        Self::Redirect,
        Self::Record,
        Self::PlayNotify,
    ];

    /// The method that `name` spells exactly; [`Method::Extension`] when none does.
    #[must_use]
    #[inline]
    pub fn from_name(name: &[u8]) -> Self {
        if name.len() <= 8 {
            let method = Self::from_word(first_eight(name));
            // Zeros of its own are none of the word's.
            return if method.name().len() == name.len() { method } else { Self::Extension };
        }
        match name {
            b"GET_PARAMETER" => Self::GetParameter,
            b"SET_PARAMETER" => Self::SetParameter,
            b"PLAY_NOTIFY" => Self::PlayNotify,
            _ => Self::Extension,
        }
    }

    /// The method whose name of up to eight letters is in `word`, the first one lowest.
    #[inline]
    pub(crate) const fn from_word(word: u64) -> Self {
        const OPTIONS: u64 = u64::from_le_bytes(*b"OPTIONS\0");
        const DESCRIBE: u64 = u64::from_le_bytes(*b"DESCRIBE");
        const ANNOUNCE: u64 = u64::from_le_bytes(*b"ANNOUNCE");
        const SETUP: u64 = u64::from_le_bytes(*b"SETUP\0\0\0");
        const PLAY: u64 = u64::from_le_bytes(*b"PLAY\0\0\0\0");
        const PAUSE: u64 = u64::from_le_bytes(*b"PAUSE\0\0\0");
        const TEARDOWN: u64 = u64::from_le_bytes(*b"TEARDOWN");
        const REDIRECT: u64 = u64::from_le_bytes(*b"REDIRECT");
        const RECORD: u64 = u64::from_le_bytes(*b"RECORD\0\0");
        match word {
            OPTIONS => Self::Options,
            DESCRIBE => Self::Describe,
            ANNOUNCE => Self::Announce,
            SETUP => Self::Setup,
            PLAY => Self::Play,
            PAUSE => Self::Pause,
            TEARDOWN => Self::Teardown,
            REDIRECT => Self::Redirect,
            RECORD => Self::Record,
            _ => Self::Extension,
        }
    }

    /// How it is spelled; empty for [`Method::Extension`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Announce => "ANNOUNCE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::GetParameter => "GET_PARAMETER",
            Self::SetParameter => "SET_PARAMETER",
            Self::Redirect => "REDIRECT",
            Self::Record => "RECORD",
            Self::PlayNotify => "PLAY_NOTIFY",
            Self::Extension => "",
        }
    }

    /// Its bit in a [`Methods`] set.
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of methods, as `Public` and `Allow` carry. Shown as a comma list.
///
/// ```
/// use rtsp_proto::{Method, Methods};
///
/// let methods = Methods::of(&[Method::Play, Method::Options]);
/// assert!(methods.contains(Method::Play));
/// assert_eq!(methods.to_string(), "OPTIONS, PLAY");
/// // Real servers also separate by spaces and semicolons.
/// assert_eq!(Methods::from_text(b"OPTIONS PLAY;WAVE"), methods.with(Method::Extension));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Methods(u16);

impl Methods {
    /// No method.
    pub const NONE: Self = Self(0);

    /// These methods.
    #[must_use]
    pub const fn of(methods: &[Method]) -> Self {
        let mut set = Self::NONE;
        let mut rest = methods;
        while let [first, tail @ ..] = rest {
            set = set.with(*first);
            rest = tail;
        }
        set
    }

    /// The methods that a `Public` or `Allow` value names, whatever separates them
    /// (comma by the grammar; spaces and semicolons occur).
    #[must_use]
    pub fn from_text(value: &[u8]) -> Self {
        let mut set = Self::NONE;
        let mut rest = Some(value);
        while let Some(list) = rest {
            let end = chars::find(list, b',').unwrap_or(list.len());
            let piece = list.get(..end).unwrap_or(&[]);
            rest = list.get(end.saturating_add(1)..);
            // As the grammar has it: a name, behind one space at most.
            match Method::from_name(piece.strip_prefix(b" ").unwrap_or(piece)) {
                Method::Extension => set = set.union(Self::from_piece(piece)),
                method => set = set.with(method),
            }
        }
        set
    }

    fn from_piece(piece: &[u8]) -> Self {
        piece
            .split(|b| matches!(b, b',' | b' ' | b';' | b'\t'))
            .filter(|name| !name.is_empty())
            .fold(Self::NONE, |set, name| set.with(Method::from_name(name)))
    }

    /// The set with `method` in it.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method.bit())
    }

    /// The set without `method`.
    #[must_use]
    pub const fn without(self, method: Method) -> Self {
        Self(self.0 & !method.bit())
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `method` is in it.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What servers offer that play and do not record, and how it is written.
    pub(crate) const USUAL: Self = Self::of(&[
        Method::Options,
        Method::Describe,
        Method::Setup,
        Method::Play,
        Method::Pause,
        Method::Teardown,
        Method::GetParameter,
        Method::SetParameter,
    ]);
    pub(crate) const USUAL_TEXT: &'static str =
        "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

    /// At most so many bytes are its list.
    pub(crate) const fn text_len(self) -> usize {
        (self.0.count_ones() as usize).saturating_mul(15)
    }

    /// Writes the list.
    pub(crate) fn write_to(self, out: &mut alloc::vec::Vec<u8>) {
        for (i, method) in self.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(method.name().as_bytes());
        }
    }

    /// The known methods in it.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::KNOWN.iter().copied().filter(move |m| self.contains(*m))
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, method) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(method.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Methods({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_list_is_what_it_says() {
        assert_eq!(alloc::format!("{}", Methods::USUAL), Methods::USUAL_TEXT);
    }

    #[test]
    fn names_and_methods_agree() {
        for method in Method::KNOWN {
            assert_eq!(Method::from_name(method.name().as_bytes()), *method);
        }
        assert_eq!(Method::from_name(b"play"), Method::Extension);
        assert_eq!(Method::from_name(b""), Method::Extension);
        for odd in [&b"PLAY\0"[..], b"PLAY\0\0\0\0", b"\0PLAY", b"OPTIONS\0", b"OPTION", b"PLAYS"] {
            assert_eq!(Method::from_name(odd), Method::Extension);
        }
    }
}
