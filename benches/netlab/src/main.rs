//! Transports over an emulated link.
mod machine;
mod probe;
mod statistics;

/// Why a run failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    probe::run("x".into())
}
