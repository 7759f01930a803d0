//! The contract of the core, which every store passes.

use statesync_core::testkit;
use store_postgres::PostgresStore;

use store_postgres::testkit::{Cluster, connect, options};

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_kept_as_the_core_demands() {
    let cluster = Cluster::shared();
    let url = cluster.database("contract").await;
    testkit::run_all(&connect(&url).await).await;
    // And once more among what is there already.
    testkit::run_all(&connect(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough() {
    let cluster = Cluster::shared();
    let url = cluster.database("narrow").await;
    let store = PostgresStore::connect(&options(&url).connections(1)).await;
    testkit::run_all(&store.unwrap()).await;
}
