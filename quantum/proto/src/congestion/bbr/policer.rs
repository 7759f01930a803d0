//! A policer: it drops what exceeds its rate, and queues nothing.
//!
//! Packets that it drops at a steady pace look like those of a bad radio link, and while the flow is
//! too fast in every phase no quiet one tells the difference. What differs is that a policer delivers
//! the same whatever is sent, so that far below its rate nothing is lost. So a flow that loses much
//! while it cruises, without a queue, is slowed down once to see whether that ends its losses (as the
//! long-term sampling of BBRv1 in Linux, `tcp_bbr.c`, but by an experiment in place of two equal rates,
//! which a bad link shows as well).

use std::time::Duration;

use super::super::Acknowledged;
use super::bounds::Bounds;
use super::probe_bw::Phase;
use super::tally::Tally;
use super::{BbrController, State, rate_of};
use crate::time::Instant;

/// What is known of a policer; exists from the first loss on.
#[derive(Debug, Default)]
pub(super) struct Policer {
    watch: Option<Watch>,
    trial: Option<Trial>,
    /// What it lets pass, if there is one.
    limit: Option<u64>,
    /// All that arrives was sent too fast for it.
    overrun: Option<Overrun>,
    /// The path was tried and lost as much as before: not again before that time.
    not_before: Option<Instant>,
    pause: Duration,
}

/// What arrives after a probe: when the first of it did and the last, and what had been delivered by
/// then.
#[derive(Debug)]
struct Overrun {
    first: (Instant, u64),
    last: (Instant, u64),
}

/// A time of cruising.
#[derive(Debug)]
struct Watch {
    /// When the round began, and what had been delivered by then.
    since: Instant,
    delivered: u64,
    rounds: u32,
    /// The most that arrived in a round, in bytes per second: bounds may have slowed the others down.
    rate: u64,
    /// The first packet that was sent in it.
    first: u64,
    tally: Tally,
}

/// Some packets that are sent slowly.
#[derive(Debug)]
struct Trial {
    since: Instant,
    first: u64,
    lost: f64,
    /// Its packets have passed: what is missing counts as lost by then.
    ends_at: Option<Instant>,
    /// What was lost before it, and what arrived.
    before: Tally,
    rate: u64,
}

impl Policer {
    fn on_lost(&mut self, number: u64) {
        if let Some(watch) = self.watch.as_mut().filter(|watch| number >= watch.first) {
            watch.tally.on_lost(number);
        }
        if let Some(trial) = &mut self.trial {
            let end = trial.first + TRIAL_PACKETS;
            trial.lost += f64::from(u8::from((trial.first..end).contains(&number)));
        }
    }

    /// The flow cruises without a queue. Returns what arrives of it, and what is lost, if that is much.
    fn watch(&mut self, acked: &Acknowledged, cruise: &Cruise) -> Option<(u64, Tally)> {
        if self.not_before.is_some_and(|at| acked.now < at) {
            return None;
        }
        let watch = self.watch.get_or_insert_with(|| Watch::new(acked, cruise));
        let is_of_it = acked.largest >= watch.first;
        if is_of_it {
            watch.tally.on_arrived(cruise.packets);
        }
        if !cruise.round_started {
            return None;
        }
        watch.end_round(acked, is_of_it);
        let tally = watch.tally;
        if watch.rounds < WATCH_ROUNDS || tally.packets() < WATCH_PACKETS {
            return None;
        }
        let rate = watch.rate;
        self.watch = None;
        (tally.lost() >= tally.packets() * MUCH_LOST).then_some((rate, tally))
    }

    /// Whether slow packets lost less, as soon as that is known.
    fn judge(&mut self, acked: &Acknowledged) -> Option<Verdict> {
        let trial = self.trial.as_mut()?;
        if acked.largest < trial.first + TRIAL_PACKETS {
            let is_over = acked.now.since(trial.since) > TRIAL_LONGEST + acked.smoothed_rtt;
            return is_over.then_some(Verdict::Unknown);
        }
        let ends_at = *trial
            .ends_at
            .get_or_insert(acked.now + acked.smoothed_rtt / 4);
        if acked.now < ends_at {
            return None;
        }
        let slow = Tally::of(TRIAL_PACKETS as f64, trial.lost);
        let before = &trial.before;
        let is_policed = slow.is_exceeded(before.lost(), before.packets(), LOSS_LESS, DEVIATIONS);
        Some(match is_policed {
            true => Verdict::Policed(trial.rate, slow),
            false => Verdict::Lossy,
        })
    }
}

