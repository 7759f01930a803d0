//! Quantum in a simulated network: virtual time, one seed, every fault.
