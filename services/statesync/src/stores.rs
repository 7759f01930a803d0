//! The store and the bus that were chosen.

use std::path::Path;
use std::sync::Arc;

use statesync_core::{Bus, DocumentStore, MemoryStore, NoBus};
use store_embedded::EmbeddedStore;

use crate::options::{BusChoice, StoreChoice};

/// What was chosen cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The bus cannot be reached.
    #[error(transparent)]
    Redis(#[from] store_redis::BusError),
    /// The database cannot be used.
    #[error(transparent)]
    Postgres(#[from] store_postgres::ConnectError),
    /// The directory cannot be used.
    #[error(transparent)]
    Embedded(#[from] store_embedded::OpenError),
}

/// The store that was chosen, and the engine below it if it is to be closed.
pub struct Store {
    /// Keeps the documents.
    pub documents: Arc<dyn DocumentStore>,
    embedded: Option<EmbeddedStore>,
}

impl Store {
    /// Opens what was chosen.
    ///
    /// # Errors
    ///
    /// See [`StoresError`].
    pub async fn open(choice: &StoreChoice) -> Result<Self, StoresError> {
        match choice {
            StoreChoice::Memory => Ok(Self {
                documents: Arc::new(MemoryStore::new()),
                embedded: None,
            }),
            StoreChoice::Embedded(folder) => Self::embedded(folder),
            StoreChoice::Postgres(url) => {
                let options = store_postgres::Options::new(url);
                let store = store_postgres::PostgresStore::connect(&options).await?;
                Ok(Self {
                    documents: Arc::new(store),
                    embedded: None,
                })
            }
        }
    }

    fn embedded(folder: &Path) -> Result<Self, StoresError> {
        let store = EmbeddedStore::open(&store_embedded::Options::new(folder))?;
        Ok(Self {
            documents: Arc::new(store.clone()),
            embedded: Some(store),
        })
    }

    /// Writes what waits, and closes it in good order.
    pub fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.close();
        }
    }
}

/// The bus that was chosen, and what arrives on it.
pub struct ChosenBus {
    /// Carries hints to other processes.
    pub bus: Arc<dyn Bus>,
    /// Brings those of others; `None` when there are none.
    pub hints: Option<store_redis::Hints>,
}

/// Connects to the bus that was chosen. One that cannot be reached now is tried again: hints only make
/// faster what polling makes certain.
///
/// # Errors
///
/// See [`StoresError`].
pub fn bus(choice: &BusChoice) -> Result<ChosenBus, StoresError> {
    Ok(match choice {
        BusChoice::Local => ChosenBus {
            bus: Arc::new(NoBus),
            hints: None,
        },
        BusChoice::Redis(url) => {
            let (bus, hints) = store_redis::RedisBus::start(url)?;
            ChosenBus {
                bus: Arc::new(bus),
                hints: Some(hints),
            }
        }
    })
}
