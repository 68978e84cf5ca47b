//! The one parameter that every element looks at, without reading the others.

use proto_wire::text::chars;
use proto_wire::text::params::Params;

/// The value of the parameter `name` (in lower case) in `;a=b;name=value;...`. It is the first one in
/// nearly every message; then nothing else is looked at.
#[inline(always)]
pub(super) fn value<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    first(params, name).or_else(|| Params::new(params).value(name))
}

#[inline(always)]
fn first<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = params.strip_prefix(b";")?;
    let (found, rest) = rest.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b"=")?;
    if found != name && !found.eq_ignore_ascii_case(name) {
        return None;
    }
    let value = value.get(..chars::find(value, b';').unwrap_or(value.len()))?;
    // What is quoted or has white space goes the long way.
    let odd = |b: u8| b.saturating_sub(b' ').min(b ^ b'"');
    (!value.is_empty() && !chars::any_zero(value, odd)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::value;
    use proto_wire::text::params::Params;

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        for text in [
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
            assert_eq!(
                value(text.as_bytes(), b"tag"),
                Params::new(text.as_bytes()).value(b"tag"),
                "{text}"
            );
        }
    }
}
