//! Traces of an endpoint's connections, in files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quantum_proto::observe::{Beginning, ObserverFactory};
use quantum_proto::qlog::Qlog;

use crate::protocol::{Instant, Side};

/// The environment variable that other QUIC implementations read, too.
pub(crate) const DIRECTORY_VARIABLE: &str = "QLOGDIR";

/// Writes a file for each connection to `directory`, which is made if it is not there. `origin`:
/// what time of day the origin of the clock was.
///
/// # Errors
///
/// If the directory cannot be made.
pub(crate) fn files(directory: PathBuf, origin: Duration) -> io::Result<Arc<dyn ObserverFactory>> {
    fs::create_dir_all(&directory)?;
    let open = move |beginning: &Beginning| {
        let path = path(&directory, origin, beginning);
        // Never over another trace: a client chooses the id in the name.
        let file = BufWriter::new(File::create_new(path)?);
        Ok(Box::new(file) as Box<dyn Write + Send>)
    };
    Ok(Arc::new(Qlog::new(open).with_origin(origin)))
}

fn path(directory: &Path, origin: Duration, beginning: &Beginning) -> PathBuf {
    let time = (origin + beginning.at.since(Instant::ORIGIN)).as_millis();
    let role = match beginning.side {
        Side::Client => "client",
        Side::Server => "server",
    };
    let id = beginning.original_destination;
    directory.join(format!("{time}_{id:?}_{role}.sqlog"))
}
