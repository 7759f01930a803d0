//! The servers of a run: PostgreSQL, Redis, and three processes that serve documents, each of which
//! reaches the database through a proxy of its own.

mod redis;
mod replica;

use std::path::Path;
use std::sync::Arc;

use store_postgres::testkit::Cluster;
use store_postgres::testkit::proxy::Proxy;

use crate::build;
use crate::failure::Failure;
use crate::options::Bus;

pub(crate) use self::redis::Redis;
pub(crate) use replica::{Place, Replica};

/// Processes that serve documents.
pub(crate) const REPLICAS: usize = 3;

const DATABASE: &str = "chaos";

/// Everything that runs for as long as this lives.
pub(crate) struct Servers {
    // In this order they end: those that use others first.
    pub(crate) replicas: Vec<Replica>,
    /// One in front of the database for each of them.
    pub(crate) proxies: Vec<Proxy>,
    redis: Option<Redis>,
    cluster: Arc<Cluster>,
}

impl Servers {
    /// Starts all of them for a lane, and waits until they serve.
    pub(crate) async fn start(program: &Path, lane: u64, bus: Bus) -> Result<Self, Failure> {
        let cluster = tokio::task::spawn_blocking(Cluster::start).await?;
        let cluster = Arc::new(cluster);
        let url = cluster.database(DATABASE).await;
        let redis = match bus {
            Bus::Redis => Some(Redis::start().await?),
            Bus::Local => None,
        };
        let bus = redis.as_ref().map_or("local".to_owned(), Redis::url);
        let notes = build::notes()?;
        let (mut proxies, mut replicas) = (Vec::new(), Vec::new());
        for index in 0..REPLICAS {
            let proxy = Proxy::start(cluster.port(), &url).await;
            let replica = Replica::new(
                program,
                Cluster::url_at(proxy.port(), DATABASE),
                bus.clone(),
                notes.join(format!("replica-{lane}-{index}.log")),
            );
            // One after the other: the first one makes the tables.
            replica.start().await?;
            proxies.push(proxy);
            replicas.push(replica);
        }
        Ok(Self {
            replicas,
            proxies,
            redis,
            cluster,
        })
    }

    /// The Redis, if this run has one.
    pub(crate) fn redis(&self) -> Result<&Redis, Failure> {
        let missing = || Failure::new("this run has no Redis");
        self.redis.as_ref().ok_or_else(missing)
    }

    /// Ends the database by force.
    pub(crate) async fn kill_database(&self) -> Result<(), Failure> {
        let cluster = Arc::clone(&self.cluster);
        Ok(tokio::task::spawn_blocking(move || cluster.kill()).await?)
    }

    /// Starts it again, which makes it recover.
    pub(crate) async fn resume_database(&self) -> Result<(), Failure> {
        let cluster = Arc::clone(&self.cluster);
        Ok(tokio::task::spawn_blocking(move || cluster.resume()).await?)
    }
}
