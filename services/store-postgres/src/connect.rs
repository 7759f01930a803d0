//! The way to the database.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls};

use crate::error::ConnectError;
use crate::options::Options;
use crate::tls::{Tls, Wanted};

/// A pool of connections; none is open yet.
pub(crate) fn pool(options: &Options) -> Result<Pool, ConnectError> {
    options.check()?;
    let wanted = Wanted::of(&options.url);
    let mut config: Config = wanted.url.parse().map_err(ConnectError::InvalidUrl)?;
    config.connect_timeout(options.connect_timeout);
    // A machine that disappears without a word is noticed although nothing is being sent.
    config.keepalives_idle(KEEPALIVE_AFTER);
    if config.get_application_name().is_none() {
        config.application_name("aetherflow");
    }
    let pool = Pool::builder(manager(config, &wanted)?)
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

/// Makes connections; in TLS when that is wanted, and never without it then.
fn manager(config: Config, wanted: &Wanted) -> Result<Manager, ConnectError> {
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let refused = |reason| ConnectError::Tls { reason };
    match (wanted.tls, &wanted.roots) {
        (true, roots) => {
            let tls = Tls::trusting(roots.as_deref()).map_err(refused)?;
            Ok(Manager::from_config(config, tls, recycling))
        }
        (false, None) => Ok(Manager::from_config(config, NoTls, recycling)),
        (false, Some(_)) => Err(refused(
            "sslrootcert is of no use without sslmode=verify-full".to_owned(),
        )),
    }
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
