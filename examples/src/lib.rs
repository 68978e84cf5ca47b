//! Hosts that drive the protocol crates: drivers, loopback servers, and what the
//! programs in `src/bin` share.

pub mod certificates;
pub mod club;
pub mod counter;
pub mod drive;
pub mod entropy;
pub mod inspect;
pub mod ladder;
pub mod media;
pub mod observed;
pub mod rtsp_guard;
pub mod rtsp_media;
pub mod rtsp_probe;
pub mod rtsp_publish;
pub mod rtsp_serve;
pub mod rtsp_server;
pub mod rtsp_tap;
pub mod rtsp_tunnel;
pub mod sip_chat;
pub mod sip_host;
pub mod sip_phone;
pub mod sip_server;
pub mod store;
pub mod xmpp_bosh;
pub mod xmpp_chat;
pub mod xmpp_server;

#[cfg(doctest)]
#[doc = include_str!("../../docs/RUN_LOOP.md")]
struct RunLoopDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/camera-client.md")]
struct CameraClientDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/registrar.md")]
struct RegistrarDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/chat-bot.md")]
struct ChatBotDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/membership-counter.md")]
struct MembershipCounterDoctests;
