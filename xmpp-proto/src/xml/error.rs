//! What can be wrong with the XML of a stream.

use proto_wire::{LimitKind, ParseError};
use thiserror::Error;

/// What is wrong with the XML, and at which byte of the frame.
pub type XmlError = ParseError<XmlErrorKind>;

/// The ways in which bytes fail to be the XML that RFC 6120 §11 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// The input ended inside a frame.
    #[error("ends in the middle of an element")]
    Truncated,
    /// Bytes that are not UTF-8 (overlong forms and surrogates included).
    #[error("the bytes are not UTF-8")]
    Utf8,
    /// A character that XML 1.0 does not allow (§2.2).
    #[error("the character is not allowed in XML")]
    Char,
    /// A comment: not allowed in XMPP (RFC 6120 §11.1).
    #[error("comments are not allowed in a stream")]
    Comment,
    /// A processing instruction: not allowed in XMPP (RFC 6120 §11.1).
    #[error("processing instructions are not allowed in a stream")]
    ProcessingInstruction,
    /// A document type declaration or another `<!`: not allowed in XMPP (RFC 6120 §11.1).
    #[error("declarations are not allowed in a stream")]
    Doctype,
    /// The XML declaration is malformed, or its version is not 1.0.
    #[error("the XML declaration is malformed")]
    Declaration,
    /// The XML declaration names another encoding than UTF-8 (RFC 6120 §11.6).
    #[error("the encoding is not UTF-8")]
    Encoding,
    /// A name does not begin or go on as a name (XML Namespaces 1.0 §4).
    #[error("not a name")]
    Name,
    /// A qualified name with an empty part or two colons (XML Namespaces 1.0 §4).
    #[error("not a qualified name")]
    QName,
    /// Two attributes without white space between them (XML 1.0 §3.1).
    #[error("white space is missing before an attribute")]
    MissingSpace,
    /// An attribute without `=` or without quotes (XML 1.0 §3.1).
    #[error("the attribute has no quoted value")]
    Attribute,
    /// `<` in an attribute value (XML 1.0 §3.1).
    #[error("an attribute value contains `<`")]
    LessThan,
    /// `&` that begins no reference, or a reference to a character that is not allowed.
    #[error("the reference is malformed")]
    Reference,
    /// An entity other than the five of XML (RFC 6120 §11.1).
    #[error("the entity is not defined")]
    Entity,
    /// `]]>` in text (XML 1.0 §2.4).
    #[error("`]]>` is not allowed in text")]
    CdataEnd,
    /// Something inside a tag that does not belong there.
    #[error("the tag is malformed")]
    Tag,
    /// An end tag that does not match its start tag (XML 1.0 §3).
    #[error("the end tag does not match")]
    EndTag,
    /// A prefix without a declaration (XML Namespaces 1.0 §5).
    #[error("the namespace prefix is not declared")]
    UnboundPrefix,
    /// A declaration that Namespaces in XML forbids (§3): an empty name for a prefix, or
    /// `xml` and `xmlns` bound to or from something else.
    #[error("the namespace declaration is not allowed")]
    Declared,
    /// The same attribute twice in one tag, by its expanded name.
    #[error("the attribute stands twice")]
    DuplicateAttribute,
    /// Text outside of any stanza (RFC 6120 §11.7).
    #[error("text is not allowed outside of stanzas")]
    TextOutside,
    /// Something after the end of the stream or of the document.
    #[error("something follows the end of the root element")]
    AfterEnd,
    /// A limit was reached.
    #[error(transparent)]
    Limit(LimitKind),
}

impl XmlErrorKind {
    /// Whether the fault is XML that is well-formed but not allowed in XMPP
    /// (`<restricted-xml/>`, RFC 6120 §4.9.3.18).
    #[must_use]
    pub const fn is_restricted(self) -> bool {
        matches!(self, Self::Comment | Self::ProcessingInstruction | Self::Doctype | Self::Entity)
    }
}
