//! The one parameter that every element looks at, without reading the others.

use core::ops::Range;
use proto_wire::text::params::Params;
use proto_wire::text::window;

/// The value of the parameter `name` (in lower case) in `;a=b;name=value;...`. It is the first one in
/// nearly every message; then nothing else is looked at.
#[inline(always)]
pub(super) fn value<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match first(params, name) {
        Some(place) => params.get(place),
        None => Params::new(params).value(name),
    }
}

/// The same of parameters that are known to be text.
#[inline(always)]
pub(super) fn text<'a>(params: &'a str, name: &[u8]) -> Option<&'a str> {
    match first(params.as_bytes(), name) {
        Some(place) => params.get(place),
        None => {
            let param = Params::new(params.as_bytes()).param(name)?;
            let start = param.value_offset;
            params.get(start..start.saturating_add(param.value?.len()))
        }
    }
}

/// Where the value is.
#[inline(always)]
fn first(params: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let rest = params.strip_prefix(b";")?;
    let (found, rest) = rest.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b"=")?;
    if found != name && !found.eq_ignore_ascii_case(name) {
        return None;
    }
    // What is quoted or has white space goes the long way.
    let len = window::plain_len(value);
    let start = name.len().wrapping_add(2);
    let plain = len != 0 && matches!(value.get(len), None | Some(b';'));
    plain.then_some(start..start.wrapping_add(len))
}

#[cfg(test)]
mod tests {
    use super::{text, value};
    use proto_wire::text::params::Params;

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        for params in [
            ";tag=1",
            ";TAG=1;x",
            "; tag = 1",
            ";x;tag=1",
            ";tag=\"a;b\";c",
            ";tag=",
            ";tag",
            ";tags=1;tag=2",
            ";tag=1 ;x",
            ";tag=a/b",
            "tag=1",
            "",
        ] {
            let long = Params::new(params.as_bytes()).value(b"tag");
            assert_eq!(value(params.as_bytes(), b"tag"), long, "{params}");
            assert_eq!(text(params, b"tag").map(str::as_bytes), long, "{params}");
        }
    }
}
