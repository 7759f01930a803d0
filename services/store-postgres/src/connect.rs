//! The way to the database.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls};

use crate::error::ConnectError;
use crate::options::Options;

/// A pool of connections; none is open yet.
pub(crate) fn pool(options: &Options) -> Result<Pool, ConnectError> {
    options.check()?;
    let mut config: Config = options.url.parse().map_err(ConnectError::InvalidUrl)?;
    config.connect_timeout(options.connect_timeout);
    // A machine that disappears without a word is noticed although nothing is being sent.
    config.keepalives_idle(KEEPALIVE_AFTER);
    if config.get_application_name().is_none() {
        config.application_name("aetherflow");
    }
    let recycling_method = RecyclingMethod::Fast;
    // `sslmode` in the URL says whether TLS is wanted; a connector that can speak it goes here. This
    // one answers `require` with an error, it never falls back.
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
    let pool = Pool::builder(manager)
        .max_size(options.connections)
        .wait_timeout(Some(options.connect_timeout))
        .create_timeout(Some(options.connect_timeout))
        .recycle_timeout(Some(options.connect_timeout))
        .runtime(Runtime::Tokio1)
        .build();
    pool.map_err(|error| ConnectError::Pool {
        reason: error.to_string(),
    })
}

/// An error with what is behind it: the outermost text alone says little.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

const KEEPALIVE_AFTER: std::time::Duration = std::time::Duration::from_secs(30);
