//! One connection that carries messages of several kinds, and perhaps a bulk stream.
//!
//! ```
//! use quantum_proto::Urgency;
//! use quantum_sim::scenario::Scenario;
//! use quantum_sim::scenario::mix::{Mix, Source};
//! use quantum_sim::units::{mbit, ms, seconds};
//!
//! let key_strokes = Source::new(200, ms(10)).urgent(Urgency::new(1)).within(ms(150));
//! let mix = Mix::default().source(key_strokes).bulk(Urgency::LOWEST);
//! let scenario = Scenario::new(mbit(10), ms(40)).lasting(seconds(5));
//! let report = scenario.run_mix(1, &mix)?;
//! let delivered = &report.sources[0].latencies(seconds(0)..seconds(5));
//! assert!(delivered.percentile(1.0) <= ms(150));
//! # Ok::<(), quantum_sim::violation::Violation>(())
//! ```

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use quantum_proto::stats::Statistics;
use quantum_proto::stream::{Direction, Side, StreamId};
use quantum_proto::time::Instant;
use quantum_proto::{Connection, MessageOptions, Urgency};

use super::{Controller, SERVER, Scenario, client_address};
use crate::driver::DriverFaults;
use crate::identity;
use crate::node::Node;
use crate::program::Program;
use crate::random::Random;
use crate::samples::Samples;
use crate::transport::{Notice, Transport};
use crate::violation::{Rule, Violation};
use crate::world::World;

/// Messages of one kind, sent at regular intervals.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    bytes: usize,
    interval: Duration,
    options: MessageOptions,
    deadline: Option<Duration>,
}

impl Source {
    /// Reliable messages of this size, one in each interval.
    #[must_use]
    pub fn new(bytes: usize, interval: Duration) -> Self {
        Self {
            bytes: bytes.max(HEADER_BYTES),
            interval,
            options: MessageOptions::reliable(),
            deadline: None,
        }
    }

    /// What they go before.
    #[must_use]
    pub fn urgent(mut self, urgency: Urgency) -> Self {
        self.options = self.options.with_urgency(urgency);
        self
    }

    /// Their deadline.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.options = self.options.with_deadline(deadline);
        self.deadline = Some(deadline);
        self
    }
}

/// What one connection carries.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    sources: Vec<Source>,
    bulk: Option<Urgency>,
}

impl Mix {
    /// One more kind of messages.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    /// A stream that never ends.
    #[must_use]
    pub fn bulk(mut self, urgency: Urgency) -> Self {
        self.bulk = Some(urgency);
        self
    }
}

/// What became of a mix.
#[derive(Clone, Debug, Default)]
pub struct MixReport {
    /// By kind.
    pub sources: Vec<SourceReport>,
    /// What the sender counted.
    pub sender: Statistics,
    /// What the receiver counted.
    pub receiver: Statistics,
    /// Bytes of the stream in each tenth of a second.
    slots: Vec<u64>,
}

/// What became of messages of one kind.
#[derive(Clone, Debug, Default)]
pub struct SourceReport {
    /// When each was accepted.
    accepted: Vec<Instant>,
    /// When each that was delivered had been accepted, and how long it took from then on.
    delivered: Vec<(Instant, Duration)>,
    /// Messages for which there was no room.
    pub refused: u64,
}

impl SourceReport {
    /// Of the messages that were accepted in this time, how long those that were delivered took.
    #[must_use]
    pub fn latencies(&self, during: Range<Duration>) -> Samples {
        let mut samples = Samples::default();
        for (accepted, took) in &self.delivered {
            if during.contains(&accepted.since(Instant::ORIGIN)) {
                samples.add(*took);
            }
        }
        samples
    }

    /// How many were accepted in this time.
    #[must_use]
    pub fn accepted(&self, during: Range<Duration>) -> usize {
        let times = self.accepted.iter();
        let times = times.map(|accepted| accepted.since(Instant::ORIGIN));
        times.filter(|time| during.contains(time)).count()
    }
}

