//! Traces of whole connections, read back and held against what the connections counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::config::TransportConfig;
use crate::connection::tests::pair::{Pair, Verdict};
use crate::stats::Statistics;
use crate::stream::Direction;

/// Bytes that outlive their writer.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn qlog(&self) -> Qlog {
        let output = self.clone();
        Qlog::new(move |_| Ok(Box::new(output.clone())))
    }

    /// All records.
    fn records(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let records = text.strip_prefix(RECORD_SEPARATOR).unwrap();
        let parse = |record: &str| serde_json::from_str(record.strip_suffix('\n').unwrap());
        records
            .split(RECORD_SEPARATOR)
            .map(|record| parse(record).unwrap())
            .collect()
    }

    fn events(&self, name: &str) -> Vec<Value> {
        let records = self.records().into_iter().skip(1);
        let named = records.filter(|record| record["name"] == name);
        named.map(|record| record["data"].clone()).collect()
    }
}

fn config(qlog: Qlog) -> TransportConfig {
    TransportConfig::default().with_observer(Arc::new(qlog))
}

fn watched() -> (Pair, [Shared; 2]) {
    let traces = [Shared::default(), Shared::default()];
    let [client, server] = [&traces[0], &traces[1]].map(|trace| config(trace.qlog()));
    (Pair::new(client, server), traces)
}

/// Streams and messages both ways over a link that loses and duplicates, and what both ends count.
fn busy() -> ([Statistics; 2], [Shared; 2]) {
    let (mut pair, traces) = watched();
    let mut count = 0_u64;
    pair.tamper = Box::new(move |_, datagram| {
        count += 1;
        match count % 17 {
            0 if count > 20 => Verdict::Drop,
            1 => Verdict::Replace(vec![datagram.clone(), datagram.clone()]),
            _ => Verdict::Deliver,
        }
    });
    pair.run(Duration::from_secs(1));
    for side in [Side::Client, Side::Server] {
        let connection = pair.host(side).connection();
        let id = connection.open(Direction::Unidirectional).unwrap();
        let mut data = Bytes::from(vec![1; 300_000]);
        connection.write_chunk(id, &mut data).unwrap();
        connection.finish(id).unwrap();
        let message = Bytes::from(vec![2; 50_000]);
        connection.post(message, true).unwrap();
    }
    pair.run(Duration::from_secs(20));
    let statistics =
        [Side::Client, Side::Server].map(|side| pair.host(side).connection().statistics());
    (statistics, traces)
}

fn sum(events: &[Value]) -> u64 {
    let lengths = events.iter().map(|data| &data["raw"]["length"]);
    lengths.map(|length| length.as_u64().unwrap()).sum()
}

/// Events by type and number of their packet.
fn by_packet(events: Vec<Value>) -> BTreeMap<(String, u64), Value> {
    let key = |data: &Value| {
        let header = &data["header"];
        let packet_type = header["packet_type"].as_str().unwrap().to_owned();
        (packet_type, header["packet_number"].as_u64().unwrap())
    };
    let count = events.len();
    let map: BTreeMap<_, _> = events.into_iter().map(|data| (key(&data), data)).collect();
    assert_eq!(map.len(), count, "a number that was used twice");
    map
}

#[test]
fn every_record_is_what_qvis_reads() {
    let (_, traces) = busy();
    for (trace, role) in traces.iter().zip(["client", "server"]) {
        let records = trace.records();
        let header = &records[0];
        assert_eq!(header["qlog_version"], "0.3");
        assert_eq!(header["qlog_format"], "JSON-SEQ");
        assert_eq!(header["trace"]["vantage_point"]["type"], role);
        let fields = &header["trace"]["common_fields"];
        assert_eq!(fields["time_format"], "relative");
        assert_eq!(
            fields["reference_time"].as_f64(),
            Some(1_000.0 + start(role))
        );
        let mut last = 0.0;
        for event in &records[1..] {
            let time = event["time"].as_f64().unwrap();
            assert!(time >= last, "back from {last} ms to {event}");
            last = time;
            let (category, kind) = event["name"].as_str().unwrap().split_once(':').unwrap();
            assert!(!category.is_empty() && !kind.is_empty());
            assert!(event["data"].is_object(), "{event}");
        }
        assert!(last > 1_000.0);
    }
}

/// When an end begins, in milliseconds: the server with the client's first packet.
fn start(role: &str) -> f64 {
    if role == "client" { 0.0 } else { 10.0 }
}

