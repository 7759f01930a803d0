//! The store and the bus that were chosen.

use std::sync::{Arc, Weak};

use statesync_core::{DocumentStore, Library, MemoryStore};
use store_embedded::EmbeddedStore;
use store_redis::Hints;

use crate::options::{BusChoice, StoreChoice};

/// What was chosen cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// What was kept in memory is gone with its process.
    #[error("documents in memory are gone with the process that had them")]
    Forgotten,
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
    /// Opens what was chosen. An embedded store that has lost acknowledged edits is opened only when
    /// that is accepted.
    ///
    /// # Errors
    ///
    /// See [`StoresError`].
    pub async fn open(choice: &StoreChoice, accept_loss: bool) -> Result<Self, StoresError> {
        match choice {
            StoreChoice::Memory => Ok(Self {
                documents: Arc::new(MemoryStore::new()),
                embedded: None,
            }),
            StoreChoice::Embedded(folder) => {
                Self::embedded(&store_embedded::Options::new(folder).accept_loss(accept_loss))
            }
            StoreChoice::Postgres(url) => Self::postgres(&store_postgres::Options::new(url)).await,
        }
    }

    /// Opens what was chosen if it is there already, as it is: nothing is made. For who only wants to look.
    ///
    /// # Errors
    ///
    /// See [`StoresError`].
    pub async fn open_existing(choice: &StoreChoice) -> Result<Self, StoresError> {
        match choice {
            StoreChoice::Memory => Err(StoresError::Forgotten),
            StoreChoice::Embedded(folder) => {
                Self::embedded(&store_embedded::Options::new(folder).existing(true))
            }
            StoreChoice::Postgres(url) => {
                Self::postgres(&store_postgres::Options::new(url).migrate(false)).await
            }
        }
    }

    async fn postgres(options: &store_postgres::Options) -> Result<Self, StoresError> {
        let store = store_postgres::PostgresStore::connect(options).await?;
        Ok(Self {
            documents: Arc::new(store),
            embedded: None,
        })
    }

    fn embedded(options: &store_embedded::Options) -> Result<Self, StoresError> {
        let store = EmbeddedStore::open(options)?;
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

/// The library, of which other processes hear over the bus that was chosen, as it does of them. A bus that
/// cannot be reached now is tried again: hints only make faster what polling makes certain. Must be called
/// within a tokio runtime.
///
/// # Errors
///
/// See [`StoresError`].
pub fn on_bus(library: Library, choice: &BusChoice) -> Result<Arc<Library>, StoresError> {
    match choice {
        BusChoice::Local => Ok(Arc::new(library)),
        BusChoice::Redis(url) => {
            let (bus, hints) = store_redis::RedisBus::start(url)?;
            let library = Arc::new(library.with_bus(Arc::new(bus)));
            tokio::spawn(take_hints(Arc::downgrade(&library), hints));
            Ok(library)
        }
    }
}

/// Hands what other processes say to the library, for as long as there is one.
async fn take_hints(library: Weak<Library>, mut hints: Hints) {
    while let Some(hint) = hints.next().await
        && let Some(library) = library.upgrade()
    {
        library.on_hint(hint);
    }
}
