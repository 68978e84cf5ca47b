//! What a server lets clients decide: which URLs to control, where media goes.

use crate::headers::{Delivery, Transport};
use crate::message::{StatusCode, Version};
use core::net::IpAddr;

/// Which URLs PLAY, PAUSE and RECORD may name when a session has several streams (RFC 2326
/// §11.3.10, §11.3.11). In RTSP 2.0 it is always that of the aggregate (RFC 7826 §13.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// That of the aggregate, or that of one stream.
    #[default]
    Either,
    /// That of the aggregate; that of one stream is answered with 460.
    Aggregate,
    /// Each stream has its own session: SETUP of a second one is answered with 459.
    Single,
}

/// Which addresses a client may name as the destination of media. An address that the
/// server itself chooses is not asked about.
/// RFC 7826 §21.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destinations {
    /// Its own, as [`Server::set_peer`](super::Server::set_peer) told it. All others are
    /// prohibited, and when nobody told it, all are.
    #[default]
    Peer,
    /// Its own, and groups that it offers as `multicast`.
    PeerOrGroup,
    /// Any: the application looks at each offer itself.
    Any,
}

impl Destinations {
    /// Whether the offer's destination is allowed to a client at `peer`.
    pub(super) fn allows(self, offer: &Transport<'_>, peer: Option<IpAddr>) -> bool {
        let mut hosts = destinations(offer).peekable();
        if self == Self::Any || hosts.peek().is_none() {
            return true;
        }
        hosts.all(|host| match host.parse::<IpAddr>() {
            Ok(address) if address.is_multicast() => {
                self == Self::PeerOrGroup && offer.delivery == Some(Delivery::Multicast)
            }
            Ok(address) => peer.is_some_and(|peer| peer.to_canonical() == address.to_canonical()),
            // A name could mean anything, and something else tomorrow.
            Err(_) => false,
        })
    }
}

/// The hosts that an offer names: in `destination` and in each address of `dest_addr`.
pub(super) fn destinations<'a>(offer: &Transport<'a>) -> impl Iterator<Item = &'a str> {
    let addresses = offer.dest_addr().filter_map(|address| host_of(address));
    offer.destination().into_iter().chain(addresses)
}

/// The host of `host:port`, `[host]:port`, `:port` or `host`.
fn host_of(address: &str) -> Option<&str> {
    let host = match address.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => address.rsplit_once(':').map_or(address, |(host, _)| host),
    };
    Some(host).filter(|host| !host.is_empty())
}

/// What a prohibited destination is answered with: 2.0 has a status of its own (RFC 7826
/// §17.4.27), whose number means something else in 1.0 (RFC 4567 §4.3).
pub(super) fn prohibited(version: Version) -> StatusCode {
    if version == Version::V2_0 {
        StatusCode::DESTINATION_PROHIBITED
    } else {
        StatusCode::FORBIDDEN
    }
}
