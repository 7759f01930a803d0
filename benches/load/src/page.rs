//! The pages: all results, and the published page, whose marked places are filled.

use std::fmt::Write as _;

use bench_report::{Place, fill};

use crate::Failure;
use crate::part::Part;

const RESULTS: &str = "benches/results/load.md";
const PUBLISHED: &str = "docs/benchmarks/load.md";

const ABOUT: &str = "\
# The services under load

Each part beside what one would use instead, on one machine in one run. Median of the rounds (least-most).
What the figures mean, and what is not good: [docs/benchmarks/load.md](../../docs/benchmarks/load.md).
";

/// Writes the pages with what was measured last of each part.
pub(crate) fn write() -> Result<(), Failure> {
    let mut results = ABOUT.to_owned();
    let mut sections = Vec::new();
    for part in Part::ALL {
        if let Some((facts, samples)) = part.read()? {
            let (section, facts) = (part.section(&samples), facts.lines());
            let _ = write!(results, "\n{}{section}\n{facts}", part.about());
            sections.push((part.name(), format!("{section}\n{facts}")));
        }
    }
    std::fs::write(RESULTS, results)?;
    let content = |place: Place<'_>| match place {
        Place::Table(name) => {
            let section = sections.iter().find(|(own, _)| *own == name);
            let not_yet = || "Not measured yet.".to_owned();
            Ok(section.map_or_else(not_yet, |(_, section)| section.clone()))
        }
        Place::Chart(name) => Err(format!("there is no chart {name}")),
    };
    let page = fill(&std::fs::read_to_string(PUBLISHED)?, content)?;
    Ok(std::fs::write(PUBLISHED, page)?)
}
