//! From `a=control:` to the URL to ask for (RFC 2326 §C.1.1, RFC 7826 §D.1.1).

use alloc::string::String;
use alloc::vec::Vec;

/// How a relative control URL is joined to its base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Join {
    /// Base, a slash, control: what servers expect, because every client does it.
    #[default]
    Append,
    /// By RFC 3986 §5.2: the last segment of the base's path is replaced.
    Rfc3986,
}

/// The base for the control URLs of a description: `Content-Base`, else
/// `Content-Location`, else the URL that was asked for (RFC 2326 §C.1.1). A relative
/// `Content-Location` is resolved against the latter (RFC 7826 §18.18).
///
/// Bases that devices break are repaired: one without a scheme (`//host/x`, `/x` or
/// `host/x`) is completed from `request`, a doubled scheme (`rtsp://rtsp://host`) is
/// halved, IPv6 addresses get their brackets, user and password are left out, an empty one is
/// as good as none.
///
/// ```
/// use rtsp_proto::control_url::base;
///
/// let asked = "rtsp://10.0.0.9:8554/cam";
/// assert_eq!(base(Some("rtsp://rtsp://10.0.0.9/cam/"), None, asked), "rtsp://10.0.0.9/cam/");
/// assert_eq!(base(Some(""), Some("/cam/sub/"), asked), "rtsp://10.0.0.9:8554/cam/sub/");
/// assert_eq!(base(None, None, asked), asked);
/// ```
#[must_use]
pub fn base<'u>(
    content_base: Option<&'u str>,
    content_location: Option<&'u str>,
    request: &str,
) -> String {
    let given = |url: Option<&'u str>| url.map(str::trim).filter(|url| !url.is_empty());
    match (given(content_base), given(content_location)) {
        (Some(given), _) => repaired(&completed(given, request)),
        (None, Some(given)) if is_relative(given, request) => {
            repaired(&resolve_reference(request, given))
        }
        (None, Some(given)) => repaired(&completed(given, request)),
        (None, None) => String::from(request),
    }
}

/// Whether a Content-Location begins with a path and not with the host that devices put there
/// without a scheme: an address, one with a port, or the one that was asked.
fn is_relative(given: &str, request: &str) -> bool {
    let first = given.split(['/', '?', '#']).next().unwrap_or(given);
    let asked = Parts::of(request).authority;
    let asked = asked.rsplit_once('@').map_or(asked, |(_, host)| host);
    let asked_host = asked.split_once(':').map_or(asked, |(host, _)| host);
    // The first part of a relative path has no colon (RFC 3986 §4.2).
    !(given.starts_with('/')
        || first.contains(':')
        || first.parse::<core::net::Ipv4Addr>().is_ok()
        || (!first.is_empty() && first.eq_ignore_ascii_case(asked_host)))
}

/// A base with scheme and host, those of `request` where it has none.
fn completed(given: &str, request: &str) -> String {
    if let Some((scheme, rest)) = given.split_once("://") {
        if rest.split_once("://").is_some_and(|(again, _)| again.eq_ignore_ascii_case(scheme)) {
            return String::from(rest);
        }
        return String::from(given);
    }
    let Parts { scheme, authority, .. } = Parts::of(request);
    let mut whole = String::from(scheme);
    if let Some(rest) = given.strip_prefix("//") {
        whole.push_str("//");
        whole.push_str(rest);
    } else if given.starts_with('/') {
        whole.push_str("//");
        whole.push_str(authority);
        whole.push_str(given);
    } else {
        whole.push_str("//");
        whole.push_str(given);
    }
    whole
}

/// Without user and password, which do not go on the wire, and with the brackets that IPv6
/// addresses must have (RFC 3986 §3.2.2).
fn repaired(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::from(url);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_bare = host.parse::<core::net::Ipv6Addr>().is_ok();
    let (open, close) = if is_bare { ("[", "]") } else { ("", "") };
    [scheme, "://", open, host, close, path].concat()
}

/// The URL that `control` (the value of `a=control:`) means under `base`.
///
/// Empty and `*` mean the base itself; an absolute one stands for itself.
///
/// ```
/// use rtsp_proto::control_url::{Join, resolve};
///
/// let base = "rtsp://h/cam?user=a";
/// assert_eq!(resolve(base, "trackID=1", Join::Append), "rtsp://h/cam?user=a/trackID=1");
/// assert_eq!(resolve(base, "trackID=1", Join::Rfc3986), "rtsp://h/trackID=1");
/// assert_eq!(resolve(base, "*", Join::Append), base);
/// ```
#[must_use]
pub fn resolve(base: &str, control: &str, join: Join) -> String {
    let control = control.trim();
    if control.is_empty() || control == "*" {
        return String::from(base);
    }
    if is_absolute(control) {
        return String::from(control);
    }
    match join {
        Join::Rfc3986 => resolve_reference(base, control),
        // A path from the root replaces the path in practice too.
        Join::Append if control.starts_with('/') => resolve_reference(base, control),
        Join::Append => {
            let mut whole = String::from(base);
            if !base.ends_with('/') && !control.starts_with('?') {
                whole.push('/');
            }
            whole.push_str(control);
            whole
        }
    }
}

