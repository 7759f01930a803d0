//! The stores that were chosen.

use std::path::Path;
use std::sync::Arc;

use session_core::SessionStore;
use statesync_core::DocumentStore;
use store_embedded::{EmbeddedStore, OpenError, Options};

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
            Some(open_embedded(
                &settings.data_dir,
                settings.accept_data_loss,
            )?)
        } else {
            None
        };
        let documents: Arc<dyn DocumentStore> = match (&embedded, settings.document_store) {
            (Some(store), StoreChoice::Embedded) => Arc::new(store.clone()),
            _ => Arc::new(statesync_core::MemoryStore::new()),
        };
        let sessions: Arc<dyn SessionStore> = match (&embedded, settings.session_store) {
            (Some(store), StoreChoice::Embedded) => Arc::new(store.clone()),
            _ => Arc::new(session_core::MemoryStore::default()),
        };
        Ok(Self {
            documents,
            sessions,
            embedded,
        })
    }

    /// Writes what waits, and closes them in good order.
    pub(crate) fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.close();
        }
    }
}

fn open_embedded(data_dir: &Path, accept_data_loss: bool) -> Result<EmbeddedStore, OpenError> {
    let options = Options::new(data_dir.join("store")).accept_loss(accept_data_loss);
    EmbeddedStore::open(&options)
}
