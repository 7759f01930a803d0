//! Named situations for congestion control: flows that share a bottleneck, and what became of
//! them.
//!
//! ```
//! use quantum_sim::scenario::{Controller, Flow, Scenario};
//! use quantum_sim::units::{mbit, ms, seconds};
//!
//! let report = Scenario::new(mbit(10), ms(40))
//!     .flow(Flow::new(Controller::Bbr))
//!     .lasting(seconds(5))
//!     .run(1)?;
//! assert!(report.flows[0].of_link > 0.8);
//! # Ok::<(), quantum_sim::violation::Violation>(())
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quantum_proto::config::TransportConfig;
use quantum_proto::observe::ObserverFactory;
use quantum_proto::time::Instant;

use crate::driver::DriverFaults;
use crate::identity;
use crate::node::Node;
use crate::path::Path;
use crate::path::schedule::Schedule;
use crate::random::Random;
use crate::units::{BitRate, bdp, ms, seconds};
use crate::violation::{Rule, Violation};
use crate::world::{PathId, World};

mod bulk;
pub mod catalogue;
mod demand;
mod flow;
pub mod mix;
mod report;

use bulk::Bulk;
pub use bulk::Sample;
pub use flow::{Controller, Flow};
pub use report::{FlowReport, Report};

/// Flows over one bottleneck.
#[derive(Clone, Debug)]
pub struct Scenario {
    rate: Schedule<BitRate>,
    rtt: Schedule<Duration>,
    queue: u64,
    loss: Schedule<f64>,
    mean_burst: Option<f64>,
    jitter: Duration,
    reorders: bool,
    forward_error_correction: bool,
    reorder: Option<(Schedule<f64>, Duration)>,
    police: Option<(Schedule<BitRate>, u64)>,
    aggregate: Option<Schedule<Duration>>,
    mark_above: Option<u64>,
    flows: Vec<Flow>,
    duration: Duration,
    measured_from: Duration,
    observer: Option<Arc<dyn ObserverFactory>>,
}

impl Scenario {
    /// A link without flows: its rate, round-trip time, and a queue that holds one
    /// bandwidth-delay product.
    #[must_use]
    pub fn new(rate: impl Into<Schedule<BitRate>>, rtt: impl Into<Schedule<Duration>>) -> Self {
        let (rate, rtt) = (rate.into(), rtt.into());
        Self {
            queue: bdp(rate.at(Instant::ORIGIN), rtt.at(Instant::ORIGIN)),
            rate,
            rtt,
            loss: Schedule::constant(0.0),
            mean_burst: None,
            jitter: Duration::ZERO,
            reorders: false,
            forward_error_correction: true,
            reorder: None,
            police: None,
            aggregate: None,
            mark_above: None,
            flows: Vec::new(),
            duration: seconds(30),
            measured_from: Duration::ZERO,
            observer: None,
        }
    }

    /// One more flow.
    #[must_use]
    pub fn flow(mut self, flow: Flow) -> Self {
        self.flows.push(flow);
        self
    }

    /// Another rate of the link, and the same queue.
    #[must_use]
    pub fn rate(mut self, rate: impl Into<Schedule<BitRate>>) -> Self {
        self.rate = rate.into();
        self
    }

    /// Another round-trip time, and the same queue.
    #[must_use]
    pub fn rtt(mut self, rtt: impl Into<Schedule<Duration>>) -> Self {
        self.rtt = rtt.into();
        self
    }

    /// Bytes that wait before the link at most.
    #[must_use]
    pub fn queue(mut self, bytes: u64) -> Self {
        self.queue = bytes;
        self
    }

    /// Random loss in both directions, on top of what the queue drops.
    #[must_use]
    pub fn loss(mut self, probability: impl Into<Schedule<f64>>) -> Self {
        self.loss = probability.into();
        self
    }

    /// The loss comes in bursts, and does not change.
    #[must_use]
    pub fn in_bursts(mut self, mean: f64) -> Self {
        self.mean_burst = Some(mean);
        self
    }

    /// Delay that varies, without reordering.
    #[must_use]
    pub fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// Delay that varies by itself for each datagram.
    #[must_use]
    pub fn jitter_reordering(mut self, most: Duration) -> Self {
        self.reorders = true;
        self.jitter(most)
    }

    /// Both ends do without forward error correction.
    #[must_use]
    pub fn without_repairs(mut self) -> Self {
        self.forward_error_correction = false;
        self
    }

    /// Of the data, this share is held back up to `most`, and overtaken.
    #[must_use]
    pub fn reorder(mut self, probability: impl Into<Schedule<f64>>, most: Duration) -> Self {
        self.reorder = Some((probability.into(), most));
        self
    }

