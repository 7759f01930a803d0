//! Forward error correction where it has nothing to do: on clean links, and where only queues lose
//! packets (virtual time).

use std::time::Duration;

use quantum_sim::scenario::mix::{Mix, Source};
use quantum_sim::scenario::{Controller, Flow, Report, Scenario};
use quantum_sim::units::{bdp, mbit, ms, seconds};
use quantum_sim::violation::Violation;

/// Some seeds, so that none is lucky.
const SEEDS: u64 = 4;

const RTT: Duration = ms(40);
const END: Duration = seconds(30);

fn bbr() -> Flow {
    Flow::new(Controller::Bbr)
}

fn cubic() -> Flow {
    Flow::new(Controller::Cubic)
}

/// 20 Mbit/s, and a queue for so many hundredths of what is under way then.
fn queue_of(hundredths: u64) -> Scenario {
    let bytes = bdp(mbit(20), RTT) * hundredths / 100;
    Scenario::new(mbit(20), RTT).queue(bytes).lasting(END)
}

/// Below 256 kbit/s, and above.
fn sources() -> [Source; 2] {
    [Source::new(200, ms(10)), Source::new(1_000, ms(4))]
}

#[test]
fn messages_on_a_clean_link_are_none_the_worse_for_it() -> Result<(), Violation> {
    for source in sources() {
        let mix = Mix::default().source(source);
        let with = queue_of(100).run_mix(0, &mix)?;
        let without = queue_of(100).without_repairs().run_mix(0, &mix)?;
        assert_eq!(with.sender.packets_lost, 0);
        assert_eq!(with.sender.repairs_sent, 0);
        assert_eq!(with.sender.bytes_sent, without.sender.bytes_sent);
        let worst = [&with, &without].map(|report| {
            let latencies = report.sources[0].latencies(seconds(0)..END);
            (latencies.count(), latencies.percentile(1.0))
        });
        assert_eq!(worst[0], worst[1]);
    }
    Ok(())
}

#[test]
fn a_transfer_over_a_clean_link_is_none_the_worse_for_it() -> Result<(), Violation> {
    let [with, without] = run_both(&queue_of(1_000).flow(bbr()), 0)?;
    assert_eq!(with.dropped, 0.0);
    let [with, without] = [&with.flows[0], &without.flows[0]];
    assert_eq!(with.statistics.bytes_sent, without.statistics.bytes_sent);
    assert!(with.goodput >= 0.99 * without.goodput);
    Ok(())
}

/// With forward error correction and without.
fn run_both(scenario: &Scenario, seed: u64) -> Result<[Report; 2], Violation> {
    let with = scenario.run(seed)?;
    let without = scenario.clone().without_repairs().run(seed)?;
    println!("{with}\nwithout: {without}");
    Ok([with, without])
}

/// Flows that fill a queue until it overflows. None sends a repair; both ways, as reported.
fn overflow(link: &Scenario, seed: u64) -> Result<[Report; 2], Violation> {
    let both = run_both(link, seed)?;
    assert!(both[0].dropped > 0.0);
    for flow in &both[0].flows {
        assert_eq!(flow.statistics.repairs_sent, 0, "{:?}", flow.statistics);
    }
    Ok(both)
}

#[test]
fn who_fills_a_queue_alone_repairs_nothing() -> Result<(), Violation> {
    for flow in [bbr(), cubic()] {
        for queue in [25, 100] {
            let [with, without] = overflow(&queue_of(queue).flow(flow.clone()), 0)?;
            let [with, without] = [with, without].map(|report| report.flows[0].goodput);
            assert!(with >= 0.99 * without, "{with} {without}");
        }
    }
    Ok(())
}

#[test]
fn who_shares_a_queue_repairs_nothing_and_gets_the_same_share() -> Result<(), Violation> {
    for seed in 0..SEEDS {
        for report in overflow(&queue_of(100).flow(bbr()).flow(bbr()), seed)? {
            assert!(report.jain >= 0.95, "{report}");
        }
        for report in overflow(&queue_of(100).flow(bbr()).flow(cubic()), seed)? {
            let total: f64 = report.flows.iter().map(|flow| flow.goodput).sum();
            for flow in &report.flows {
                assert!(flow.goodput >= total / 3.0, "{report}");
            }
        }
    }
    Ok(())
}

/// Repairs for each packet that the source sends over this link, over all seeds.
fn repairs(link: &Scenario, source: Source) -> Result<f64, Violation> {
    let mix = Mix::default().source(source);
    let (mut packets, mut lost, mut repairs) = (0, 0, 0);
    for seed in 0..SEEDS {
        let sender = link.run_mix(seed, &mix)?.sender;
        packets += sender.packets_sent;
        lost += sender.packets_lost;
        repairs += sender.repairs_sent;
    }
    println!("{repairs} repairs for {packets} packets, {lost} lost");
    Ok(repairs as f64 / packets as f64)
}

#[test]
fn messages_beside_flows_that_overflow_a_queue_are_hardly_repaired() -> Result<(), Violation> {
    for source in sources() {
        for link in [
            queue_of(25).flow(bbr()),
            queue_of(25).flow(cubic()),
            queue_of(50).flow(cubic()),
            queue_of(100).flow(bbr()),
            queue_of(100).flow(cubic()),
            queue_of(100).flow(cubic()).flow(cubic()),
            queue_of(300).flow(cubic()),
        ] {
            // What one loss costs that is seen before the queue is.
            assert!(repairs(&link, source)? <= 0.03);
        }
    }
    Ok(())
}

#[test]
fn random_losses_are_not_taken_for_those_of_a_queue() -> Result<(), Violation> {
    let [sparse, media] = sources();
    for link in [
        queue_of(100).loss(0.01),
        queue_of(100).loss(0.03).jitter(ms(20)),
        queue_of(100).loss(0.03).flow(bbr()),
    ] {
        // Most packets have one behind them.
        assert!(repairs(&link, sparse)? >= 0.40);
        assert!(repairs(&link, media)? >= 0.15);
    }
    Ok(())
}
