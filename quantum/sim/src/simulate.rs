//! One run: a seed becomes a world, and the world is held to the rules.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use quantum_proto::config::TransportConfig;
use quantum_proto::congestion::{Cubic, Fixed};
use quantum_proto::observe::ObserverFactory;
use quantum_proto::stream::Side;
use quantum_proto::time::Instant;

use crate::adversary::Adversary;
use crate::application::{Application, Doubt, Fault, Shared};
use crate::insider::Insider;
use crate::node::{Limits, Node};
use crate::options::Options;
use crate::options::early::EarlyFate;
use crate::options::network::{CLIENT, NetworkOptions, SERVER};
use crate::options::settings::{Control, Settings};
use crate::path::Path;
use crate::random::Random;
use crate::violation::{Rule, Violation};
use crate::world::{HostId, Stopped, World};

mod acquaintance;
mod intrusion;
mod parties;
mod party;
mod role;

use parties::Parties;
use party::Party;
use role::Role;

/// How a run went that kept to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of all events.
    pub fingerprint: u64,
    /// Virtual time at the end.
    pub ended_at: Instant,
    /// Datagrams that were sent, both ways.
    pub datagrams: u64,
}

/// Where events are told to.
pub type Listener = Box<dyn FnMut(&str)>;

/// Runs what the options say.
///
/// # Errors
///
/// The first rule that does not hold.
pub fn simulate(options: &Options, listener: Option<Listener>) -> Result<Outcome, Violation> {
    simulate_observed(options, listener, None)
}

/// The same, with an observer of both ends' connections, which changes nothing.
///
/// # Errors
///
/// As [`simulate`].
pub fn simulate_observed(
    options: &Options,
    listener: Option<Listener>,
    observer: Option<Arc<dyn ObserverFactory>>,
) -> Result<Outcome, Violation> {
    let mut world = build(options, observer.as_ref()).map_err(|detail| Violation {
        at: Instant::ORIGIN,
        rule: Rule::Contract,
        detail,
    })?;
    if let Some(listener) = listener {
        world.trace(listener);
    }
    let stopped = world.run(options.deadline())?;
    check_end(options, &world, stopped)?;
    Ok(Outcome {
        fingerprint: world.fingerprint(),
        ended_at: world.now(),
        datagrams: world.datagrams(),
    })
}

fn check_end(options: &Options, world: &World<Party>, stopped: Stopped) -> Result<(), Violation> {
    let violation = |(rule, detail)| Violation {
        at: world.now(),
        rule,
        detail,
    };
    let programs = || world.hosts().flat_map(Party::programs);
    let words: Vec<_> = programs().map(Application::unfinished).collect();
    let explain = |(rule, detail)| violation((rule, format!("{detail}; {}", words.join(" | "))));
    check_victims(world).map_err(violation)?;
    if lost_in_handshake(options, world) {
        return Ok(());
    }
    if stopped == Stopped::Deadline {
        return Err(explain((Rule::Liveness, "not over".to_owned())));
    }
    for program in programs() {
        let excused = goodbye_may_be_lost(options, program.closed_at());
        program.check_end(excused).map_err(explain)?;
    }
    Ok(())
}

fn check_victims(world: &World<Party>) -> Result<(), Fault> {
    let mut insiders = world.hosts().flat_map(Party::insiders);
    let may_have_closed = insiders.any(Insider::may_have_closed);
    let mut victims = world.hosts().flat_map(Party::victims);
    victims.try_for_each(|victim| victim.check_end(may_have_closed))
}

/// Last words are not repeated for long: they may be lost in trouble, and do not find a client that
/// has moved before it has spoken from where it is.
fn goodbye_may_be_lost(options: &Options, closed_at: Option<Instant>) -> bool {
    // A copy from elsewhere looks like a move.
    let forged_at = options.is_watched().then_some(options.calm_at);
    let moved_at = options.network.rebindings().last().copied().max(forged_at);
    let found_at = moved_at.map_or(Instant::ORIGIN, |moved| moved + FOUND_AGAIN);
    closed_at.is_none_or(|time| time < options.calm_at.max(found_at))
}

/// A client that moved is found again by then: the longest probe timeout and the longest silence of
/// a client behind a NAT.
const FOUND_AGAIN: Duration = Duration::from_secs(20);

/// How long the proof of an address that Retry asks for is good.
const RETRY_TOKEN_LIFETIME: Duration = Duration::from_secs(15);

/// Before the handshake is confirmed, a client that is suddenly seen elsewhere is a stranger
/// (RFC 9000 section 9): how such a connection ends is open, only not what it delivers.
fn lost_in_handshake(options: &Options, world: &World<Party>) -> bool {
    let client = world
        .hosts()
        .next()
        .into_iter()
        .flat_map(Party::programs)
        .next();
    let confirmed_at = client.and_then(Application::confirmed_at);
    let rebinding = options.network.rebindings().first().copied();
    let token_aged = options.settings[1].retry
        && confirmed_at.is_none()
        && world.now() > Instant::ORIGIN + RETRY_TOKEN_LIFETIME;
    // Who sees everything can keep a handshake from coming about (RFC 9000 section 21.1).
    let watched = options.is_watched() && confirmed_at.is_none();
    token_aged
        || watched
        || rebinding.is_some_and(|time| time < confirmed_at.unwrap_or(Instant::DISTANT))
}

