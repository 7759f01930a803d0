//! Many documents, each touched once and put away again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guuid::{Guuid, ManualClock};
use statesync_core::{Change, DocumentId, DocumentStore, DocumentType, Edit, Library, Limits};
use store_embedded::EmbeddedStore;
use store_postgres::testkit::Cluster;
use store_postgres::{Options, PostgresStore};
use tokio::runtime::Runtime;

use crate::part::{Plan, Record};
use crate::rig::{author, create, scratch};
use crate::sample::{Limit, Sample, Target, best, table};
use crate::{Failure, heap, material};

const CASE: &str = "touched once and put away";

pub(crate) fn measure(
    runtime: &Runtime,
    cluster: &Cluster,
    plan: &Plan,
    round: u32,
    record: &mut Record<'_>,
) -> Result<(), Failure> {
    let documents = plan.either(10_000, 200);
    let case = format!("{documents} documents {CASE}");
    let directory = tempfile::tempdir_in(scratch()?)?;
    let store = embedded(directory.path())?;
    let sample = Sample::new(&case, "embedded store", round);
    let flush = || store.flush();
    record(runtime.block_on(touched(Arc::new(store.clone()), documents, flush, sample))?)?;
    store.close();
    let url = runtime.block_on(cluster.database(&format!("eviction{round}")));
    let store = runtime.block_on(PostgresStore::connect(&Options::new(url)))?;
    let sample = Sample::new(&case, "PostgreSQL", round);
    let nothing = || Ok(());
    record(runtime.block_on(touched(Arc::new(store), documents, nothing, sample))?)
}

/// A store whose own buffers are small: it is the library that is looked at.
fn embedded(directory: &Path) -> Result<EmbeddedStore, Failure> {
    const BYTES: u64 = 256 * 1024;
    let options = store_embedded::Options::new(directory);
    let options = options.memory_bytes(BYTES).cache_bytes(BYTES);
    Ok(EmbeddedStore::open(&options)?)
}

async fn touched(
    store: Arc<dyn DocumentStore>,
    documents: usize,
    flush: impl Fn() -> Result<(), String>,
    sample: Sample,
) -> Result<Sample, Failure> {
    let clock = Arc::new(ManualClock::new(
        SystemTime::now().duration_since(UNIX_EPOCH)?,
    ));
    let library = Library::new(
        store,
        clock.clone(),
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        Limits::default(),
    );
    let ids = create(&library, DocumentType::Text, 2 * documents).await?;
    let (others, ids) = ids.split_at(documents);
    // As many others go the same way before: what a store keeps within bounds, its connections, its buffers
    // and its caches, is full by then. What stays of each document shows all the same.
    touch(&library, others).await?;
    flush()?;
    put_away(&library, &clock).await?;
    let before = heap::live();
    touch(&library, ids).await?;
    let open = heap::live() - before;
    flush()?;
    put_away(&library, &clock).await?;
    let left = heap::live() - before;
    library.close().await;
    Ok(sample
        .with("open_bytes", open as f64 / documents as f64)
        .with("before_bytes", before as f64)
        .with("left_bytes", left as f64)
        .with("after_over_before", (before + left) as f64 / before as f64))
}

/// Opens each of them, and types one character.
async fn touch(library: &Library, ids: &[DocumentId]) -> Result<(), Failure> {
    for id in ids {
        let open = library.open(*id).await?;
        let edit = Edit::new(author()?, Change::Yjs(material::keystroke(1, 0)));
        open.submit(edit, None).await?.answer().await?;
    }
    Ok(())
}

/// Lets the idle time pass, and waits until nothing is open.
async fn put_away(library: &Library, clock: &ManualClock) -> Result<(), Failure> {
    const LOOK_AFTER: Duration = Duration::from_millis(20);
    const LOOKS_ALIKE: u32 = 10;
    clock.advance(Duration::from_secs(3_600));
    let settling = async {
        let (mut last, mut alike) = (heap::live(), 0);
        while alike < LOOKS_ALIKE {
            // An owner who has just answered is at work for a moment longer, and ends a little later.
            library.sweep();
            tokio::time::sleep(LOOK_AFTER).await;
            let now = heap::live();
            let is_settled = now == last && library.statistics().open_documents == 0;
            alike = if is_settled { alike + 1 } else { 0 };
            last = now;
        }
    };
    Ok(tokio::time::timeout(Duration::from_secs(60), settling).await?)
}

fn is_of(sample: &Sample) -> bool {
    sample.case.ends_with(CASE)
}

pub(crate) fn section(samples: &[Sample]) -> String {
    let own: Vec<_> = samples.iter().filter(|it| is_of(it)).cloned().collect();
    let columns = [
        ("open_bytes", "bytes for each while open", 0),
        ("before_bytes", "memory before, bytes", 0),
        ("left_bytes", "more afterwards, bytes", 0),
        ("after_over_before", "afterwards, times before", 3),
    ];
    format!("{ABOUT}{}", table(&own, &columns))
}

pub(crate) fn targets(samples: &[Sample]) -> Vec<Target> {
    let after = best(samples, is_of, "after_over_before", f64::max);
    let what = "documents touched once: memory after they were put away";
    vec![Target::new(what, Limit::AtMost(1.1), after, " times")]
}

const ABOUT: &str = "\
Documents are opened through the library, get one keystroke each, and are all open together; then the idle time
passes and `sweep` is called. *Before* is everything in this process, allocated since the bench began; as many other
documents went the same way before that, so that the buffers and caches of the store are as full as they get.

";
