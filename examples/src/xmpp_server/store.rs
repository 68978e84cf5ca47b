//! What the server keeps in a file: accounts, rosters and the like, archives. One `redb`
//! database; what one stanza changes is one transaction.

use super::tokens::Row;
use proto_wire::{Rng, Timestamp};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::{Credentials, Hash, Mechanism, ScramKeys, Secret};
use xmpp_proto::server::{ArchiveEntry, Part, Router};

/// Account and hash: salt, rounds, `StoredKey`, `ServerKey`.
const KEYS: TableDefinition<'_, (&str, &str), KeyRow<'_>> = TableDefinition::new("keys");
type KeyRow<'a> = (&'a [u8], u32, &'a [u8], &'a [u8]);
/// Account and part: the text of the crate.
const PARTS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("parts");
/// Account and number: id, microseconds, the other one, the message.
const ARCHIVE: TableDefinition<'_, (&str, u64), (&str, i64, &str, &str)> =
    TableDefinition::new("archive");

/// Account and number: mechanism, token, microseconds of its end, installation (or nothing).
const TOKENS: TableDefinition<'_, (&str, u64), (&str, &str, i64, &str)> =
    TableDefinition::new("tokens");

/// What belongs to no account, by its name.
const HOST: TableDefinition<'_, &str, &str> = TableDefinition::new("host");
/// In [`HOST`]: what the salts of accounts that are not there are made from.
const DECOY: &str = "decoy";

const HASHES: [(Hash, &str); 3] =
    [(Hash::Sha1, "sha-1"), (Hash::Sha256, "sha-256"), (Hash::Sha512, "sha-512")];
/// Rounds of the keys that are kept (RFC 7677 §4 wants at least as many).
const ROUNDS: u32 = 4096;
/// Messages of one archive; the oldest make room.
pub(super) const ARCHIVE_MAX: usize = 10_000;

/// What an account logs in with.
pub(super) enum Known {
    /// As it was given, where nothing is kept.
    Password(Secret),
    /// As it is kept: it verifies, and logs nobody in.
    Keys(Vec<ScramKeys>),
}

impl Known {
    pub(super) fn credentials(&self, mechanism: Mechanism) -> Credentials {
        match self {
            Self::Password(secret) => Credentials::Password(secret.clone()),
            Self::Keys(keys) => {
                // PLAIN can be checked with any of them.
                let wanted = mechanism.hash().unwrap_or(Hash::Sha256);
                let found = keys.iter().find(|keys| keys.hash == wanted);
                found.cloned().map_or(Credentials::Refused, Credentials::Keys)
            }
        }
    }
}

/// Everything that was kept.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) known: BTreeMap<String, Known>,
    pub(super) parts: Vec<(String, Part, String)>,
    pub(super) archives: BTreeMap<String, Vec<ArchiveEntry>>,
    pub(super) tokens: Vec<(String, Row)>,
}

/// One change of what is kept.
pub(super) enum Change {
    Part(Jid, Part),
    Archived(Jid, ArchiveEntry),
    /// All of the account.
    Removed(Jid),
}

/// The file.
pub(super) struct Store {
    database: Database,
    /// The number of the next message in each archive.
    next: BTreeMap<String, u64>,
}

