//! The stores that were chosen.

use std::path::Path;
use std::sync::Arc;

use session_core::SessionStore;
use statesync_core::DocumentStore;
use store_embedded::{EmbeddedStore, OpenError, OpenOptions};

use crate::options::{Settings, StoreChoice};

/// The chosen stores, and the engine below them if one is open.
pub(crate) struct Stores {
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    embedded: Option<EmbeddedStore>,
}

impl Stores {
    /// Opens what was chosen.
    pub(crate) fn open(settings: &Settings) -> Result<Self, OpenError> {
        let choices = [settings.document_store, settings.session_store];
        let embedded = if choices.contains(&StoreChoice::Embedded) {
            Some(open_embedded(&settings.data_dir, settings.accept_data_loss)?)
        } else {
            None
        };
        let documents: Arc<dyn DocumentStore> = match (&embedded, settings.document_store) {
            (Some(store), StoreChoice::Embedded) => store.documents(),
            _ => Arc::new(statesync_core::MemoryStore::new()),
        };
        let sessions: Arc<dyn SessionStore> = match (&embedded, settings.session_store) {
            (Some(store), StoreChoice::Embedded) => store.sessions(),
            _ => Arc::new(session_core::MemoryStore::default()),
        };
        Ok(Self { documents, sessions, embedded })
    }

    /// Closes them in good order.
    pub(crate) fn close(self) -> Result<(), store_embedded::CloseError> {
        let Self { documents, sessions, embedded } = self;
        drop((documents, sessions));
        embedded.map_or(Ok(()), EmbeddedStore::close)
    }
}

fn open_embedded(data_dir: &Path, accept_data_loss: bool) -> Result<EmbeddedStore, OpenError> {
    let mut options = OpenOptions::default();
    options.accept_loss = accept_data_loss;
    EmbeddedStore::open(&data_dir.join("store"), options)
}
