//! When a repair leaves, and where (Q-FEC-7, Q-FEC-8).
//!
//! Three kinds of traffic, told apart by what the application has just sent:
//!
//! - *Sparse*: less than 256 kbit/s. A repair leaves by itself a moment behind each packet, as an echo.
//!   Where the next packet comes before an echo would, and losses do not come in bursts that would take
//!   it as well, it has room to spare and carries the repair, which saves a header.
//! - *Media*: more, but the link is not full. A repair for each few packets.
//! - *Bulk*: the link is full. Lost data is sent again while other data flows; only the last packets
//!   have nobody behind them, and get two repairs.
//!
//! What a repair may cost is saved up packet by packet: a share of the bytes that were sent.

use std::time::Duration;

use super::encode::SourceWindow;
use super::estimate::LossEstimate;
use crate::time::Instant;

/// The sending side of one connection, from the first loss on.
#[derive(Debug)]
pub(crate) struct Sender {
    window: SourceWindow,
    flow: Flow,
    plan: Plan,
    /// Packets that a repair covers.
    symbols_max: usize,
    /// How long a repair is under way.
    half_rtt: Duration,
    /// Bytes that repairs may take, and those that repairs of overdue packets may.
    saved: i64,
    saved_overdue: i64,
    /// A packet of its own is due then.
    due_at: Option<Instant>,
    /// Repairs that a tail still gets.
    tail: u8,
    announced: bool,
}

/// How packets follow each other.
#[derive(Clone, Copy, Debug)]
struct Flow {
    last_at: Instant,
    /// The mean time between packets, once there are two.
    interval: Option<Duration>,
    /// Bytes in a second.
    rate: u64,
    /// Since when the application has not run out of data.
    busy_since: Option<Instant>,
    /// That was so for a round trip.
    busy: bool,
}

/// What is known of the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) now: Instant,
    pub(crate) loss: LossEstimate,
    pub(crate) smoothed_rtt: Duration,
    /// Within that time a packet is acknowledged that arrives and is acknowledged at once, and how many
    /// packets make the peer do that, and after which time it does for one.
    pub(crate) acknowledged_within: Duration,
    pub(crate) acknowledged_after: (u64, Duration),
    /// Packets that a repair may cover.
    pub(crate) symbols_max: usize,
    /// The application has more to send at once.
    pub(crate) has_more: bool,
}

/// What is done for the traffic of the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Plan {
    #[default]
    None,
    /// A repair in each packet; if none follows for `patience`, one by itself.
    Along { patience: Duration },
    /// A repair by itself, `delay` after each packet, and one more where `share` thousandths of what is
    /// sent allow it.
    Echo { share: i64, delay: Duration },
    /// Repairs of `share` thousandths of what is sent.
    Media { share: i64, patience: Duration },
    /// Repairs for the last packets only.
    Tail,
}

