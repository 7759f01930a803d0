//! The charts of a scenario, each drawn from the records of one measurement.

mod curves;
mod styles;

use serde::Deserialize;

use super::campaign::Results;
use super::{Name, Named, Scenario, join};
use crate::Failure;
use crate::chart::Chart;
use crate::path::{Burst, Path};
use crate::peers::Peer;
use crate::runner::Peers;
use crate::workload::latency::{self, Delivery, Flow};

/// Charts by kind and name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Figures {
    /// Share of messages that take longer than a time.
    latency_distribution: Named<OfFlow>,
    /// How much later than without a loss messages come that come late.
    recovery_time: Named<OfFlow>,
    /// Latency of each message before, in and after an outage.
    outage_timeline: Named<OfFlow>,
    /// A percentile of latency against loss.
    latency_by_loss: Named<ByLoss>,
    /// Goodput against loss.
    goodput_by_loss: Named<Goodput>,
}

/// A chart of one flow over one path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfFlow {
    title: String,
    /// The measurement.
    from: Name,
    path: Path,
    flow: Flow,
    /// Transports that only deliver in order are shown as they are.
    #[serde(default = "unordered")]
    delivery: Delivery,
    /// `None`: all that were measured.
    peers: Option<Peers>,
}

/// A chart of one flow over all paths of one round-trip time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByLoss {
    title: String,
    from: Name,
    rtt: f64,
    flow: Flow,
    #[serde(default = "unordered")]
    delivery: Delivery,
    peers: Option<Peers>,
}

/// A chart of downloads over all paths of one round-trip time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Goodput {
    title: String,
    from: Name,
    rtt: f64,
    peers: Option<Peers>,
}

fn unordered() -> Delivery {
    Delivery::Unordered
}

impl Figures {
    pub(super) fn join(&mut self, other: Self) -> Result<(), String> {
        join(&mut self.latency_distribution, other.latency_distribution)
            .and_then(|()| join(&mut self.recovery_time, other.recovery_time))
            .and_then(|()| join(&mut self.outage_timeline, other.outage_timeline))
            .and_then(|()| join(&mut self.latency_by_loss, other.latency_by_loss))
            .and_then(|()| join(&mut self.goodput_by_loss, other.goodput_by_loss))
    }

    /// Names and titles of all charts.
    pub(super) fn titles(&self) -> Vec<(&Name, &str)> {
        let of_flow = self.latency_distribution.iter().chain(&self.recovery_time);
        let of_flow = of_flow.chain(&self.outage_timeline);
        let of_flow = of_flow.map(|(name, chart)| (name, chart.title.as_str()));
        let by_loss = self.latency_by_loss.iter();
        let by_loss = by_loss.map(|(name, chart)| (name, chart.title.as_str()));
        let goodput = self.goodput_by_loss.iter();
        let goodput = goodput.map(|(name, chart)| (name, chart.title.as_str()));
        of_flow.chain(by_loss).chain(goodput).collect()
    }

    /// Whether everything that is drawn gets measured.
    pub(super) fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let mut names: Vec<&Name> = self.titles().into_iter().map(|(name, _)| name).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("two charts are called `{}`", pair[0].0));
        }
        let of_flow = self.latency_distribution.iter().chain(&self.recovery_time);
        for (name, chart) in of_flow {
            chart.check(scenario).map_err(within(name))?;
        }
        for (name, chart) in &self.outage_timeline {
            chart.check(scenario).map_err(within(name))?;
            if !matches!(chart.path.burst, Burst::Outage { .. }) {
                return Err(within(name)(format!("{} has no outage", chart.path)));
            }
        }
        for (name, chart) in &self.latency_by_loss {
            chart.check(scenario).map_err(within(name))?;
        }
        for (name, chart) in &self.goodput_by_loss {
            chart.check(scenario).map_err(within(name))?;
        }
        Ok(())
    }

    /// Draws all charts.
    pub(super) fn draw(
        &self,
        scenario: &Scenario,
        results: &Results,
    ) -> Result<Vec<(&Name, Chart)>, Failure> {
        let mut charts = Vec::new();
        for (name, chart) in &self.latency_distribution {
            charts.push((name, chart.distribution(scenario, results)?));
        }
        for (name, chart) in &self.recovery_time {
            charts.push((name, chart.recovery(scenario, results)?));
        }
        for (name, chart) in &self.outage_timeline {
            charts.push((name, chart.timeline(scenario, results)?));
        }
        for (name, chart) in &self.latency_by_loss {
            charts.push((name, chart.draw(scenario, results)?));
        }
        for (name, chart) in &self.goodput_by_loss {
            charts.push((name, chart.draw(scenario, results)?));
        }
        Ok(charts)
    }
}

