//! The published page: prose that somebody wrote, with marked places for tables and charts.
//!
//! A place begins with `<!-- table: NAME -->` or `<!-- chart: NAME -->` on a line of its own and ends
//! with `<!-- end -->`; what is between them is written anew by each run.

use std::path::{Path, PathBuf};

use bench_report::{Place, fill};

use super::Scenario;
use super::campaign::Results;
use crate::Failure;

/// The place of where and when it was measured.
pub(super) const MACHINE: &str = "machine";

/// A page and its text.
#[derive(Debug)]
pub(super) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// The scenario's page, if it has one: its places are those that get filled.
    pub(super) fn load(scenario: &Scenario) -> Result<Option<Self>, Failure> {
        let Some(page) = &scenario.page else {
            return Ok(None);
        };
        let path = page.0.clone();
        let text = super::read_bounded(&path).map_err(|error| named(&path, &error))?;
        let page = Self { path, text };
        // Before anything is measured: whatever the page asks for will be there.
        let known = |place: &Place<'_>| match place {
            Place::Table(name) => {
                let tables = scenario.tables();
                *name == MACHINE || tables.iter().any(|own| own == name)
            }
            Place::Chart(name) => {
                let charts = scenario.chart.titles();
                charts.iter().any(|(own, _)| own.0 == *name)
            }
        };
        let check = |place: Place<'_>| match known(&place) {
            true => Ok(String::new()),
            false => Err(format!("{place:?} is nothing that the scenario has")),
        };
        fill(&page.text, check).map_err(|error| named(&page.path, &error))?;
        Ok(Some(page))
    }

    /// Fills all places.
    pub(super) fn write(&self, scenario: &Scenario, results: &Results) -> Result<(), Failure> {
        let images = way(&self.path, &scenario.images.0);
        let content = |place: Place<'_>| match place {
            Place::Table(name) => {
                let table = results.tables.get(name).cloned();
                table.ok_or_else(|| format!("no table {name}"))
            }
            Place::Chart(name) => {
                let charts = scenario.chart.titles();
                let title = charts.iter().find(|(own, _)| own.0 == name);
                let title = title.map_or("", |(_, title)| title);
                Ok(format!("![{title}]({images}/{name}.svg)\n"))
            }
        };
        let text = fill(&self.text, content).map_err(|error| named(&self.path, &error))?;
        Ok(std::fs::write(&self.path, text)?)
    }
}

fn named(path: &Path, error: &impl ToString) -> Failure {
    format!("{}: {}", path.display(), error.to_string()).into()
}

/// How a file leads to a folder, both below the working directory.
fn way(from: &Path, to: &Path) -> String {
    let folder = from.parent().unwrap_or(Path::new(""));
    let shared = folder.components().zip(to.components());
    let shared = shared.take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared);
    let down = down.map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_finds_its_pictures() {
        let way = way(
            Path::new("docs/benchmarks/network.md"),
            Path::new("docs/images/network"),
        );
        assert_eq!(way, "../images/network");
    }
}