impl Sender {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            window: SourceWindow::default(),
            flow: Flow::new(now),
            plan: Plan::None,
            symbols_max: 0,
            half_rtt: Duration::ZERO,
            saved: SAVED_FIRST,
            saved_overdue: 0,
            due_at: None,
            tail: 0,
            announced: false,
        }
    }

    /// Packet `number` leaves with this symbol, which is wanted until then, in a datagram of `bytes`.
    pub(crate) fn on_source(
        &mut self,
        number: u64,
        symbol: &[u8],
        wanted_until: Instant,
        bytes: usize,
        conditions: &Conditions,
    ) {
        let now = conditions.now;
        self.flow.on_sent(bytes, conditions);
        self.plan = self.flow.plan(conditions);
        self.symbols_max = self.plan.symbols_max().min(conditions.symbols_max);
        if self.plan == Plan::None {
            return self.stop();
        }
        self.half_rtt = conditions.smoothed_rtt / 2;
        let cost = (bytes + DATAGRAM_OVERHEAD) as i64;
        let mut share = self.plan.share();
        let mut overdue_at = Instant::DISTANT;
        if conditions.loss.is_bursty() && self.plan != Plan::Tail {
            overdue_at = now + self.flow.acknowledged_within(conditions);
            share -= OVERDUE_SHARE;
            self.saved_overdue = (self.saved_overdue + cost * OVERDUE_SHARE / 1000).min(SAVED_MAX);
        }
        self.saved = (self.saved + cost * share / 1000).min(SAVED_MAX);
        self.window.push(number, symbol, wanted_until, overdue_at);
        self.due_at = match self.plan {
            Plan::Echo { delay, .. } => Some(self.due_at.unwrap_or(now + delay).min(now + delay)),
            Plan::Media { .. } if self.saved >= cost => Some(now),
            Plan::Along { patience } | Plan::Media { patience, .. } => Some(now + patience),
            Plan::Tail if !conditions.has_more => {
                self.tail = TAIL_REPAIRS;
                Some(now)
            }
            Plan::Tail | Plan::None => None,
        };
    }

    /// Nothing is covered any more.
    pub(crate) fn stop(&mut self) {
        self.window = SourceWindow::default();
        self.due_at = None;
        self.tail = 0;
        self.announced = false;
    }

    /// The packet has arrived, or is sent again: it needs no repair.
    pub(crate) fn settle(&mut self, number: u64) {
        self.window.settle(number);
        if self.window.is_empty() {
            self.due_at = None;
        }
    }

    /// When a repair has to leave by itself.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let overdue_at = self.window.overdue_at();
        self.due_at.into_iter().chain(overdue_at).min()
    }

    /// Whether a repair has to leave by itself now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due_at().is_some_and(|at| at <= now)
    }

    /// Whether packets are to leave room, so that a repair of them fits into a packet of its own.
    pub(crate) fn reserves_room(&self) -> bool {
        !matches!(self.plan, Plan::None | Plan::Tail)
    }

    /// Writes the repair that packet `row` carries, if any; it has `room` bytes. `source`: it
    /// carries a symbol itself.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        row: u64,
        source: bool,
        room: usize,
        buffer: &mut Vec<u8>,
    ) -> bool {
        while !source && let Some(number) = self.window.take_overdue(now) {
            if self.write_overdue(number, row, room, buffer) {
                return true;
            }
        }
        let is_due = self.due_at.is_some_and(|at| at <= now);
        let wanted = match self.plan {
            Plan::Along { .. } | Plan::Media { .. } => source || is_due,
            Plan::Echo { .. } | Plan::Tail => !source && is_due,
            Plan::None => false,
        };
        if !wanted {
            return false;
        }
        self.window.forget_unwanted(now + self.half_rtt);
        let Some(repair) = self.window.plan(row, self.symbols_max, room) else {
            self.due_at = self.due_at.filter(|_| source);
            return false;
        };
        let overhead = if source { 0 } else { PACKET_OVERHEAD };
        let cost = (repair.bytes() + overhead) as i64;
        // A media flow that pauses may run into debt by one repair.
        let needed = match self.plan {
            Plan::Media { .. } if !source => 0,
            _ => cost,
        };
        if self.saved < needed {
            self.due_at = self.due_at.filter(|_| source);
            return false;
        }
        repair.write(buffer);
        self.saved -= cost;
        self.tail = self.tail.saturating_sub(1);
        self.due_at = match self.plan {
            // The next packet's own echo comes first.
            Plan::Echo { delay, .. } if self.saved >= cost * 2 => Some(now + delay),
            _ => self.due_at.filter(|_| self.tail > 0),
        };
        true
    }

    /// After a burst of losses nothing arrives that would tell of them: the first packet of it is known to
    /// be lost a round trip after the last. Its acknowledgement is missing long before.
    fn write_overdue(&mut self, number: u64, row: u64, room: usize, buffer: &mut Vec<u8>) -> bool {
        let Some(repair) = self.window.plan_one(row, number, room) else {
            return false;
        };
        let cost = (repair.bytes() + PACKET_OVERHEAD) as i64;
        let affordable = self.saved_overdue >= cost;
        if affordable {
            repair.write(buffer);
            self.saved_overdue -= cost;
        }
        affordable
    }

    /// Whether the peer has yet to be told that symbols are to be kept (Q-FEC-3).
    pub(crate) fn owes_announcement(&self) -> bool {
        !self.announced && self.plan != Plan::None
    }

    pub(crate) fn on_announced(&mut self) {
        self.announced = true;
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.window.bytes()
    }
}

impl Flow {
    fn new(now: Instant) -> Self {
        Self {
            last_at: now,
            interval: None,
            rate: 0,
            busy_since: None,
            busy: false,
        }
    }

    fn on_sent(&mut self, bytes: usize, conditions: &Conditions) {
        let gap = conditions.now.since(self.last_at);
        self.last_at = conditions.now;
        let interval = self.interval.unwrap_or(gap).min(INTERVAL_MAX);
        self.interval = Some((interval * 7 + gap.min(INTERVAL_MAX)) / 8);
        // A mean over about a second.
        let gone = u128::from(self.rate) * gap.min(RATE_SPAN).as_nanos() / RATE_SPAN.as_nanos();
        self.rate = self.rate - u64::try_from(gone).unwrap_or(self.rate) + bytes as u64;
        let now = conditions.now;
        let long = conditions.smoothed_rtt;
        self.busy = self
            .busy_since
            .is_some_and(|since| now.since(since) >= long);
        let since = self.busy_since.unwrap_or(now);
        self.busy_since = conditions.has_more.then_some(since);
    }

