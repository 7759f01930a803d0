//! What is fuzzed: each target takes any bytes and panics where a promise is broken.
//!
//! The fuzzer in `quantum/fuzz` and the test `corpus`, which replays `quantum/fuzz/corpus`, are the
//! only callers. A new target is a function here, a line in [`TARGETS`], and a file of three lines
//! in `quantum/fuzz/fuzz_targets`.

mod acknowledging;
mod codec;
mod flows;
mod path;
mod ranges;
mod script;
mod tokens;

/// Takes input as it comes from the fuzzer.
///
/// # Panics
///
/// If the code under test breaks a promise: a bug has been found.
pub type Target = fn(&[u8]);

/// All targets by the name of their corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("acknowledge", acknowledging::acknowledge),
    ("ack_ranges", ranges::ack_ranges),
    ("ecn", path::ecn),
    ("flows", flows::flows),
    ("flows_hostile", flows::hostile),
    ("frames", codec::frames),
    ("header", codec::header),
    ("mtu", path::mtu),
    ("packet", codec::packet),
    ("parameters", codec::parameters),
    ("range_set", ranges::range_set),
    ("token", tokens::token),
];
