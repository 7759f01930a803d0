//! The figures under the names that dashboards ask for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "transport/fixture.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod fixture;

use metrics_exporter_prometheus::PrometheusBuilder;
use quantum::Metrics;

#[tokio::test]
async fn an_endpoint_shows_the_figures_of_its_connections() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let pair = fixture::pair().await;
    pair.client.send_message(&b"hello"[..]).await.unwrap();
    pair.server.receive_message().await.unwrap();
    metrics::with_local_recorder(&recorder, || Metrics::new(&pair.client_endpoint).record());
    let page = handle.render();
    for name in [
        "quantum_packets_sent_total",
        "quantum_packets_received_total",
        "quantum_packets_lost_total",
        "quantum_retransmissions_total",
        "quantum_fec_recoveries_total",
        "quantum_messages_expired_total",
        "quantum_messages_missed_total",
        "quantum_cwnd_bytes",
        "quantum_inflight_bytes",
        "quantum_rtt_seconds",
    ] {
        assert!(
            page.contains(&format!("# TYPE {name} ")),
            "{name} is missing in\n{page}"
        );
    }
    let line = page
        .lines()
        .find(|line| line.starts_with("quantum_packets_sent_total{"));
    let (_, count) = line.unwrap().rsplit_once(' ').unwrap();
    assert!(count.parse::<u64>().unwrap() > 0);
}
