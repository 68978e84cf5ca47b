//! Asking for receipts (RFC 5438 §6.2, §7.1) and deciding which to give (§7.2, §8.1).

use super::{Disposition, MEDIA_TYPE, NAMESPACE, Report, Status, is_notification, message_id};
use crate::simple::cpim::{self, Address, Builder};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use thiserror::Error;

/// Which receipts a sender wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requested {
    /// When it was delivered.
    pub positive_delivery: bool,
    /// When it could not be delivered.
    pub negative_delivery: bool,
    /// When a server stored or processed it.
    pub processing: bool,
    /// When it was shown.
    pub display: bool,
}

impl Requested {
    /// None.
    pub const NONE: Self = Self {
        positive_delivery: false,
        negative_delivery: false,
        processing: false,
        display: false,
    };

    /// Asks for [`Requested::positive_delivery`].
    #[must_use]
    pub const fn with_positive_delivery(mut self) -> Self {
        self.positive_delivery = true;
        self
    }

    /// Asks for [`Requested::negative_delivery`].
    #[must_use]
    pub const fn with_negative_delivery(mut self) -> Self {
        self.negative_delivery = true;
        self
    }

    /// Asks for [`Requested::processing`].
    #[must_use]
    pub const fn with_processing(mut self) -> Self {
        self.processing = true;
        self
    }

    /// Asks for [`Requested::display`].
    #[must_use]
    pub const fn with_display(mut self) -> Self {
        self.display = true;
        self
    }

    /// What a message asks for. Words that are not known are ignored (§7.2.1); an envelope
    /// that holds a receipt asks for nothing, whatever it says.
    ///
    /// ```
    /// use sip_proto::simple::{cpim, imdn::Requested};
    ///
    /// let bytes = b"NS: i <urn:ietf:params:imdn>\r\n\
    ///     i.Disposition-Notification: positive-delivery, display;x=y, Display, later\r\n\r\n";
    /// let message = cpim::Message::parse(bytes, &cpim::Limits::DEFAULT)?;
    /// assert_eq!(Requested::of(&message), Requested::NONE.with_positive_delivery().with_display());
    /// # Ok::<(), proto_wire::ParseError>(())
    /// ```
    #[must_use]
    pub fn of(message: &cpim::Message<'_>) -> Self {
        let mut wanted = Self::NONE;
        if is_notification(message) {
            return wanted;
        }
        for header in message.all(NAMESPACE, "Disposition-Notification") {
            for word in header.raw.split(',') {
                match word.split(';').next().unwrap_or("").trim() {
                    "positive-delivery" => wanted.positive_delivery = true,
                    "negative-delivery" => wanted.negative_delivery = true,
                    "processing" => wanted.processing = true,
                    "display" => wanted.display = true,
                    _ => {}
                }
            }
        }
        wanted
    }

    /// Adds the request to a message, with its namespace, its id and its time, which a
    /// receipt must repeat (§7.1.1.2). The id must be unique in time and space: at least 64
    /// random bits.
    pub fn write(self, builder: Builder, id: &str, time: impl core::fmt::Display) -> Builder {
        let words = [
            (self.positive_delivery, "positive-delivery"),
            (self.negative_delivery, "negative-delivery"),
            (self.processing, "processing"),
            (self.display, "display"),
        ];
        let words: Vec<&str> =
            words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
        let builder =
            builder.namespace("imdn", NAMESPACE).header("imdn.Message-ID", id).date_time(time);
        if words.is_empty() {
            return builder;
        }
        builder.header("imdn.Disposition-Notification", &words.join(", "))
    }
}

/// Why no receipt is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The sender did not ask for this one.
    #[error("the sender did not ask for this receipt")]
    NotRequested,
    /// One for this disposition was given; there is never a second (RFC 5438 §7.2.1).
    #[error("a receipt of this disposition was given already")]
    Given,
    /// The disposition cannot have this status.
    #[error("the disposition cannot have this status")]
    Status,
    /// The SIP request was refused, so its sender knows (§12.1.3.1).
    #[error("the request was answered with an error, which tells the sender")]
    Refused,
    /// The receipt could not be written, for example because of an id with a line end.
    #[error("the receipt cannot be written: {0}")]
    Build(#[from] cpim::BuildError),
}

/// The receipts that one received message calls for. Keeps what a receipt repeats, so that it
/// can be given long after.
#[derive(Clone, Debug)]
pub struct Receipts {
    requested: Requested,
    given: Vec<Disposition>,
    id: String,
    date_time: String,
    recipient: Option<String>,
    original: Option<String>,
    subject: Option<(String, Option<String>)>,
    sender: (Option<String>, String),
    receiver: Option<(Option<String>, String)>,
    routes: Vec<(Option<String>, String)>,
    refused: bool,
}

