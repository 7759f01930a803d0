//! What happened, as events of qlog.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::json::Object;
use super::{Trace, frames, side};
use crate::error::ConnectionError;
use crate::observe::{
    Beginning, DropReason, Dropped, Lost, Metrics, Observation, Owner, Packet, PacketType,
    Parameters, RoundTrip, Stage,
};
use crate::stream::Side;
use crate::time::Instant;

/// What was written before, where only changes are written.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    metrics: Metrics,
    stage: Option<Stage>,
}

/// Writes what happened.
pub(super) fn record(trace: &mut Trace, now: Instant, event: &Observation<'_>) {
    match event {
        Observation::Reached(stage) => reached(trace, now, *stage),
        Observation::Parameters(owner, parameters) => {
            trace.event(now, "transport:parameters_set", |data| {
                set(*owner, parameters, data);
            });
        }
        Observation::PacketSent(packet) => trace.event(now, "transport:packet_sent", |data| {
            whole(packet, data);
        }),
        Observation::PacketReceived(packet) => {
            trace.event(now, "transport:packet_received", |data| whole(packet, data));
        }
        Observation::PacketDropped(dropped) => {
            trace.event(now, "transport:packet_dropped", |data| drop(dropped, data));
        }
        Observation::PacketLost(lost) => {
            trace.event(now, "recovery:packet_lost", |data| lose(lost, data));
        }
        Observation::ProbeTimeout { packet_type, .. } => {
            trace.event(now, "recovery:loss_timer_updated", |data| {
                data.text("event_type", "expired");
                data.text("timer_type", "pto");
                data.text("packet_number_space", space(*packet_type));
            });
        }
        Observation::Metrics(metrics) => metrics_updated(trace, now, metrics),
        Observation::KeysUpdated { generation } => keys_updated(trace, now, *generation),
        Observation::PathChanged { remote, validated } => {
            path(trace, now, *remote, *validated);
        }
        Observation::PathValidated(remote) => path(trace, now, *remote, true),
        Observation::DatagramBytes { old, new } => {
            trace.event(now, "connectivity:mtu_updated", |data| {
                data.number("old", *old);
                data.number("new", *new);
            });
        }
        Observation::Closed(error) => {
            trace.event(now, "connectivity:connection_closed", |data| {
                close(error, data);
            });
        }
    }
}

/// The data of `connectivity:connection_started`: from the client to the server, whichever is us.
pub(super) fn started(beginning: &Beginning, data: &mut Object<'_>) {
    let there = beginning.remote;
    let unknown = match there {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let here = beginning.local.unwrap_or(unknown).to_string();
    let there_ip = there.ip().to_string();
    let there_port = match beginning.side {
        Side::Client => "dst_port",
        Side::Server => "src_port",
    };
    let (source, destination) = match beginning.side {
        Side::Client => (&here, &there_ip),
        Side::Server => (&there_ip, &here),
    };
    data.text("ip_version", if there.is_ipv4() { "v4" } else { "v6" });
    data.text("src_ip", source);
    data.text("dst_ip", destination);
    data.text("protocol", "QUANTUM");
    data.number(there_port, there.port());
    data.hexadecimal("src_cid", &beginning.local_id);
    data.hexadecimal("dst_cid", &beginning.remote_id);
}

fn reached(trace: &mut Trace, now: Instant, stage: Stage) {
    let old = trace.recorder.stage.replace(stage);
    trace.event(now, "connectivity:connection_state_updated", |data| {
        if let Some(old) = old {
            data.text("old", stage_name(old));
        }
        data.text("new", stage_name(stage));
    });
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Handshake => "handshake_started",
        Stage::HandshakeComplete => "handshake_complete",
        Stage::HandshakeConfirmed => "handshake_confirmed",
        Stage::Closing => "closing",
        Stage::Draining => "draining",
        Stage::Closed => "closed",
    }
}

