//! Scenarios by name.

use std::time::Duration;

use quantum_proto::time::Instant;

use super::{Controller, Flow, Scenario};
use crate::path::schedule::Schedule;
use crate::units::{bdp, kbit, mbit, ms, seconds};

/// A named scenario.
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// Makes it.
    pub make: fn() -> Scenario,
}

/// All of them.
pub const ALL: &[Named] = &[
    Named {
        name: "single",
        make: || link().flow(bbr()),
    },
    Named {
        name: "single-far",
        make: || far().flow(bbr()),
    },
    Named {
        name: "loss-1",
        make: || link().loss(0.01).flow(bbr()),
    },
    Named {
        name: "loss-2",
        make: || link().loss(0.02).flow(bbr()),
    },
    Named {
        name: "loss-5",
        make: || link().loss(0.05).flow(bbr()),
    },
    Named {
        name: "loss-10",
        make: || link().loss(0.10).flow(bbr()),
    },
    Named {
        name: "loss-2-bursts",
        make: || link().loss(0.02).in_bursts(4.0).flow(bbr()),
    },
    Named {
        name: "far-loss-5",
        make: || far().loss(0.05).flow(bbr()),
    },
    Named {
        name: "cubic",
        make: || link().flow(cubic()),
    },
    Named {
        name: "two",
        make: two,
    },
    Named {
        name: "two-late",
        make: || {
            link()
                .flow(bbr())
                .flow(bbr().starting(seconds(5)))
                .lasting(seconds(60))
                .measured_from(seconds(30))
        },
    },
    Named {
        name: "two-far",
        make: || {
            link()
                .flow(bbr())
                .flow(bbr().farther(ms(60)))
                .lasting(seconds(60))
                .measured_from(seconds(20))
        },
    },
    Named {
        name: "four",
        make: || {
            link()
                .flow(bbr())
                .flow(bbr())
                .flow(bbr())
                .flow(bbr())
                .lasting(seconds(60))
                .measured_from(seconds(30))
        },
    },
    Named {
        name: "vs-cubic",
        make: versus_cubic,
    },
    Named {
        name: "two-cubic",
        make: || {
            link()
                .flow(cubic())
                .flow(cubic())
                .lasting(seconds(60))
                .measured_from(seconds(20))
        },
    },
    Named {
        name: "shallow",
        make: || link().queue(bdp(mbit(50), ms(40)) / 20).flow(bbr()),
    },
    Named {
        name: "deep",
        make: || link().queue(10 * bdp(mbit(50), ms(40))).flow(bbr()),
    },
    Named {
        name: "policer",
        make: || link().police(mbit(10), 100_000).flow(bbr()),
    },
    Named {
        name: "lte",
        make: lte,
    },
    Named {
        name: "dsl",
        make: || Scenario::new(mbit(8), ms(30)).queue(64_000).flow(bbr()),
    },
    Named {
        name: "satellite",
        make: || {
            Scenario::new(mbit(20), ms(600))
                .flow(bbr())
                .lasting(seconds(60))
        },
    },
    Named {
        name: "slow",
        make: || Scenario::new(kbit(500), ms(100)).queue(30_000).flow(bbr()),
    },
    Named {
        name: "sub-packet",
        make: || Scenario::new(mbit(1), ms(5)).queue(30_000).flow(bbr()),
    },
    Named {
        name: "fast",
        make: || {
            Scenario::new(mbit(500), ms(20))
                .flow(bbr())
                .lasting(seconds(10))
        },
    },
    Named {
        name: "aggregation",
        make: || link().aggregate(ms(10)).flow(bbr()),
    },
    Named {
        name: "jitter",
        make: || link().jitter(ms(20)).flow(bbr()),
    },
    Named {
        name: "rate-up",
        make: || steps(mbit(10), mbit(50)),
    },
    Named {
        name: "rate-down",
        make: || steps(mbit(50), mbit(10)),
    },
    Named {
        name: "ten-fold",
        make: || steps(mbit(10), mbit(100)),
    },
    Named {
        name: "tenth",
        make: || steps(mbit(100), mbit(10)),
    },
    Named {
        name: "rtt-up",
        make: || link().rtt(rtt_step(ms(40), ms(120))).flow(bbr()),
    },
    Named {
        name: "rtt-down",
        make: || link().rtt(rtt_step(ms(120), ms(40))).flow(bbr()),
    },
    Named {
        name: "reordering",
        make: || link().reorder(0.02, ms(10)).flow(bbr()),
    },
    Named {
        name: "modest",
        make: || {
            link()
                .flow(bbr())
                .flow(bbr().writing(mbit(2)))
                .measured_from(seconds(5))
        },
    },
    Named {
        name: "eight",
        make: || {
            let flows = (0..8).fold(link(), |link, _| link.flow(bbr()));
            flows.lasting(seconds(60)).measured_from(seconds(30))
        },
    },
    Named {
        name: "ecn",
        make: || link().mark_above(bdp(mbit(50), ms(40)) / 4).flow(bbr()),
    },
];

/// A scenario by its name.
#[must_use]
pub fn find(name: &str) -> Option<Scenario> {
    let named = ALL.iter().find(|named| named.name == name)?;
    Some((named.make)())
}

fn bbr() -> Flow {
    Flow::new(Controller::Bbr)
}

fn cubic() -> Flow {
    Flow::new(Controller::Cubic)
}

fn link() -> Scenario {
    Scenario::new(mbit(50), ms(40))
}

fn far() -> Scenario {
    Scenario::new(mbit(50), ms(100))
}

fn two() -> Scenario {
    link()
        .flow(bbr())
        .flow(bbr())
        .lasting(seconds(40))
        .measured_from(seconds(20))
}

fn versus_cubic() -> Scenario {
    let flows = link().flow(bbr()).flow(cubic());
    flows.lasting(seconds(90)).measured_from(seconds(30))
}

/// A rate that changes several times a second, and deliveries in bursts.
fn lte() -> Scenario {
    let mut rate = Schedule::constant(mbit(20));
    for step in 1..300u64 {
        // A fixed sequence without a pattern, between 5 and 40 Mbit/s.
        let megabits = 5 + step * step * 7 % 36;
        rate = rate.then(Instant::ORIGIN + ms(100 * step), mbit(megabits));
    }
    Scenario::new(rate, ms(50))
        .queue(400_000)
        .aggregate(ms(5))
        .flow(bbr())
}

fn rtt_step(first: Duration, then: Duration) -> Schedule<Duration> {
    Schedule::constant(first).then(Instant::ORIGIN + seconds(15), then)
}

fn steps(first: crate::units::BitRate, then: crate::units::BitRate) -> Scenario {
    let rate = Schedule::constant(first).then(Instant::ORIGIN + seconds(15), then);
    Scenario::new(rate, ms(40))
        .queue(bdp(mbit(50), ms(40)))
        .flow(bbr())
}
