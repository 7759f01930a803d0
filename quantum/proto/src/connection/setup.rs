//! How a connection begins.

use std::collections::VecDeque;

use rand::RngExt;

use super::Connection;
use super::handshake::Handshake;
use super::ids::{LocalIds, RemoteIds};
use super::lifecycle::{Idle, State};
use super::migration::Migration;
use super::path::{Path, PathResponses};
use super::repair::Repairs;
use super::space::{Space, UndecryptablePackets};
use super::timer::{Timer, Timers};
use super::transmit::Pending;
use super::watch::Watch;
use crate::acknowledge::FrequencyRequests;
use crate::congestion::Controller;
use crate::ecn::EcnValidation;
use crate::endpoint::{ConnectionSetup, EndpointEvent};
use crate::message::Messages;
use crate::mtu::MtuDiscovery;
use crate::pacing::Pacer;
use crate::parameters::TransportParameters;
use crate::random::RareRng;
use crate::recovery::{Outcome, Recovery, SpaceId};
use crate::stats::Counts;
use crate::stream::{Side, Streams};
use crate::time::Instant;
use crate::urgency::StarvationGuard;

impl Connection {
    /// A connection that has not sent or received anything.
    pub(crate) fn new(setup: ConnectionSetup) -> Self {
        let handshake = Handshake::new(&setup);
        let watch = Watch::of(&setup);
        let ConnectionSetup {
            now, side, config, ..
        } = setup;
        let mut rng = RareRng::new(setup.seed);
        let delay = config.ack_delay_max;
        let initial = Space::new(SpaceId::Initial, Some(setup.initial_keys), delay);
        let data = Space::new(SpaceId::Data, None, delay);
        let bytes = config.initial_datagram_bytes;
        let controller = config.controller.controller(now, bytes, rng.random());
        let mtu = MtuDiscovery::new(&config);
        let ecn = EcnValidation::new(config.ecn);
        let mut connection = Self {
            side,
            state: State::Handshake,
            session: Some(setup.session),
            spaces: [Some(Box::new(initial)), None, Some(Box::new(data))],
            probes: [0; 3],
            write_level: SpaceId::Initial,
            keys_are_new: false,
            kept_since: None,
            early_keys: None,
            data_keys: None,
            handshake,
            undecryptable: UndecryptablePackets::default(),
            recovery: Recovery::new(now, side, config.initial_rtt, delay, bytes, controller),
            outcome: Outcome::default(),
            pacer: Pacer::new(),
            path: Path::new(setup.remote, setup.local, setup.address_validated, mtu, ecn),
            previous_path: None,
            left_recovery: None,
            migration: Migration::default(),
            datagram_bytes: bytes,
            path_responses: PathResponses::default(),
            local_ids: LocalIds::new(setup.local_id, setup.local_reset_token),
            remote_ids: RemoteIds::new(setup.remote_id),
            streams: Streams::new(side, &config),
            messages: Messages::new(&config),
            repairs: Repairs::default(),
            guard: StarvationGuard::default(),
            peer: TransportParameters::default().lasting(),
            ack_requests: FrequencyRequests::new(None),
            pending: Pending::default(),
            timers: Timers::new(),
            idle: Idle::new(config.idle_timeout),
            events: VecDeque::new(),
            endpoint_events: VecDeque::new(),
            rng,
            statistics: Counts::default(),
            watch,
            config,
        };
        connection
            .timers
            .set(Timer::Handshake, now + connection.config.handshake_timeout);
        connection.on_heard(now);
        if side == Side::Client {
            connection.start_handshake(now);
        }
        connection
    }

    /// A client speaks first.
    fn start_handshake(&mut self, now: Instant) {
        if let Err(error) = self.advance_handshake(now) {
            self.close_because(now, error);
        }
        self.start_early_data(now);
        self.arm_loss_timer();
    }

    /// What the client remembers of the server lets it send at once, if TLS does too.
    fn start_early_data(&mut self, now: Instant) {
        let keys = self
            .session
            .as_ref()
            .and_then(|session| session.early_keys());
        let memory = self.handshake.memory.as_ref();
        let remembered = memory.and_then(|(memory, server)| memory.parameters(server));
        if let (Some(keys), Some(remembered), true) = (keys, remembered, self.config.early_data) {
            self.early_keys = Some(Box::new(keys));
            self.handshake.early = true;
            self.adopt_limits(now, remembered);
        }
    }

    pub(super) fn fresh_mtu(&self) -> MtuDiscovery {
        MtuDiscovery::new(&self.config)
    }

    pub(super) fn fresh_ecn(&self) -> EcnValidation {
        EcnValidation::new(self.config.ecn)
    }

    pub(super) fn new_controller(&mut self, now: Instant) -> Box<dyn Controller> {
        let seed = self.rng.random();
        self.config
            .controller
            .controller(now, self.config.initial_datagram_bytes, seed)
    }

    /// Asks the endpoint for names, as many as the peer can use.
    pub(super) fn request_ids(&mut self) {
        let missing = self
            .local_ids
            .request_missing(self.peer.active_connection_id_limit);
        if let Ok(missing @ 1..) = u8::try_from(missing) {
            self.endpoint_events
                .push_back(EndpointEvent::NeedConnectionIds(missing));
        }
    }
}