fn set(owner: Owner, parameters: &Parameters, data: &mut Object<'_>) {
    let owner = match owner {
        Owner::Local => "local",
        Owner::Remote => "remote",
    };
    data.text("owner", owner);
    data.milliseconds(
        "max_idle_timeout",
        parameters.idle_timeout.unwrap_or_default(),
    );
    data.milliseconds("max_ack_delay", parameters.ack_delay_max);
    if let Some(delay) = parameters.ack_delay_min {
        data.milliseconds("min_ack_delay", delay);
    }
    data.flag("disable_active_migration", parameters.migration_disabled);
    let numbers = [
        ("max_udp_payload_size", parameters.datagram_bytes_max),
        ("ack_delay_exponent", parameters.ack_delay_exponent),
        ("active_connection_id_limit", parameters.connection_ids_max),
        ("initial_max_data", parameters.data),
        (
            "initial_max_stream_data_bidi_local",
            parameters.stream_data_bidi_local,
        ),
        (
            "initial_max_stream_data_bidi_remote",
            parameters.stream_data_bidi_remote,
        ),
        ("initial_max_stream_data_uni", parameters.stream_data_uni),
        ("initial_max_streams_bidi", parameters.streams_bidi),
        ("initial_max_streams_uni", parameters.streams_uni),
        ("initial_max_message_data", parameters.message_data),
        ("max_message_size", parameters.message_bytes_max),
    ];
    for (key, value) in numbers {
        data.number(key, value);
    }
}

fn whole(packet: &Packet<'_>, data: &mut Object<'_>) {
    header(Some(packet.packet_type), packet.number, data);
    data.object("raw", |raw| {
        raw.number("length", packet.bytes as u64);
        raw.number("payload_length", packet.payload_bytes() as u64);
    });
    data.array("frames", |list| {
        for frame in packet.frames() {
            list.object(|data| frames::write(&frame, data));
        }
    });
}

fn header(packet_type: Option<PacketType>, number: Option<u64>, data: &mut Object<'_>) {
    data.object("header", |header| {
        header.text("packet_type", packet_type.map_or("unknown", type_name));
        if let Some(number) = number {
            header.number("packet_number", number);
        }
    });
}

fn type_name(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::Initial => "initial",
        PacketType::Handshake => "handshake",
        PacketType::ZeroRtt => "0RTT",
        PacketType::OneRtt => "1RTT",
        PacketType::Retry => "retry",
        PacketType::VersionNegotiation => "version_negotiation",
    }
}

fn space(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::Initial => "initial",
        PacketType::Handshake => "handshake",
        _ => "application_data",
    }
}

fn drop(dropped: &Dropped, data: &mut Object<'_>) {
    header(dropped.packet_type, dropped.number, data);
    data.object("raw", |raw| raw.number("length", dropped.bytes as u64));
    let trigger = match dropped.reason {
        DropReason::Address => "unexpected_packet",
        DropReason::Unreadable => "header_parse_error",
        DropReason::NotAuthentic => "payload_decrypt_error",
        DropReason::Duplicate => "duplicate",
        DropReason::Small => "invalid_initial",
    };
    data.text("trigger", trigger);
}

fn lose(lost: &Lost, data: &mut Object<'_>) {
    header(Some(lost.packet_type), Some(lost.number), data);
    data.object("raw", |raw| raw.number("length", lost.bytes));
    data.flag("is_mtu_probe_packet", lost.mtu_probe);
}

