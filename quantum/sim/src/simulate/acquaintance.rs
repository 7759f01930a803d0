//! A first visit, on a perfect network: what the client remembers when it comes back.

use std::time::Duration;

use quantum_proto::Connection;
use quantum_proto::config::{ClientConfig, EndpointConfig, ServerConfig};
use quantum_proto::time::Instant;

use crate::driver::DriverFaults;
use crate::node::Node;
use crate::options::network::{CLIENT, SERVER};
use crate::path::Path;
use crate::program::Program;
use crate::random::Random;
use crate::transport::{Ending, Notice, Transport};
use crate::units::{ms, seconds};
use crate::world::World;

/// How long the visit may take, everything included.
const VISIT_BOUND: Instant = Instant::from_nanos(60_000_000_000);
/// Tickets and tokens follow the handshake.
const STAY: Duration = seconds(1);

/// Lets the client visit the server.
///
/// # Errors
///
/// What went wrong, which is not what is to be tested here.
pub(super) fn make(
    client: &ClientConfig,
    server: ServerConfig,
    endpoint: &EndpointConfig,
    random: &mut Random,
) -> Result<(), String> {
    let mut visitor = Node::client(CLIENT, random);
    visitor.connect(Instant::ORIGIN, client, SERVER, Visit::leaving())?;
    let server = Node::server_again(SERVER, endpoint, server, random, [Visit::default()]);
    let mut world = World::new(random.bits());
    let visitor = world.add_host(visitor, &[CLIENT], DriverFaults::default());
    let server = world.add_host(server, &[SERVER], DriverFaults::default());
    let [up, down] = [(); 2].map(|()| world.add_path(Path::new().delay(ms(1))));
    world.route(visitor, &[up]);
    world.route(server, &[down]);
    let run = world.run(VISIT_BOUND);
    run.map_err(|violation| format!("the first visit: {violation}"))?;
    let mut visits = world.hosts().flat_map(Node::programs);
    if visits.all(|visit| visit.ending.is_some()) {
        return Ok(());
    }
    Err("the first visit did not end".into())
}

/// Comes, stays a while, and goes.
#[derive(Default)]
struct Visit {
    leaves: bool,
    leaves_at: Option<Instant>,
    ending: Option<Ending>,
}

impl Visit {
    fn leaving() -> Self {
        Self {
            leaves: true,
            ..Self::default()
        }
    }
}

impl Program for Visit {
    fn start(&mut self, _now: Instant, _early: Vec<Notice>) {}

    fn run(&mut self, now: Instant, connection: &mut Connection) {
        while let Some(notice) = connection.poll_notice() {
            match notice {
                Notice::Confirmed if self.leaves => self.leaves_at = Some(now + STAY),
                Notice::Closed(ending) => self.ending = Some(ending),
                _ => {}
            }
        }
        if self.leaves_at.is_some_and(|time| time <= now) {
            self.leaves_at = None;
            connection.close(now, 0, b"");
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.leaves_at
    }

    fn is_busy(&self) -> bool {
        self.ending.is_none()
    }
}
