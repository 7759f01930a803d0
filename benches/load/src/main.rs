//! The services under load, beside what one would use instead, on one machine in one run.
//!
//! `cargo run --release -p load -- all` measures everything and writes `benches/results/load.md`, with
//! the raw figures in `benches/results/load/`. A single part measures that part alone and writes the
//! page anew with what is there of the others. `--quick` takes seconds, is only good for a look, and
//! only prints.

mod embedded;
mod eviction;
mod floor;
mod heap;
mod hot;
mod latency;
mod loading;
mod material;
mod memory;
mod page;
mod part;
mod peers;
mod postgres;
mod rig;
mod sample;
mod slow;
mod texts;

use std::error::Error;

use clap::{Parser, Subcommand};

use part::{Part, Plan};

/// Whatever goes wrong; the bench only prints it.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// Puts the services under load.
#[derive(Parser)]
struct Arguments {
    /// Small versions: seconds in all. Prints, and writes nothing.
    #[arg(long, global = true)]
    quick: bool,
    /// How often everything is measured.
    #[arg(long, global = true, default_value_t = 3)]
    rounds: u32,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Operations on PostgreSQL, spread over 1,000 documents, beside one transaction for each.
    Postgres,
    /// Many writers of one document on PostgreSQL, beside optimistic transactions.
    Hot,
    /// Operations on the embedded store, beside appending to a plain file.
    Embedded,
    /// 1,000 subscribers of one document, one of whom hardly reads.
    Slow,
    /// Memory and loading of documents, beside yrs.
    Memory,
    /// All of these, one after the other.
    All,
    /// The service, in a process of its own: what `slow` starts.
    #[command(hide = true)]
    Serve,
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let plan = if arguments.quick {
        Plan::quick()
    } else {
        Plan::full(arguments.rounds)
    };
    let parts: &[Part] = match arguments.what {
        What::Postgres => &[Part::Postgres],
        What::Hot => &[Part::Hot],
        What::Embedded => &[Part::Embedded],
        What::Slow => &[Part::Slow],
        What::Memory => &[Part::Memory],
        What::All => &Part::ALL,
        What::Serve => return slow::serve(),
    };
    if arguments.quick {
        return parts.iter().try_for_each(|part| part.print(&plan));
    }
    parts.iter().try_for_each(|part| part.write(&plan))?;
    page::write()
}
