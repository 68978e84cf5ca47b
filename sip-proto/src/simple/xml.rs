//! Small XML documents (RFC 3994, RFC 5438) as a flat walk: what opens, what is said, what
//! closes. Everything that could make a small document expensive is refused.

use alloc::string::String;
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use thiserror::Error;

/// Why a document of RFC 3994 or RFC 5438 is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Longer than 16 KiB: no status or receipt is.
    #[error("the document is longer than {MAX} bytes")]
    TooLong,
    /// Elements within elements beyond 16.
    #[error("elements are nested too deeply")]
    TooDeep,
    /// Not UTF-8, or not well-formed.
    #[error("the document is not well-formed UTF-8 XML")]
    Malformed,
    /// A document type declaration or an entity that only one could declare.
    #[error("the document has a document type declaration or an undeclared entity")]
    Entity,
    /// Another root element than expected.
    #[error("the root element is another")]
    Root,
    /// An element is missing that must be there.
    #[error("an element is missing")]
    Missing,
    /// An element's text is not what it must be.
    #[error("the text of an element is not what it must be")]
    Value,
}

const MAX: usize = 16 * 1024;
const DEPTH_MAX: usize = 16;

/// A step of the walk. Names are local names of elements in the wanted namespace; elements of
/// others are skipped with all that is in them.
#[derive(Debug)]
pub(super) enum Step<'s> {
    /// An element at this depth (1 is the root), with its `xml:lang`.
    Open(usize, &'s str, Option<String>),
    /// An element ends; its own text, white space around it removed.
    Close(usize, &'s str, &'s str),
}

/// Walks the document. The root must be `root`, in `namespace` or, as some write it, in none.
pub(super) fn walk(
    bytes: &[u8],
    namespace: &str,
    root: &str,
    mut step: impl FnMut(Step<'_>) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    if bytes.len() > MAX {
        return Err(XmlError::TooLong);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = core::str::from_utf8(bytes).map_err(|_| XmlError::Malformed)?;
    // The reader lets pass what XML has not, and nothing could write it again.
    if !text.chars().all(is_char) {
        return Err(XmlError::Malformed);
    }
    let mut reader = NsReader::from_str(text.trim_start_matches(is_space));
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0_usize;
    // Depth at which a foreign element opened.
    let mut foreign: Option<usize> = None;
    let mut said = String::new();
    let mut ended = false;
    loop {
        let (resolved, event) = reader.read_resolved_event().map_err(|_| XmlError::Malformed)?;
        let ours = match resolved {
            ResolveResult::Bound(bound) => bound.as_ref() == namespace,
            ResolveResult::Unbound => true,
            ResolveResult::Unknown(_) => false,
        };
        match event {
            Event::Start(tag) => {
                if ended {
                    return Err(XmlError::Malformed);
                }
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return Err(XmlError::TooDeep);
                }
                let name = tag.local_name();
                let name: &str = name.as_ref();
                if depth == 1 && (!ours || name != root) {
                    return Err(XmlError::Root);
                }
                if foreign.is_none() && !ours {
                    foreign = Some(depth);
                }
                said.clear();
                if foreign.is_none() {
                    let mut language = None;
                    for attribute in tag.attributes() {
                        let attribute = attribute.map_err(|_| XmlError::Malformed)?;
                        if attribute.key.as_ref() == "xml:lang" {
                            let value = attribute
                                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                                .ok()
                                .filter(|value| value.chars().all(is_char));
                            language = Some(String::from(value.ok_or(XmlError::Malformed)?));
                        }
                    }
                    step(Step::Open(depth, name, language))?;
                }
            }
            Event::End(tag) => {
                let name = tag.local_name();
                if foreign.is_none() {
                    step(Step::Close(depth, name.as_ref(), said.trim_matches(is_space)))?;
                } else if foreign == Some(depth) {
                    foreign = None;
                }
                said.clear();
                depth = depth.saturating_sub(1);
                ended = depth == 0;
            }
            Event::Text(part) => said.push_str(&part.xml10_content()),
            Event::CData(part) => said.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => said.push(entity(&reference)?),
            Event::DocType(_) => return Err(XmlError::Entity),
            Event::Eof => break,
            _ => {}
        }
        if depth == 0 && !said.chars().all(is_space) {
            return Err(XmlError::Malformed);
        }
    }
    if ended { Ok(()) } else { Err(XmlError::Malformed) }
}

fn entity(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| XmlError::Malformed)? {
        // XML 1.0 §4.1: "Characters referred to using character references MUST match the
        // production for Char."
        return if is_char(c) { Ok(c) } else { Err(XmlError::Malformed) };
    }
    match reference.xml10_content().as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(XmlError::Entity),
    }
}

/// XML 1.0 §2.2 `Char`.
const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// XML 1.0 §2.3 `S`.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
