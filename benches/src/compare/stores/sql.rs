//! Tables of SQLite and of `PostgreSQL`: the same statements, prepared once.
#![allow(clippy::disallowed_methods, reason = "a server is found, and waited for until it listens")]

use super::Place;
use super::shop::{Asset, NEVER, Part, Sold, Store, TODAY, Tables};
use postgres::types::ToSql;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const SCHEMA: &str = "
    CREATE TABLE command (key BIGINT PRIMARY KEY, digest BIGINT NOT NULL, stored BIGINT NOT NULL, points BIGINT NOT NULL);
    CREATE TABLE posting (key BIGINT NOT NULL, n BIGINT NOT NULL, account BIGINT NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (key, n));
    CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL);
    CREATE TABLE lot (member BIGINT NOT NULL, asset BIGINT NOT NULL, id BIGINT NOT NULL, expires BIGINT NOT NULL, principal BIGINT NOT NULL, bonus BIGINT NOT NULL, PRIMARY KEY (member, asset, id));
    CREATE INDEX live ON lot (member, asset, expires, id) WHERE principal + bonus > 0;
    CREATE TABLE sale (key BIGINT PRIMARY KEY, kind BIGINT NOT NULL, member BIGINT NOT NULL, amount BIGINT NOT NULL, earned BIGINT NOT NULL, returned BIGINT NOT NULL);
    CREATE TABLE taking (sale BIGINT NOT NULL, lot BIGINT NOT NULL, principal BIGINT NOT NULL, bonus BIGINT NOT NULL, PRIMARY KEY (sale, lot));";

/// The statements, by number. Parameters stand in the order of their numbers.
const STATEMENTS: [&str; 9] = [
    "SELECT digest FROM command WHERE key = $1",
    "INSERT INTO command (key, digest, stored, points) VALUES ($1, $2, $3, $4)",
    "INSERT INTO posting (key, n, account, amount) VALUES ($1, $2, $3, $4)",
    "INSERT INTO account (id, balance) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET balance = account.balance + excluded.balance RETURNING balance",
    "SELECT balance FROM account WHERE id = $1",
    "SELECT id, expires, principal, bonus FROM lot WHERE member = $1 AND asset = $2 AND expires >= $3 AND principal + bonus > 0 ORDER BY expires, id LIMIT $4",
    "INSERT INTO lot (member, asset, id, expires, principal, bonus) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (member, asset, id) DO UPDATE SET principal = lot.principal + excluded.principal, bonus = lot.bonus + excluded.bonus",
    "INSERT INTO sale (key, kind, member, amount, earned, returned) VALUES ($1, $2, $3, $4, $5, 0)",
    "INSERT INTO taking (sale, lot, principal, bonus) VALUES ($1, $2, $3, $4)",
];
const RETURN: [&str; 2] = [
    "UPDATE sale SET returned = 1 WHERE key = $1 AND returned = 0 RETURNING kind, member, amount, earned",
    "SELECT lot, principal, bonus FROM taking WHERE sale = $1",
];

/// A connection on which prepared statements run.
pub(super) trait Connection {
    fn batch(&mut self, sql: &str);
    /// Runs a statement and gives its rows, all of which are whole numbers.
    fn run(&mut self, statement: usize, parameters: &[i64], row: &mut dyn FnMut(&[i64]));
}

/// What to say at the start and at the end of a transaction.
pub(super) struct Sql<C> {
    connection: C,
    begin: &'static str,
}

impl<C: Connection> Store for Sql<C> {
    fn transact(&mut self, f: &mut dyn FnMut(&mut dyn Tables)) {
        self.connection.batch(self.begin);
        f(self);
        self.connection.batch("COMMIT");
    }
}

impl<C: Connection> Tables for Sql<C> {
    fn is_known(&mut self, key: i64) -> bool {
        let mut known = false;
        self.connection.run(0, &[key], &mut |_| known = true);
        known
    }

    fn answered(&mut self, key: i64, digest: i64, stored: i64, points: i64) {
        self.connection.run(1, &[key, digest, stored, points], &mut |_| {});
    }

