//! What became of the flows of a scenario.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use quantum_proto::Connection;
use quantum_proto::stats::Statistics;
use quantum_proto::time::Instant;

use super::bulk::{Bulk, Receiver, SLOT, Sample, Sender};
use super::{Scenario, client_address};
use crate::node::Node;
use crate::path::bottleneck::Occupancy;
use crate::world::{PathId, World};

/// Of a full datagram of 1500 bytes with IPv4 and UDP headers, what headers, tag and frame take.
const HEADERS_SHARE: f64 = 62.0 / 1500.0;

/// What became of the flows of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order in which they were added.
    pub flows: Vec<FlowReport>,
    /// How equal the flows are: 1 is equal, one over their number is one flow alone (Jain 1984).
    pub jain: f64,
    /// Share of the datagrams that the queue dropped.
    pub dropped: f64,
    /// Mean time in the queue.
    pub wait_mean: Duration,
    /// The same for 95% of the datagrams.
    pub wait_p95: Duration,
    /// Round-trip time with the wait that 95% did not exceed, over the empty path's.
    pub rtt_p95_ratio: f64,
    /// Datagrams that the queue marked.
    pub marked: u64,
}

/// What became of a flow.
#[derive(Clone, Debug, Default)]
pub struct FlowReport {
    /// Bits per second that arrived, in order.
    pub goodput: f64,
    /// Of what the link could carry besides headers.
    pub of_link: f64,
    /// Median of the smoothed round-trip time, as the sender sees it.
    pub rtt_median: Duration,
    /// Bytes that arrived in each tenth of a second.
    pub slots: Vec<u64>,
    /// What the sender counted.
    pub statistics: Statistics,
    /// What the sender's controller was doing, in order: at each change of state, and often between.
    pub samples: Vec<Sample>,
}

impl FlowReport {
    /// Bits per second between two times.
    #[must_use]
    pub fn goodput_between(&self, from: Duration, to: Duration) -> f64 {
        let slot = |time: Duration| (time.as_millis() / SLOT.as_millis()) as usize;
        let count = slot(to).saturating_sub(slot(from));
        let bytes: u64 = self.slots.iter().skip(slot(from)).take(count).sum();
        bytes as f64 * 8.0 / (to - from).as_secs_f64()
    }
}

impl Scenario {
    pub(super) fn report(&self, world: &World<Node<Bulk>>, bottleneck: PathId) -> Report {
        let mut report = Report {
            flows: self.flow_reports(world),
            ..Report::default()
        };
        report.jain = jain(&report.flows);
        if let Some(seen) = world.occupancy(bottleneck) {
            report.read(seen, self.rtt.at(Instant::ORIGIN));
        }
        report
    }

    fn flow_reports(&self, world: &World<Node<Bulk>>) -> Vec<FlowReport> {
        let flows = (1..).zip(&self.flows);
        flows
            .map(|(index, flow)| {
                let receiver = receiver(world, client_address(index));
                let node = world.hosts().nth(usize::from(index));
                let from = self.measured_from.max(flow.starts_at);
                let mut report = FlowReport {
                    slots: receiver.map_or_else(Vec::new, |receiver| receiver.slots.clone()),
                    ..FlowReport::default()
                };
                report.goodput = report.goodput_between(from, self.duration);
                report.of_link = report.goodput / self.capacity(from);
                if let Some(sender) = node.and_then(sender) {
                    report.rtt_median = sender.rtts.percentile(0.5);
                    report.samples.clone_from(&sender.samples);
                }
                let connections = node.into_iter().flat_map(Node::connections);
                let mut statistics = connections.map(Connection::statistics);
                report.statistics = statistics.next().unwrap_or_default();
                report
            })
            .collect()
    }

    /// Bits per second besides headers, on average.
    fn capacity(&self, from: Duration) -> f64 {
        let slots = (self.duration - from).as_millis() / SLOT.as_millis();
        let slots = u32::try_from(slots).unwrap_or(u32::MAX).max(1);
        let rates = (0..slots).map(|slot| {
            let at = Instant::ORIGIN + from + SLOT * slot;
            let rate = self.rate.at(at);
            let policed = self
                .police
                .as_ref()
                .map_or(rate, |(limit, _)| limit.at(at).min(rate));
            policed.0 as f64
        });
        rates.sum::<f64>() / f64::from(slots) * (1.0 - HEADERS_SHARE)
    }
}

impl Report {
    fn read(&mut self, seen: &Occupancy, rtt: Duration) {
        let offered = (seen.passed + seen.dropped).max(1);
        self.dropped = seen.dropped as f64 / offered as f64;
        self.marked = seen.marked;
        self.wait_mean = seen.waits.mean();
        self.wait_p95 = seen.waits.percentile(0.95);
        self.rtt_p95_ratio = (rtt + self.wait_p95).as_secs_f64() / rtt.as_secs_f64();
    }
}

fn receiver(world: &World<Node<Bulk>>, of: SocketAddr) -> Option<&Receiver> {
    let server = world.hosts().next()?;
    let mut receivers = server.programs().filter_map(|program| match program {
        Bulk::Receiver(receiver) => Some(receiver),
        Bulk::Sender(_) => None,
    });
    receivers.find(|receiver| receiver.from == Some(of))
}

fn sender(node: &Node<Bulk>) -> Option<&Sender> {
    node.programs().find_map(|program| match program {
        Bulk::Sender(sender) => Some(sender),
        Bulk::Receiver(_) => None,
    })
}

fn jain(flows: &[FlowReport]) -> f64 {
    let sum: f64 = flows.iter().map(|flow| flow.goodput).sum();
    let squares: f64 = flows.iter().map(|flow| flow.goodput * flow.goodput).sum();
    if squares == 0.0 {
        return 0.0;
    }
    sum * sum / (flows.len() as f64 * squares)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for flow in &self.flows {
            write!(
                f,
                "{:6.2} Mbit/s ({:5.1}%), rtt {:.1} ms; ",
                flow.goodput / 1e6,
                flow.of_link * 100.0,
                flow.rtt_median.as_secs_f64() * 1e3
            )?;
        }
        write!(
            f,
            "jain {:.3}, queue drops {:.2}%, waits {:.1} ms (p95 {:.1}), rtt p95 x{:.2}, marked {}",
            self.jain,
            self.dropped * 100.0,
            self.wait_mean.as_secs_f64() * 1e3,
            self.wait_p95.as_secs_f64() * 1e3,
            self.rtt_p95_ratio,
            self.marked
        )
    }
}