impl Watch {
    fn new(acked: &Acknowledged, cruise: &Cruise) -> Self {
        Self {
            since: acked.now,
            delivered: acked.delivered,
            rounds: 0,
            rate: 0,
            first: cruise.newest + 1,
            tally: Tally::default(),
        }
    }

    fn end_round(&mut self, acked: &Acknowledged, is_of_it: bool) {
        if is_of_it {
            let delivered = acked.delivered - self.delivered;
            let rate = rate_of(delivered, acked.now.since(self.since));
            self.rate = self.rate.max(rate);
            self.rounds += 1;
        }
        (self.since, self.delivered) = (acked.now, acked.delivered);
    }
}

/// An acknowledgement while the flow cruises.
struct Cruise {
    newest: u64,
    packets: f64,
    round_started: bool,
}

/// What a trial has shown.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Slow packets lose less: what passes, in bytes per second, and how many of them were lost.
    Policed(u64, Tally),
    /// They lose as much.
    Lossy,
    /// Too few were sent.
    Unknown,
}

impl BbrController {
    /// A packet is lost. In Startup that says nothing of policers.
    pub(super) fn note_loss(&mut self, number: u64) {
        if self.full_pipe.reached() {
            self.policer.get_or_insert_default().on_lost(number);
        }
    }

    /// Looks out for a policer while the flow cruises, and slows it down to see.
    pub(super) fn watch_policer(&mut self, acked: &Acknowledged) {
        self.measure_policer(acked);
        let app_limited = acked.rate.is_some_and(|rate| rate.app_limited);
        let is_quiet = !app_limited && !self.sees_queue(acked);
        let cruise = Cruise {
            newest: self.loss.newest(),
            packets: acked.bytes as f64 / self.datagram as f64,
            round_started: self.round.started(),
        };
        let Some(policer) = &mut self.policer else {
            return;
        };
        match self.state {
            State::ProbeBw(Phase::Trial) => {
                if let Some(verdict) = policer.judge(acked) {
                    policer.trial = None;
                    self.end_trial(acked, verdict);
                }
            }
            State::ProbeBw(Phase::Cruise) if is_quiet => {
                if let Some((rate, before)) = policer.watch(acked, &cruise) {
                    policer.trial = Some(Trial {
                        since: acked.now,
                        first: cruise.newest + 1,
                        lost: 0.0,
                        ends_at: None,
                        before,
                        rate,
                    });
                    self.state = State::ProbeBw(Phase::Trial);
                }
            }
            _ => (policer.watch, policer.trial) = (None, None),
        }
    }

    fn end_trial(&mut self, acked: &Acknowledged, verdict: Verdict) {
        let Some(policer) = &mut self.policer else {
            return;
        };
        match verdict {
            Verdict::Policed(rate, slow) => {
                policer.limit = Some(rate);
                self.loss.believe(slow);
                self.model.replace_bandwidth(rate, acked);
                self.bounds = Bounds::default();
            }
            Verdict::Lossy => {
                policer.pause = (policer.pause * 2).clamp(PAUSE_LEAST, PAUSE_MOST);
                policer.not_before = Some(acked.now + policer.pause);
            }
            Verdict::Unknown => {}
        }
        self.start_cruise();
    }

    /// How fast to send in a trial in relation to the bandwidth.
    pub(super) fn trial_gain(&self) -> f64 {
        let trial = self.policer.as_ref().and_then(|it| it.trial.as_ref());
        let delivered = trial.map_or(0, |trial| trial.rate) as f64;
        (TRIAL_GAIN * delivered / self.bandwidth().max(1) as f64).min(TRIAL_GAIN)
    }

    /// A probe has met the policer again: what it let pass beyond its rate were its savings.
    pub(super) fn recall_policer(&mut self, acked: &Acknowledged) {
        let Some(policer) = &mut self.policer else {
            return;
        };
        if let Some(limit) = policer.limit {
            let first = (acked.now, acked.delivered);
            policer.overrun = Some(Overrun { first, last: first });
            self.model.replace_bandwidth(limit, acked);
        }
    }

    /// What the probe sent after its first loss, until that was known, shows the rate itself: the
    /// savings were spent.
    fn measure_policer(&mut self, acked: &Acknowledged) {
        let Some(policer) = &mut self.policer else {
            return;
        };
        let Some(overrun) = &mut policer.overrun else {
            return;
        };
        if !self.round.started() {
            overrun.last = (acked.now, acked.delivered);
            return;
        }
        let ((since, before), (until, delivered)) = (overrun.first, overrun.last);
        let rate = rate_of(delivered - before, until.since(since));
        policer.overrun = None;
        if delivered - before >= OVERRUN_PACKETS * self.datagram {
            policer.limit = Some(rate);
            self.model.replace_bandwidth(rate, acked);
        }
    }

