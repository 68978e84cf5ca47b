//! Tokens for fast logins (XEP-0484). With a file they outlive the server; what is in it logs its
//! bearer in, as a token must (it cannot be kept as a hash).

use proto_wire::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::{Mechanism, Secret};

/// How long a token is good for.
const LIFE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Tokens of one account; the oldest make room.
const TOKENS_MAX: usize = 16;

struct Token {
    mechanism: Mechanism,
    secret: Secret,
    expiry: Timestamp,
    /// The installation that it was made for.
    agent: Option<String>,
    /// Its place among those that were given to the machine last.
    shown: Option<usize>,
}

/// A token as it is kept: mechanism, secret, the end of its time in microseconds, installation.
pub(super) type Row = (String, String, i64, Option<String>);

/// The tokens of all accounts, oldest first.
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, Vec<Token>>);

/// Until when a token is good that is made now.
pub(super) fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(LIFE)
}

impl Tokens {
    pub(super) fn issued(
        &mut self,
        account: &Jid,
        mechanism: Mechanism,
        secret: Secret,
        expiry: Timestamp,
        agent: Option<String>,
    ) {
        let tokens = self.0.entry(account.bare().to_string()).or_default();
        if tokens.len() >= TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push(Token { mechanism, secret, expiry, agent, shown: None });
    }

    /// What somebody may log in with now.
    pub(super) fn valid(
        &mut self,
        account: &Jid,
        mechanism: Mechanism,
        now: Timestamp,
    ) -> Vec<Secret> {
        let Some(tokens) = self.0.get_mut(account.bare()) else { return Vec::new() };
        tokens.retain(|token| token.expiry > now);
        let mut valid = Vec::new();
        for token in tokens {
            let fits = token.mechanism == mechanism;
            token.shown = fits.then_some(valid.len());
            valid.extend(fits.then(|| token.secret.clone()));
        }
        valid
    }

    /// One was used: older ones of the same installation are good for nothing any more.
    pub(super) fn used(&mut self, account: &Jid, index: usize, invalidate: bool) {
        let Some(tokens) = self.0.get_mut(account.bare()) else { return };
        let Some(at) = tokens.iter().position(|token| token.shown == Some(index)) else { return };
        let agent = tokens.get(at).and_then(|token| token.agent.clone());
        let mut place = 0;
        tokens.retain(|token| {
            let older = place < at && agent.is_some() && token.agent == agent;
            let done = older || (place == at && invalidate);
            place += 1;
            !done
        });
    }

    /// What is to be kept of an account.
    pub(super) fn rows(&self, account: &str) -> Vec<Row> {
        let tokens = self.0.get(account).map_or(&[][..], Vec::as_slice);
        let row = |token: &Token| {
            let (name, secret) = (token.mechanism.name(), token.secret.expose());
            let expiry = token.expiry.as_unix_micros();
            (name.to_string(), secret.to_string(), expiry, token.agent.clone())
        };
        tokens.iter().map(row).collect()
    }

    /// Takes back what was kept; what is not understood is left out.
    pub(super) fn restore(&mut self, account: &Jid, (name, secret, expiry, agent): Row) {
        if let Some(mechanism) = Mechanism::of(&name) {
            let expiry = Timestamp::from_unix_micros(expiry);
            self.issued(account, mechanism, Secret::new(secret), expiry, agent);
        }
    }

    /// The password was changed, or the account is gone.
    pub(super) fn forget(&mut self, account: &Jid) {
        self.0.remove(account.bare());
    }
}

#[cfg(test)]
mod tests {
    use super::{TOKENS_MAX, Tokens, expiry};
    use proto_wire::Timestamp;
    use xmpp_proto::jid::Jid;
    use xmpp_proto::sasl::{Mechanism, Secret};

    #[test]
    fn tokens_are_of_one_mechanism_and_installation_and_end() {
        let (account, now): (Jid, _) = ("a@h".parse().unwrap(), Timestamp::from_unix_secs(0));
        let mut tokens = Tokens::default();
        let issue = |tokens: &mut Tokens, text: &str, mechanism, agent: Option<&str>| {
            let agent = agent.map(str::to_string);
            tokens.issued(&account, mechanism, Secret::new(text), expiry(now), agent);
        };
        issue(&mut tokens, "phone 1", Mechanism::HtExporter, Some("phone"));
        issue(&mut tokens, "other", Mechanism::HtNone, Some("phone"));
        issue(&mut tokens, "desk 1", Mechanism::HtExporter, Some("desk"));
        issue(&mut tokens, "phone 2", Mechanism::HtExporter, Some("phone"));
        let valid = |tokens: &mut Tokens, now| {
            let valid = tokens.valid(&account, Mechanism::HtExporter, now);
            valid.iter().map(|token| token.expose().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(valid(&mut tokens, now), ["phone 1", "desk 1", "phone 2"]);
        // The newer one of the phone is in use: its older one is done for.
        tokens.used(&account, 2, false);
        assert_eq!(valid(&mut tokens, now), ["desk 1", "phone 2"]);
        tokens.used(&account, 0, true);
        assert_eq!(valid(&mut tokens, now), ["phone 2"]);
        // As after a restart.
        let mut again = Tokens::default();
        for row in tokens.rows("a@h") {
            again.restore(&account, row);
        }
        again.restore(&account, ("HT-UNKNOWN".into(), "x".into(), 0, None));
        assert_eq!(valid(&mut again, now), ["phone 2"]);
        assert!(valid(&mut again, expiry(now)).is_empty());
        assert!(valid(&mut tokens, expiry(now)).is_empty());
        for n in 0..=TOKENS_MAX {
            issue(&mut tokens, &n.to_string(), Mechanism::HtExporter, None);
        }
        assert_eq!(valid(&mut tokens, now).len(), TOKENS_MAX);
        tokens.forget(&account);
        assert!(valid(&mut tokens, now).is_empty());
    }
}
