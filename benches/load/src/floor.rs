//! What PostgreSQL takes for the rows of an append when nobody but it needs a processor.
//!
//! The same rows that the product writes (records, audit entries, heads), made by the database itself, in
//! groups: no group commit can be faster, whatever is before it.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::Failure;
use crate::latency::Latencies;
use crate::material;
use crate::peers::{connect, document_uuids};
use crate::rig::Phases;
use crate::sample::Sample;

/// Documents of one transaction: as many as wait when many write.
const GROUP: usize = 256;

/// Bytes of a digest, and of a link of the audit chain.
const HASH: [u8; 32] = [7; 32];

const APPEND: &str = "WITH head AS (UPDATE documents SET version = version + 1, updated_by = 'alice', \
     updated_at = now(), audit = $4 WHERE id = ANY ($1) RETURNING id, version), \
     record AS (INSERT INTO operations (document_id, version, id, type, status, user_id, session_id, \
     client_id, prev_version, timestamp, named, conflict_id, body, checksum) \
     SELECT id, version, gen_random_uuid(), 'text', 'applied', 'alice', $2, '', version - 1, now(), false, \
     NULL, $3, 0 FROM head) \
     INSERT INTO audit (document_id, version, operation_id, user_id, timestamp, kind, digest, hash) \
     SELECT id, version, gen_random_uuid(), 'alice', now(), 'text', $4, $4 FROM head";

/// So many connections, each with documents of its own: nobody waits for a row.
pub(crate) async fn groups(
    url: &str,
    connections: u32,
    documents: usize,
    duration: Duration,
    sample: Sample,
) -> Result<Sample, Failure> {
    let phases = Phases::default();
    let ids = document_uuids(documents)?;
    let each = documents / connections as usize;
    let mut tasks = Vec::new();
    for (number, own) in (0..connections).zip(ids.chunks(each.max(1))) {
        let work = append(
            url.to_owned(),
            own.to_vec(),
            u64::from(number),
            phases.clone(),
        );
        tasks.push(tokio::spawn(work));
    }
    phases.run(duration).await;
    let mut operations = 0;
    for task in tasks {
        operations += task.await??;
    }
    let rate = operations as f64 / duration.as_secs_f64();
    Ok(sample.with("per_second", rate))
}

/// How many operations one connection made while it was measured.
async fn append(
    url: String,
    mut ids: Vec<Uuid>,
    mut way: u64,
    phases: Phases,
) -> Result<usize, Failure> {
    let client = connect(&url).await?;
    let statement = client.prepare(APPEND).await?;
    let session = Uuid::from_u64_pair(way, way).to_string();
    let body: &[u8] = &material::keystroke(1_000, 100);
    let hash = HASH.as_slice();
    let size = GROUP.min(ids.len());
    let mut groups = Latencies::default();
    while !phases.is_over() {
        for place in 0..size {
            let other = material::next_random(&mut way) as usize % ids.len();
            ids.swap(place, other);
        }
        let group = &ids[..size];
        let began = Instant::now();
        client
            .execute(&statement, &[&group, &session, &body, &hash])
            .await?;
        phases.note(&mut groups, began);
    }
    Ok(groups.len() * size)
}