    /// Before a probe: what came through since the last one is more than a policer lets pass.
    pub(super) fn forget_policer(&mut self) {
        let bandwidth = self.model.bandwidth();
        if let Some(policer) = &mut self.policer {
            policer.limit = policer.limit.filter(|limit| bandwidth <= limit + limit / 4);
        }
    }

    /// A policer has nothing else to offer: it is not asked so often.
    pub(super) fn is_policed(&self) -> bool {
        self.policer.as_ref().is_some_and(|it| it.limit.is_some())
    }
}

// All of these are our own choice: the draft has nothing like it.

/// Packets and rounds of cruising after which losses are looked at.
const WATCH_PACKETS: f64 = 100.0;
const WATCH_ROUNDS: u32 = 4;

/// Packets that have to arrive after a probe to show a rate.
const OVERRUN_PACKETS: u64 = 10;

/// The share that has to be lost for a trial: what is less is not worth one.
const MUCH_LOST: f64 = 0.05;

/// Of what arrives, so much is sent in a trial.
const TRIAL_GAIN: f64 = 0.6;

/// Packets of a trial, and how long it may take.
const TRIAL_PACKETS: u64 = 100;
const TRIAL_LONGEST: Duration = Duration::from_secs(1);

/// Slow packets have to lose less than fast ones by so much, and by so many standard deviations.
const LOSS_LESS: f64 = 0.02;
const DEVIATIONS: f64 = 3.0;

/// Between trials of a path that loses whatever the rate.
const PAUSE_LEAST: Duration = Duration::from_secs(20);
const PAUSE_MOST: Duration = Duration::from_secs(160);

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(40);

    /// Acknowledges 1,200 bytes each millisecond, of which packet `largest` is the last.
    fn acked(largest: u64) -> Acknowledged {
        let now = Instant::from_nanos(1_000_000_000) + Duration::from_millis(largest);
        Acknowledged {
            now,
            bytes: 1200,
            lost_bytes: 0,
            prior_in_flight: 48_000,
            bytes_in_flight: 46_800,
            largest,
            largest_sent_at: now.before(RTT),
            rtt: Some(RTT),
            smoothed_rtt: RTT,
            delivered: largest * 1200,
            lost: 0,
            rate: None,
            ecn_marked: 0,
            app_limited: false,
        }
    }

    /// Cruises for long; each `nth` packet is lost. What is seen first.
    fn cruise(policer: &mut Policer, nth: u64) -> Option<(u64, Tally)> {
        (41..1_000).find_map(|largest| {
            let cruise = Cruise {
                newest: largest + 40,
                packets: 1.0,
                round_started: largest % 40 == 0,
            };
            if largest % nth == 0 {
                policer.on_lost(largest);
            }
            policer.watch(&acked(largest), &cruise)
        })
    }

    /// A trial behind a time in which a fifth was lost; now each `nth` packet is.
    fn judged(nth: u64) -> Option<Verdict> {
        let mut policer = Policer {
            trial: Some(Trial {
                since: acked(1_000).now,
                first: 1_001,
                lost: 0.0,
                ends_at: None,
                before: Tally::of(200.0, 40.0),
                rate: 1_000_000,
            }),
            ..Policer::default()
        };
        (1_001..1_200).find_map(|largest| {
            if largest % nth == 0 {
                policer.on_lost(largest);
            }
            policer.judge(&acked(largest))
        })
    }

    #[test]
    fn a_twentieth_that_is_lost_is_much() {
        let (rate, tally) = cruise(&mut Policer::default(), 10).unwrap();
        assert_eq!(rate, 1_200_000);
        assert!(tally.packets() >= WATCH_PACKETS && tally.lost() >= 9.0);
        assert_eq!(cruise(&mut Policer::default(), 40), None);
    }

    #[test]
    fn fewer_losses_of_slow_packets_tell_a_policer_from_a_bad_link() {
        let slow = Tally::of(100.0, 0.0);
        assert_eq!(judged(5_000), Some(Verdict::Policed(1_000_000, slow)));
        assert_eq!(judged(5), Some(Verdict::Lossy));
    }

    #[test]
    fn a_trial_without_packets_ends_and_shows_nothing() {
        let mut policer = Policer {
            trial: Some(Trial {
                since: acked(0).now,
                first: 5_000,
                lost: 0.0,
                ends_at: None,
                before: Tally::of(200.0, 40.0),
                rate: 1_000_000,
            }),
            ..Policer::default()
        };
        assert_eq!(policer.judge(&acked(1_000)), None);
        assert_eq!(policer.judge(&acked(1_041)), Some(Verdict::Unknown));
    }
}
