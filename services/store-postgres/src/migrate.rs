//! The tables, brought to what this version of the software expects.
//!
//! Migrations are numbered files. Each is applied in one transaction together with a row that says so;
//! a file is never changed afterwards. Instances that start at once take turns, by a lock of the
//! transaction: one of the session would be left behind on a pooler's connection.

use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row, Transaction};

use crate::error::ConnectError;

struct Migration {
    number: i32,
    name: &'static str,
    sql: &'static str,
}

/// In order, without a gap.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "documents",
        sql: include_str!("migrations/0001_documents.sql"),
    },
    Migration {
        number: 2,
        name: "audit",
        sql: include_str!("migrations/0002_audit.sql"),
    },
    Migration {
        number: 3,
        name: "append",
        sql: include_str!("migrations/0003_append.sql"),
    },
    Migration {
        number: 4,
        name: "snapshots",
        sql: include_str!("migrations/0004_snapshots.sql"),
    },
];

/// Applies those migrations that the database does not have yet.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), ConnectError> {
    for migration in MIGRATIONS {
        apply(client, migration).await?;
    }
    Ok(())
}

/// Refuses a database that does not have all of them, and changes nothing.
pub(crate) async fn expect_all(client: &mut Client) -> Result<(), ConnectError> {
    let applied = listed(client).await;
    let applied = applied.map_err(ConnectError::Migrations)?;
    check(&applied)?;
    let found = applied.last().map_or(0, |(number, _)| *number);
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    if found < known {
        return Err(ConnectError::OlderSchema { found, known });
    }
    Ok(())
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<(), ConnectError> {
    let transaction = client.transaction().await;
    let transaction = transaction.map_err(ConnectError::Migrations)?;
    let applied = applied(&transaction).await;
    let applied = applied.map_err(ConnectError::Migrations)?;
    check(&applied)?;
    if applied
        .iter()
        .any(|(number, _)| *number == migration.number)
    {
        return transaction
            .rollback()
            .await
            .map_err(ConnectError::Migrations);
    }
    let written = write(transaction, migration).await;
    written.map_err(|source| ConnectError::Migration {
        number: migration.number,
        name: migration.name,
        source,
    })?;
    let (number, name) = (migration.number, migration.name);
    tracing::info!(number, name, "applied a migration of the database");
    Ok(())
}

/// Numbers and checksums of what was applied, read when nobody else is applying anything.
async fn applied(transaction: &Transaction<'_>) -> Result<Vec<(i32, String)>, Error> {
    let settings =
        format!("SET LOCAL statement_timeout = {STATEMENT_MS}; SET LOCAL lock_timeout = {LOCK_MS}");
    transaction.batch_execute(&settings).await?;
    transaction
        .query_typed(TURN, &[(&TURNS, Type::INT8)])
        .await?;
    // Asked first: a role that may not make tables can start on a database that has them.
    let there = transaction.query_typed_one(IS_THERE, &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        transaction.batch_execute(TABLE).await?;
    }
    numbered(&transaction.query_typed(APPLIED, &[]).await?)
}

/// The same, of a database that may have none of our tables.
async fn listed(client: &Client) -> Result<Vec<(i32, String)>, Error> {
    let there = client.query_typed_one(IS_THERE, &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    numbered(&client.query_typed(APPLIED, &[]).await?)
}

fn numbered(rows: &[Row]) -> Result<Vec<(i32, String)>, Error> {
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Whether what was applied is what we know.
fn check(applied: &[(i32, String)]) -> Result<(), ConnectError> {
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    for (number, checksum) in applied {
        let Some(migration) = MIGRATIONS.iter().find(|one| one.number == *number) else {
            let found = *number;
            return Err(ConnectError::NewerSchema { found, known });
        };
        if checksum_of(migration) != *checksum {
            return Err(ConnectError::MigrationChanged {
                number: migration.number,
                name: migration.name,
            });
        }
    }
    Ok(())
}

async fn write(transaction: Transaction<'_>, migration: &Migration) -> Result<(), Error> {
    transaction.batch_execute(migration.sql).await?;
    let checksum = checksum_of(migration);
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
        (&migration.number, Type::INT4),
        (&migration.name, Type::TEXT),
        (&checksum, Type::TEXT),
    ];
    transaction.query_typed(RECORD, &parameters).await?;
    transaction.commit().await
}

/// The SHA-256 of its text, in hexadecimal.
fn checksum_of(migration: &Migration) -> String {
    let digest: [u8; 32] = Sha256::digest(migration.sql).into();
    statesync_core::Digest(digest).to_string()
}

const TURN: &str = "SELECT pg_advisory_xact_lock($1)";
/// Ours among the advisory locks of a database: "aetherfl" in ASCII.
const TURNS: i64 = 0x6165_7468_6572_666c;
const IS_THERE: &str = "SELECT to_regclass('schema_migrations') IS NOT NULL";
const TABLE: &str = "CREATE TABLE schema_migrations (number integer NOT NULL PRIMARY KEY, \
     name text NOT NULL, checksum text NOT NULL, \
     applied_at timestamptz NOT NULL DEFAULT clock_timestamp())";
const APPLIED: &str = "SELECT number, checksum FROM schema_migrations ORDER BY number";
const RECORD: &str = "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)";

/// Rewriting a large table takes its time.
const STATEMENT_MS: u32 = 600_000;
/// Longer than another instance needs for what we would have to do, too.
const LOCK_MS: u32 = 600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(numbers: &[i32]) -> Vec<(i32, String)> {
        let of = |number: &i32| {
            let known = MIGRATIONS.iter().find(|one| one.number == *number);
            (*number, known.map(checksum_of).unwrap_or_default())
        };
        numbers.iter().map(of).collect()
    }

    #[test]
    fn numbers_have_no_gap() {
        let numbers = MIGRATIONS.iter().map(|migration| migration.number);
        assert!(numbers.eq(1..=MIGRATIONS.len() as i32));
    }

    #[test]
    fn what_was_applied_is_known_and_unchanged() {
        check(&applied(&[])).unwrap();
        check(&applied(&[1])).unwrap();
        check(&applied(&[1, 2])).unwrap();
        let newest = MIGRATIONS.len() as i32;
        let all: Vec<i32> = (1..=newest + 1).collect();
        let Err(ConnectError::NewerSchema { found, known }) = check(&applied(&all)) else {
            panic!("taken for known");
        };
        assert_eq!((found, known), (newest + 1, newest));
        let mut changed = applied(&[1, 2]);
        changed[1].1.replace_range(..1, "x");
        let changed = check(&changed);
        assert!(matches!(
            changed,
            Err(ConnectError::MigrationChanged { number: 2, .. })
        ));
    }
}
