//! What is learnt about a path, in any order of events.

use std::time::Duration;

use super::script::Script;
use crate::config::TransportConfig;
use crate::ecn::EcnValidation;
use crate::frame::EcnCounts;
use crate::mtu::MtuDiscovery;
use crate::stats::EcnState;
use crate::time::Instant;

/// The largest payload of UDP over IPv4.
const UDP_PAYLOAD_MAX: u16 = 65_507;

/// The size stays within its bounds, and no probe is repeated before its fate is known.
pub(super) fn mtu(input: &[u8]) {
    let mut script = Script::new(input);
    let config = TransportConfig {
        datagram_bytes_max: script.short().clamp(1200, UDP_PAYLOAD_MAX),
        ..TransportConfig::default()
    };
    let bounds = config.initial_datagram_bytes..=config.datagram_bytes_max;
    let mut mtu = MtuDiscovery::new(&config);
    let mut now = Instant::from_nanos(1);
    let mut under_way = Vec::new();
    while let Some(operation) = script.operation() {
        match operation % 8 {
            0 | 1 => poll_probe(&mut mtu, now, &mut under_way),
            2 | 3 => answer_probe(&mut mtu, now, &mut under_way, &mut script),
            4 => mtu.on_acked(script.short()),
            5 => {
                if mtu.on_lost(script.short().min(mtu.current())) {
                    under_way.clear();
                }
            }
            6 => now += Duration::from_secs(script.byte().into()) * 4,
            _ => {
                mtu.on_silence();
                under_way.clear();
            }
        }
        assert!(bounds.contains(&mtu.current()), "{}", mtu.current());
        assert!(mtu.search_at().is_none_or(|at| at > Instant::ORIGIN));
    }
    ends(mtu, now, &under_way);
}

fn poll_probe(mtu: &mut MtuDiscovery, now: Instant, under_way: &mut Vec<u16>) {
    if let Some(size) = mtu.poll_probe(now) {
        assert!(!under_way.contains(&size), "{size} is under way");
        assert!(size > 1200, "every path carries that");
        under_way.push(size);
    }
}

/// The fate of a probe becomes known, of one that was sent as a rule.
fn answer_probe(
    mtu: &mut MtuDiscovery,
    now: Instant,
    under_way: &mut Vec<u16>,
    script: &mut Script<'_>,
) {
    let any = script.short();
    let size = script.choose(under_way).copied().unwrap_or(any);
    under_way.retain(|other| *other != size);
    if script.byte() & 1 == 0 {
        mtu.on_probe_acked(now, size);
    } else {
        mtu.on_probe_lost(now, size);
    }
}

/// A search in which every probe is lost comes to its end.
fn ends(mut mtu: MtuDiscovery, now: Instant, under_way: &[u16]) {
    for size in under_way {
        mtu.on_probe_lost(now, *size);
    }
    let probes = std::iter::from_fn(|| {
        let size = mtu.poll_probe(now)?;
        mtu.on_probe_lost(now, size);
        Some(size)
    });
    assert!(
        probes.take(100).count() < 100,
        "the search goes on without end"
    );
}

/// Never more marks than counted, nothing after a failure, no panic whatever the counts.
pub(super) fn ecn(input: &[u8]) {
    let mut script = Script::new(input);
    let mut ecn = EcnValidation::new(script.byte() & 1 == 0);
    let mut known = EcnCounts::default();
    while let Some(operation) = script.operation() {
        if operation % 2 == 0 {
            ecn.on_sent();
            if operation & 4 != 0 {
                ecn.on_transmit();
            }
            continue;
        }
        let failed = matches!(ecn.state(), EcnState::Off | EcnState::Failed);
        let add = |count: u64, more: u64| count.wrapping_add(more >> 24);
        let counts = (operation & 2 == 0).then(|| EcnCounts {
            ect0: add(known.ect0, script.number()),
            ect1: known.ect1 + u64::from(script.byte() / 250),
            ce: add(known.ce, script.number()),
        });
        let before = known;
        let marked = ecn.on_ack(u64::from(script.byte() % 8), counts, &mut known);
        assert!(marked <= known.ce - before.ce || marked == 0);
        assert!(!failed || (marked == 0 && ecn.mark().is_none()));
    }
}
