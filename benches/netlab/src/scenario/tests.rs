use std::path::Path;

use super::*;

/// A scenario with `text` in it, and what is wrong with it.
fn load(text: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    let head = "title = \"Test\"\nresults = \"results\"\nimages = \"images\"\n";
    std::fs::write(&path, format!("{head}{text}")).unwrap();
    Scenario::load(&path).map_err(|failure| failure.to_string())
}

fn error(text: &str) -> String {
    load(text).expect_err(text)
}

const LATENCY: &str = r#"
[latency.small]
peers = ["quantum-bbr", "tcp-bbr"]
paths = ["50/1", "50/2"]
flows = ["200x100"]
"#;

#[test]
fn a_measurement_has_the_defaults_of_its_command() {
    let scenario = load("[bulk.goodput]\nrtt = [50]\n").unwrap();
    let [bulk] = scenario.bulk.values().collect::<Vec<_>>()[..] else {
        panic!("one measurement");
    };
    assert_eq!(bulk.rtt.len(), 1);
    assert_eq!(bulk.loss.len(), 5);
    assert_eq!(bulk.rate.get(), 50.0);
    let all = crate::peers::Peer::ALL;
    assert_eq!(bulk.peers.0, all);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_what_is_known() {
    let error = error("[bulk.goodput]\nrtt = [50]\nlosses = [1]\n");
    for part in [
        "scenario.toml",
        "line 6",
        "`losses`",
        "`loss`",
        "`parallel`",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    let unknown = load("[throughput.x]\n").unwrap_err();
    assert!(
        unknown.contains("`throughput`") && unknown.contains("`bulk`"),
        "{unknown}"
    );
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_is_allowed() {
    let wrong = [
        (
            "[bulk.x]\nloss = [1, 91]\n",
            "line 5",
            "91 is not from 0 to 90",
        ),
        (
            "[bulk.x]\nrepeats = 0\n",
            "line 5",
            "0 is not from 1 to 100",
        ),
        ("[bulk.x]\nrate = \"fast\"\n", "line 5", "expected"),
        (
            "[bulk.x]\npeers = [\"sctp\"]\n",
            "line 5",
            "expected: quantum-bbr, ",
        ),
        ("[latency.x]\npaths = [\"50\"]\n", "line 5", "RTT/LOSS"),
        ("[latency.x]\nflows = [\"50\"]\n", "line 5", "BYTESxHERTZ"),
        (
            "[latency.x]\ndelivery = [\"sorted\"]\n",
            "line 5",
            "expected `unordered` or `ordered`",
        ),
        ("[latency.X]\n", "line 4", "a-z, 0-9 and -"),
        (
            "page = \"/etc/passwd\"\n",
            "line 4",
            "below the working directory",
        ),
        (
            "page = \"../x.md\"\n",
            "line 4",
            "below the working directory",
        ),
    ];
    for (text, line, part) in wrong {
        let error = error(text);
        assert!(error.contains("scenario.toml"), "{error}");
        assert!(error.contains(line), "{line} is not in: {error}");
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn a_file_without_work_or_with_too_much_is_refused() {
    assert!(error("").contains("nothing to measure"));
    let empty = error("[bulk.x]\nrtt = []\n");
    assert!(empty.contains("[bulk.x] measures nothing"), "{empty}");
    let many = format!("[bulk.x]\nrepeats = 100\nrtt = [{}]\n", "1,".repeat(1_000));
    assert!(error(&many).contains("100000 at most"));
    let long = format!("#{}\n", "x".repeat(300_000));
    assert!(error(&long).contains("longer than"));
}

#[test]
fn charts_show_what_is_measured() {
    let chart = |kind: &str, rest: &str| {
        format!("{LATENCY}\n[chart.{kind}.tail]\ntitle = \"Tail\"\nfrom = \"small\"\n{rest}\n")
    };
    let flow = "path = \"50/1\"\nflow = \"200x100\"";
    assert!(load(&chart("latency-distribution", flow)).is_ok());
    let by_loss = "rtt = 50\nflow = \"200x100\"";
    assert!(load(&chart("latency-by-loss", by_loss)).is_ok());

    let kind = error(&chart("pie", flow));
    assert!(
        kind.contains("`pie`") && kind.contains("`outage-timeline`"),
        "{kind}"
    );
    let path = error(&chart(
        "latency-distribution",
        "path = \"50/7\"\nflow = \"200x100\"",
    ));
    let expected = "chart `tail`: path `50/7` is not measured; measured: 50/1, 50/2";
    assert!(path.contains(expected), "{path}");
    let peers = format!("{flow}\npeers = [\"kcp\"]");
    let peer = error(&chart("latency-distribution", &peers));
    assert!(peer.contains("peer `kcp` is not measured; measured: quantum-bbr, tcp-bbr"));
    let outage = error(&chart("outage-timeline", flow));
    assert!(outage.contains("50/1 has no outage"), "{outage}");
    let from = chart("latency-distribution", flow).replace("\"small\"", "\"large\"");
    assert!(error(&from).contains("there are: small"));
}

#[test]
fn what_only_delivers_in_order_has_to_be_measured_so() {
    let text = format!(
        "{LATENCY}delivery = [\"unordered\"]\n[chart.latency-distribution.tail]\ntitle = \"Tail\"\n\
         from = \"small\"\npath = \"50/1\"\nflow = \"200x100\"\n"
    );
    let error = error(&text);
    assert!(error.contains("peer `tcp-bbr`"), "{error}");
}

#[test]
fn a_name_is_used_once() {
    let error = error("[bulk.x]\n[latency.x]\n");
    assert!(error.contains("two measurements are called `x`"));
}

#[test]
fn included_files_belong_to_the_one_that_includes_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let head = "title = \"T\"\nresults = \"r\"\nimages = \"i\"\n";
        std::fs::write(folder.path().join(name), format!("{head}{text}")).unwrap();
    };
    let load = || Scenario::load(&folder.path().join("all.toml"));
    write("all.toml", "include = [\"small\"]\n[bulk.goodput]\n");
    write("small.toml", LATENCY);
    let scenario = load().unwrap();
    assert_eq!((scenario.latency.len(), scenario.bulk.len()), (1, 1));

    write("small.toml", "[bulk.goodput]\n");
    let error = load().unwrap_err().to_string();
    assert!(
        error.contains("small.toml") && error.contains("`goodput`"),
        "{error}"
    );
    write("small.toml", "include = [\"all\"]\n");
    assert!(
        load()
            .unwrap_err()
            .to_string()
            .contains("includes no other")
    );
    write("small.toml", "oops\n");
    assert!(load().unwrap_err().to_string().contains("small.toml"));
}

#[test]
fn the_scenarios_of_this_package_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        Scenario::load(&file.unwrap().path()).unwrap();
        count += 1;
    }
    assert!(count >= 3);
}
