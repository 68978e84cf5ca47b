//! Tables of key-value stores: keys and values are whole numbers, big-endian, so that keys stand in
//! the order of their numbers.

use super::Place;
use super::shop::{Asset, Part, Sold, Store, TODAY, Tables};
use fjall::{
    KeyspaceCreateOptions, Readable as _, SingleWriterTxDatabase, SingleWriterTxKeyspace,
    SingleWriterWriteTx,
};
use redb::ReadableTable as _;

const NAMES: [&str; 6] = ["command", "posting", "account", "lot", "sale", "taking"];
const COMMAND: usize = 0;
const POSTING: usize = 1;
const ACCOUNT: usize = 2;
const LOT: usize = 3;
const SALE: usize = 4;
const TAKING: usize = 5;

/// A transaction, which reads its own writes.
trait Pairs {
    fn get(&mut self, table: usize, key: &[u8]) -> Option<Vec<i64>>;
    fn put(&mut self, table: usize, key: &[u8], value: &[u8]);
    fn remove(&mut self, table: usize, key: &[u8]);
    /// The pairs from one key up to another, in order, until `f` says that it has enough.
    fn range(&mut self, table: usize, keys: [&[u8]; 2], f: &mut dyn FnMut(&[u8], &[u8]) -> bool);
}

/// The tables as pairs.
struct Keys<P>(P);

fn bytes<const N: usize>(numbers: [i64; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<i64> {
    let numbers = bytes.chunks_exact(8);
    numbers.map(|number| i64::from_be_bytes(number.try_into().expect("eight"))).collect()
}

impl<P: Pairs> Tables for Keys<P> {
    fn is_known(&mut self, key: i64) -> bool {
        self.0.get(COMMAND, &bytes([key])).is_some()
    }

    fn answered(&mut self, key: i64, digest: i64, stored: i64, points: i64) {
        self.0.put(COMMAND, &bytes([key]), &bytes([digest, stored, points]));
    }

    fn post(&mut self, key: i64, n: i64, account: i64, _: Asset, amount: i64) -> i64 {
        self.0.put(POSTING, &bytes([key, n]), &bytes([account, amount]));
        let balance = self.balance(account) + amount;
        self.0.put(ACCOUNT, &bytes([account]), &bytes([balance]));
        balance
    }

    fn balance(&mut self, account: i64) -> i64 {
        self.0.get(ACCOUNT, &bytes([account])).map_or(0, |balance| balance[0])
    }

    fn lots(&mut self, member: i64, asset: Asset, f: &mut dyn FnMut(Part) -> bool) {
        let from = bytes([member, asset as i64, TODAY, 0]);
        let to = bytes([member, asset as i64, i64::MAX, i64::MAX]);
        self.0.range(LOT, [&from, &to], &mut |key, value| {
            let (key, value) = (numbers(key), numbers(value));
            f(Part { lot: key[3], expires: key[2], principal: value[0], bonus: value[1] })
        });
    }

    fn add(&mut self, member: i64, asset: Asset, part: Part) {
        let key = bytes([member, asset as i64, part.expires, part.lot]);
        let before = self.0.get(LOT, &key).unwrap_or(vec![0, 0]);
        let (principal, bonus) = (before[0] + part.principal, before[1] + part.bonus);
        // Those that hold nothing are not walked over.
        if principal + bonus == 0 {
            self.0.remove(LOT, &key);
        } else {
            self.0.put(LOT, &key, &bytes([principal, bonus]));
        }
    }

    fn open_sale(&mut self, key: i64, sold: &Sold) {
        let Sold { kind, member, amount, earned, parts } = sold;
        self.0.put(SALE, &bytes([key]), &bytes([*kind, *member, *amount, *earned, 0]));
        for part in parts {
            let taking = bytes([key, part.lot]);
            self.0.put(TAKING, &taking, &bytes([part.expires, part.principal, part.bonus]));
        }
    }

    fn return_sale(&mut self, key: i64) -> Sold {
        let row = self.0.get(SALE, &bytes([key])).expect("a sale");
        let [kind, member, amount, earned, 0] = row[..] else { panic!("returned before") };
        self.0.put(SALE, &bytes([key]), &bytes([kind, member, amount, earned, 1]));
        let mut sold = Sold { kind, member, amount, earned, parts: Vec::new() };
        let (from, to) = (bytes([key, 0]), bytes([key, i64::MAX]));
        self.0.range(TAKING, [&from, &to], &mut |key, value| {
            let (key, value) = (numbers(key), numbers(value));
            let [expires, principal, bonus] = value[..] else { panic!("three numbers") };
            sold.parts.push(Part { lot: key[1], expires, principal, bonus });
            false
        });
        sold
    }
}

/// redb, in memory.
pub(super) struct Redb(redb::Database);

/// Its tables, open for a transaction.
struct RedbTables<'t>(Vec<redb::Table<'t, &'static [u8], &'static [u8]>>);

impl Redb {
    pub(super) fn memory() -> Self {
        let memory = redb::backends::InMemoryBackend::new();
        Self(redb::Database::builder().create_with_backend(memory).expect("a database"))
    }
}

impl Store for Redb {
    fn transact(&mut self, f: &mut dyn FnMut(&mut dyn Tables)) {
        let transaction = self.0.begin_write().expect("a transaction");
        let open = |name| transaction.open_table(redb::TableDefinition::new(name)).expect("open");
        f(&mut Keys(RedbTables(NAMES.into_iter().map(open).collect())));
        transaction.commit().expect("committed");
    }
}

impl Pairs for RedbTables<'_> {
    fn get(&mut self, table: usize, key: &[u8]) -> Option<Vec<i64>> {
        self.0[table].get(key).expect("read").map(|value| numbers(value.value()))
    }

    fn put(&mut self, table: usize, key: &[u8], value: &[u8]) {
        self.0[table].insert(key, value).expect("written");
    }

    fn remove(&mut self, table: usize, key: &[u8]) {
        self.0[table].remove(key).expect("removed");
    }

    fn range(
        &mut self,
        table: usize,
        [from, to]: [&[u8]; 2],
        f: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) {
        for pair in self.0[table].range(from..=to).expect("read") {
            let (key, value) = pair.expect("read");
            if f(key.value(), value.value()) {
                return;
            }
        }
    }
}

