//! Traces of connections in files, for qvis.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use quantum_proto::observe::{Beginning, ObserverFactory};
use quantum_proto::qlog::Qlog;
use quantum_proto::stream::Side;

/// Writes a file for each end of each connection to `directory`, which is made if it is not there;
/// the files of an earlier run of the same seed are replaced.
///
/// # Errors
///
/// If the directory cannot be made.
pub fn files(directory: &Path, prefix: String) -> io::Result<Arc<dyn ObserverFactory>> {
    fs::create_dir_all(directory)?;
    let directory = directory.to_owned();
    Ok(Arc::new(Qlog::new(move |beginning: &Beginning| {
        let role = match beginning.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let id = beginning.original_destination;
        let name = format!("{prefix}_{id:?}_{role}.sqlog");
        let file = BufWriter::new(File::create(directory.join(name))?);
        Ok(Box::new(file) as Box<dyn Write + Send>)
    })))
}
