//! What `/metrics` reads from.

mod listen;

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use listen::serve_figures;

/// Figures cannot be collected.
#[derive(Debug, thiserror::Error)]
#[error("figures cannot be collected")]
pub struct FiguresError(#[from] BuildError);

/// Starts to collect the figures of this process. Must be called within a tokio runtime.
///
/// # Errors
///
/// [`FiguresError`] when they are being collected already.
pub fn start_figures() -> Result<PrometheusHandle, FiguresError> {
    /// Seconds: from an edit in memory to a store that is in trouble.
    const BUCKETS: [f64; 12] = [
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
    ];
    let durations = Matcher::Suffix("_duration_seconds".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(durations, &BUCKETS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