    /// A policer before the link.
    #[must_use]
    pub fn police(mut self, rate: impl Into<Schedule<BitRate>>, burst: u64) -> Self {
        self.police = Some((rate.into(), burst));
        self
    }

    /// Data and acknowledgements arrive in bursts.
    #[must_use]
    pub fn aggregate(mut self, period: impl Into<Schedule<Duration>>) -> Self {
        self.aggregate = Some(period.into());
        self
    }

    /// The queue marks (ECN) above so many bytes.
    #[must_use]
    pub fn mark_above(mut self, bytes: u64) -> Self {
        self.mark_above = Some(bytes);
        self
    }

    /// How long it takes.
    #[must_use]
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Goodput counts from here on.
    #[must_use]
    pub fn measured_from(mut self, after: Duration) -> Self {
        self.measured_from = after;
        self
    }

    /// Somebody watches all connections, which changes nothing.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn ObserverFactory>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// A rule of the simulation that did not hold.
    pub fn run(&self, seed: u64) -> Result<Report, Violation> {
        let mut world = World::new(seed);
        let built = self.build(&mut world, &mut Random::new(!seed));
        let bottleneck = built.map_err(|detail| Violation {
            at: Instant::ORIGIN,
            rule: Rule::Contract,
            detail,
        })?;
        world.run_until(Instant::ORIGIN + self.duration)?;
        Ok(self.report(&world, bottleneck))
    }

    /// One server host for all flows, one client host each. Data goes up.
    fn build(&self, world: &mut World<Node<Bulk>>, random: &mut Random) -> Result<PathId, String> {
        let bottleneck = world.add_path(self.bottleneck());
        let back = world.add_path(self.back());
        let receivers = self.flows.iter().map(|_| Bulk::receiver());
        let config = identity::server_config()?.with_transport(self.transport(Controller::Bbr));
        let server = Node::server(SERVER, config, random, receivers);
        let server = world.add_host(server, &[SERVER], DriverFaults::default());
        for (index, flow) in (1..).zip(&self.flows) {
            let address = client_address(index);
            let mut client = Node::client(address, random);
            let config = identity::client_config()?.with_transport(self.transport(flow.controller));
            let sender = Bulk::sender(Instant::ORIGIN + flow.starts_at, flow.demand.clone());
            client.connect(Instant::ORIGIN, &config, SERVER, sender)?;
            let client = world.add_host(client, &[address], DriverFaults::default());
            let access = world.add_path(Path::new().delay(flow.more_rtt / 2));
            let home = world.add_path(Path::new().delay(flow.more_rtt / 2));
            world.route(client, &[access, bottleneck]);
            world.route_to(server, address.ip(), &[back, home]);
        }
        Ok(bottleneck)
    }

    /// Windows that bound nothing here.
    fn transport(&self, controller: Controller) -> TransportConfig {
        let config = TransportConfig::default()
            .with_controller(controller.factory())
            .with_receive_window(64 << 20)
            .with_stream_receive_window(64 << 20)
            .with_send_window(16 << 20)
            .with_forward_error_correction(self.forward_error_correction)
            .with_ack_delay_max(ms(25));
        match &self.observer {
            Some(observer) => config.with_observer(Arc::clone(observer)),
            None => config,
        }
    }

    fn bottleneck(&self) -> Path {
        let mut path = Path::new();
        if let Some((rate, burst)) = &self.police {
            path = path.police(rate.clone(), *burst);
        }
        path = path.rate(self.rate.clone()).queue(self.queue);
        if let Some(bytes) = self.mark_above {
            path = path.mark_above(bytes);
        }
        path = path.delay(self.one_way());
        if let Some((probability, most)) = &self.reorder {
            path = path.reorder(probability.clone(), *most);
        }
        self.lossy(path)
    }

    fn back(&self) -> Path {
        self.lossy(Path::new().delay(self.one_way()))
    }

    fn one_way(&self) -> Schedule<Duration> {
        self.rtt.map(|rtt| rtt / 2)
    }

    fn lossy(&self, mut path: Path) -> Path {
        path = match self.mean_burst {
            Some(mean) => path.burst_loss(self.loss.at(Instant::ORIGIN), mean),
            None if self.loss == Schedule::constant(0.0) => path,
            None => path.loss(self.loss.clone()),
        };
        if self.jitter > Duration::ZERO {
            path = match self.reorders {
                true => path.jitter_reordering(self.jitter),
                false => path.jitter(self.jitter),
            };
        }
        match &self.aggregate {
            Some(period) => path.aggregate(period.clone()),
            None => path,
        }
    }
}

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4433);

fn client_address(index: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, index), 5000).into()
}
