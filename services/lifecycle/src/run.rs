//! What a program runs on.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

/// How long what is left over may take when the program is done.
const LEFT_OVER: Duration = Duration::from_secs(2);

/// Runs `program` on all processors until it is done. Tasks that are left over are dropped.
///
/// # Errors
///
/// When the system gives no threads.
pub fn run<T>(program: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(program);
    runtime.shutdown_timeout(LEFT_OVER);
    Ok(outcome)
}

/// Lets this process have as many files, and so connections, as the system gives it. The usual
/// 1,024 are a courtesy to programs that cannot count higher (`select`).
pub fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