/// fjall, on files that are never synced.
pub(super) struct Fjall {
    database: SingleWriterTxDatabase,
    spaces: Vec<SingleWriterTxKeyspace>,
    _place: Place,
}

struct FjallTables<'t> {
    transaction: SingleWriterWriteTx<'t>,
    spaces: &'t [SingleWriterTxKeyspace],
}

impl Fjall {
    pub(super) fn unsynced() -> Self {
        let place = Place::new("fjall");
        let database = SingleWriterTxDatabase::builder(&place.0).open().expect("a database");
        let open = |name| database.keyspace(name, KeyspaceCreateOptions::default).expect("open");
        let spaces = NAMES.into_iter().map(open).collect();
        Self { database, spaces, _place: place }
    }
}

impl Store for Fjall {
    fn transact(&mut self, f: &mut dyn FnMut(&mut dyn Tables)) {
        let transaction = self.database.write_tx().durability(None);
        let mut keys = Keys(FjallTables { transaction, spaces: &self.spaces });
        f(&mut keys);
        keys.0.transaction.commit().expect("committed");
    }
}

impl Pairs for FjallTables<'_> {
    fn get(&mut self, table: usize, key: &[u8]) -> Option<Vec<i64>> {
        let found = self.transaction.get(&self.spaces[table], key).expect("read");
        found.map(|value| numbers(&value))
    }

    fn put(&mut self, table: usize, key: &[u8], value: &[u8]) {
        self.transaction.insert(&self.spaces[table], key, value);
    }

    fn remove(&mut self, table: usize, key: &[u8]) {
        self.transaction.remove(&self.spaces[table], key);
    }

    fn range(
        &mut self,
        table: usize,
        [from, to]: [&[u8]; 2],
        f: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) {
        for pair in self.transaction.range(&self.spaces[table], from..=to) {
            let (key, value) = pair.into_inner().expect("read");
            if f(&key, &value) {
                return;
            }
        }
    }
}