    /// When a packet is acknowledged that leaves now and arrives.
    fn acknowledged_within(&self, conditions: &Conditions) -> Duration {
        let (packets, delay) = conditions.acknowledged_after;
        let others = u32::try_from(packets.saturating_sub(1)).unwrap_or(u32::MAX);
        let until_full = self
            .interval
            .map(|interval| interval.saturating_mul(others));
        conditions.acknowledged_within + until_full.map_or(delay, |time| time.min(delay))
    }

    fn plan(&self, conditions: &Conditions) -> Plan {
        let loss = &conditions.loss;
        let rtt = conditions.smoothed_rtt;
        if !loss.is_lossy() || rtt < SPARSE_RTT_MIN {
            return Plan::None;
        }
        let delay = (rtt / 8).clamp(ECHO_DELAY_MIN, ECHO_DELAY_MAX);
        let interval = self.interval.unwrap_or(INTERVAL_MAX);
        let patience = delay.max(interval + interval / 2);
        // What is lost is sent again, which makes no flow a dense one.
        let again = self.rate * u64::from(loss.per_mille()) / 1000;
        if self.rate - again < SPARSE_RATE {
            let soon = interval <= delay * 3 / 4 && !loss.is_bursty();
            return match soon {
                true => Plan::Along { patience },
                // Between two packets, so that a burst takes as few of both as can be.
                false if loss.is_bursty() => Plan::Echo {
                    share: BURST_SHARE,
                    delay: delay.min(interval / 3),
                },
                false => Plan::Echo {
                    share: SPARSE_SHARE,
                    delay: delay.min(interval * 2 / 3),
                },
            };
        }
        if self.busy {
            return Plan::Tail;
        }
        if rtt < MEDIA_RTT_MIN || loss.per_mille() > MEDIA_LOSS_MAX {
            return Plan::None;
        }
        let share = match loss.per_mille() {
            _ if loss.is_bursty() => 325,
            0..5 => 125,
            5..25 => 250,
            _ => 300,
        };
        Plan::Media { share, patience }
    }
}

impl Plan {
    /// What repairs may cost, in thousandths of what is sent.
    fn share(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Along { .. } => SPARSE_SHARE,
            Self::Echo { share, .. } | Self::Media { share, .. } => share,
            Self::Tail => 90,
        }
    }

    /// Packets that one repair covers.
    fn symbols_max(self) -> usize {
        match self {
            Self::Along { .. } | Self::Echo { .. } => 8,
            Self::Media { .. } | Self::Tail | Self::None => super::WINDOW_MAX,
        }
    }
}

/// The part of that which repairs of overdue packets have, and leave to them: about as much as is lost, and
/// as much again for acknowledgements that are.
const OVERDUE_SHARE: i64 = 60;

/// What repairs of a sparse flow may cost, in thousandths of what is sent.
const SPARSE_SHARE: i64 = 980;

/// The same where losses come in bursts: an echo for each packet although some are left to overdue ones,
/// and a second one now and then. A burst that took several packets is repaired by as many echoes, and
/// one for each packet of later would take as long as the burst again.
const BURST_SHARE: i64 = 1120;

/// What a datagram costs beside its bytes: the headers of IPv4 and UDP.
const DATAGRAM_OVERHEAD: usize = 20 + 8;

/// What a packet for a repair alone costs beside the frame: the same, a short header with an id of 8
/// bytes and a number of 2, and a tag.
const PACKET_OVERHEAD: usize = DATAGRAM_OVERHEAD + 1 + 8 + 2 + 16;

/// Saved up before the first packet: two repairs of any size.
const SAVED_FIRST: i64 = 3000;

/// A pause saves nothing for later.
const SAVED_MAX: i64 = 6000;

/// Repairs of a tail: more than one packet of it may be lost.
const TAIL_REPAIRS: u8 = 2;

/// Below, in bytes per second, a flow is sparse: 256 kbit/s.
const SPARSE_RATE: u64 = 32_000;

/// With a round trip shorter than this, sending again takes no longer than a glance.
const SPARSE_RTT_MIN: Duration = Duration::from_millis(5);

/// Sending again beats a repair for every few packets below this (WebRTC uses NACK alone there).
const MEDIA_RTT_MIN: Duration = Duration::from_millis(20);

/// Of a thousand packets: where more are lost, sending less is the better answer.
const MEDIA_LOSS_MAX: u32 = 150;

/// Bounds on an eighth of a round trip: when an echo leaves.
const ECHO_DELAY_MIN: Duration = Duration::from_millis(2);
const ECHO_DELAY_MAX: Duration = Duration::from_millis(15);

/// Longer pauses do not count as part of a rhythm.
const INTERVAL_MAX: Duration = Duration::from_secs(1);

/// Over which time rates are averaged.
const RATE_SPAN: Duration = Duration::from_secs(1);
