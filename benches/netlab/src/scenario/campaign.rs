//! Measures what a scenario says, one measurement after the other, and writes what comes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::page::{MACHINE, Page};
use super::{Name, Named, Scenario};
use crate::workload::{Workload, bulk, latency};
use crate::{Failure, chart, output};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// What a page shows of each measurement.
    pub(super) tables: BTreeMap<String, String>,
    latency: Named<Vec<latency::Record>>,
    bulk: Named<Vec<bulk::Record>>,
}

impl Results {
    pub(super) fn latency(&self, name: &Name) -> Result<&[latency::Record], Failure> {
        let records = self.latency.get(name);
        Ok(records.ok_or("a chart of what was not measured")?)
    }

    pub(super) fn bulk(&self, name: &Name) -> Result<&[bulk::Record], Failure> {
        let records = self.bulk.get(name);
        Ok(records.ok_or("a chart of what was not measured")?)
    }
}

/// Measures, or with `redraw` reads what was measured before, and writes tables, charts and the page.
pub(super) fn run(scenario: &Scenario, redraw: bool) -> Result<(), Failure> {
    let page = Page::load(scenario)?;
    fs::create_dir_all(&scenario.results.0)?;
    fs::create_dir_all(&scenario.images.0)?;
    let mut campaign = Campaign {
        scenario,
        redraw,
        tables: BTreeMap::new(),
    };
    campaign.each(&scenario.probe)?;
    let latency = campaign.each(&scenario.latency)?;
    let bulk = campaign.each(&scenario.bulk)?;
    campaign.each(&scenario.handshake)?;
    campaign.each(&scenario.idle)?;
    campaign.each(&scenario.loopback)?;
    campaign.each(&scenario.pingpong)?;
    let results = Results {
        tables: campaign.tables,
        latency,
        bulk,
    };
    for (name, drawn) in scenario.chart.draw(scenario, &results)? {
        chart::write(&drawn, &scenario.images.0.join(&name.0))?;
    }
    page.map_or(Ok(()), |page| page.write(scenario, &results))
}

struct Campaign<'a> {
    scenario: &'a Scenario,
    redraw: bool,
    tables: BTreeMap<String, String>,
}

impl Campaign<'_> {
    /// All measurements of one workload.
    fn each<W: Workload>(&mut self, named: &Named<W>) -> Result<Named<Vec<W::Record>>, Failure> {
        let mut all = BTreeMap::new();
        for (name, workload) in named {
            let raw = self.file(name, "jsonl");
            let (facts, records) = if self.redraw {
                output::read(&raw)?
            } else {
                eprintln!("{}: {}", name.0, W::TITLE);
                output::measure(workload, Some(&raw))?
            };
            let title = format!("{}: {}", self.scenario.title, W::TITLE);
            let page = output::page(&title, &facts, &workload.page(&records));
            fs::write(self.file(name, "md"), page)?;
            for (suffix, table) in workload.summaries(&records) {
                self.tables.insert(format!("{}{suffix}", name.0), table);
            }
            // The first measurement stands for all: they follow each other.
            let machine = self.tables.entry(MACHINE.into());
            machine.or_insert_with(|| facts.lines());
            all.insert(name.clone(), records);
        }
        Ok(all)
    }

    fn file(&self, name: &Name, extension: &str) -> PathBuf {
        let name = format!("{}.{extension}", name.0);
        self.scenario.results.0.join(name)
    }
}
