//! Traces of simulated connections.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use quantum_proto::observe::ObserverFactory;
use quantum_proto::qlog::Qlog;
use quantum_sim::options::Options;
use quantum_sim::simulate::{simulate, simulate_observed};
use serde_json::Value;

type Traces = Arc<Mutex<Vec<Vec<u8>>>>;

/// Appends to one of the traces.
struct Output(Traces, usize);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap()[self.1].extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn qlog(traces: &Traces) -> Arc<dyn ObserverFactory> {
    let traces = Arc::clone(traces);
    Arc::new(Qlog::new(move |_| {
        let mut all = traces.lock().unwrap();
        all.push(Vec::new());
        Ok(Box::new(Output(Arc::clone(&traces), all.len() - 1)))
    }))
}

/// Checks a trace, and says how many packets left and how many arrived.
fn check(trace: &[u8]) -> (usize, usize) {
    let text = std::str::from_utf8(trace).unwrap();
    let (mut last, mut sent, mut received) = (0.0, 0, 0);
    let records = text.split('\u{1e}').skip(1);
    let records: Vec<Value> = records
        .map(|record| serde_json::from_str(record).unwrap())
        .collect();
    assert_eq!(records[0]["qlog_version"], "0.3");
    for event in &records[1..] {
        let time = event["time"].as_f64().unwrap();
        assert!(time >= last, "back from {last} ms to {event}");
        last = time;
        match event["name"].as_str().unwrap() {
            "transport:packet_sent" => sent += 1,
            "transport:packet_received" => received += 1,
            _ => {}
        }
    }
    let end = records.last().unwrap();
    assert_eq!(end["data"]["new"], "closed", "{end}");
    (sent, received)
}

#[test]
fn watching_changes_nothing_and_every_record_can_be_read() {
    for seed in 0..40 {
        let options = Options::from_seed(seed);
        let traces = Traces::default();
        let watched = simulate_observed(&options, None, Some(qlog(&traces))).unwrap();
        assert_eq!(watched, simulate(&options, None).unwrap(), "seed {seed}");
        let traces = traces.lock().unwrap();
        let counts: Vec<_> = traces.iter().map(|trace| check(trace)).collect();
        let sent: usize = counts.iter().map(|(sent, _)| sent).sum();
        let received: usize = counts.iter().map(|(_, received)| received).sum();
        assert!(sent > 0 && received <= sent, "seed {seed}: {counts:?}");
    }
}