/// Whether two URLs name one stream: equal, or one is the tail of the other behind a
/// slash. RTP-Info and SETUP spell the same stream in both ways. The default port may be left out.
///
/// ```
/// use rtsp_proto::control_url::same_stream;
///
/// assert!(same_stream("rtsp://h/cam/trackID=1", "trackID=1"));
/// assert!(same_stream("rtsp://10.0.0.1/cam/", "rtsp://10.0.0.1/cam"));
/// assert!(same_stream("rtsp://10.0.0.1:554/cam", "rtsp://10.0.0.1/cam"));
/// assert!(!same_stream("rtsp://h/cam/trackID=11", "D=11"));
/// ```
#[must_use]
pub fn same_stream(one: &str, other: &str) -> bool {
    let one = one.trim_end_matches('/');
    let other = other.trim_end_matches('/');
    // live555 leaves the default port out of its bases, and players put it in.
    if [one, other].into_iter().all(is_absolute)
        && without_default_port(one).eq(without_default_port(other))
    {
        return true;
    }
    let (long, short) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    if short.is_empty() {
        return long.is_empty();
    }
    long.strip_suffix(short)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/') || short.starts_with('/'))
}

/// The bytes of an absolute URL but for `:554` behind its host (RFC 2326 §3.2).
fn without_default_port(url: &str) -> impl Iterator<Item = u8> {
    let host = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(host..).and_then(|rest| rest.find('/'));
    let (whole, path) = url
        .split_at_checked(end.map_or(url.len(), |at| host.saturating_add(at)))
        .unwrap_or((url, ""));
    let whole = whole.strip_suffix(":554").filter(|_| url.starts_with("rtsp:")).unwrap_or(whole);
    whole.bytes().chain(path.bytes())
}

fn is_absolute(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, rest)| {
        rest.starts_with("//")
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// A URL cut at its marks (RFC 3986 appendix B). The scheme keeps its colon.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let url = url.split('#').next().unwrap_or(url);
        let (scheme, rest) = match url.find("://") {
            Some(at) => url.split_at_checked(at.saturating_add(1)).unwrap_or((url, "")),
            None => ("", url),
        };
        let (authority, rest) = match rest.strip_prefix("//") {
            Some(rest) => {
                rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""))
            }
            None => ("", rest),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Self { scheme, authority, path, query }
    }
}

