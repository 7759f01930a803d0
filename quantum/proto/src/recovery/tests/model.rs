//! Random histories against a model that is a list of packets.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Send {
        space: usize,
        bytes: u16,
        kind: u8,
    },
    /// Acknowledges each packet that the bits choose, counted back from the newest.
    Ack {
        space: usize,
        bits: u64,
    },
    Wait {
        ms: u64,
    },
    Timer,
    ChangePath,
    Abandon {
        space: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop_oneof![1 => 0_usize..2, 4 => Just(2)], 1_u16..1500, 0_u8..8)
            .prop_map(|(space, bytes, kind)| Step::Send { space, bytes, kind }),
        4 => (prop_oneof![1 => 0_usize..2, 4 => Just(2)], any::<u64>())
            .prop_map(|(space, bits)| Step::Ack { space, bits }),
        2 => (1_u64..400).prop_map(|ms| Step::Wait { ms }),
        2 => Just(Step::Timer),
        1 => Just(Step::ChangePath),
        1 => (0_usize..3).prop_map(|space| Step::Abandon { space }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outstanding,
    Lost,
    Delivered,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    state: State,
    bytes: u64,
    in_flight: bool,
    path: u32,
}

struct Model {
    bench: Bench,
    ms: u64,
    packets: BTreeMap<(SpaceId, u64), Known>,
}

impl Model {
    fn run(&mut self, step: &Step) {
        match *step {
            Step::Send { space, bytes, kind } => self.send(SpaceId::ALL[space], bytes, kind),
            Step::Ack { space, bits } => {
                self.ack(SpaceId::ALL[space], |back| bits >> (back % 64) & 1 == 1)
            }
            Step::Wait { ms } => self.ms += ms,
            Step::Timer => self.timer(),
            Step::ChangePath => {
                let path = controller(&self.bench.log, 100_000);
                drop(self.bench.recovery.on_path_change(at(self.ms), path));
            }
            Step::Abandon { space } => self.abandon(SpaceId::ALL[space]),
        }
        self.check();
    }

    fn send(&mut self, space: SpaceId, bytes: u16, kind: u8) {
        let bench = &mut self.bench;
        let number = bench.recovery.next_packet_number(space, &mut bench.random);
        let mut packet = packet(number);
        packet.bytes = bytes;
        packet.mtu_probe = kind == 1;
        packet.ect0 = kind > 4;
        if kind == 0 {
            bare_ack(&mut packet);
        }
        let known = Known {
            state: State::Outstanding,
            bytes: bytes.into(),
            in_flight: packet.in_flight,
            path: bench.recovery.path.id,
        };
        self.packets.insert((space, number), known);
        bench.recovery.on_sent(at(self.ms), space, packet);
    }

    fn ack(&mut self, space: SpaceId, chosen: impl Fn(u64) -> bool) {
        let numbers = self.packets.range((space, 0)..=(space, u64::MAX)).rev();
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for (back, (&(_, number), _)) in numbers.enumerate() {
            if !chosen(back as u64) {
                continue;
            }
            match ranges.last_mut() {
                Some(range) if *range.start() == number + 1 => *range = number..=*range.end(),
                _ => ranges.push(number..=number),
            }
        }
        if !ranges.is_empty() {
            self.bench.ack_in(self.ms, space, MS, &ranges).unwrap();
            self.settle(space);
        }
    }

    fn timer(&mut self) {
        let Some(due) = self.bench.timeout() else {
            return;
        };
        self.ms = self.ms.max(due.as_nanos().div_ceil(1_000_000));
        if let TimerAction::Lost(space) = self.bench.fire(self.ms) {
            self.settle(space);
        }
    }

    fn abandon(&mut self, space: SpaceId) {
        let bench = &mut self.bench;
        bench
            .recovery
            .abandon(at(self.ms), space, &mut bench.outcome);
        self.settle(space);
    }

    fn settle(&mut self, space: SpaceId) {
        for lost in &self.bench.outcome.lost {
            let known = self.packets.get_mut(&(space, lost.number)).unwrap();
            assert_eq!(known.state, State::Outstanding, "{space:?} {}", lost.number);
            known.state = State::Lost;
        }
        for delivered in &self.bench.outcome.delivered {
            let known = self.packets.get_mut(&(space, delivered.number)).unwrap();
            let before = if delivered.spurious {
                State::Lost
            } else {
                State::Outstanding
            };
            assert_eq!(known.state, before, "{space:?} {}", delivered.number);
            known.state = State::Delivered;
            if known.in_flight {
                assert_eq!(delivered.contents[..], [carried(delivered.number)]);
            }
        }
    }

    fn check(&self) {
        let recovery = &self.bench.recovery;
        let in_flight = self.packets.values().filter(|known| {
            known.state == State::Outstanding && known.in_flight && known.path == recovery.path.id
        });
        let sum: u64 = in_flight.map(|known| known.bytes).sum();
        assert_eq!(recovery.bytes_in_flight(), sum);
        for space in recovery.spaces.iter() {
            let eliciting = space.sent.iter().filter(|(_, packet)| packet.ack_eliciting);
            assert_eq!(eliciting.count() as u64, space.eliciting);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_packet_is_reported_once_and_bytes_in_flight_add_up(
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut model = Model { bench: Bench::new(), ms: 0, packets: BTreeMap::new() };
        for step in &steps {
            model.run(step);
        }
        for space in SpaceId::ALL {
            model.ack(space, |_| true);
        }
        model.check();
        prop_assert_eq!(model.bench.recovery.bytes_in_flight(), 0);
        let open = model.packets.values().filter(|known| known.state == State::Outstanding);
        prop_assert_eq!(open.count(), 0);
    }
}
