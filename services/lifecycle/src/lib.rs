//! What every server program does from its start to its exit code, so that all of them do it alike.
//!
//! ```text
//! configuration.rs   the file with the options          log.rs       the log on standard error
//! run.rs             the runtime, and as many files as  figures.rs   what `/metrics` reads from
//!                    the system gives                   ready.rs     "ready, and where" on standard output
//! stop.rs            the signals that end it            ending.rs    why it fails in one line, and its exit code
//! ```

mod configuration;
mod ending;
mod figures;
mod log;
mod ready;
mod run;
mod stop;

pub use configuration::{ConfigurationError, configuration};
pub use ending::{UNUSABLE, end, in_one_line, tell};
pub use figures::{FiguresError, serve_figures, start_figures};
pub use log::{LogFormat, start_log};
pub use metrics_exporter_prometheus::PrometheusHandle;
pub use ready::announce;
pub use run::{allow_many_files, run};
pub use stop::StopSignals;
