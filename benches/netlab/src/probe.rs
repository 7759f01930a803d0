//! Measures the emulator against what it claims, with plain sockets.

mod traffic;

use std::time::Duration;

use bench_report::{Facts, Table, percentile};
use netlab::lab::{Lab, LabSettings};
use netlab::link::LinkSettings;
use netlab::loss::Loss;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::workload::{Keep, Workload};
use traffic::{Arrival, Traffic};

/// All claims, always.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {}

/// One claim.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    set: String,
    measured: String,
    /// `None`: this machine could not put it to the test.
    holds: Option<bool>,
}

impl Row {
    fn cells(&self) -> [String; 2] {
        let holds = match self.holds {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not tested",
        };
        [self.measured.clone(), holds.to_owned()]
    }
}

impl Workload for Options {
    const NAME: &'static str = "probe";
    const TITLE: &'static str = "The link, measured against its settings";
    type Record = Row;

    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn measure(&self, keep: &mut Keep<'_, Row>) -> Result<(), Failure> {
        measures().iter().try_for_each(|measure| keep(measure()?))
    }

    fn page(&self, rows: &[Row]) -> String {
        let mut table = Table::of("set", ["measured", "holds"].map(str::to_owned));
        for row in rows {
            table.line(row.set.clone(), row.cells());
        }
        table.markdown()
    }
}

/// Measures, prints each claim as it is measured, and fails if one does not hold.
pub(crate) fn run() -> Result<(), Failure> {
    println!(
        "# {}\n\n{}",
        Options::TITLE,
        Facts::gather(crate::output::PACKAGE).lines()
    );
    println!("| set | measured | holds |\n|---|---|---|");
    let mut failed = 0;
    Options {}.measure(&mut |row| {
        println!("| {} | {} |", row.set, row.cells().join(" | "));
        failed += usize::from(row.holds == Some(false));
        Ok(())
    })?;
    if failed > 0 {
        return Err(format!("{failed} claims of the emulator do not hold on this machine").into());
    }
    Ok(())
}

type Measure = Box<dyn Fn() -> Result<Row, Failure>>;

fn measures() -> Vec<Measure> {
    let mut measures: Vec<Measure> = Vec::new();
    for rtt in [10, 50, 150] {
        measures.push(Box::new(move || ping(rtt)));
    }
    for rate in [20, 40] {
        measures.push(Box::new(move || one_way(rate)));
    }
    for (percent, length) in [(1.0, 1.0), (5.0, 1.0), (3.0, 3.0)] {
        measures.push(Box::new(move || loss(percent, length)));
    }
    for megabits in [20, 50, 200, 500] {
        measures.push(Box::new(move || rate(megabits)));
    }
    measures.push(Box::new(queue));
    for reorder in [false, true] {
        measures.push(Box::new(move || jitter(reorder)));
    }
    for megabits in [200, 500] {
        measures.push(Box::new(move || tcp(megabits)));
    }
    measures
}

/// A lab with the same link both ways.
fn lab(link: LinkSettings) -> Result<Lab, Failure> {
    let settings = LabSettings {
        to_server: link,
        to_client: link,
        seed: 1,
        ..LabSettings::default()
    };
    Ok(Lab::new(&settings)?)
}

fn ping(rtt: u64) -> Result<Row, Failure> {
    let lab = lab(LinkSettings {
        delay: Duration::from_micros(rtt * 500),
        ..LinkSettings::default()
    })?;
    let mut times = traffic::ping(&lab, 200)?;
    let p50 = percentile(&mut times, 0.5);
    let above = p50 - rtt as f64;
    Ok(Row {
        set: format!("RTT {rtt} ms, 64 B ping at 100 Hz"),
        measured: format!("p50 {p50:.2} ms"),
        holds: Some((0.0..1.0).contains(&above)),
    })
}

fn one_way(rate: u64) -> Result<Row, Failure> {
    let lab = lab(LinkSettings {
        delay: Duration::from_millis(25),
        ..LinkSettings::default()
    })?;
    let arrivals = traffic::one_way(&lab, Traffic::at_rate(rate * 1_000_000, 3))?;
    let mut delays: Vec<f64> = arrivals.iter().map(Arrival::delay_ms).collect();
    let at = |delays: &mut [f64], share| percentile(delays, share);
    let p50 = at(&mut delays, 0.5);
    let counters = lab.counters().to_server;
    let error = counters.release_error_mean().as_secs_f64() * 1e6;
    let worst = counters.late_max as f64 / 1e6;
    let measured = format!(
        "p50 {p50:.2}, p95 {:.2}, p99 {:.2}, p99.9 {:.1}, max {:.1} ms; released {error:.0} us late \
         on average, {worst:.1} ms at most",
        at(&mut delays, 0.95),
        at(&mut delays, 0.99),
        at(&mut delays, 0.999),
        at(&mut delays, 1.0),
    );
    Ok(Row {
        set: format!("one-way 25 ms under {rate} Mbit/s"),
        measured,
        holds: Some((25.0..25.5).contains(&p50) && error < 100.0),
    })
}

