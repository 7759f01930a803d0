//! Prints what `fec` measured last as one markdown table: `benches/results/fec.md`.
//!
//! `cargo bench -p quantum-proto --features reed-solomon-erasure` ends with it; with `-q` and
//! `--bench fec_table` it prints it alone.

use std::env;

use report::Samples;

#[path = "../../../guuid/benches/table/report.rs"]
mod report;

const CODES: [(usize, usize); 3] = [(4, 2), (10, 3), (20, 4)];

fn main() {
    // `cargo test` runs benches too, to see that they work; there is nothing to print then.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("# Block codes of forward error correction, side by side\n");
    report::print_circumstances("cargo bench -p quantum-proto --features reed-solomon-erasure");
    println!("- Peer: `reed-solomon-erasure` with `simd-accel`, its fastest build\n");
    println!("Shards of 1,200 bytes. Nanoseconds for one block: the median of the samples, and");
    println!("(least - greatest). Decoding puts back as many shards of data as there is parity.\n");
    println!("| code | what | ours | the peer takes | ratio |");
    println!("| --- | --- | --: | --: | --: |");
    for (data, parity) in CODES {
        for what in ["encode", "decode"] {
            let read = |who: &str| Samples::read(&format!("{what}_{data}_{parity}/{who}"));
            let (ours, theirs) = (read("cauchy"), read("reed_solomon_erasure"));
            let ratio = match (&ours, &theirs) {
                (Some(ours), Some(theirs)) => format!("{:.2}x", theirs.median() / ours.median()),
                _ => "-".to_owned(),
            };
            let [ours, theirs] =
                [ours, theirs].map(|found| found.map_or("-".to_owned(), |found| found.to_string()));
            println!("| {data}+{parity} | {what} | {ours} | {theirs} | {ratio} |");
        }
    }
    println!(
        "\nThe peer keeps the inverse of a matrix that it has used before: here it computes none."
    );
}
