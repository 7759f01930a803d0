//! Prints what `ids` measured last as one markdown table: `benches/results/guuid.md`.
//!
//! `cargo bench -p guuid` ends with it; `cargo bench -q -p guuid --bench table` prints it alone.

use std::env;

use report::Samples;

#[path = "table/report.rs"]
mod report;

/// A line of the table: what it is, who else does it, and the folders of criterion's samples.
struct Row {
    what: &'static str,
    ours: Option<&'static str>,
    peer: &'static str,
    theirs: Option<&'static str>,
}

const fn compared(
    what: &'static str,
    ours: &'static str,
    peer: &'static str,
    theirs: &'static str,
) -> Row {
    Row {
        what,
        ours: Some(ours),
        peer,
        theirs: Some(theirs),
    }
}

const fn alone(what: &'static str, ours: &'static str) -> Row {
    Row {
        what,
        ours: Some(ours),
        peer: "-",
        theirs: None,
    }
}

const ROWS: &[Row] = &[
    compared(
        "mint, 1 thread",
        "mint_1/guuid",
        "`Uuid::now_v7`",
        "mint_1/uuid",
    ),
    compared(
        "mint, 2 threads",
        "mint_2/guuid",
        "`Uuid::now_v7`",
        "mint_2/uuid",
    ),
    compared(
        "mint, 4 threads",
        "mint_4/guuid",
        "`Uuid::now_v7`",
        "mint_4/uuid",
    ),
    compared(
        "mint, 1 thread",
        "mint_1/guuid",
        OWN_CONTEXT,
        "mint_1/uuid_own_context",
    ),
    compared(
        "mint, 2 threads",
        "mint_2/guuid",
        OWN_CONTEXT,
        "mint_2/uuid_own_context",
    ),
    compared(
        "mint, 4 threads",
        "mint_4/guuid",
        OWN_CONTEXT,
        "mint_4/uuid_own_context",
    ),
    alone(
        "of which the system's clock, 1 thread",
        "mint_1/clock_alone",
    ),
    alone(
        "mint under a clock that costs nothing, 1 thread",
        "mint_1/guuid_without_clock",
    ),
    compared(
        "write hyphenated",
        "encode/guuid_hyphenated",
        ENCODE,
        "encode/uuid_hyphenated",
    ),
    compared(
        "write 32 digits",
        "encode/guuid_simple",
        ENCODE,
        "encode/uuid_simple",
    ),
    alone("write 26 characters", "encode/guuid_sortable"),
    compared(
        "`to_string`",
        "encode/guuid_to_string",
        "`to_string`",
        "encode/uuid_to_string",
    ),
    compared(
        "read hyphenated",
        "parse/guuid_hyphenated",
        PARSE,
        "parse/uuid_hyphenated",
    ),
    compared(
        "read 32 digits",
        "parse/guuid_simple",
        PARSE,
        "parse/uuid_simple",
    ),
    alone("read 26 characters", "parse/guuid_sortable"),
];

const OWN_CONTEXT: &str = "`Uuid::new_v7`, own context";
const ENCODE: &str = "`encode_lower`";
const PARSE: &str = "`try_parse`";

fn main() {
    // `cargo test` runs benches too, to see that they work; there is nothing to print then.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("# guuid and uuid, side by side\n");
    report::print_circumstances("cargo bench -p guuid");
    println!("- Peer: `uuid` with `fast-rng`, its fastest source of random bits\n");
    println!("Nanoseconds for one id: the median of the samples, and (least - greatest). With");
    println!("several threads: elapsed time divided by the ids of all threads together.\n");
    println!("| what | guuid | peer | the peer takes | ratio |");
    println!("| --- | --: | --- | --: | --: |");
    for row in ROWS {
        print_row(row);
    }
    println!(
        "\n\"Own context\" has no order between threads: each thread has its `ContextV7`, which"
    );
    println!(
        "is not synchronized. `Guuid::now` and `Uuid::now_v7` keep one order for the process."
    );
}

fn print_row(row: &Row) {
    let ours = row.ours.and_then(Samples::read);
    let theirs = row.theirs.and_then(Samples::read);
    let ratio = match (&ours, &theirs) {
        (Some(ours), Some(theirs)) => format!("{:.2}x", theirs.median() / ours.median()),
        _ => "-".to_owned(),
    };
    let cell = |samples: Option<Samples>| samples.map_or("-".to_owned(), |found| found.to_string());
    println!(
        "| {} | {} | {} | {} | {ratio} |",
        row.what,
        cell(ours),
        row.peer,
        cell(theirs)
    );
}
