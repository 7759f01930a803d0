#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| quantum_fuzz::run("parameters", input));
