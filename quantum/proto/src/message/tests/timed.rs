//! Two ends, a network that delays, loses and repeats, and messages with deadlines.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// A packet that is under way.
struct Flight {
    arrives_at: Instant,
    packet: Packet,
}

/// What was accepted, and what became of it.
struct Fate {
    reliable: bool,
    deadline: Option<Instant>,
    expired: bool,
    delivered: bool,
}

impl Fate {
    fn is_in_time(&self, now: Instant) -> bool {
        self.deadline.is_none_or(|deadline| now <= deadline)
    }
}

struct Conversation {
    rng: SmallRng,
    loss: f64,
    now: Instant,
    sender: Messages,
    receiver: Messages,
    under_way: Vec<Flight>,
    fates: BTreeMap<u64, Fate>,
}

impl Conversation {
    fn new(seed: u64, loss: f64) -> Self {
        let config = TransportConfig {
            message_receive_window: 20_000,
            message_bytes_max: 4000,
            ..config()
        };
        let (sender, receiver) = pair(&config);
        let mut this = Self {
            rng: SmallRng::seed_from_u64(seed),
            loss,
            now: Instant::ORIGIN,
            sender,
            receiver,
            under_way: Vec::new(),
            fates: BTreeMap::new(),
        };
        // The first packet takes no time, and shows it.
        this.send();
        let first = packet(&mut this.sender, 1200).unwrap();
        receive(&mut this.receiver, &first.payload).unwrap();
        acknowledge(&mut this.sender, &first.contents);
        this
    }

    fn send(&mut self) {
        let number = self.fates.len() as u64;
        let mut data = number.to_be_bytes().to_vec();
        data.resize(8 + self.rng.random_range(0..3500), number as u8);
        let reliable = self.rng.random_bool(0.7);
        let options = if reliable {
            MessageOptions::reliable()
        } else {
            MessageOptions::unreliable()
        };
        let urgency = Urgency::new(self.rng.random_range(0..8));
        let mut options = options.with_urgency(urgency);
        let after = Duration::from_millis(self.rng.random_range(0..100));
        let deadline = self.rng.random_bool(0.7).then(|| self.now + after);
        if deadline.is_some() {
            options = options.with_deadline(after);
        }
        match self.sender.send(self.now, data.into(), &options) {
            Ok(accepted) => assert_eq!(accepted, number),
            Err(error) => return assert_eq!(error, SendMessageError::Blocked),
        }
        let fate = Fate {
            reliable,
            deadline,
            expired: false,
            delivered: false,
        };
        self.fates.insert(number, fate);
    }

    /// Nothing leaves that has expired, or is past its deadline.
    fn depart(&mut self) {
        let size = self.rng.random_range(200..1400);
        let Some(packet) = packet_with(&mut self.sender, &outlook(self.now), size) else {
            return;
        };
        for carried in &packet.contents {
            if let Carried::Message { number, .. } = carried {
                let fate = &self.fates[number];
                assert!(!fate.expired && fate.is_in_time(self.now), "{number}");
            }
        }
        let delay = Duration::from_micros(self.rng.random_range(0..60_000));
        let arrives_at = self.now + delay;
        self.under_way.push(Flight { arrives_at, packet });
    }

    fn arrive(&mut self) {
        let is_due = |flight: &Flight| flight.arrives_at <= self.now;
        let Some(index) = self.under_way.iter().position(is_due) else {
            return;
        };
        let Flight { packet, .. } = self.under_way.swap_remove(index);
        if self.rng.random_bool(self.loss) {
            return lose(&mut self.sender, &packet.contents);
        }
        receive_at(&mut self.receiver, self.now, &packet.payload).unwrap();
        if self.rng.random_bool(0.1) {
            lose(&mut self.sender, &packet.contents);
        }
        acknowledge(&mut self.sender, &packet.contents);
    }

    /// Answers are neither late nor lost.
    fn answer(&mut self) {
        while let Some(packet) = packet_with(&mut self.receiver, &outlook(self.now), 1200) {
            receive_at(&mut self.sender, self.now, &packet.payload).unwrap();
            acknowledge(&mut self.receiver, &packet.contents);
        }
    }

    fn take_expired(&mut self) {
        while let Some(number) = self.sender.take_expired() {
            let fate = self.fates.get_mut(&number).unwrap();
            assert!(fate.deadline.is_some(), "{number} has no deadline");
            assert!(
                !std::mem::replace(&mut fate.expired, true),
                "{number} twice"
            );
        }
    }

