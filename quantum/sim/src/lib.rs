//! Quantum in a simulated network: virtual time, one seed, every fault.

pub mod adversary;
pub mod application;
pub mod campaign;
pub mod datagram;
pub mod driver;
pub mod host;
pub mod identity;
pub mod insider;
pub mod node;
pub mod options;
pub mod path;
pub mod program;
pub mod random;
pub mod samples;
pub mod scenario;
pub mod simulate;
pub mod traces;
pub mod transport;
pub mod units;
pub mod violation;
pub mod world;