impl MixReport {
    /// Bits per second of the stream in this time.
    #[must_use]
    pub fn bulk_goodput(&self, during: Range<Duration>) -> f64 {
        let slot = |time: Duration| (time.as_millis() / SLOT.as_millis()) as usize;
        let count = slot(during.end).saturating_sub(slot(during.start));
        let slots = self.slots.iter().skip(slot(during.start)).take(count);
        slots.sum::<u64>() as f64 * 8.0 / (during.end - during.start).as_secs_f64()
    }
}

impl Scenario {
    /// Runs the mix over one connection on this link, beside its flows, which all begin at once and
    /// are as far away as the mix.
    ///
    /// # Errors
    ///
    /// A rule of the simulation that did not hold.
    pub fn run_mix(&self, seed: u64, mix: &Mix) -> Result<MixReport, Violation> {
        let mut world = World::new(seed);
        let built = self.build_mix(&mut world, &mut Random::new(!seed), mix);
        built.map_err(|detail| Violation {
            at: Instant::ORIGIN,
            rule: Rule::Contract,
            detail,
        })?;
        world.run_until(Instant::ORIGIN + self.duration)?;
        let mut report = MixReport::default();
        report
            .sources
            .resize_with(mix.sources.len(), SourceReport::default);
        // The server, then the client of the mix.
        for node in world.hosts().take(2) {
            node.programs()
                .for_each(|program| program.tell(&mut report));
            for connection in node.connections() {
                if connection.side() == Side::Client {
                    report.sender = connection.statistics();
                } else if connection.remote_address() == client_address(1) {
                    report.receiver = connection.statistics();
                }
            }
        }
        Ok(report)
    }

    fn build_mix(
        &self,
        world: &mut World<Node<End>>,
        random: &mut Random,
        mix: &Mix,
    ) -> Result<(), String> {
        let (forth, back) = (self.bottleneck(), self.back());
        let (forth, back) = (world.add_path(forth), world.add_path(back));
        let transport = self.transport(Controller::Bbr);
        let config = identity::server_config()?.with_transport(transport);
        let bulk = Mix::default().bulk(Urgency::LOWEST);
        let flows = self.flows.iter().map(|flow| (flow.controller, &bulk));
        let mixes: Vec<_> = [(Controller::Bbr, mix)].into_iter().chain(flows).collect();
        // Any of them may get the mix.
        let receiver = |_| End::Receiver(Receiver::new(mix.sources.len()));
        let server = Node::server(SERVER, config, random, mixes.iter().map(receiver));
        let server = world.add_host(server, &[SERVER], DriverFaults::default());
        for (index, (controller, mix)) in (1..).zip(mixes) {
            let address = client_address(index);
            let mut client = Node::client(address, random);
            let config = identity::client_config()?.with_transport(self.transport(controller));
            let sender = End::Sender(Sender::new(mix));
            client.connect(Instant::ORIGIN, &config, SERVER, sender)?;
            let client = world.add_host(client, &[address], DriverFaults::default());
            world.route(client, &[forth]);
        }
        world.route(server, &[back]);
        Ok(())
    }
}

/// One end of the connection.
enum End {
    Sender(Sender),
    Receiver(Receiver),
}

/// Sends what is due.
struct Sender {
    mix: Mix,
    /// When the next message of each kind is due, once the connection is there.
    due: Vec<Instant>,
    stream: Option<StreamId>,
    writable: bool,
    accepted: Vec<Vec<Instant>>,
    refused: Vec<u64>,
    piece: Vec<u8>,
}

/// Takes what comes.
struct Receiver {
    from: Option<SocketAddr>,
    delivered: Vec<Vec<(Instant, Duration)>>,
    stream: Option<StreamId>,
    slots: Vec<u64>,
    piece: Vec<u8>,
}

impl End {
    fn tell(&self, report: &mut MixReport) {
        match self {
            Self::Sender(sender) => {
                let counts = sender.accepted.iter().zip(&sender.refused);
                for (source, (accepted, refused)) in report.sources.iter_mut().zip(counts) {
                    source.accepted.clone_from(accepted);
                    source.refused = *refused;
                }
            }
            Self::Receiver(receiver) if receiver.from == Some(client_address(1)) => {
                report.slots.clone_from(&receiver.slots);
                for (source, delivered) in report.sources.iter_mut().zip(&receiver.delivered) {
                    source.delivered.clone_from(delivered);
                }
            }
            Self::Receiver(_) => {}
        }
    }
}

