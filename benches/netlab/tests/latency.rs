//! The latency workload over the real emulator: everything arrives, once, and is counted.
//!
//! Labs need root's rights over networks. Who is not root gets them in a user namespace.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs the program in `folder`; what it wrote, and that it succeeded.
fn netlab(folder: &Path, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_netlab");
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", program]);
        command
    };
    let output = command.args(arguments).current_dir(folder).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The raw results without the line about the machine.
fn records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().skip(1);
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const MESSAGES: u64 = 200;
const BYTES: u64 = 200;

/// Holds for every run of two seconds of 200 bytes at 100 Hz over a path of at least 5 ms.
fn check(record: &Value) {
    let outcome = &record["outcome"];
    assert_eq!(record["ended"], Value::Null, "{record}");
    assert_eq!(outcome["delivered"], MESSAGES, "{record}");
    assert_eq!(outcome["undelivered"], 0, "{record}");
    assert_eq!(outcome["duplicates"], 0, "{record}");
    // Nothing is faster than the path.
    assert!(outcome["p50_ms"].as_f64().unwrap() >= 5.0, "{record}");
    let counts = outcome["distribution"].as_array().unwrap();
    let counted: u64 = counts.iter().map(|pair| pair[1].as_u64().unwrap()).sum();
    assert_eq!(counted, MESSAGES, "{record}");
    // Every byte was on the link, and acknowledgements came back.
    let bytes = record["to_server"]["offered_bytes"].as_u64().unwrap();
    assert!(bytes > MESSAGES * BYTES, "{record}");
    let each = bytes as f64 / (MESSAGES * BYTES) as f64;
    assert_eq!(record["to_server_per_payload"].as_f64(), Some(each));
    assert!(record["to_client"]["offered_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn every_message_arrives_once_whatever_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let peers = "quantum-bbr,quinn-bbr,noq-bbr,s2n-bbr,tcp-cubic,tls-cubic,kcp";
    let options = "--paths 10/2 --flows 200x100 --seconds 2 --repeats 1 --parallel 11";
    let mut arguments = vec!["latency", "--peers", peers, "--output", "latency.md"];
    arguments.extend(options.split(' '));
    let printed = netlab(folder.path(), &arguments);
    assert!(printed.contains("| quantum-bbr, ordered |"), "{printed}");
    let records = records(&folder.path().join("latency.jsonl"));
    // Four without order, seven in order.
    assert_eq!(records.len(), 11);
    records.iter().for_each(check);
    let lost = |record: &Value| record["to_server"]["losses"].as_u64().unwrap();
    assert!(
        records.iter().map(lost).sum::<u64>() > 0,
        "nothing was lost"
    );
}

const SCENARIO: &str = r#"
title = "Test"
results = "results"
images = "images"
page = "page.md"

[latency.outage]
peers = ["quantum-bbr", "kcp"]
paths = ["10/0/outage=3000+100"]
flows = ["200x100"]
seconds = 2
repeats = 1

[chart.outage-timeline.timeline]
title = "Nothing for 100 ms"
from = "outage"
path = "10/0/outage=3000+100"
flow = "200x100"

[chart.latency-distribution.distribution]
title = "All messages"
from = "outage"
path = "10/0/outage=3000+100"
flow = "200x100"
"#;

#[test]
fn a_scenario_becomes_results_charts_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let page = "# Prose\n\n<!-- table: outage -->\n<!-- end -->\n\n<!-- chart: timeline -->\n\
                <!-- end -->\n";
    std::fs::write(file("page.md"), page).unwrap();
    std::fs::write(file("test.toml"), SCENARIO).unwrap();
    netlab(folder.path(), &["run", "test.toml"]);

    let runs = records(&file("results/outage.jsonl"));
    assert_eq!(runs.len(), 3);
    runs.iter().for_each(check);
    for run in &runs {
        let timeline = run["timeline_ms"].as_array().unwrap();
        assert_eq!(timeline.len() as u64, MESSAGES);
        // Every transport meets the outage at the same place between messages.
        assert_eq!(run["first_ms"].as_f64().unwrap() % 1e3, 0.0, "{run}");
    }
    let written = std::fs::read_to_string(file("page.md")).unwrap();
    assert!(written.contains("RTT 10 ms") && written.contains("| quantum-bbr |"));
    assert!(written.contains("![Nothing for 100 ms](images/timeline.svg)"));

    // The same files once more, from the raw results.
    let outputs = ["results/outage.md", "images/timeline.svg", "page.md"];
    let read = || outputs.map(|name| std::fs::read_to_string(file(name)).unwrap());
    let measured = read();
    std::fs::remove_file(file("images/timeline.svg")).unwrap();
    netlab(folder.path(), &["run", "test.toml", "--redraw"]);
    assert_eq!(read(), measured);
}

#[test]
fn a_scenario_that_is_wrong_measures_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("test.toml"), SCENARIO).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .args(["run", "test.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("page.md"), "the page is missing: {said}");
    assert!(!folder.path().join("results").exists());
}
