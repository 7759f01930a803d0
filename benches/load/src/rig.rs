//! A library of documents and writers who write to them, each with one edit on its way.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use guuid::{Guuid, SystemClock};
use statesync_core::{
    Author, Change, DocumentId, DocumentStore, DocumentType, Edit, Library, Limits, NewDocument,
    OpenDocument, PublicAccess, UserId,
};
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::latency::Latencies;
use crate::material;
use crate::sample::Sample;

/// A runtime as the services have it.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Where stores under test live: on the disk of the build, never in a memory file system.
pub(crate) fn scratch() -> Result<PathBuf, Failure> {
    let directory = std::path::absolute("target/bench-load")?;
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// A library on the runtime that this is called in.
pub(crate) fn library(store: Arc<dyn DocumentStore>) -> Library {
    Library::new(
        store,
        Arc::new(SystemClock),
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        Limits::default(),
    )
}

/// Somebody who writes.
pub(crate) fn author() -> Result<Author, Failure> {
    Ok(Author {
        user_id: UserId::new("alice")?,
        session_id: Guuid::now().to_string().into(),
    })
}

/// New documents.
pub(crate) async fn create(
    library: &Library,
    kind: DocumentType,
    count: usize,
) -> Result<Vec<DocumentId>, Failure> {
    let new = NewDocument {
        name: "Bench".to_owned(),
        kind,
        owner: author()?.user_id,
        public: PublicAccess::Edit,
    };
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(library.create(new.clone()).await?.id);
    }
    Ok(ids)
}

/// Who writes how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) writers: u32,
    pub(crate) duration: Duration,
}

impl Load {
    /// Writers go from document to document, each by a way of its own, for `duration`, after a third as
    /// long to warm up.
    pub(crate) async fn put_on(
        self,
        library: &Library,
        ids: &[DocumentId],
        sample: Sample,
    ) -> Result<Sample, Failure> {
        let mut documents = Vec::with_capacity(ids.len());
        for id in ids {
            documents.push(library.open(*id).await?);
        }
        let documents: Arc<[_]> = documents.into();
        let phases = Phases::default();
        let mut writers = Vec::new();
        for client in 0..self.writers {
            // Two places of a document may not write as one Yjs client.
            let client = client + 1;
            writers.push(tokio::spawn(write(
                Arc::clone(&documents),
                author()?,
                client,
                phases.clone(),
            )));
        }
        phases.run(self.duration).await;
        let mut latencies = Latencies::default();
        for writer in writers {
            latencies.join(writer.await??);
        }
        Ok(tell(latencies, self.duration, sample))
    }
}

/// Rate and latencies of what was done in `duration`.
pub(crate) fn tell(latencies: Latencies, duration: Duration, sample: Sample) -> Sample {
    let rate = latencies.len() as f64 / duration.as_secs_f64();
    latencies.tell(sample.with("per_second", rate))
}

/// Whether those at work are warming up, are measured, or are to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phases {
    measured: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Phases {
    /// Lets the others work for `duration`, after a third as long to warm up.
    pub(crate) async fn run(&self, duration: Duration) {
        tokio::time::sleep(duration / 3).await;
        self.measured.store(true, Ordering::Relaxed);
        tokio::time::sleep(duration).await;
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// What was done counts if it was done while they were measured.
    pub(crate) fn note(&self, latencies: &mut Latencies, began: Instant) {
        if self.measured.load(Ordering::Relaxed) && !self.is_over() {
            latencies.note(began.elapsed());
        }
    }
}

async fn write(
    documents: Arc<[Arc<OpenDocument>]>,
    author: Author,
    client: u32,
    phases: Phases,
) -> Result<Latencies, Failure> {
    let mut latencies = Latencies::default();
    let mut typed = vec![0; documents.len()];
    let mut way = u64::from(client);
    while !phases.is_over() {
        let index = material::next_random(&mut way) as usize % documents.len();
        let update = material::keystroke(client, typed[index]);
        typed[index] += 1;
        let edit = Edit::new(author.clone(), Change::Yjs(update));
        let began = Instant::now();
        let receipt = documents[index].submit(edit, None).await?;
        receipt.answer().await?;
        phases.note(&mut latencies, began);
    }
    Ok(latencies)
}
