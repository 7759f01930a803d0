//! Two ends and a network that loses, reorders and repeats.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// What was accepted, by the number that every message begins with.
struct Sent {
    data: Bytes,
    reliable: bool,
}

struct Conversation {
    rng: SmallRng,
    loss: f64,
    sender: Messages,
    receiver: Messages,
    under_way: Vec<Packet>,
    answers: Vec<Packet>,
    sent: BTreeMap<u64, Sent>,
    received: BTreeMap<u64, Bytes>,
    is_writable: bool,
}

impl Conversation {
    fn new(seed: u64, loss: f64, config: &TransportConfig) -> Self {
        let (sender, receiver) = pair(config);
        Self {
            rng: SmallRng::seed_from_u64(seed),
            loss,
            sender,
            receiver,
            under_way: Vec::new(),
            answers: Vec::new(),
            sent: BTreeMap::new(),
            received: BTreeMap::new(),
            is_writable: true,
        }
    }

    fn message(&mut self, number: u64) -> Bytes {
        let size = self.rng.random_range(0..4000);
        let mut data = number.to_be_bytes().to_vec();
        data.extend((0..size).map(|_| self.rng.random::<u8>()));
        data.into()
    }

    /// Sends while there is room; tries again only when told that there is.
    fn send(&mut self, count: u64) {
        self.is_writable |= self.sender.poll_event() == Some(MessageEvent::Writable);
        while self.is_writable && (self.sent.len() as u64) < count {
            let number = self.sent.len() as u64;
            let data = self.message(number);
            let reliable = self.rng.random_bool(0.5);
            match self.sender.post(data.clone(), reliable) {
                Ok(id) => {
                    assert_eq!(id, number);
                    self.sent.insert(number, Sent { data, reliable });
                }
                Err(SendMessageError::Blocked) => self.is_writable = false,
                Err(error) => panic!("{error}"),
            }
        }
        let size = self.rng.random_range(200..1400);
        self.under_way.extend(packet(&mut self.sender, size));
        self.answers.extend(packet(&mut self.receiver, 1200));
    }

    /// Takes some of what arrived: slow readers make the credit run out.
    fn read(&mut self) {
        for _ in 0..self.rng.random_range(0..4) {
            let Some(data) = self.receiver.take() else {
                return;
            };
            let number = u64::from_be_bytes(data[..8].try_into().unwrap());
            let twice = self.received.insert(number, data);
            assert_eq!(twice, None, "message {number} was delivered twice");
        }
    }

    fn step(&mut self) {
        let ends = (&mut self.sender, &mut self.receiver);
        travel(
            &mut self.under_way,
            ends.0,
            ends.1,
            self.loss,
            &mut self.rng,
        );
        travel(&mut self.answers, ends.1, ends.0, self.loss, &mut self.rng);
    }

    fn run(mut self, count: u64) {
        let mut rounds = 0;
        let is_settled = |this: &Self| {
            this.sent.len() as u64 == count
                && this.sender.all_delivered()
                && this.under_way.is_empty()
        };
        while !is_settled(&self) {
            rounds += 1;
            assert!(rounds < 100_000, "the conversation stands still");
            self.send(count);
            self.step();
            self.read();
        }
        while !self.receiver.incoming.is_drained() {
            self.read();
        }
        for (number, sent) in &self.sent {
            let received = self.received.get(number);
            assert!(received.is_some() || !sent.reliable, "{number} is missing");
            assert!(received.is_none_or(|data| *data == sent.data));
        }
    }
}

/// One packet arrives, or is lost, or both in the eyes of its sender.
fn travel(
    under_way: &mut Vec<Packet>,
    from: &mut Messages,
    to: &mut Messages,
    loss: f64,
    rng: &mut SmallRng,
) {
    if under_way.is_empty() {
        return;
    }
    let packet = under_way.remove(rng.random_range(0..under_way.len().min(10)));
    if rng.random_bool(loss) {
        return lose(from, &packet.contents);
    }
    receive(to, &packet.payload).unwrap();
    if rng.random_bool(0.05) {
        receive(to, &packet.payload).unwrap();
    }
    if rng.random_bool(0.1) {
        lose(from, &packet.contents);
        if rng.random_bool(0.5) {
            return;
        }
    }
    acknowledge(from, &packet.contents);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn messages_arrive_once_and_reliable_ones_always(seed: u64, loss in 0.0..0.4f64) {
        Conversation::new(seed, loss, &config()).run(60);
    }

    #[test]
    fn messages_arrive_through_narrow_windows(
        seed: u64,
        loss in 0.0..0.4f64,
        window in 5000u64..20_000,
        send_window in 1000u64..20_000,
    ) {
        let config = TransportConfig {
            message_receive_window: window,
            message_bytes_max: 4008,
            send_window,
            ..config()
        };
        Conversation::new(seed, loss, &config).run(60);
    }
}
