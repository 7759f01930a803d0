//! The stores that were chosen.

use std::path::Path;
use std::sync::Arc;

use session_core::SessionStore;
use statesync::options::DocumentPlace;
use statesync::stores::{Store, StoresError};
use statesync_core::DocumentStore;
use store_embedded::{EmbeddedStore, OpenError, Options};
use store_redis::{RedisSessions, SessionOptions, SessionsError};

use crate::options::{SessionPlace, Settings};

/// What was chosen cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenStoresError {
    #[error(transparent)]
    Documents(#[from] StoresError),
    #[error("--session-store")]
    Sessions(#[from] SessionsError),
}

/// The chosen stores, and what is below them if it is to be closed.
pub(crate) struct Stores {
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    embedded: Option<EmbeddedStore>,
    elsewhere: Option<Store>,
}

impl Stores {
    /// Opens what was chosen.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, OpenStoresError> {
        let is_needed = settings.document_store == DocumentPlace::DataDirectory
            || settings.session_store == SessionPlace::Embedded;
        let embedded = if is_needed {
            let opened = open_embedded(&settings.data_dir, settings.accept_data_loss);
            Some(opened.map_err(StoresError::from)?)
        } else {
            None
        };
        let elsewhere = match &settings.document_store {
            DocumentPlace::DataDirectory => None,
            DocumentPlace::Elsewhere(choice) => {
                Some(Store::open(choice, settings.accept_data_loss).await?)
            }
        };
        let documents: Arc<dyn DocumentStore> = match (&elsewhere, &embedded) {
            (Some(store), _) => Arc::clone(&store.documents),
            (None, Some(store)) => Arc::new(store.clone()),
            (None, None) => Arc::new(statesync_core::MemoryStore::new()),
        };
        let sessions: Arc<dyn SessionStore> = match (&embedded, &settings.session_store) {
            (Some(store), SessionPlace::Embedded) => Arc::new(store.clone()),
            (_, SessionPlace::Redis(url)) => {
                Arc::new(RedisSessions::connect(&SessionOptions::new(url)).await?)
            }
            _ => Arc::new(session_core::MemoryStore::default()),
        };
        Ok(Self {
            documents,
            sessions,
            embedded,
            elsewhere,
        })
    }

    /// Writes what waits, and closes them in good order.
    pub(crate) fn close(self) {
        if let Some(elsewhere) = self.elsewhere {
            elsewhere.close();
        }
        if let Some(embedded) = self.embedded {
            embedded.close();
        }
    }
}

/// Where the store is in a data directory.
pub(crate) fn store_folder(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("store")
}

fn open_embedded(data_dir: &Path, accept_data_loss: bool) -> Result<EmbeddedStore, OpenError> {
    let options = Options::new(store_folder(data_dir)).accept_loss(accept_data_loss);
    EmbeddedStore::open(&options)
}