#[test]
fn traces_agree_with_what_was_counted() {
    let (statistics, traces) = busy();
    for (statistics, trace) in statistics.iter().zip(&traces) {
        let count = |name| trace.events(name).len() as u64;
        assert_eq!(count("transport:packet_sent"), statistics.packets_sent);
        let received = count("transport:packet_received");
        assert_eq!(received, statistics.packets_received);
        let dropped = trace.events("transport:packet_dropped");
        let duplicate = |data: &&Value| data["trigger"] == "duplicate";
        let duplicates = dropped.iter().filter(duplicate).count() as u64;
        assert_eq!(duplicates, statistics.packets_duplicate);
        assert!(duplicates > 0);
        let others = dropped.len() as u64 - duplicates;
        assert_eq!(others, statistics.packets_dropped);
        let sent = trace.events("transport:packet_sent");
        assert_eq!(sum(&sent), statistics.bytes_sent);
        let mut lost = trace.events("recovery:packet_lost");
        lost.retain(|data| data["is_mtu_probe_packet"] == false);
        assert_eq!(lost.len() as u64, statistics.packets_lost);
        assert_eq!(sum(&lost), statistics.bytes_lost);
        assert!(statistics.packets_lost > 0);
        let metrics = trace.events("recovery:metrics_updated");
        let last = |key| {
            metrics
                .iter()
                .rev()
                .find_map(|data| data.get(key)?.as_u64())
        };
        assert_eq!(last("congestion_window"), Some(statistics.window));
        assert_eq!(last("bytes_in_flight"), Some(statistics.bytes_in_flight));
        assert_eq!(
            last("pacing_rate"),
            statistics.pacing_rate.map(|rate| rate * 8)
        );
    }
}

#[test]
fn what_one_end_receives_the_other_has_sent() {
    let (_, [client, server]) = busy();
    for (from, to) in [(&client, &server), (&server, &client)] {
        let sent = by_packet(from.events("transport:packet_sent"));
        let received = by_packet(to.events("transport:packet_received"));
        assert!(received.len() > 50);
        for (packet, data) in &received {
            assert_eq!(data, &sent[packet], "{packet:?}");
        }
        for (packet, data) in by_packet(from.events("recovery:packet_lost")) {
            assert_eq!(data["raw"]["length"], sent[&packet]["raw"]["length"]);
        }
        let frames = sent
            .values()
            .flat_map(|data| data["frames"].as_array().unwrap());
        let stream_bytes: u64 = frames
            .filter(|frame| frame["frame_type"] == "stream")
            .map(|frame| frame["length"].as_u64().unwrap())
            .sum();
        assert!(stream_bytes >= 300_000);
    }
}

#[test]
fn the_story_of_a_connection_is_told_from_beginning_to_end() {
    let (mut pair, [client, server]) = watched();
    pair.run(Duration::from_secs(1));
    let now = pair.now;
    let hostile = b"\x1e{\"quote\": \xff\n";
    pair.client.connection().close(now, 7, hostile);
    pair.run(Duration::from_secs(10));
    let stages = |trace: &Shared| -> Vec<String> {
        let events = trace.events("connectivity:connection_state_updated");
        let stages = events.iter().map(|data| data["new"].as_str().unwrap());
        stages.map(str::to_owned).collect()
    };
    let until_confirmed = [
        "handshake_started",
        "handshake_complete",
        "handshake_confirmed",
    ];
    assert_eq!(stages(&client)[..3], until_confirmed);
    assert_eq!(stages(&client)[3..], ["closing", "closed"]);
    assert_eq!(stages(&server)[3..], ["draining", "closed"]);
    let closed = server.events("connectivity:connection_closed").remove(0);
    assert_eq!(closed["owner"], "remote");
    assert_eq!(closed["application_code"], 7);
    let closed = client.events("connectivity:connection_closed").remove(0);
    assert_eq!(closed["owner"], "local");
    for trace in [client, server] {
        let owners: Vec<_> = trace.events("transport:parameters_set");
        let owners: Vec<_> = owners.iter().map(|data| &data["owner"]).collect();
        assert_eq!(owners, ["local", "remote"]);
        let grown = trace.events("connectivity:mtu_updated");
        assert_eq!(grown.last().unwrap()["new"], 1472);
    }
}

#[test]
fn a_full_trace_ends_with_a_whole_record() {
    let trace = Shared::default();
    let client = config(trace.qlog().with_bytes_max(5_000));
    let mut pair = Pair::new(client, TransportConfig::default());
    pair.run(Duration::from_secs(1));
    assert!(pair.client.connection().is_established());
    let bytes = trace.0.lock().unwrap().len();
    assert!((3_000..=5_000).contains(&bytes), "{bytes} bytes");
    assert!(trace.records().len() > 5);
}

/// Takes so many bytes, and then fails.
struct Broken(usize);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.0.checked_sub(bytes.len());
        self.0 = left.ok_or_else(|| io::Error::other("the disk is full"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("the disk is full"))
    }
}

#[test]
fn a_trace_that_cannot_be_written_leaves_the_connection_alone() {
    let broken = Qlog::new(|_| Ok(Box::new(Broken(2_000))));
    let missing = Qlog::new(|_| Err(io::Error::other("no such directory")));
    let mut pair = Pair::new(config(broken), config(missing));
    pair.run(Duration::from_secs(1));
    assert!(pair.is_connected());
}
