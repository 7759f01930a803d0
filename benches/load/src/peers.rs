//! What one would write by hand on PostgreSQL: a transaction for each operation.
//!
//! It writes to the product's own tables what an append cannot do without: the record, and the version in
//! the head. There is no audit entry, no check of a lock and no lookup of a name.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store_postgres::testkit::program;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use crate::Failure;
use crate::latency::Latencies;
use crate::material;
use crate::rig::{Phases, tell};
use crate::sample::Sample;

/// One statement, so one round trip and one transaction.
const APPEND: &str = "WITH head AS (UPDATE documents SET version = version + 1, updated_by = 'alice', \
     updated_at = now() WHERE id = $1 RETURNING version) \
     INSERT INTO operations (document_id, version, id, type, status, user_id, session_id, client_id, \
     prev_version, timestamp, named, conflict_id, body, checksum) \
     SELECT $1, version, gen_random_uuid(), 'text', 'applied', 'alice', $2, '', version - 1, now(), false, \
     NULL, $3, 0 FROM head";

/// The same if the version is still the one that was read.
const COMPARE_AND_APPEND: &str = "WITH head AS (UPDATE documents SET version = version + 1, \
     updated_by = 'alice', updated_at = now() WHERE id = $1 AND version = $4 RETURNING version) \
     INSERT INTO operations (document_id, version, id, type, status, user_id, session_id, client_id, \
     prev_version, timestamp, named, conflict_id, body, checksum) \
     SELECT $1, version, gen_random_uuid(), 'text', 'applied', 'alice', $2, '', version - 1, now(), false, \
     NULL, $3, 0 FROM head";

const VERSION: &str = "SELECT version FROM documents WHERE id = $1";

/// Bytes of a session's id and of a record's body, as ours has them.
const SESSION: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The id of document number `index` (from 1): one that an SQL expression can make.
fn document_uuid(index: usize) -> Result<Uuid, Failure> {
    Ok(format!("00000000-0000-7000-8000-{index:012}").parse()?)
}

/// The ids of the first `count` documents.
pub(crate) fn document_uuids(count: usize) -> Result<Vec<Uuid>, Failure> {
    (1..=count).map(document_uuid).collect()
}

/// Documents for these transactions.
pub(crate) async fn create(url: &str, documents: usize) -> Result<(), Failure> {
    let client = connect(url).await?;
    let insert = "INSERT INTO documents (id, name, type, state, version, created_by, created_at, \
         updated_by, updated_at, policy, metadata, audit) VALUES ($1, 'Bench', 'text', 'active', 0, 'alice', \
         now(), 'alice', now(), 'merge', '{\"permissions\": {\"owner\": \"alice\"}}', $2)";
    let statement = client.prepare(insert).await?;
    let audit: &[u8] = &[7; 32];
    for id in document_uuids(documents)? {
        client.execute(&statement, &[&id, &audit]).await?;
    }
    Ok(())
}

pub(crate) async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// How the transactions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Whoever comes writes.
    Append,
    /// Whoever wrote first has written; the others read again.
    Optimistic,
}

/// So many clients, each with a connection and a prepared statement, on so many documents.
pub(crate) async fn transactions(
    url: &str,
    way: Way,
    clients: u32,
    documents: usize,
    duration: Duration,
    sample: Sample,
) -> Result<Sample, Failure> {
    let phases = Phases::default();
    let ids: Arc<[Uuid]> = document_uuids(documents)?.into();
    let mut tasks = Vec::new();
    for number in 0..clients {
        let peer = Peer {
            client: connect(url).await?,
            ids: Arc::clone(&ids),
            way: u64::from(number),
        };
        tasks.push(tokio::spawn(peer.write(way, phases.clone())));
    }
    phases.run(duration).await;
    let (mut latencies, mut refused) = (Latencies::default(), 0);
    for task in tasks {
        let (of_one, refused_of_one) = task.await??;
        latencies.join(of_one);
        refused += refused_of_one;
    }
    let refused = refused as f64 / latencies.len() as f64;
    Ok(tell(latencies, duration, sample).with("conflicts_per_success", refused))
}

struct Peer {
    client: Client,
    ids: Arc<[Uuid]>,
    /// Of documents.
    way: u64,
}

impl Peer {
    /// Latencies, and how often somebody else had written first.
    async fn write(mut self, way: Way, phases: Phases) -> Result<(Latencies, u64), Failure> {
        let append = self.client.prepare(APPEND).await?;
        let read = self.client.prepare(VERSION).await?;
        let compare = self.client.prepare(COMPARE_AND_APPEND).await?;
        let (mut latencies, mut refused) = (Latencies::default(), 0);
        let update = material::keystroke(1_000, 100);
        let body: &[u8] = &update;
        while !phases.is_over() {
            let index = material::next_random(&mut self.way) as usize % self.ids.len();
            let id = self.ids[index];
            let began = Instant::now();
            if way == Way::Append {
                self.client
                    .execute(&append, &[&id, &SESSION, &body])
                    .await?;
            } else {
                refused += self
                    .optimistically(&read, &compare, id, body, &phases)
                    .await?;
            }
            phases.note(&mut latencies, began);
        }
        Ok((latencies, refused))
    }

    async fn optimistically(
        &self,
        read: &Statement,
        compare: &Statement,
        id: Uuid,
        body: &[u8],
        phases: &Phases,
    ) -> Result<u64, Failure> {
        let mut refused = 0;
        while !phases.is_over() {
            let version: i64 = self.client.query_one(read, &[&id]).await?.get(0);
            let wrote = self
                .client
                .execute(compare, &[&id, &SESSION, &body, &version])
                .await?;
            if wrote == 1 {
                break;
            }
            refused += 1;
        }
        Ok(refused)
    }
}

/// The same append by PostgreSQL's own load generator.
pub(crate) fn pgbench(
    url: &str,
    clients: u32,
    documents: usize,
    duration: Duration,
    sample: Sample,
) -> Result<Sample, Failure> {
    let mut script = tempfile::NamedTempFile::new()?;
    let id = "('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid";
    let update = material::keystroke(1_000, 100);
    let body: String = update.iter().map(|byte| format!("{byte:02x}")).collect();
    let append = APPEND
        .replace("$1", id)
        .replace("$2", &format!("'{SESSION}'"))
        .replace("$3", &format!("'\\x{body}'::bytea"));
    writeln!(script, "\\set n random(1, {documents})\n{append};")?;
    let mut pgbench = Command::new(program("pgbench"));
    pgbench
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .args(["--client", &clients.to_string()])
        .args(["--time", &duration.as_secs().max(1).to_string()])
        .arg("--file")
        .arg(script.path())
        .arg(url);
    let output = pgbench.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    let rate = rate(&text).ok_or_else(|| format!("pgbench says no rate: {text} {log}"))?;
    Ok(sample.with("per_second", rate))
}

/// The rate in what pgbench prints.
fn rate(printed: &str) -> Option<f64> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_pgbench_is_found() {
        let printed = "latency average = 1.4 ms\n\
             initial connection time = 11.5 ms\n\
             tps = 11623.123456 (without initial connection time)\n";
        assert_eq!(rate(printed), Some(11_623.123_456));
        assert_eq!(rate("pgbench: error: connection failed"), None);
    }

    #[test]
    fn ids_are_those_of_the_script() {
        let id = document_uuid(42).unwrap();
        assert_eq!(id.to_string(), "00000000-0000-7000-8000-000000000042");
        assert_eq!(id.get_version_num(), 7);
    }
}