fn build(
    options: &Options,
    observer: Option<&Arc<dyn ObserverFactory>>,
) -> Result<World<Party>, String> {
    let mut random = Random::new(options.seed ^ 0x5eed_0000_0000_0000);
    let shared = Rc::new(Shared::new(doubt(options)));
    let application = |side| Application::new(side, Rc::clone(&options.plan), Rc::clone(&shared));
    let mut programs = [application(Side::Client), application(Side::Server)];
    if let Some(early) = &options.early {
        let taken = early.fate == EarlyFate::Taken;
        programs = programs.map(|program| match program.side() {
            Side::Client => program.returning(Instant::ORIGIN, taken),
            Side::Server => program,
        });
    }
    let [client_program, server_program] =
        programs.map(|program| Role::Application(program.into()));
    let [client_settings, server_settings] = &options.settings;
    let early = options.early.as_ref();
    let streams_before = early.map_or(0, |early| early.before.streams_max);
    let parties = Parties::prepare(options, observer, &mut random)?;

    let mut client = Node::client(CLIENT, &mut random)
        .within(Limits::new(
            client_settings,
            server_settings,
            streams_before,
        ))
        .moving(options.network.moves.iter().copied());
    client.connect(Instant::ORIGIN, &parties.client, SERVER, client_program)?;
    let server = Node::server_again(
        SERVER,
        &parties.endpoint,
        parties.server,
        &mut random,
        [server_program],
    )
    .within(Limits::new(server_settings, client_settings, 0));

    let mut world = World::new(random.bits());
    let [client_driver, server_driver] = options.drivers.clone();
    let addresses = NetworkOptions::client_addresses();
    let mut ends = [client, server];
    let insider = intrusion::prepare(options, observer, &mut ends)?;
    let [client, server] = ends;
    let client = world.add_host(Party::End(Box::new(client)), &addresses, client_driver);
    let server = world.add_host(Party::End(Box::new(server)), &[SERVER], server_driver);
    if options
        .early
        .as_ref()
        .is_some_and(|early| early.tokens_known)
    {
        // The client's token says so (RFC 9000 section 8.1.3).
        world.trust(server, CLIENT);
    }
    connect(&mut world, options, [client, server], &mut random);
    if let Some(insider) = insider {
        intrusion::connect(&mut world, insider, [client, server]);
    }
    Ok(world)
}

/// What the ends cannot know of the time that messages take.
fn doubt(options: &Options) -> Doubt {
    let lags = options.drivers.iter().map(|driver| driver.clock_lag);
    // A copy from elsewhere looks like a move.
    let forged = options.is_watched().then_some(Instant::ORIGIN);
    let moved = options.network.rebindings().first().copied();
    Doubt {
        clock_lag: lags.max().unwrap_or_default(),
        path_changes_at: forged.or(moved).unwrap_or(Instant::DISTANT),
    }
}

/// Whoever attacks is between the server and the client's translator, closer to both of them than
/// they are to each other.
fn connect(world: &mut World<Party>, options: &Options, ends: [HostId; 2], random: &mut Random) {
    let [client, server] = ends;
    let [up, down] = options.network.links().map(|path| world.add_path(path));
    let [out, back] = options
        .network
        .translators()
        .map(|path| world.add_path(path));
    world.route(client, &[out, up]);
    world.route(server, &[down, back]);
    let Some(attack) = options.attack else {
        return;
    };
    let adversary = Adversary::new(attack, options.network.client_as_seen(), SERVER, random);
    let adversary = world.add_attacker(Party::Attacker(Box::new(adversary)));
    let direct = world.add_path(Path::new());
    world.route(adversary, &[back]);
    world.route_to(adversary, SERVER.ip(), &[direct]);
    world.tap(up, adversary);
    world.tap(down, adversary);
}

/// The configuration that these settings describe.
#[must_use]
pub fn transport(settings: &Settings) -> TransportConfig {
    let mut config = TransportConfig::default()
        .with_idle_timeout(Some(Settings::IDLE_TIMEOUT))
        .with_handshake_timeout(Settings::HANDSHAKE_TIMEOUT)
        .with_receive_window(settings.receive_window)
        .with_stream_receive_window(settings.stream_receive_window)
        .with_message_receive_window(settings.message_receive_window)
        .with_send_window(settings.send_window)
        .with_bidirectional_streams_max(settings.streams_max)
        .with_unidirectional_streams_max(settings.streams_max)
        .with_datagram_bytes_max(settings.datagram_bytes_max)
        .with_mtu_discovery(settings.mtu_discovery)
        .with_ecn(settings.ecn)
        .with_ack_delay_max(settings.ack_delay_max)
        .with_keep_alive(settings.keep_alive);
    config = match settings.control {
        Control::Bbr => config,
        Control::Cubic => config.with_controller(Arc::new(Cubic::default())),
        Control::Fixed(limits) => config.with_controller(Arc::new(Fixed(limits))),
    };
    if let Some(packets) = settings.key_update_packets {
        config = config.with_key_update_packets(packets);
    }
    config
}
