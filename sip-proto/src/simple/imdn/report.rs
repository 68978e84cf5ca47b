//! The payload (RFC 5438 §11).

use super::XML_NAMESPACE;
use crate::simple::escape;
#[cfg(feature = "xml")]
use crate::simple::xml::{Step, XmlError, walk};
use alloc::string::String;

/// What is reported on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5438 §11.1.6 has these three")]
pub enum Disposition {
    /// Whether it reached the recipient.
    Delivery,
    /// What a server on the way did with it.
    Processing,
    /// Whether it was shown.
    Display,
}

/// What became of the message (RFC 5438 §11.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Delivery: it arrived.
    Delivered,
    /// Delivery: it did not arrive.
    Failed,
    /// Processing: a server processed it.
    Processed,
    /// Processing: a server stored it.
    Stored,
    /// Display: it was shown.
    Displayed,
    /// Any: the disposition was denied.
    Forbidden,
    /// Any: an internal error.
    Error,
}

impl Disposition {
    #[cfg(feature = "xml")]
    const ALL: [Self; 3] = [Self::Delivery, Self::Processing, Self::Display];

    const fn element(self) -> &'static str {
        match self {
            Self::Delivery => "delivery-notification",
            Self::Processing => "processing-notification",
            Self::Display => "display-notification",
        }
    }

    /// Whether this can be what became of it (§11.1.7).
    #[must_use]
    pub const fn allows(self, status: Status) -> bool {
        match status {
            Status::Delivered | Status::Failed => matches!(self, Self::Delivery),
            Status::Processed | Status::Stored => matches!(self, Self::Processing),
            Status::Displayed => matches!(self, Self::Display),
            Status::Forbidden | Status::Error => true,
        }
    }
}

impl Status {
    #[cfg(feature = "xml")]
    const ALL: [Self; 7] = [
        Self::Delivered,
        Self::Failed,
        Self::Processed,
        Self::Stored,
        Self::Displayed,
        Self::Forbidden,
        Self::Error,
    ];

    /// The name of the element.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Processed => "processed",
            Self::Stored => "stored",
            Self::Displayed => "displayed",
            Self::Forbidden => "forbidden",
            Self::Error => "error",
        }
    }
}

/// One receipt.
///
/// ```
/// use sip_proto::simple::imdn::{Disposition, Report, Status};
///
/// let report = Report::new("34jk324j", "2008-04-04T12:16:49-05:00", Disposition::Delivery, Status::Delivered)
///     .unwrap()
///     .with_recipient("im:bob@example.com");
/// assert!(report.to_xml().contains("<delivery-notification><status><delivered/></status></delivery-notification>"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The id of the message that this is about.
    pub message_id: String,
    /// When that message was sent, as its `DateTime` said.
    pub date_time: String,
    /// Who received it, if that may be known.
    pub recipient: Option<String>,
    /// Whom it was first addressed to (§11.1.4).
    pub original_recipient: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// The language of the subject.
    pub language: Option<String>,
    disposition: Disposition,
    status: Status,
}

impl Report {
    /// A report on the message of this id and time; `None` when the disposition cannot have
    /// this status.
    #[must_use]
    pub fn new(
        message_id: impl Into<String>,
        date_time: impl Into<String>,
        disposition: Disposition,
        status: Status,
    ) -> Option<Self> {
        disposition.allows(status).then(|| Self {
            message_id: message_id.into(),
            date_time: date_time.into(),
            recipient: None,
            original_recipient: None,
            subject: None,
            language: None,
            disposition,
            status,
        })
    }

    /// Sets [`Report::recipient`].
    #[must_use]
    pub fn with_recipient(mut self, uri: impl Into<String>) -> Self {
        self.recipient = Some(uri.into());
        self
    }

    /// Sets [`Report::original_recipient`].
    #[must_use]
    pub fn with_original_recipient(mut self, uri: impl Into<String>) -> Self {
        self.original_recipient = Some(uri.into());
        self
    }

    /// Sets [`Report::subject`] and its language.
    #[must_use]
    pub fn with_subject(mut self, text: impl Into<String>, language: Option<&str>) -> Self {
        self.subject = Some(text.into());
        self.language = language.map(String::from);
        self
    }

    /// What is reported on.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// What became of it.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The payload. Characters that XML 1.0 cannot hold are left out.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imdn xmlns=\"");
        out.push_str(XML_NAMESPACE);
        out.push_str("\">");
        escape::element(&mut out, "message-id", Some(&self.message_id));
        escape::element(&mut out, "datetime", Some(&self.date_time));
        // The schema (§11.1.9) has both URIs or none, and the subject only with them.
        let recipient = self.recipient.as_ref().or(self.original_recipient.as_ref());
        if let Some(recipient) = recipient {
            let original = self.original_recipient.as_ref().unwrap_or(recipient);
            escape::element(&mut out, "recipient-uri", Some(recipient));
            escape::element(&mut out, "original-recipient-uri", Some(original));
            self.write_subject(&mut out);
        }
        let (kind, status) = (self.disposition.element(), self.status.as_str());
        out.push_str(&alloc::format!("<{kind}><status><{status}/></status></{kind}></imdn>"));
        out
    }

    fn write_subject(&self, out: &mut String) {
        let Some(subject) = &self.subject else { return };
        out.push_str("<subject");
        if let Some(language) = &self.language {
            out.push_str(" xml:lang=\"");
            escape::text(out, language);
            out.push('"');
        }
        out.push('>');
        escape::text(out, subject);
        out.push_str("</subject>");
    }

    /// Reads a payload. Elements of other namespaces are ignored, unknown statuses too.
    ///
    /// # Errors
    /// When it is not such a document, has no id or time, or no disposition with a status that
    /// it can have.
    #[cfg(feature = "xml")]
    pub fn parse_xml(bytes: &[u8]) -> Result<Self, XmlError> {
        let (mut id, mut time) = (None, None);
        let (mut recipient, mut original, mut subject, mut language) = (None, None, None, None);
        let mut kind: Option<Disposition> = None;
        let mut status: Option<Status> = None;
        let mut in_status = false;
        walk(bytes, XML_NAMESPACE, "imdn", |step| {
            match step {
                Step::Open(2, name, lang) => {
                    kind =
                        kind.or_else(|| Disposition::ALL.into_iter().find(|d| d.element() == name));
                    if name == "subject" {
                        language = lang;
                    }
                }
                Step::Open(3, name, _) => in_status = kind.is_some() && name == "status",
                Step::Open(4, name, _) if in_status => {
                    status =
                        status.or_else(|| Status::ALL.into_iter().find(|s| s.as_str() == name));
                }
                Step::Close(2, name, text) => {
                    let slot = match name {
                        "message-id" => &mut id,
                        "datetime" => &mut time,
                        "recipient-uri" => &mut recipient,
                        "original-recipient-uri" => &mut original,
                        "subject" => &mut subject,
                        _ => return Ok(()),
                    };
                    *slot = Some(String::from(text));
                }
                _ => {}
            }
            Ok(())
        })?;
        let (Some(id), Some(time), Some(kind)) = (id, time, kind) else {
            return Err(XmlError::Missing);
        };
        let status = status.ok_or(XmlError::Missing)?;
        let read = Self::new(id, time, kind, status).ok_or(XmlError::Value)?;
        if read.message_id.is_empty() {
            return Err(XmlError::Value);
        }
        Ok(Self { recipient, original_recipient: original, subject, language, ..read })
    }
}
