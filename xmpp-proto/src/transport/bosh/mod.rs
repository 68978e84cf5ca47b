//! XMPP over HTTP (BOSH, XEP-0124 and XEP-0206), both sides.
//!
//! A [`BoshClient`] is a [`Client`](crate::client::Client), and a [`BoshSession`] a
//! [`ServerConnection`](crate::server::ServerConnection), that sends and receives bodies of
//! HTTP requests and responses. The machine inside stays the same; its commands are called on
//! `machine`.
//!
//! **The host does HTTP**: it posts what a client says and gives back what came, or that
//! nothing did; a server hands in the bodies that were posted and answers with what it gets.
//! That is the least for every host: a browser and a runtime have their own clients, pools,
//! proxies and HTTP versions, a server its own router, and all that they have in common with
//! BOSH is a body each way.
//!
//! | kind | methods |
//! |---|---|
//! | A getters | [`BoshClient::condition`], [`BoshSession::sid`], [`BoshSession::is_done`] |
//! | B reports | `handle_input`, `handle_timeout` of [`Machine`](proto_wire::Machine) |
//! | C commands | those of the machine; [`BoshClient::pause`] |
//! | D polls | `poll_output`, `poll_timeout` |
//!
//! A client and a server without a network:
//!
//! ```
//! use proto_wire::{Instant, Machine as _, Output, Seed};
//! use std::sync::Arc;
//! use xmpp_proto::client::{Client, ClientConfig, TlsPolicy};
//! use xmpp_proto::server::{ServerConfig, ServerConnection, ServerTls};
//! use xmpp_proto::transport::bosh::{
//!     BoshClient, BoshConfig, BoshServerConfig, BoshSession, ClientInput, ServerInput,
//! };
//!
//! let now = Instant::ZERO;
//! let config = ClientConfig::new("juliet@capulet.example".parse()?).with_tls(TlsPolicy::Never);
//! let client = Client::new(now, Arc::new(config), Seed::from_u64(1));
//! let mut client = BoshClient::new(now, Arc::new(BoshConfig::new()), Seed::from_u64(2), client);
//! let config = ServerConfig::new("capulet.example").with_tls(ServerTls::None);
//! let server = ServerConnection::new(now, Arc::new(config), Seed::from_u64(3));
//! let mut server =
//!     BoshSession::new(now, Arc::new(BoshServerConfig::new()), Seed::from_u64(4), server);
//!
//! // POST the first request; a host finds the session by the `sid` of all later ones.
//! let Some(Output::Transmit(request)) = client.poll_output() else { panic!("a request") };
//! server.handle_input(now, ServerInput::Request { id: 1, body: &request.body });
//! let Some(Output::Transmit(response)) = server.poll_output() else { panic!("a response") };
//! assert_eq!((response.id, response.status), (1, 200));
//! assert!(core::str::from_utf8(&response.body)?.contains("<stream:features"));
//! client.handle_input(
//!     now,
//!     ClientInput::Response { id: request.id, status: response.status, body: &response.body },
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod client;
mod config;
mod keys;
mod server;
#[cfg(test)]
#[cfg(feature = "scram")]
mod tests;

pub use body::{Body, BodyError, BodyKind, Condition};
pub use client::{BoshClient, ClientInput, PauseError, Request};
pub use config::{BoshConfig, BoshServerConfig};
pub use server::{BoshSession, CONTENT_TYPE, Response, ServerInput, refusal};