impl Sender {
    fn new(mix: &Mix) -> Self {
        Self {
            mix: mix.clone(),
            due: Vec::new(),
            stream: None,
            writable: true,
            accepted: vec![Vec::new(); mix.sources.len()],
            refused: vec![0; mix.sources.len()],
            piece: vec![0; PIECE],
        }
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        while let Some(notice) = connection.poll_notice() {
            match notice {
                Notice::Connected => self.due = vec![now; self.mix.sources.len()],
                Notice::Writable(_) => self.writable = true,
                _ => {}
            }
        }
        if self.due.is_empty() && !self.mix.sources.is_empty() {
            return;
        }
        for index in 0..self.due.len() {
            self.send_due(now, index, connection);
        }
        if let Some(urgency) = self.mix.bulk.filter(|_| self.stream.is_none()) {
            self.stream = Connection::open(connection, Direction::Unidirectional);
            if let Some(id) = self.stream {
                Transport::set_urgency(connection, id, urgency);
            }
        }
        while let Some(id) = self.stream.filter(|_| self.writable) {
            self.writable = Connection::write(connection, id, &self.piece).is_ok();
        }
    }

    fn send_due(&mut self, now: Instant, index: usize, connection: &mut Connection) {
        let source = self.mix.sources[index];
        while self.due[index] <= now {
            self.due[index] += source.interval;
            let mut message = vec![0; source.bytes];
            message[0] = index as u8;
            message[1..HEADER_BYTES].copy_from_slice(&now.as_nanos().to_be_bytes());
            let sent = Connection::send_message(connection, now, message.into(), &source.options);
            match sent {
                Ok(_) => self.accepted[index].push(now),
                Err(_) => self.refused[index] += 1,
            }
        }
    }
}

impl Receiver {
    fn new(sources: usize) -> Self {
        Self {
            from: None,
            delivered: vec![Vec::new(); sources],
            stream: None,
            slots: Vec::new(),
            piece: vec![0; PIECE],
        }
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        self.from.get_or_insert(connection.remote_address());
        while connection.poll_notice().is_some() {}
        while let Some(message) = Connection::receive_message(connection, now) {
            let Some(([index, time @ ..], _)) = message.split_first_chunk::<HEADER_BYTES>() else {
                continue;
            };
            let accepted = Instant::from_nanos(u64::from_be_bytes(*time));
            if let Some(delivered) = self.delivered.get_mut(usize::from(*index)) {
                delivered.push((accepted, now.since(accepted)));
            }
        }
        if self.stream.is_none() {
            self.stream = Connection::accept(connection, Direction::Unidirectional);
        }
        while let Some(id) = self.stream
            && let Ok(count) = Connection::read(connection, id, &mut self.piece)
        {
            self.count(now, count as u64);
        }
    }

    fn count(&mut self, now: Instant, bytes: u64) {
        let slot = (now.since(Instant::ORIGIN).as_millis() / SLOT.as_millis()) as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += bytes;
    }
}

impl Program for End {
    fn start(&mut self, now: Instant, _early: Vec<Notice>) {
        if let Self::Sender(sender) = self {
            sender.due = vec![now; sender.mix.sources.len()];
        }
    }

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        match self {
            Self::Sender(sender) => sender.run(now, connection),
            Self::Receiver(receiver) => receiver.run(now, connection),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Sender(sender) => sender.due.iter().min().copied(),
            Self::Receiver(_) => None,
        }
    }

    fn is_busy(&self) -> bool {
        true
    }
}

/// A message says of which kind it is, and when it was accepted.
const HEADER_BYTES: usize = 1 + 8;

/// The stream is counted in slots of this length.
const SLOT: Duration = Duration::from_millis(100);

/// Bytes per write or read.
const PIECE: usize = 64 << 10;