    fn post(&mut self, key: i64, n: i64, account: i64, _: Asset, amount: i64) -> i64 {
        self.connection.run(2, &[key, n, account, amount], &mut |_| {});
        let mut balance = 0;
        self.connection.run(3, &[account, amount], &mut |row| balance = row[0]);
        balance
    }

    fn balance(&mut self, account: i64) -> i64 {
        let mut balance = 0;
        self.connection.run(4, &[account], &mut |row| balance = row[0]);
        balance
    }

    fn lots(&mut self, member: i64, asset: Asset, f: &mut dyn FnMut(Part) -> bool) {
        // Mostly one lot is enough; when four are not, the rest is asked for.
        for (limit, skip) in [(4, 0), (i64::from(i32::MAX), 4)] {
            let mut lots = Vec::new();
            self.connection.run(5, &[member, asset as i64, TODAY, limit], &mut |row| {
                let [lot, expires, principal, bonus] = *row else { panic!("four columns") };
                lots.push(Part { lot, expires, principal, bonus });
            });
            if lots.iter().skip(skip).any(|lot| f(*lot)) || lots.len() < 4 {
                return;
            }
        }
    }

    fn add(&mut self, member: i64, asset: Asset, part: Part) {
        let Part { lot, expires, principal, bonus } = part;
        let values = [member, asset as i64, lot, expires, principal, bonus];
        self.connection.run(6, &values, &mut |_| {});
    }

    fn open_sale(&mut self, key: i64, sold: &Sold) {
        let Sold { kind, member, amount, earned, parts } = sold;
        self.connection.run(7, &[key, *kind, *member, *amount, *earned], &mut |_| {});
        for part in parts {
            self.connection.run(8, &[key, part.lot, part.principal, part.bonus], &mut |_| {});
        }
    }

    fn return_sale(&mut self, key: i64) -> Sold {
        let mut sold = None;
        let returned = STATEMENTS.len();
        self.connection.run(returned, &[key], &mut |row| {
            let [kind, member, amount, earned] = *row else { panic!("four columns") };
            sold = Some(Sold { kind, member, amount, earned, parts: Vec::new() });
        });
        let mut sold = sold.expect("a sale that was not returned");
        self.connection.run(returned + 1, &[key], &mut |row| {
            // The lot is there, with its last day.
            let (lot, expires) = (row[0], NEVER);
            sold.parts.push(Part { lot, expires, principal: row[1], bonus: row[2] });
        });
        sold
    }
}

fn statements() -> impl Iterator<Item = &'static str> {
    STATEMENTS.into_iter().chain(RETURN)
}

/// A connection to SQLite.
pub(super) struct Sqlite {
    connection: rusqlite::Connection,
    texts: Vec<String>,
    _place: Option<Place>,
}

impl Sqlite {
    /// In memory: nothing is ever synced.
    pub(super) fn memory() -> Sql<Self> {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        Self::set_up(connection, None, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")
    }

    /// On a file, with a write-ahead log that is synced at every commit.
    pub(super) fn durable() -> Sql<Self> {
        let place = Place::new("sqlite");
        let connection = rusqlite::Connection::open(place.file("shop.db")).expect("SQLite");
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        Self::set_up(connection, Some(place), pragmas)
    }

    fn set_up(connection: rusqlite::Connection, place: Option<Place>, pragmas: &str) -> Sql<Self> {
        connection.execute_batch(pragmas).expect("pragmas");
        connection.execute_batch(SCHEMA).expect("a schema");
        connection.set_prepared_statement_cache_capacity(32);
        let texts = statements().map(|text| text.replace('$', "?")).collect();
        Sql { connection: Self { connection, texts, _place: place }, begin: "BEGIN IMMEDIATE" }
    }
}

impl Connection for Sqlite {
    fn batch(&mut self, sql: &str) {
        self.connection.prepare_cached(sql).expect("a statement").execute([]).expect("done");
    }

