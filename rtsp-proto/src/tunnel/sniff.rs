//! What the first bytes of a connection are.

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// More bytes are needed to tell.
    Unknown,
    /// `GET ` or `POST `.
    Http,
    /// Anything else: RTSP, or a fault that an RTSP server answers. `GET_PARAMETER` is RTSP.
    Other,
}

/// The most bytes that are needed to tell.
pub(super) const FIRST_MAX: usize = 5;

pub(super) fn sniff(bytes: &[u8]) -> First {
    let words: [&[u8]; 2] = [b"GET ", b"POST "];
    if words.iter().any(|word| bytes.starts_with(word)) {
        First::Http
    } else if words.iter().any(|word| word.starts_with(bytes)) {
        First::Unknown
    } else {
        First::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bytes_tell_http_from_rtsp() {
        for (bytes, first) in [
            ("", First::Unknown),
            ("G", First::Unknown),
            ("GET", First::Unknown),
            ("GET ", First::Http),
            ("GET_P", First::Other),
            ("POST", First::Unknown),
            ("POST ", First::Http),
            ("PO", First::Unknown),
            ("PL", First::Other),
            ("get ", First::Other),
            ("$", First::Other),
        ] {
            assert_eq!(sniff(bytes.as_bytes()), first, "{bytes}");
            assert!(first == First::Unknown || bytes.len() <= FIRST_MAX);
        }
    }
}