fn loss(percent: f64, length: f64) -> Result<Row, Failure> {
    let lab = lab(LinkSettings {
        delay: Duration::from_millis(2),
        loss: Loss::percent(percent, length),
        ..LinkSettings::default()
    })?;
    let packets = 26_667;
    let spaced = Traffic {
        packets,
        payload: 64,
        interval: Duration::from_micros(80),
    };
    let arrivals = traffic::one_way(&lab, spaced)?;
    let (lost, bursts) = traffic::losses(&arrivals, packets);
    let share = lost as f64 / packets as f64 * 100.0;
    let burst = lost as f64 / bursts.max(1) as f64;
    // A random loss follows another one with the probability of a loss.
    let expected = if length > 1.0 {
        length
    } else {
        1.0 / (1.0 - percent / 100.0)
    };
    Ok(Row {
        set: format!("loss {percent} %, mean burst {expected:.2} ({packets} packets)"),
        measured: format!("{share:.2} %, mean burst {burst:.2}"),
        holds: Some((share / percent - 1.0).abs() < 0.15 && (burst / expected - 1.0).abs() < 0.15),
    })
}

fn rate(megabits: u64) -> Result<Row, Failure> {
    let rate = megabits * 1_000_000;
    let lab = lab(LinkSettings {
        rate: Some(rate),
        queue: Some(rate / 8 / 20),
        delay: Duration::from_millis(2),
        ..LinkSettings::default()
    })?;
    let arrivals = traffic::one_way(&lab, Traffic::at_rate(rate * 5 / 4, 2))?;
    let [offered, measured] = traffic::megabits_per_second(&arrivals);
    let holds = (measured / megabits as f64 - 1.0).abs() < 0.01;
    // The sender is a thread of this process: a busy machine may not let it fill the link.
    let tested = holds || offered > megabits as f64 * 1.2;
    Ok(Row {
        set: format!("rate {megabits} Mbit/s, a quarter more offered"),
        measured: format!("{measured:.2} Mbit/s of IP bytes ({offered:.0} offered)"),
        holds: tested.then_some(holds),
    })
}

fn queue() -> Result<Row, Failure> {
    let lab = lab(LinkSettings {
        rate: Some(50_000_000),
        queue: Some(250_000),
        delay: Duration::from_millis(20),
        ..LinkSettings::default()
    })?;
    let burst = Traffic {
        packets: 400,
        payload: traffic::FULL,
        interval: Duration::ZERO,
    };
    let arrivals = traffic::one_way(&lab, burst)?;
    let counters = lab.counters().to_server;
    let longest = counters.queue_delay_max().as_secs_f64() * 1e3;
    let kept = arrivals.len() * 1500 / 1000;
    // Some of the burst is sent while the rest is still coming.
    Ok(Row {
        set: "queue 250 kB at 50 Mbit/s, a burst of 600 kB".into(),
        measured: format!("{kept} kB taken, longest wait {longest:.1} ms"),
        holds: Some((248..320).contains(&kept) && (39.0..=40.0).contains(&longest)),
    })
}

fn jitter(reorder: bool) -> Result<Row, Failure> {
    let lab = lab(LinkSettings {
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(20),
        reorder,
        ..LinkSettings::default()
    })?;
    let spaced = Traffic {
        packets: 300,
        payload: 200,
        interval: Duration::from_millis(10),
    };
    let arrivals = traffic::one_way(&lab, spaced)?;
    let mut delays: Vec<f64> = arrivals.iter().map(Arrival::delay_ms).collect();
    let least = percentile(&mut delays, 0.0);
    let most = percentile(&mut delays, 1.0);
    let middle = percentile(&mut delays, 0.5);
    let overtaken = traffic::overtaken(&arrivals) * 100.0;
    let how = if reorder { ", may reorder" } else { "" };
    Ok(Row {
        set: format!("jitter 0-20 on 40 ms at 100 Hz{how}"),
        measured: format!("{least:.1}-{most:.1} ms, p50 {middle:.1}; {overtaken:.0} % overtaken"),
        holds: Some(least >= 40.0 && (58.0..65.0).contains(&most) && (overtaken > 0.0) == reorder),
    })
}

fn tcp(megabits: u64) -> Result<Row, Failure> {
    let rate = megabits * 1_000_000;
    let lab = lab(LinkSettings {
        rate: Some(rate),
        queue: Some(rate / 8 / 50),
        delay: Duration::from_micros(500),
        ..LinkSettings::default()
    })?;
    let goodput = traffic::tcp(&lab, Duration::from_secs(3))? / 1e6;
    let share = goodput / megabits as f64;
    Ok(Row {
        set: format!("TCP through {megabits} Mbit/s, RTT 1 ms"),
        measured: format!("{goodput:.1} Mbit/s goodput (ceiling 96.5 %)"),
        holds: Some((0.90..0.97).contains(&share)),
    })
}
