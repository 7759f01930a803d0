//! From records to lines.

use super::styles::{LIMIT, style};
use super::{ByLoss, Goodput, OfFlow, lines, measurement};
use crate::Failure;
use crate::chart::{Axis, Band, Chart, Scale, Series};
use crate::path::Burst;
use crate::peers::Peer;
use crate::scenario::Scenario;
use crate::scenario::campaign::Results;
use crate::workload::bulk;
use crate::workload::latency::{self, Delivery, Record};
use bench_report::median;

/// Shares below this are a few messages.
const SHARE_MIN: f64 = 1e-4;
/// Milliseconds of a timeline before the outage and after it.
const TIMELINE: (f64, f64) = (100.0, 600.0);

fn axis(label: &str, scale: Scale, range: Option<(f64, f64)>) -> Axis {
    Axis {
        label: label.into(),
        scale,
        range,
        percent: false,
    }
}

fn share_axis(label: &str, least: f64) -> Axis {
    Axis {
        percent: true,
        ..axis(label, Scale::Logarithmic, Some((least, 1.0)))
    }
}

/// Share of `counts`, of values in ascending order, that lies above each value.
fn above(counts: Vec<(f64, u32)>) -> Vec<(f64, f64)> {
    let total: u32 = counts.iter().map(|(_, count)| count).sum();
    let mut left = total;
    let mut points = Vec::new();
    for (value, count) in counts {
        let share = |left: u32| f64::from(left) / f64::from(total.max(1));
        points.push((value, share(left)));
        left -= count;
        // No logarithm shows none at all.
        points.push((value, share(left).max(SHARE_MIN / 10.0)));
    }
    points
}

impl OfFlow {
    /// One line for each transport, made of its runs.
    fn each(
        &self,
        scenario: &Scenario,
        results: &Results,
        points: impl Fn(&[&Record]) -> Vec<(f64, f64)>,
    ) -> Result<Vec<Series>, Failure> {
        let options = measurement(&scenario.latency, &self.from, "latency")?;
        let mut series = Vec::new();
        for (peer, delivery) in lines(self.peers.as_ref(), self.delivery, options)? {
            let of = |record: &&Record| {
                (record.path, record.flow) == (self.path, self.flow)
                    && (record.peer, record.delivery) == (peer, delivery)
            };
            let runs: Vec<&Record> = results.latency(&self.from)?.iter().filter(of).collect();
            if runs.is_empty() {
                return Err(missing(&self.title, peer));
            }
            series.push(line(peer, delivery, false, points(&runs)));
        }
        Ok(series)
    }

    fn chart(&self, x: Axis, y: Axis, series: Vec<Series>) -> Chart {
        let (path, flow) = (self.path.describe(), self.flow.describe());
        Chart {
            title: self.title.clone(),
            subtitle: format!("{path}; {flow}"),
            x,
            y,
            series,
            band: None,
        }
    }

    pub(super) fn distribution(
        &self,
        scenario: &Scenario,
        results: &Results,
    ) -> Result<Chart, Failure> {
        let points = |runs: &[&Record]| above(latency::pooled(runs));
        let series = self.each(scenario, results, points)?;
        let x = axis("one-way latency, ms", Scale::Logarithmic, None);
        let y = share_axis("messages that take longer", SHARE_MIN);
        Ok(self.chart(x, y, series))
    }

    pub(super) fn recovery(
        &self,
        scenario: &Scenario,
        results: &Results,
    ) -> Result<Chart, Failure> {
        let options = measurement(&scenario.latency, &self.from, "latency")?;
        let own = options.own_ms(self.path, self.flow);
        let points = |runs: &[&Record]| above(latency::lateness(runs, own));
        let series = self.each(scenario, results, points)?;
        let x = axis("later than without a loss by, ms", Scale::Logarithmic, None);
        let y = share_axis("late messages that are later", SHARE_MIN * 10.0);
        Ok(self.chart(x, y, series))
    }

    pub(super) fn timeline(
        &self,
        scenario: &Scenario,
        results: &Results,
    ) -> Result<Chart, Failure> {
        let Burst::Outage { from, length } = self.path.burst else {
            return Err("a timeline of a path without an outage".into());
        };
        let interval = 1e3 / f64::from(self.flow.hertz);
        let shown = -TIMELINE.0..=length + TIMELINE.1;
        let points = |runs: &[&Record]| {
            let first = runs.first();
            let messages = first.into_iter().flat_map(|run| {
                let due = |number: usize| run.first_ms + interval * number as f64 - from;
                let numbered = run.timeline_ms.iter().enumerate();
                numbered.map(move |(number, latency)| (due(number), *latency))
            });
            messages.filter(|(due, _)| shown.contains(due)).collect()
        };
        let series = self.each(scenario, results, points)?;
        let range = Some((*shown.start(), *shown.end()));
        let x = axis("due, ms after the outage began", Scale::Linear, range);
        let y = axis("one-way latency, ms", Scale::Linear, None);
        let mut chart = self.chart(x, y, series);
        chart.band = Some(Band {
            from: 0.0,
            to: length,
            name: "nothing arrives".into(),
        });
        Ok(chart)
    }
}