    fn take_delivered(&mut self) {
        while let Some(data) = self.receiver.receive(self.now) {
            let number = u64::from_be_bytes(data[..8].try_into().unwrap());
            let fate = self.fates.get_mut(&number).unwrap();
            // The floor of delays has risen by a little.
            let drift = self.now.since(Instant::ORIGIN) / 2_000;
            assert!(fate.is_in_time(self.now.before(drift)), "{number} is late");
            assert!(
                !std::mem::replace(&mut fate.delivered, true),
                "{number} twice"
            );
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_micros(self.rng.random_range(0..4_000));
        self.sender.expire(self.now);
        self.take_expired();
        self.depart();
        self.take_expired();
        self.arrive();
        if self.rng.random_bool(0.5) {
            self.take_delivered();
        }
        self.answer();
    }

    fn is_settled(&self) -> bool {
        self.sender.all_delivered() && self.under_way.is_empty()
    }

    fn run(mut self, count: usize) {
        let mut rounds = 0;
        while self.fates.len() < count || !self.is_settled() {
            rounds += 1;
            assert!(rounds < 100_000, "the conversation stands still");
            if self.fates.len() < count {
                self.send();
            }
            self.step();
        }
        self.take_delivered();
        self.answer();
        self.check_counts();
    }

    /// Each message ended once: it was delivered, or expired or was late, or was given up for a loss.
    fn check_counts(&self) {
        let (sender, receiver) = (statistics(&self.sender), statistics(&self.receiver));
        let count = |wanted: fn(&Fate) -> bool| {
            let wanted = self.fates.values().filter(|fate| wanted(fate));
            wanted.count() as u64
        };
        let missing = count(|fate| !fate.delivered);
        let missed = receiver.messages_missed + receiver.messages_withheld;
        let given_up = missing.checked_sub(missed).expect("counted once");
        assert!(given_up <= count(|fate| !fate.reliable && !fate.delivered));
        assert_eq!(
            count(|fate| fate.reliable && fate.deadline.is_none() && !fate.delivered),
            0
        );
        let (late, _) = self.receiver.incoming.missed();
        assert_eq!(sender.messages_late, late);
        assert_eq!(sender.messages_expired, count(|fate| fate.expired));
        assert!(sender.messages_expired >= missed - late);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn messages_end_once_and_none_is_sent_or_delivered_late(seed: u64, loss in 0.0..0.4f64) {
        Conversation::new(seed, loss).run(80);
    }

    /// Of one urgency they are completed as they were accepted, if nothing is lost; and nothing is
    /// sent while something more urgent waits.
    #[test]
    fn urgency_decides_and_then_the_order_of_acceptance(
        messages in prop::collection::vec((0u8..8, 0usize..3000), 1..60),
        sizes in prop::collection::vec(200usize..1400, 1..20),
    ) {
        let (mut sender, mut receiver) = pair(&config());
        let mut waiting = BTreeMap::new();
        let mut sizes = sizes.into_iter().cycle();
        let mut batches = messages.chunks(7);
        let mut last = [None; 8];
        loop {
            for &(urgency, size) in batches.next().unwrap_or_default() {
                let options = MessageOptions::reliable().with_urgency(Urgency::new(urgency));
                let number = sender.send(Instant::ORIGIN, data(size), &options).unwrap();
                waiting.insert(number, (urgency, size as u32));
            }
            let Some(packet) = packet(&mut sender, sizes.next().unwrap()) else {
                break;
            };
            for carried in &packet.contents {
                let Carried::Message { number, start, length } = *carried else {
                    continue;
                };
                let (urgency, size) = waiting[&number];
                prop_assert!(waiting.values().all(|(other, _)| *other >= urgency));
                prop_assert!(last[usize::from(urgency)] <= Some(number));
                last[usize::from(urgency)] = Some(number);
                if start + length == size {
                    waiting.remove(&number);
                }
            }
            receive(&mut receiver, &packet.payload).unwrap();
            acknowledge(&mut sender, &packet.contents);
        }
        prop_assert!(waiting.is_empty());
        let taken = std::iter::from_fn(|| receiver.take()).count();
        prop_assert_eq!(taken, messages.len());
    }
}