impl Receipts {
    /// What `message` calls for: `None` when it asks for nothing, is a receipt itself, or has
    /// no id, time or sender to answer to.
    #[must_use]
    pub fn of(message: &cpim::Message<'_>) -> Option<Self> {
        let requested = Requested::of(message);
        if requested == Requested::NONE {
            return None;
        }
        let owned = |a: Address<'_>| (a.name().map(|n| n.to_string()), a.uri.to_string());
        let addresses =
            |name| message.all(NAMESPACE, name).filter_map(|h| Address::parse(h.raw).ok());
        let subject = message.subject(None);
        Some(Self {
            requested,
            given: Vec::new(),
            id: message_id(message)?.into(),
            date_time: message.date_time()?.into(),
            recipient: message.to().next().map(|a| a.uri.into()),
            original: addresses("Original-To").next().map(|a| a.uri.into()),
            subject: subject.map(|s| (s.value().into(), s.language().map(String::from))),
            sender: owned(message.from()?),
            receiver: message.to().next().map(owned),
            routes: addresses("IMDN-Record-Route").map(owned).collect(),
            refused: false,
        })
    }

    /// The request that carried the message was answered with this SIP status. Behind an
    /// error no negative receipt follows (§12.1.3.1).
    pub fn answered(&mut self, code: u16) {
        self.refused = code >= 300;
    }

    /// What the sender asked for.
    #[must_use]
    pub const fn requested(&self) -> Requested {
        self.requested
    }

    /// Where receipts go: the top of the recorded route, else the sender (§7.2.1).
    #[must_use]
    pub fn destination(&self) -> &str {
        self.routes.first().map_or(&self.sender.1, |(_, uri)| uri)
    }

    /// The envelope with the receipt, for a MESSAGE to [`Receipts::destination`]. `id` is
    /// the receipt's own, unrelated to the message's. Whether to give one at all is the
    /// user's choice (§14.2): ask first.
    ///
    /// # Errors
    /// When it was not asked for, or may not be given. Then nothing has changed.
    pub fn give(
        &mut self,
        disposition: Disposition,
        status: Status,
        id: &str,
    ) -> Result<Vec<u8>, ReceiptError> {
        let asked = match (disposition, status) {
            (Disposition::Delivery, Status::Delivered) => self.requested.positive_delivery,
            (Disposition::Delivery, Status::Failed) => self.requested.negative_delivery,
            (Disposition::Delivery, _) => {
                self.requested.positive_delivery || self.requested.negative_delivery
            }
            (Disposition::Processing, _) => self.requested.processing,
            (Disposition::Display, _) => self.requested.display,
        };
        if self.given.contains(&disposition) {
            return Err(ReceiptError::Given);
        }
        if self.refused && status == Status::Failed {
            return Err(ReceiptError::Refused);
        }
        let report = self.report(disposition, status).ok_or(ReceiptError::Status)?;
        if !asked {
            return Err(ReceiptError::NotRequested);
        }
        let envelope = self.envelope(&report, id)?;
        self.given.push(disposition);
        Ok(envelope)
    }

    fn report(&self, disposition: Disposition, status: Status) -> Option<Report> {
        let mut report =
            Report::new(self.id.as_str(), self.date_time.as_str(), disposition, status)?;
        report.recipient.clone_from(&self.recipient);
        report.original_recipient = self.original.clone().or_else(|| self.recipient.clone());
        if let Some((subject, language)) = &self.subject {
            report = report.with_subject(subject.as_str(), language.as_deref());
        }
        Some(report)
    }

    fn envelope(&self, report: &Report, id: &str) -> Result<Vec<u8>, cpim::BuildError> {
        let mut builder = Builder::new();
        if let Some((name, uri)) = &self.receiver {
            builder = builder.from(name.as_deref(), uri);
        }
        builder = builder
            .to(self.sender.0.as_deref(), &self.sender.1)
            .namespace("imdn", NAMESPACE)
            .header("imdn.Message-ID", id);
        // §7.2.1: the recorded routes, in their order, and no request for a receipt.
        for (name, uri) in &self.routes {
            builder = builder.address("imdn.IMDN-Route", name.as_deref(), uri);
        }
        builder
            .content_header("Content-Disposition", "notification")
            .content(MEDIA_TYPE, report.to_xml().as_bytes())
    }
}