impl Store {
    /// Opens the file, or makes it, and reads what is in it.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Kept)> {
        let database = Database::create(path).map_err(io::Error::other)?;
        let transaction = database.begin_write().map_err(io::Error::other)?;
        transaction.open_table(KEYS).map_err(io::Error::other)?;
        transaction.open_table(PARTS).map_err(io::Error::other)?;
        transaction.open_table(ARCHIVE).map_err(io::Error::other)?;
        transaction.open_table(TOKENS).map_err(io::Error::other)?;
        transaction.open_table(HOST).map_err(io::Error::other)?;
        transaction.commit().map_err(io::Error::other)?;
        let mut store = Self { database, next: BTreeMap::new() };
        let kept = store.read()?;
        Ok((store, kept))
    }

    fn read(&mut self) -> io::Result<Kept> {
        let mut kept = Kept::default();
        let transaction = self.database.begin_read().map_err(io::Error::other)?;
        let table = transaction.open_table(KEYS).map_err(io::Error::other)?;
        for row in table.iter().map_err(io::Error::other)? {
            let (key, value) = row.map_err(io::Error::other)?;
            let ((account, hash), (salt, rounds, stored, server)) = (key.value(), value.value());
            let Some((hash, _)) = HASHES.iter().find(|(_, name)| *name == hash) else { continue };
            let keys = ScramKeys::new(*hash, salt, rounds, stored, server);
            let known = kept.known.entry(account.to_string());
            if let Known::Keys(all) = known.or_insert_with(|| Known::Keys(Vec::new())) {
                all.push(keys);
            }
        }
        let table = transaction.open_table(PARTS).map_err(io::Error::other)?;
        for row in table.iter().map_err(io::Error::other)? {
            let (key, text) = row.map_err(io::Error::other)?;
            let (account, name) = key.value();
            let Some(part) = Part::ALL.into_iter().find(|part| part.name() == name) else {
                continue;
            };
            kept.parts.push((account.to_string(), part, text.value().to_string()));
        }
        let table = transaction.open_table(ARCHIVE).map_err(io::Error::other)?;
        for row in table.iter().map_err(io::Error::other)? {
            let (key, value) = row.map_err(io::Error::other)?;
            let ((account, number), (id, at, with, stanza)) = (key.value(), value.value());
            self.next.insert(account.to_string(), number + 1);
            let with: Jid = with.parse().map_err(io::Error::other)?;
            let at = Timestamp::from_unix_micros(at);
            let entry = ArchiveEntry::new(id, at, &with, stanza)
                .ok_or_else(|| io::Error::other(format!("the archive of {account} is damaged")))?;
            kept.archives.entry(account.to_string()).or_default().push(entry);
        }
        let table = transaction.open_table(TOKENS).map_err(io::Error::other)?;
        for row in table.iter().map_err(io::Error::other)? {
            let (key, value) = row.map_err(io::Error::other)?;
            let ((account, _), (name, secret, expiry, agent)) = (key.value(), value.value());
            let agent = Some(agent).filter(|agent| !agent.is_empty()).map(str::to_string);
            let row = (name.to_string(), secret.to_string(), expiry, agent);
            kept.tokens.push((account.to_string(), row));
        }
        Ok(kept)
    }

    /// Keeps the tokens of an account in place of those that it had.
    pub(super) fn keep_tokens(&self, account: &str, rows: &[Row]) -> io::Result<()> {
        let transaction = self.database.begin_write().map_err(io::Error::other)?;
        {
            let mut table = transaction.open_table(TOKENS).map_err(io::Error::other)?;
            let all = (account, 0)..=(account, u64::MAX);
            table.retain_in(all, |_, _| false).map_err(io::Error::other)?;
            for (number, (name, secret, expiry, agent)) in (0..).zip(rows) {
                let agent = agent.as_deref().unwrap_or("");
                let value = (name.as_str(), secret.as_str(), *expiry, agent);
                table.insert((account, number), value).map_err(io::Error::other)?;
            }
        }
        transaction.commit().map_err(io::Error::other)
    }

    /// The secret that hides which accounts there are: made once, and the same ever after.
    pub(super) fn decoy_key(&self, rng: &mut Rng) -> io::Result<Secret> {
        let transaction = self.database.begin_write().map_err(io::Error::other)?;
        let key = {
            let mut table = transaction.open_table(HOST).map_err(io::Error::other)?;
            let kept =
                table.get(DECOY).map_err(io::Error::other)?.map(|key| key.value().to_string());
            match kept {
                Some(key) => key,
                None => {
                    let key = rng.hex::<32>().to_string();
                    table.insert(DECOY, key.as_str()).map_err(io::Error::other)?;
                    key
                }
            }
        };
        transaction.commit().map_err(io::Error::other)?;
        Ok(Secret::new(key))
    }

    /// Keeps what verifies a password: for each hash a key with a salt of its own, as those have that are made up
    /// for accounts that are not there.
    pub(super) fn keep_password(
        &self,
        account: &str,
        password: &str,
        rng: &mut Rng,
    ) -> io::Result<Known> {
        let mut all = Vec::new();
        let transaction = self.database.begin_write().map_err(io::Error::other)?;
        {
            let mut table = transaction.open_table(KEYS).map_err(io::Error::other)?;
            for (hash, name) in HASHES {
                let mut salt = [0; 16];
                rng.fill(&mut salt);
                let Some(keys) = ScramKeys::derive(hash, password, &salt, ROUNDS) else { continue };
                let value = (&salt[..], ROUNDS, keys.stored_key(), keys.server_key());
                table.insert((account, name), value).map_err(io::Error::other)?;
                all.push(keys);
            }
        }
        transaction.commit().map_err(io::Error::other)?;
        Ok(Known::Keys(all))
    }

    /// Writes changes, all or none; they are on the disk when it returns.
    pub(super) fn write(&mut self, changes: &[Change], router: &Router<u64>) -> io::Result<()> {
        let transaction = self.database.begin_write().map_err(io::Error::other)?;
        {
            let mut parts = transaction.open_table(PARTS).map_err(io::Error::other)?;
            let mut archive = transaction.open_table(ARCHIVE).map_err(io::Error::other)?;
            let mut keys = transaction.open_table(KEYS).map_err(io::Error::other)?;
            for change in changes {
                match change {
                    Change::Part(account, part) => {
                        let Some(text) = router.stored(account, *part) else { continue };
                        let key = (account.as_str(), part.name());
                        parts.insert(key, text.as_str()).map_err(io::Error::other)?;
                    }
                    Change::Archived(account, entry) => {
                        let next = self.next.entry(account.to_string()).or_default();
                        let at = entry.at.as_unix_micros();
                        let (with, stanza) = (entry.with.as_str(), entry.stanza.as_str());
                        let value = (entry.id.as_str(), at, with, stanza);
                        archive
                            .insert((account.as_str(), *next), value)
                            .map_err(io::Error::other)?;
                        if let Some(old) = next.checked_sub(ARCHIVE_MAX as u64) {
                            archive.remove((account.as_str(), old)).map_err(io::Error::other)?;
                        }
                        *next += 1;
                    }
                    Change::Removed(account) => {
                        let account = account.as_str();
                        for (_, name) in HASHES {
                            keys.remove((account, name)).map_err(io::Error::other)?;
                        }
                        for part in Part::ALL {
                            parts.remove((account, part.name())).map_err(io::Error::other)?;
                        }
                        let all = (account, 0)..=(account, u64::MAX);
                        archive.retain_in(all, |_, _| false).map_err(io::Error::other)?;
                        self.next.remove(account);
                    }
                }
            }
        }
        transaction.commit().map_err(io::Error::other)
    }
}