    fn run(&mut self, statement: usize, parameters: &[i64], row: &mut dyn FnMut(&[i64])) {
        let mut statement =
            self.connection.prepare_cached(&self.texts[statement]).expect("a statement");
        let columns = statement.column_count();
        let parameters = rusqlite::params_from_iter(parameters);
        let mut rows = statement.query(parameters).expect("rows");
        let mut values = [0; 4];
        while let Some(found) = rows.next().expect("a row") {
            for (n, value) in values.iter_mut().enumerate().take(columns) {
                *value = found.get(n).expect("a number");
            }
            row(&values[..columns]);
        }
    }
}

/// A connection to a `PostgreSQL` server of our own, which ends with it.
pub(super) struct Postgres {
    client: postgres::Client,
    prepared: Vec<postgres::Statement>,
    server: Child,
    _place: Place,
}

impl Postgres {
    /// Starts a server, if there is one on this machine; says loudly when there is none.
    pub(super) fn start() -> Option<Sql<Self>> {
        match Self::try_start() {
            Ok(server) => Some(server),
            Err(why) => {
                println!("!!!! skipped: no such program: postgres ({why})");
                None
            }
        }
    }

    fn try_start() -> Result<Sql<Self>, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (initdb, postgres) = (program("initdb")?, program("postgres")?);
        let place = Place::new("postgres");
        let data = place.file("data");
        // A server refuses to run as root; an account of the system's lends its name.
        let root = run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        let user = if root { "nobody" } else { "" };
        if root {
            run(Command::new("chown").arg(user).arg(&place.0))?;
        }
        let as_user = |program: &str| {
            let mut command = Command::new(if root { "setpriv" } else { program });
            if root {
                command.args(["--reuid", user, "--clear-groups", "--", program]);
            }
            command.env("LC_ALL", "C").current_dir("/");
            command
        };
        run(as_user(&initdb)
            .args(["-A", "trust", "-U", "shop", "-E", "UTF8", "-N", "-D"])
            .arg(&data))?;
        // A socket's path must be short.
        let sockets = std::env::temp_dir();
        let port = 20_000 + std::process::id() % 20_000 + NEXT.fetch_add(1, Ordering::Relaxed);
        let server = as_user(&postgres)
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "synchronous_commit=off", "-c", "fsync=off"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", sockets.display()))
            .args(["-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let address = format!("host={} port={port} user=shop dbname=postgres", sockets.display());
        let mut server = Ending(Some(server));
        let until = Instant::now() + Duration::from_secs(20);
        let mut client = loop {
            match postgres::Client::connect(&address, postgres::NoTls) {
                Ok(client) => break client,
                Err(error) if Instant::now() > until => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        client.batch_execute(SCHEMA).map_err(|error| error.to_string())?;
        let prepared: Result<Vec<_>, _> = statements().map(|text| client.prepare(text)).collect();
        let prepared = prepared.map_err(|error| error.to_string())?;
        let server = server.0.take().ok_or("no server")?;
        Ok(Sql { connection: Self { client, prepared, server, _place: place }, begin: "BEGIN" })
    }
}

impl Connection for Postgres {
    fn batch(&mut self, sql: &str) {
        self.client.batch_execute(sql).expect("done");
    }

    fn run(&mut self, statement: usize, parameters: &[i64], row: &mut dyn FnMut(&[i64])) {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        for found in self.client.query(&self.prepared[statement], &parameters).expect("rows") {
            let values: Vec<i64> = (0..found.len()).map(|n| found.get(n)).collect();
            row(&values);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

/// Ends a server that was never handed over.
struct Ending(Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(server) = &mut self.0 {
            end(server);
        }
    }
}

/// A fast shutdown: by SIGINT, to the one process that we started.
fn end(server: &mut Child) {
    let asked = run(Command::new("kill").args(["-INT", &server.id().to_string()]));
    if asked.is_err() {
        drop(server.kill());
    }
    drop(server.wait());
}

fn program(name: &str) -> Result<String, String> {
    let mut places: Vec<String> =
        run(Command::new("sh").arg("-c").arg("ls -d /usr/lib/postgresql/*/bin /usr/local/bin"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
    let path = std::env::var("PATH").unwrap_or_default();
    places.extend(path.split(':').map(str::to_owned));
    let found = places.iter().map(|place| format!("{place}/{name}"));
    let mut found = found.filter(|path| std::path::Path::new(path).is_file());
    found.next().ok_or_else(|| format!("{name} is nowhere"))
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() || !output.stdout.is_empty() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