/// Names the chart that is wrong.
fn within(name: &Name) -> impl FnOnce(String) -> String {
    move |why| format!("chart `{}`: {why}", name.0)
}

/// The measurement `from`, or which there are.
fn measurement<'a, T>(named: &'a Named<T>, from: &Name, kind: &str) -> Result<&'a T, String> {
    named.get(from).ok_or_else(|| {
        let known: Vec<&str> = named.keys().map(|name| name.0.as_str()).collect();
        let known = known.join(", ");
        format!(
            "`from = \"{}\"` is no [{kind}.NAME]; there are: {known}",
            from.0
        )
    })
}

/// `Err` names what is not among those measured.
fn each_of<T: PartialEq + ToString>(
    what: &str,
    wanted: &[T],
    measured: &[T],
) -> Result<(), String> {
    let missing = wanted.iter().find(|one| !measured.contains(one));
    missing.map_or(Ok(()), |missing| {
        let known: Vec<String> = measured.iter().map(ToString::to_string).collect();
        let (missing, known) = (missing.to_string(), known.join(", "));
        Err(format!(
            "{what} `{missing}` is not measured; measured: {known}"
        ))
    })
}

fn names(peers: &Peers) -> Vec<String> {
    peers.0.iter().map(|peer| peer.name()).collect()
}

/// The transports that a chart shows, and how they deliver: as asked if they can.
fn lines(
    wanted: Option<&Peers>,
    delivery: Delivery,
    options: &latency::Options,
) -> Result<Vec<(Peer, Delivery)>, String> {
    let peers = wanted.unwrap_or(&options.peers);
    each_of("peer", &names(peers), &names(&options.peers))?;
    let lines = peers.0.iter().map(|&peer| {
        let ordered = delivery == Delivery::Ordered || !peer.has_messages();
        let delivery = if ordered {
            Delivery::Ordered
        } else {
            Delivery::Unordered
        };
        (peer, delivery)
    });
    let lines: Vec<_> = lines.collect();
    let unmeasured = lines
        .iter()
        .find(|line| !options.delivery.contains(&line.1));
    match unmeasured {
        Some((peer, _)) => Err(format!(
            "peer `{}`: its delivery is not measured; name it in `delivery`",
            peer.name()
        )),
        None => Ok(lines),
    }
}

impl OfFlow {
    fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let options = measurement(&scenario.latency, &self.from, "latency")?;
        each_of("path", &[self.path], &options.paths)?;
        each_of("flow", &[self.flow], &options.flows)?;
        lines(self.peers.as_ref(), self.delivery, options).map(drop)
    }
}

impl ByLoss {
    fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let options = measurement(&scenario.latency, &self.from, "latency")?;
        each_of("flow", &[self.flow], &options.flows)?;
        let rtts: Vec<f64> = options.paths.iter().map(|path| path.rtt_ms).collect();
        each_of("rtt", &[self.rtt], &rtts)?;
        lines(self.peers.as_ref(), self.delivery, options).map(drop)
    }
}

impl Goodput {
    fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let options = measurement(&scenario.bulk, &self.from, "bulk")?;
        let rtts: Vec<f64> = options.rtt.iter().map(|rtt| rtt.get()).collect();
        each_of("rtt", &[self.rtt], &rtts)?;
        let peers = self.peers.as_ref().unwrap_or(&options.peers);
        each_of("peer", &names(peers), &names(&options.peers))
    }
}
