//! Where the documents of a test are kept, and by how many services they are served.

use std::any::Any;
use std::sync::Arc;

use guuid::{Clock, Guuid, SystemClock};
use statesync::CallLimits;
use statesync_core::{
    DocumentStore, FieldName, FieldRule, FieldWise, Library, Limits, MemoryStore, Policies, UserId,
    UserPriority, Vote,
};
use store_embedded::EmbeddedStore;
use store_postgres::testkit::Cluster;

use crate::world::World;

/// What a service has its documents in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The memory of one process.
    Memory,
    /// The disk of one process.
    Disk,
    /// One database, on which there are two services.
    Database,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Database];

    /// The services: who calls the first one and who calls the last one meet in the same documents.
    pub(crate) async fn worlds(self) -> Vec<World> {
        self.bounded(Limits::default()).await
    }

    /// The same within these limits.
    pub(crate) async fn bounded(self, limits: Limits) -> Vec<World> {
        match self {
            Self::Memory => vec![world(Arc::new(MemoryStore::new()), limits, ()).await],
            Self::Disk => {
                let folder = tempfile::tempdir().unwrap();
                let options = store_embedded::Options::new(folder.path());
                let store = EmbeddedStore::open(&options).unwrap();
                vec![world(Arc::new(store.clone()), limits, (store, folder)).await]
            }
            Self::Database => {
                let (cluster, url) = database().await;
                let mut worlds = Vec::new();
                for _ in 0..2 {
                    let store = store_postgres::testkit::connect(&url).await;
                    let kept = Arc::clone(&cluster);
                    worlds.push(world(Arc::new(store), limits.clone(), kept).await);
                }
                worlds
            }
        }
    }

    /// One service.
    pub(crate) async fn world(self) -> World {
        self.worlds().await.remove(0)
    }
}

/// An empty database on the server that the tests share, which runs as long as the first of these is kept.
pub(crate) async fn database() -> (Arc<Cluster>, String) {
    let cluster = Cluster::shared();
    let name = format!("d{}", Guuid::now().to_string().replace('-', ""));
    let url = cluster.database(&name).await;
    (cluster, url)
}

/// A service on this store, and what is there as long as it is.
pub(crate) async fn world(
    store: Arc<dyn DocumentStore>,
    limits: Limits,
    kept: impl Any + Send,
) -> World {
    let library = library(store, Arc::new(SystemClock), limits);
    World::of(library, CallLimits::default()).await.with(kept)
}

/// Documents in this store, also under the policies that an application can choose.
pub(crate) fn library(
    store: Arc<dyn DocumentStore>,
    clock: Arc<dyn Clock + Send + Sync>,
    limits: Limits,
) -> Library {
    let user = |name| UserId::new(name).unwrap();
    let larger = FieldWise::default().with(FieldName::new("x").unwrap(), FieldRule::Larger);
    let policies = Policies::default()
        .with("priority", UserPriority::new([user("alice"), user("bob")]))
        .with("vote", Vote)
        .with("larger", larger);
    Library::new(
        store,
        clock,
        Arc::new(Guuid::now),
        Arc::new(|task| drop(tokio::spawn(task))),
        limits,
    )
    .with_policies(policies)
}

/// Two services on one store, whose clocks have nothing to do with each other.
pub(crate) async fn with_clocks(clocks: [Arc<dyn Clock + Send + Sync>; 2]) -> Vec<World> {
    let store = Arc::new(MemoryStore::new());
    let mut worlds = Vec::new();
    for clock in clocks {
        let library = library(store.clone(), clock, Limits::default());
        worlds.push(World::of(library, CallLimits::default()).await);
    }
    worlds
}
