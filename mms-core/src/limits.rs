//! Limits: each has a name, a default and what it stops.

/// How much the ledger holds and how much one command may do. Reaching one is a
/// [`Rejection`](crate::Rejection) with nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Members ever enrolled (16 Mi). Stops enrolment from filling memory.
    pub members_max: u32,
    /// Cards ever issued (32 Mi). Likewise.
    pub cards_max: u32,
    /// Lots that are kept (64 Mi). Likewise.
    pub lots_max: u32,
    /// Lots of one member that still hold value (1,024). Stops one member's spending from
    /// walking an endless list.
    pub member_lots_max: u32,
    /// Lots that one command may touch (256). Bounds the length of a record.
    pub command_lots_max: u16,
    /// Open holds (1 Mi). Stops holds that nobody captures.
    pub holds_max: u32,
    /// Sales that can still be returned (16 Mi). Stops a return window without end.
    pub sales_max: u32,
    /// Lines of one checkout (256). Bounds the length of a record.
    pub lines_max: u16,
    /// Accounts of stores (1 Mi). Stops made-up store numbers.
    pub store_accounts_max: u32,
    /// Keys that are remembered, the newest (1 Mi). A sender must not retry a command
    /// after that many others: size it above what a till can queue while it is cut off.
    pub keys_max: u32,
    /// Actors whose permissions are kept (65,536). Stops made-up actors.
    pub actors_max: u32,
    /// Parameters of the scheme (1,024). Stops made-up ones.
    pub parameters_max: u32,
    /// Fields of members and sales that are set, in all (64 Mi). Stops profiles from filling memory.
    pub fields_max: u32,
    /// Parked orders (65,536). Stops bills that nobody comes back for.
    pub orders_max: u32,
    /// Stores that are registered, and terminals (65,536 each). Stops made-up ones.
    pub registry_max: u32,
    /// The greatest amount of one command, in minor units (10¹³). Stops a slip of the
    /// keyboard and keeps sums far from the end of 64 bits.
    pub amount_max: i64,
    /// Stored value of one member, in minor units (no limit). Some laws set one.
    pub stored_max: i64,
    /// Likewise of a bearer: whoever holds the card (no limit).
    pub bearer_stored_max: i64,
    /// How many referrers may stand above a member (3). Deeper rewards are a pyramid
    /// scheme in law.
    pub referral_depth_max: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

macro_rules! setters {
    ($( $(#[$doc:meta])* $setter:ident $field:ident: $ty:ty; )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $setter(mut self, max: $ty) -> Self {
            self.$field = max;
            self
        }
    )*};
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        members_max: 16 << 20,
        cards_max: 32 << 20,
        lots_max: 64 << 20,
        member_lots_max: 1024,
        command_lots_max: 256,
        holds_max: 1 << 20,
        sales_max: 16 << 20,
        lines_max: 256,
        store_accounts_max: 1 << 20,
        keys_max: 1 << 20,
        actors_max: 65_536,
        parameters_max: 1024,
        fields_max: 64 << 20,
        orders_max: 65_536,
        registry_max: 65_536,
        amount_max: 10_000_000_000_000,
        stored_max: i64::MAX,
        bearer_stored_max: i64::MAX,
        referral_depth_max: 3,
    };

    /// The caps of China's rules for single-purpose prepaid cards: 5,000.00 on a card that is
    /// registered to somebody, 1,000.00 on one that is not; two levels of referral. A starting
    /// point: check with counsel.
    #[must_use]
    pub const fn cn_single_purpose() -> Self {
        Self::DEFAULT
            .with_stored_max(500_000)
            .with_bearer_stored_max(100_000)
            .with_referral_depth_max(2)
    }

    setters! {
        /// Sets [`Limits::members_max`].
        with_members_max members_max: u32;
        /// Sets [`Limits::cards_max`].
        with_cards_max cards_max: u32;
        /// Sets [`Limits::lots_max`].
        with_lots_max lots_max: u32;
        /// Sets [`Limits::member_lots_max`].
        with_member_lots_max member_lots_max: u32;
        /// Sets [`Limits::command_lots_max`].
        with_command_lots_max command_lots_max: u16;
        /// Sets [`Limits::holds_max`].
        with_holds_max holds_max: u32;
        /// Sets [`Limits::sales_max`].
        with_sales_max sales_max: u32;
        /// Sets [`Limits::lines_max`].
        with_lines_max lines_max: u16;
        /// Sets [`Limits::store_accounts_max`].
        with_store_accounts_max store_accounts_max: u32;
        /// Sets [`Limits::keys_max`]. Part of the state: a journal is replayed with the
        /// number it was written with.
        with_keys_max keys_max: u32;
        /// Sets [`Limits::actors_max`].
        with_actors_max actors_max: u32;
        /// Sets [`Limits::parameters_max`].
        with_parameters_max parameters_max: u32;
        /// Sets [`Limits::fields_max`].
        with_fields_max fields_max: u32;
        /// Sets [`Limits::orders_max`].
        with_orders_max orders_max: u32;
        /// Sets [`Limits::registry_max`].
        with_registry_max registry_max: u32;
        /// Sets [`Limits::amount_max`], in minor units.
        with_amount_max amount_max: i64;
        /// Sets [`Limits::stored_max`], in minor units.
        with_stored_max stored_max: i64;
        /// Sets [`Limits::bearer_stored_max`], in minor units.
        with_bearer_stored_max bearer_stored_max: i64;
        /// Sets [`Limits::referral_depth_max`].
        with_referral_depth_max referral_depth_max: u8;
    }
}
