//! What a record gives the host to tell somebody: intents, never sent by the core.

use crate::account::{MONEY, POINTS, is_coupon};
use crate::ids::{AssetId, CardId, Day, HoldId, MemberId, RuleId, StoreId, TerminalId, TierId};
use crate::ledger::Ledger;
use crate::program::RemindKind;
use crate::record::{Fact, Kind, MoveKind, Record};
use crate::state::{CardStatus, HoldEnd};

/// Something that a member or the scheme wants to hear of. The host chooses channel and
/// words: a SIP MESSAGE, an XMPP message, a letter.
/// See [`Engine`](crate::Engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A member joined.
    Welcome {
        /// Who.
        member: MemberId,
    },
    /// A member's tier changed.
    TierChanged {
        /// Whose.
        member: MemberId,
        /// From what.
        from: TierId,
        /// To what.
        to: TierId,
    },
    /// Points lapsed.
    PointsExpired {
        /// Whose.
        member: MemberId,
        /// How many.
        points: i64,
    },
    /// Stored value lapsed.
    StoredExpired {
        /// Whose.
        member: MemberId,
        /// How much, in minor units.
        amount: i64,
    },
    /// Uses that were paid for lapsed.
    UsesExpired {
        /// Whose.
        member: MemberId,
        /// Of what.
        kind: AssetId,
        /// How many.
        uses: i64,
    },
    /// Coupons were given.
    CouponsGiven {
        /// To whom.
        member: MemberId,
        /// Of what kind.
        kind: AssetId,
        /// How many.
        count: i64,
    },
    /// Coupons lapsed.
    CouponsExpired {
        /// Whose.
        member: MemberId,
        /// Of what kind.
        kind: AssetId,
        /// How many.
        count: i64,
    },
    /// Pending points can be spent from now on.
    PointsMatured {
        /// Whose.
        member: MemberId,
        /// How many.
        points: i64,
    },
    /// A hold ended by itself; what it held is free again.
    HoldEnded {
        /// Whose.
        member: MemberId,
        /// Which.
        hold: HoldId,
    },
    /// A card was locked, after wrong PINs or by hand.
    CardLocked {
        /// Whose.
        member: MemberId,
        /// Which.
        card: CardId,
    },
    /// Something unusual was booked.
    Unusual {
        /// By whom.
        member: MemberId,
        /// Which rule found it.
        rule: RuleId,
        /// How much moved, in minor units.
        amount: i64,
    },
    /// Something unusual was booked at a store or terminal.
    UnusualAt {
        /// Where.
        store: StoreId,
        /// On which device; none for the whole store.
        terminal: Option<TerminalId>,
        /// By whom; none for a walk-in.
        member: Option<MemberId>,
        /// Which rule found it.
        rule: RuleId,
        /// How much moved, in minor units.
        amount: i64,
    },
    /// A day that a member is to be reminded of.
    Reminder {
        /// Whom.
        member: MemberId,
        /// By which rule.
        rule: RuleId,
        /// Of what.
        what: RemindKind,
        /// Which day.
        day: Day,
        /// What lapses then; zero for other reminders.
        amount: i64,
    },
    /// A membership's term is over.
    TermEnded {
        /// Whose.
        member: MemberId,
        /// What its last day was.
        until: Day,
    },
    /// A return took back points that were spent already.
    PointsOwed {
        /// By whom.
        member: MemberId,
        /// How many more.
        points: i64,
    },
}

impl Ledger {
    /// What a record, just committed here, gives the host to tell.
    pub fn notices<'a>(&'a self, record: Record<'a>) -> impl Iterator<Item = Notice> + 'a {
        let head = record.head();
        record.facts().filter_map(move |fact| {
            // What happens at a till need not be a member's doing.
            if let Fact::AnomalyFoundAt { rule, store, terminal, member, amount } = fact {
                return Some(Notice::UnusualAt { store, terminal, member, rule, amount });
            }
            if let Fact::Reminded { rule, what, member, day, amount, .. } = fact {
                return Some(Notice::Reminder { member, rule, what, day, amount });
            }
            let member = head.member?;
            match fact {
                Fact::MemberEnrolled { member, .. } => Some(Notice::Welcome { member }),
                Fact::TierChanged { member, from, to } => {
                    Some(Notice::TierChanged { member, from, to })
                }
                Fact::LotMoved { how: MoveKind::Expire, principal, bonus, .. } => {
                    let amount = principal.saturating_add(bonus);
                    // The lot itself may be gone already; what was booked says what it was of.
                    let first = record.postings().next()?;
                    Some(match first.account.asset() {
                        POINTS => Notice::PointsExpired { member, points: amount },
                        MONEY => Notice::StoredExpired { member, amount },
                        kind if is_coupon(kind) => {
                            Notice::CouponsExpired { member, kind, count: amount }
                        }
                        kind => Notice::UsesExpired { member, kind, uses: amount },
                    })
                }
                Fact::LotOpened { member, asset: kind, principal: count, .. }
                    if is_coupon(kind) && count > 0 =>
                {
                    Some(Notice::CouponsGiven { member, kind, count })
                }
                Fact::LotMoved { how: MoveKind::Mature, principal: points, .. } if points > 0 => {
                    Some(Notice::PointsMatured { member, points })
                }
                Fact::HoldClosed { hold, end: HoldEnd::TimedOut } => {
                    Some(Notice::HoldEnded { member, hold })
                }
                Fact::CardChanged { card, status: CardStatus::Locked, .. }
                    if matches!(head.kind, Kind::CardChanged | Kind::PinReported) =>
                {
                    Some(Notice::CardLocked { member, card })
                }
                Fact::AnomalyFound { rule, member, amount } => {
                    Some(Notice::Unusual { member, rule, amount })
                }
                Fact::TermEnded { member, until } => Some(Notice::TermEnded { member, until }),
                Fact::DebtMade { member, points } => Some(Notice::PointsOwed { member, points }),
                _ => None,
            }
        })
    }
}