/// What has changed since the last time; qvis joins the dots of each figure.
fn metrics_updated(trace: &mut Trace, now: Instant, new: &Metrics) {
    let old = std::mem::replace(&mut trace.recorder.metrics, *new);
    let state = new.controller.state;
    if state != old.controller.state {
        trace.event(now, "recovery:congestion_state_updated", |data| {
            if !old.controller.state.is_empty() {
                data.text("old", old.controller.state);
            }
            data.text("new", state);
        });
    }
    let ssthresh = |metrics: &Metrics| metrics.controller.slow_start_threshold.unwrap_or(0);
    let bits = |metrics: &Metrics| metrics.pacing_rate.unwrap_or(0).saturating_mul(8);
    let numbers = [
        (
            "pto_count",
            old.probe_timeouts.into(),
            new.probe_timeouts.into(),
        ),
        ("congestion_window", old.window, new.window),
        ("bytes_in_flight", old.bytes_in_flight, new.bytes_in_flight),
        ("ssthresh", ssthresh(&old), ssthresh(new)),
        ("pacing_rate", bits(&old), bits(new)),
    ];
    let round_trip = new.round_trip.filter(|_| new.round_trip != old.round_trip);
    if round_trip.is_none() && numbers.iter().all(|(_, old, new)| old == new) {
        return;
    }
    trace.event(now, "recovery:metrics_updated", |data| {
        if let Some(new) = round_trip {
            round_trip_updated(&old.round_trip.unwrap_or_default(), &new, data);
        }
        for (key, old, new) in numbers {
            if old != new {
                data.number(key, new);
            }
        }
    });
}

fn round_trip_updated(old: &RoundTrip, new: &RoundTrip, data: &mut Object<'_>) {
    let times = [
        ("min_rtt", old.min, new.min),
        ("smoothed_rtt", old.smoothed, new.smoothed),
        ("latest_rtt", old.latest, new.latest),
        ("rtt_variance", old.variation, new.variation),
    ];
    for (key, old, new) in times {
        if old != new {
            data.milliseconds(key, new);
        }
    }
}

fn keys_updated(trace: &mut Trace, now: Instant, generation: u64) {
    for end in [Side::Client, Side::Server] {
        trace.event(now, "security:key_updated", |data| {
            data.text("key_type", &format!("{}_1rtt_secret", side(end)));
            data.number("generation", generation);
        });
    }
}

fn path(trace: &mut Trace, now: Instant, remote: SocketAddr, validated: bool) {
    trace.event(now, "connectivity:path_assigned", |data| {
        data.text("path_id", &remote.to_string());
        data.object("path_remote", |end| {
            let version = if remote.is_ipv4() { "ip_v4" } else { "ip_v6" };
            let port = if remote.is_ipv4() {
                "port_v4"
            } else {
                "port_v6"
            };
            end.text(version, &remote.ip().to_string());
            end.number(port, remote.port());
        });
        data.flag("validated", validated);
    });
}

fn close(error: &ConnectionError, data: &mut Object<'_>) {
    let ours = matches!(
        error,
        ConnectionError::PeerMisbehaved(_) | ConnectionError::LocallyClosed
    );
    let trigger = match error {
        ConnectionError::PeerMisbehaved(_) | ConnectionError::ClosedByPeer { .. } => "error",
        ConnectionError::ClosedByApplication { .. } | ConnectionError::LocallyClosed => {
            "application"
        }
        ConnectionError::Reset => "stateless_reset",
        ConnectionError::TimedOut => "idle_timeout",
        ConnectionError::HandshakeTimedOut => "handshake_timeout",
        ConnectionError::VersionMismatch => "version_mismatch",
    };
    match error {
        ConnectionError::ClosedByPeer { .. }
        | ConnectionError::ClosedByApplication { .. }
        | ConnectionError::Reset => data.text("owner", "remote"),
        _ if ours => data.text("owner", "local"),
        _ => {}
    }
    match error {
        ConnectionError::PeerMisbehaved(error) => data.number("connection_code", error.code.0),
        ConnectionError::ClosedByPeer { code, .. } => data.number("connection_code", code.0),
        ConnectionError::ClosedByApplication { code, .. } => data.number("application_code", *code),
        _ => {}
    }
    data.text("reason", &error.to_string());
    data.text("trigger", trigger);
}
