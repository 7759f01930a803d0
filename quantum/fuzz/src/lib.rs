//! Finds the target of a fuzzer by its name.

use quantum_proto::fuzzing::TARGETS;

/// Hands the input to a target of `quantum_proto::fuzzing`.
///
/// # Panics
///
/// If the target finds a bug, or if there is none of that name.
pub fn run(name: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, target) = found.expect("a fuzz target is listed in quantum_proto::fuzzing");
    target(input);
}
