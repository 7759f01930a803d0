//! Tells an observer what happens, if there is one; and the log, in few words.

use std::sync::Arc;

use super::{Connection, Event};
use crate::crypto::TAG_BYTES;
use crate::endpoint::ConnectionSetup;
use crate::error::ConnectionError;
use crate::observe::{
    Beginning, DropReason, Dropped, Lost, Metrics, Observation, Observer, Owner, Packet,
    PacketType, Parameters, Stage,
};
use crate::packet::{PacketKind, PacketWriter};
use crate::recovery::{Outcome, SpaceId};
use crate::stream::Side;
use crate::time::Instant;

use super::transmit::ACK_DELAY_EXPONENT;

/// An observer, and what it has been told.
pub(super) struct Watch {
    observer: Box<dyn Observer>,
    now: Instant,
    metrics: Option<Metrics>,
    /// The last packet number that was used before there were data keys.
    early: Option<u64>,
}

impl Watch {
    /// Asks for an observer of a connection that is about to begin.
    pub(super) fn of(setup: &ConnectionSetup) -> Option<Box<Self>> {
        let factory = setup.config.observer.as_ref().or(setup.observer.as_ref())?;
        let beginning = Beginning {
            at: setup.now,
            side: setup.side,
            original_destination: setup.original_destination,
            local_id: setup.local_id,
            remote_id: setup.remote_id,
            remote: setup.remote,
            local: setup.local,
        };
        let mut watch = Self {
            observer: Arc::clone(factory).observer(&beginning)?,
            now: setup.now,
            metrics: None,
            early: None,
        };
        let mut ours = crate::endpoint::parameters(&setup.config, setup.local_id);
        ours.disable_active_migration = setup.side == Side::Server && !setup.migration;
        watch.tell(&Observation::Reached(Stage::Handshake));
        watch.tell(&Observation::Parameters(
            Owner::Local,
            Parameters::from(&ours),
        ));
        Some(Box::new(watch))
    }

    fn tell(&mut self, event: &Observation<'_>) {
        self.observer.on_event(self.now, event);
    }
}

impl Connection {
    /// What is observed from now on happens at `now`.
    #[inline]
    pub(super) fn watch_from(&mut self, now: Instant) {
        if let Some(watch) = &mut self.watch {
            watch.now = watch.now.max(now);
        }
    }

    #[inline]
    pub(super) fn observe(&mut self, event: impl FnOnce() -> Observation<'static>) {
        if let Some(watch) = &mut self.watch {
            watch.tell(&event());
        }
    }

    /// A packet whose payload ends `buffer` is about to be sealed.
    #[inline]
    pub(super) fn observe_sent(
        &mut self,
        kind: PacketKind,
        number: u64,
        writer: &PacketWriter,
        buffer: &[u8],
    ) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        if kind == PacketKind::ZeroRtt {
            watch.early = Some(number);
        }
        let exponent = match kind {
            PacketKind::Short => ACK_DELAY_EXPONENT.into(),
            _ => 0,
        };
        watch.tell(&Observation::PacketSent(Packet {
            packet_type: kind.into(),
            number: Some(number),
            bytes: buffer.len().saturating_sub(writer.start_offset()) + TAG_BYTES,
            payload: buffer.get(writer.payload_start()..).unwrap_or_default(),
            ack_delay_exponent: exponent,
        }));
    }

    /// A packet is authentic and new.
    #[inline]
    pub(super) fn observe_received(
        &mut self,
        kind: PacketKind,
        number: Option<u64>,
        bytes: usize,
        payload: &[u8],
    ) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        let exponent = match kind {
            PacketKind::Short => self.peer.ack_delay_exponent,
            _ => 0,
        };
        watch.tell(&Observation::PacketReceived(Packet {
            packet_type: kind.into(),
            number,
            bytes,
            payload,
            ack_delay_exponent: exponent,
        }));
    }

    /// Something arrived that is not used.
    #[inline]
    pub(super) fn observe_dropped(
        &mut self,
        packet: Option<(PacketKind, Option<u64>)>,
        bytes: usize,
        reason: DropReason,
    ) {
        self.observe(|| {
            Observation::PacketDropped(Dropped {
                packet_type: packet.map(|(kind, _)| kind.into()),
                number: packet.and_then(|(_, number)| number),
                bytes,
                reason,
            })
        });
    }

    /// Packets were found to be lost. A bare acknowledgement is not missed.
    #[inline]
    pub(super) fn observe_lost(&mut self, space: SpaceId, outcome: &Outcome) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        for lost in outcome.lost.iter().filter(|lost| lost.in_flight) {
            let early = space == SpaceId::Data && Some(lost.number) <= watch.early;
            let packet_type = if early {
                PacketType::ZeroRtt
            } else {
                PacketType::of_space(space)
            };
            watch.tell(&Observation::PacketLost(Lost {
                packet_type,
                number: lost.number,
                bytes: lost.bytes,
                mtu_probe: lost.mtu_probe,
            }));
        }
    }

    /// Something that recovery or the controller holds may have changed.
    #[inline]
    pub(super) fn observe_metrics(&mut self) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        let metrics = Metrics::of(&self.recovery);
        if watch.metrics.replace(metrics) != Some(metrics) {
            watch.tell(&Observation::Metrics(metrics));
        }
    }

    /// The handshake is complete.
    pub(super) fn on_connected(&mut self) {
        tracing::debug!(
            connection = ?self.handshake.guuid,
            side = ?self.side,
            remote = %self.path.remote,
            early_data = self.handshake.early_accepted,
            "connected"
        );
        self.observe(|| Observation::Reached(Stage::HandshakeComplete));
        self.events.push_back(Event::Connected);
    }

    /// The connection is over for the application: the last event.
    pub(super) fn on_closed(&mut self, error: ConnectionError) {
        tracing::debug!(
            connection = ?self.handshake.guuid,
            side = ?self.side,
            remote = %self.path.remote,
            %error,
            "closed"
        );
        if let Some(watch) = &mut self.watch {
            watch.tell(&Observation::Closed(&error));
        }
        self.events.push_back(Event::Closed(error));
    }

    /// The connection goes on elsewhere.
    pub(super) fn on_path_changed(&mut self) {
        let (remote, validated) = (self.path.remote, self.path.validated);
        tracing::debug!(
            connection = ?self.handshake.guuid,
            %remote,
            validated,
            "the path changed"
        );
        self.observe(|| Observation::PathChanged { remote, validated });
    }

    /// The peer has shown that it is where it seems to be.
    pub(super) fn on_path_validated(&mut self) {
        let remote = self.path.remote;
        tracing::debug!(connection = ?self.handshake.guuid, %remote, "the path is valid");
        self.observe(|| Observation::PathValidated(remote));
    }

    /// The path carries datagrams of another size than was thought.
    pub(super) fn on_datagram_bytes(&mut self, old: u16, new: u16) {
        let connection = self.handshake.guuid;
        if new < old {
            tracing::debug!(?connection, old, new, "the path swallows large datagrams");
        } else {
            tracing::debug!(?connection, old, new, "the path carries larger datagrams");
        }
        self.observe(|| Observation::DatagramBytes { old, new });
    }
}