/// RFC 3986 §5.2.2, for references without a scheme.
fn resolve_reference(base: &str, reference: &str) -> String {
    let from = Parts::of(base);
    let to = Parts::of(reference);
    let mut whole = String::from(from.scheme);
    whole.push_str("//");
    if reference.starts_with("//") {
        whole.push_str(to.authority);
        whole.push_str(&without_dots(to.path));
    } else {
        whole.push_str(from.authority);
        if to.path.is_empty() {
            whole.push_str(from.path);
        } else if to.path.starts_with('/') {
            whole.push_str(&without_dots(to.path));
        } else {
            // §5.2.3: everything of the base up to its last slash.
            let kept = from.path.rfind('/').and_then(|at| from.path.get(..=at));
            let mut path = String::from(kept.unwrap_or("/"));
            path.push_str(to.path);
            whole.push_str(&without_dots(&path));
        }
    }
    let inherits = to.path.is_empty() && !reference.starts_with("//");
    let query = match (inherits, to.query) {
        (_, Some(query)) => Some(query),
        (true, None) => from.query,
        (false, None) => None,
    };
    if let Some(query) = query {
        whole.push('?');
        whole.push_str(query);
    }
    whole
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                // The empty segment before the first slash stays.
                if kept.len() > 1 {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    kept.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 3986 §5.4, those that have no other scheme and no fragment.
    #[test]
    fn the_examples_of_rfc_3986() {
        let base = "rtsp://a/b/c/d;p?q";
        for (reference, expected) in [
            ("g", "rtsp://a/b/c/g"),
            ("./g", "rtsp://a/b/c/g"),
            ("g/", "rtsp://a/b/c/g/"),
            ("/g", "rtsp://a/g"),
            ("//g", "rtsp://g"),
            ("?y", "rtsp://a/b/c/d;p?y"),
            ("g?y", "rtsp://a/b/c/g?y"),
            (";x", "rtsp://a/b/c/;x"),
            ("g;x", "rtsp://a/b/c/g;x"),
            (".", "rtsp://a/b/c/"),
            ("./", "rtsp://a/b/c/"),
            ("..", "rtsp://a/b/"),
            ("../", "rtsp://a/b/"),
            ("../g", "rtsp://a/b/g"),
            ("../..", "rtsp://a/"),
            ("../../g", "rtsp://a/g"),
            ("../../../g", "rtsp://a/g"),
            ("/./g", "rtsp://a/g"),
            ("/../g", "rtsp://a/g"),
            ("g.", "rtsp://a/b/c/g."),
            ("..g", "rtsp://a/b/c/..g"),
            ("./../g", "rtsp://a/b/g"),
            ("g/./h", "rtsp://a/b/c/g/h"),
            ("g/../h", "rtsp://a/b/c/h"),
        ] {
            assert_eq!(resolve(base, reference, Join::Rfc3986), expected, "{reference}");
        }
    }

    /// What servers that people report on expect.
    #[test]
    fn appending_is_what_servers_expect() {
        for (base, control, expected) in [
            ("rtsp://h/cam/", "trackID=0", "rtsp://h/cam/trackID=0"),
            ("rtsp://h/cam", "trackID=0", "rtsp://h/cam/trackID=0"),
            ("rtsp://h/s.mp4?a=1&b=2", "track1", "rtsp://h/s.mp4?a=1&b=2/track1"),
            ("rtsp://h", "streamid=0", "rtsp://h/streamid=0"),
            ("rtsp://h/cam", "", "rtsp://h/cam"),
            ("rtsp://h/cam", " * ", "rtsp://h/cam"),
            ("rtsp://h/cam", "rtsp://other/x?y", "rtsp://other/x?y"),
            ("rtsp://h/cam/", "/abs/track", "rtsp://h/abs/track"),
            ("rtsp://h/cam", "?ctype=video", "rtsp://h/cam?ctype=video"),
        ] {
            assert_eq!(resolve(base, control, Join::Append), expected, "{base} {control}");
        }
    }

    #[test]
    fn broken_bases_are_repaired() {
        let asked = "rtsp://h:8554/cam";
        for (given, expected) in [
            ("//other/cam/", "rtsp://other/cam/"),
            ("/cam/", "rtsp://h:8554/cam/"),
            ("192.168.1.2/cam/", "rtsp://192.168.1.2/cam/"),
            ("rtsp://rtsp://h/cam", "rtsp://h/cam"),
            ("rtsp://::ffff:1.2.3.4/cam/", "rtsp://[::ffff:1.2.3.4]/cam/"),
            ("rtsp://[::1]:8554/cam/", "rtsp://[::1]:8554/cam/"),
            ("fe80::1/cam/", "rtsp://[fe80::1]/cam/"),
            ("rtsp://u:p@ss@h:1/cam/?a=@", "rtsp://h:1/cam/?a=@"),
            ("   ", asked),
        ] {
            assert_eq!(base(Some(given), None, asked), expected, "{given}");
        }
        assert_eq!(base(None, Some("rtsp://l/"), asked), "rtsp://l/");
    }

    /// RFC 7826 §18.18: "If the Content-Location is a relative URI, the relative URI is
    /// interpreted relative to the Request-URI".
    #[test]
    fn a_content_location_may_be_relative_to_what_was_asked_for() {
        let asked = "rtsp://h:8554/cams/one";
        for (given, expected) in [
            ("two/", "rtsp://h:8554/cams/two/"),
            ("two.sdp", "rtsp://h:8554/cams/two.sdp"),
            ("?q=1", "rtsp://h:8554/cams/one?q=1"),
            ("../two/", "rtsp://h:8554/two/"),
            // Devices leave the scheme out here too.
            ("192.168.1.2:554/two/", "rtsp://192.168.1.2:554/two/"),
            ("h:8554/two/", "rtsp://h:8554/two/"),
            ("h/two/", "rtsp://h/two/"),
        ] {
            assert_eq!(base(None, Some(given), asked), expected, "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(base_url in "[a-z:/.?#*]{0,20}", control in "[a-z:/.?#*]{0,20}") {
            for join in [Join::Append, Join::Rfc3986] {
                let whole = resolve(&base_url, &control, join);
                prop_assert!(whole.len() <= base_url.len().saturating_add(control.len()).saturating_add(3));
            }
            let _same = same_stream(&base_url, &control);
            let _base = base(Some(&base_url), None, &control);
        }
    }
}
