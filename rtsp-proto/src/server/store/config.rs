//! What a store keeps, and for whom.

use super::event::Owner;
use core::time::Duration;

/// Configuration of a [`SessionStore`](super::SessionStore).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreConfig {
    /// Who may have a session on another connection than the one that made it
    /// ([`Binding::Owner`]).
    pub binding: Binding,
    /// How long a session on no connection lives after a sign of life (60 s), for
    /// [`touch`](super::SessionStore::touch).
    pub session_timeout: Duration,
    /// How long a request waits for a session that another connection is to give away (2 s).
    pub move_timeout: Duration,
    /// Sessions on no connection (10,000); one more ends at once. Stops clients that connect
    /// again and again from filling memory.
    pub parked_max: usize,
    /// The same of one owner (16). Stops one client from using up what is for all.
    pub parked_per_owner_max: usize,
    /// Requests that wait for a session at one time (1,000); one more gets 503. Stops
    /// requests from filling memory while a connection does not answer.
    pub waiting_max: usize,
}

/// Who may have a session on another connection. Its id is needed in any case, which nobody
/// guesses; who overhears it has it, though, unless the connections are secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding {
    /// Who is at the same address and is the same user.
    #[default]
    Owner,
    /// Who is the same user, from anywhere: clients that move. It means everybody where users
    /// do not prove who they are.
    User,
    /// Whoever knows the id.
    Anybody,
}

impl Binding {
    pub(super) fn allows(self, owner: &Owner, other: &Owner) -> bool {
        match self {
            Self::Owner => owner == other,
            Self::User => owner.user == other.user,
            Self::Anybody => true,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            binding: Binding::Owner,
            session_timeout: Duration::from_secs(60),
            move_timeout: Duration::from_secs(2),
            parked_max: 10_000,
            parked_per_owner_max: 16,
            waiting_max: 1000,
        }
    }
}

macro_rules! setters {
    ($($setter:ident $field:ident: $kind:ty),* $(,)?) => {
        impl StoreConfig { $(
            #[doc = concat!("Sets [`StoreConfig::", stringify!($field), "`].")]
            #[must_use]
            pub const fn $setter(mut self, $field: $kind) -> Self {
                self.$field = $field;
                self
            }
        )* }
    };
}

setters! {
    with_binding binding: Binding,
    with_session_timeout session_timeout: Duration,
    with_move_timeout move_timeout: Duration,
    with_parked_max parked_max: usize,
    with_parked_per_owner_max parked_per_owner_max: usize,
    with_waiting_max waiting_max: usize,
}
