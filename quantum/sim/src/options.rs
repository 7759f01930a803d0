//! Everything about a run that its seed decides.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use quantum_proto::time::Instant;

use crate::driver::DriverFaults;
use crate::random::Random;
use crate::units::seconds;

pub mod attack;
pub mod early;
mod faults;
pub mod insider;
pub mod network;
pub mod plan;
pub mod settings;

use attack::{AttackOptions, Position};
use early::EarlyOptions;
use insider::InsiderOptions;
use network::NetworkOptions;
use plan::Plan;
use settings::Settings;

/// After the faults have stopped, everything is finished within this time: the longest timer
/// after a blackout of ten seconds has to expire, the slowest link has to carry the rest, and a
/// peer that missed the closing has to notice.
pub const LIVENESS_BOUND: Duration = seconds(180);

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed that it comes from.
    pub seed: u64,
    /// When the faults stop.
    pub calm_at: Instant,
    /// The network.
    pub network: NetworkOptions,
    /// The drivers of client and server.
    pub drivers: [DriverFaults; 2],
    /// The transports of client and server.
    pub settings: [Settings; 2],
    /// What the applications do.
    pub plan: Rc<Plan>,
    /// The client was here before; `None`: it was not.
    pub early: Option<EarlyOptions>,
    /// Somebody attacks; `None`: nobody.
    pub attack: Option<AttackOptions>,
    /// One of the ends has a malicious peer as well; `None`: it has not.
    pub insider: Option<InsiderOptions>,
}

impl Options {
    /// What `seed` means.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let calm_at = Instant::ORIGIN + random.between(seconds(1), seconds(15));
        let mut options = Self {
            seed,
            calm_at,
            network: NetworkOptions::draw(&mut random.fork(), calm_at),
            drivers: std::array::from_fn(|_| faults::draw(&mut random.fork(), calm_at)),
            settings: std::array::from_fn(|_| Settings::draw(&mut random.fork())),
            plan: Rc::new(Plan::draw(&mut random.fork())),
            early: None,
            attack: None,
            insider: None,
        };
        options.early = EarlyOptions::draw(&mut random.fork(), &options.settings[1]);
        options.attack = AttackOptions::draw(&mut random.fork(), calm_at);
        options.insider = InsiderOptions::draw(&mut random.fork(), calm_at);
        if options.is_watched() {
            // Whoever is there first with a copy of early data uses up the ticket (Q-ZRT-2).
            options.early = None;
        }
        // Behind a NAT that forgets, or after a move of which the server was not convinced, a client
        // that only listens must speak now and then: how else would the server learn where it is?
        if !options.network.rebindings().is_empty() || options.network.seen_as.is_some() {
            let client = &mut options.settings[0];
            client.keep_alive = client.keep_alive.or(Some(KEEP_ALIVE_WHEN_MOVING));
        }
        options
    }

    /// Somebody sees all datagrams, and may make the server believe for a while that the client has
    /// moved.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        let attack = self.attack.as_ref();
        attack.is_some_and(|attack| attack.position != Position::OffPath)
    }

    /// When it has to be over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.calm_at + LIVENESS_BOUND
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calm = self.calm_at.since(Instant::ORIGIN).as_secs_f64();
        writeln!(f, "seed {}: calm at {calm:.3} s", self.seed)?;
        write!(f, "{}", self.network)?;
        for (name, index) in [("client", 0), ("server", 1)] {
            writeln!(f, "{name} driver: {}", self.drivers[index])?;
            writeln!(f, "{name} transport: {:?}", self.settings[index])?;
        }
        if let Some(attack) = &self.attack {
            writeln!(f, "under attack: {attack:?}")?;
        }
        if let Some(insider) = &self.insider {
            writeln!(f, "beside a malicious peer: {insider:?}")?;
        }
        if let Some(early) = &self.early {
            writeln!(f, "the client was here before: {early:?}")?;
        }
        write!(f, "{}", self.plan)
    }
}

/// As long as NATs for UDP can be trusted to remember, and then some.
const KEEP_ALIVE_WHEN_MOVING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_each_time_and_all_of_it_is_shown() {
        let shown = Options::from_seed(11).to_string();
        assert_eq!(shown, Options::from_seed(11).to_string());
        assert_ne!(shown, Options::from_seed(12).to_string());
    }

    #[test]
    fn every_fault_occurs_within_a_hundred_seeds() {
        let all: String = (0..100)
            .map(|seed| Options::from_seed(seed).to_string())
            .collect();
        for fault in [
            "burst_loss",
            " loss(",
            "reorder(",
            "duplicate(",
            "corrupt(",
            "blackout(",
            "jitter(",
            "aggregate(",
            "police(",
            "ecn(Bleach",
            "ecn(Remark",
            "ecn(Drop",
            "ecn(Mark",
            "marks above",
            "stalls at",
            "nat_outward",
            "the client moves",
            "mtu(1472",
            "mtu(1200",
            "control: Cubic",
            "control: Fixed",
            "fate: Taken",
            "OffPath",
            "OnPath",
            "malicious peer: InsiderOptions { side: Client",
            "malicious peer: InsiderOptions { side: Server",
            "farewell: Breach",
            "farewell: Close",
            "fate: TicketsForgotten",
            "fate: Disabled",
        ] {
            assert!(all.contains(fault), "{fault}");
        }
    }
}
