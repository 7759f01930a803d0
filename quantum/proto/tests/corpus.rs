//! Replays what the fuzzer has found worth keeping.

use std::fs;
use std::path::PathBuf;

use quantum_proto::fuzzing::TARGETS;

fn corpus() -> PathBuf {
    // As cargo tells when it runs the test: builds of several checkouts may share their output.
    let package = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(package).join("../fuzz/corpus")
}

#[test]
fn every_target_takes_its_corpus() {
    for (name, target) in TARGETS {
        let mut inputs: Vec<PathBuf> = fs::read_dir(corpus().join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for path in inputs {
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    for entry in fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name();
        let known = TARGETS.iter().any(|(target, _)| name == *target);
        assert!(known, "{}", name.display());
    }
}