fn missing(title: &str, peer: Peer) -> Failure {
    format!(
        "chart \"{title}\": the results have no runs of {}",
        peer.name()
    )
    .into()
}

fn line(peer: Peer, delivery: Delivery, marked: bool, points: Vec<(f64, f64)>) -> Series {
    let in_order = delivery == Delivery::Ordered && peer.has_messages();
    Series {
        name: latency::name(peer, delivery),
        style: style(peer, in_order, marked),
        points,
    }
}

impl ByLoss {
    pub(super) fn draw(&self, scenario: &Scenario, results: &Results) -> Result<Chart, Failure> {
        let options = measurement(&scenario.latency, &self.from, "latency")?;
        let paths = options.paths.iter().copied();
        let mut paths: Vec<_> = paths.filter(|path| path.rtt_ms == self.rtt).collect();
        paths.sort_by(|one, other| one.loss_percent.total_cmp(&other.loss_percent));
        let mut series = Vec::new();
        for (peer, delivery) in lines(self.peers.as_ref(), self.delivery, options)? {
            let mut points = Vec::new();
            for &path in &paths {
                let of = |record: &&Record| {
                    (record.path, record.flow) == (path, self.flow)
                        && (record.peer, record.delivery) == (peer, delivery)
                };
                let runs = results.latency(&self.from)?.iter().filter(of);
                let mut times: Vec<f64> = runs.map(|run| run.outcome.p99_ms).collect();
                if times.is_empty() {
                    return Err(missing(&self.title, peer));
                }
                points.push((path.loss_percent, median(&mut times)));
            }
            series.push(line(peer, delivery, true, points));
        }
        Ok(Chart {
            title: self.title.clone(),
            subtitle: format!("RTT {} ms; {}", self.rtt, self.flow.describe()),
            x: axis("loss in each direction, %", Scale::Linear, None),
            y: axis("one-way latency, p99, ms", Scale::Logarithmic, None),
            series,
            band: None,
        })
    }
}

impl Goodput {
    pub(super) fn draw(&self, scenario: &Scenario, results: &Results) -> Result<Chart, Failure> {
        let options = measurement(&scenario.bulk, &self.from, "bulk")?;
        let mut losses: Vec<f64> = options.loss.iter().map(|loss| loss.get()).collect();
        losses.sort_by(f64::total_cmp);
        let limit = losses.iter().map(|&loss| (loss, bulk::limit_percent(loss)));
        let mut series = vec![Series {
            name: "limit".into(),
            style: LIMIT,
            points: limit.collect(),
        }];
        let peers = self.peers.as_ref().unwrap_or(&options.peers);
        for &peer in &peers.0 {
            let mut points = Vec::new();
            for &loss in &losses {
                let of = |record: &&bulk::Record| {
                    (record.peer, record.rtt_ms, record.loss_percent) == (peer, self.rtt, loss)
                };
                let runs = results.bulk(&self.from)?.iter().filter(of);
                let mut shares: Vec<f64> = runs.map(|run| run.goodput_percent).collect();
                if shares.is_empty() {
                    return Err(missing(&self.title, peer));
                }
                points.push((loss, median(&mut shares)));
            }
            series.push(Series {
                name: peer.name(),
                style: style(peer, false, true),
                points,
            });
        }
        Ok(Chart {
            title: self.title.clone(),
            subtitle: format!("RTT {} ms, {} Mbit/s", self.rtt, options.rate),
            x: axis("loss in each direction, %", Scale::Linear, None),
            y: axis("goodput, % of the link", Scale::Linear, Some((0.0, 100.0))),
            series,
            band: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_falls_from_all_to_none() {
        let points = above(vec![(25.0, 98), (30.0, 1), (90.0, 1)]);
        assert_eq!(points[0], (25.0, 1.0));
        assert_eq!(points[1], (25.0, 0.02));
        assert_eq!(points[2], (30.0, 0.02));
        assert_eq!(points[3], (30.0, 0.01));
        assert!(points[5].1 < SHARE_MIN);
    }
}
