//! A rule of the simulation that did not hold.

use quantum_proto::time::Instant;
use thiserror::Error;

/// A rule that did not hold, when, and how that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at {:.6} s: {rule}: {detail}", at.since(Instant::ORIGIN).as_secs_f64())]
pub struct Violation {
    /// Virtual time.
    pub at: Instant,
    /// The rule.
    pub rule: Rule,
    /// What was seen.
    pub detail: String,
}

/// The rules that every run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Rule {
    /// What arrives is what was sent: streams and reliable messages whole and in order,
    /// unreliable messages whole or not at all.
    #[error("data differs")]
    DataEquality,
    /// At most three times the bytes received go to an unproven address.
    #[error("amplification")]
    Amplification,
    /// Bytes in flight and rate stay within what the controller allows.
    #[error("congestion budget")]
    CongestionBudget,
    /// Memory stays within what the configuration allows.
    #[error("memory budget")]
    MemoryBudget,
    /// Unfinished work has a timer or a datagram under way.
    #[error("nothing is armed")]
    Armed,
    /// A timer moves on when it has fired, and sending comes to an end.
    #[error("endless loop")]
    Progress,
    /// When the faults have stopped, everything finishes in bounded time.
    #[error("liveness")]
    Liveness,
    /// The same seed gives the same events.
    #[error("determinism")]
    Determinism,
    /// Nothing is delivered later than its deadline, but by what nobody can know of a path; and both
    /// ends learn of each message that is not.
    #[error("deadlines")]
    Deadlines,
    /// A server takes the early data of a client that comes back, or all is sent again after the
    /// client was told so.
    #[error("early data")]
    EarlyData,
    /// Calls keep to their contract.
    #[error("contract")]
    Contract,
    /// Nothing that the peer or the network does may cause a panic.
    #[error("panic")]
    Panic,
    /// The connection ends as the applications asked for.
    #[error("ending")]
    Ending,
}
