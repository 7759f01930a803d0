//! Two ends and a network that loses, reorders and repeats.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::stream::{ReadError, WriteError};

/// The byte of stream `id` at `offset`, as `side` writes it.
fn byte(side: Side, id: StreamId, offset: u64) -> u8 {
    (offset ^ (offset >> 8) ^ id.value().wrapping_mul(31) ^ side as u64) as u8
}

/// One end: streams, the application on them, and what it sent that is under way.
struct End {
    side: Side,
    streams: Streams,
    /// How much is left to write, and has been read, of each stream.
    writing: BTreeMap<StreamId, (u64, u64)>,
    reading: BTreeMap<StreamId, u64>,
    writable: BTreeSet<StreamId>,
    readable: BTreeSet<StreamId>,
    finished: BTreeSet<StreamId>,
    ended: BTreeMap<StreamId, u64>,
    under_way: Vec<Packet>,
}

impl End {
    fn new(side: Side, streams: Streams) -> Self {
        Self {
            side,
            streams,
            writing: BTreeMap::new(),
            reading: BTreeMap::new(),
            writable: BTreeSet::new(),
            readable: BTreeSet::new(),
            finished: BTreeSet::new(),
            ended: BTreeMap::new(),
            under_way: Vec::new(),
        }
    }

    fn start_writing(&mut self, id: StreamId, bytes: u64) {
        self.writing.insert(id, (0, bytes));
        self.writable.insert(id);
    }

    /// Does what events allow, and nothing else: a missing event is a stream that stays behind.
    fn run(&mut self, rng: &mut SmallRng) {
        for event in events(&mut self.streams) {
            match event {
                StreamEvent::Readable(id) => drop(self.readable.insert(id)),
                StreamEvent::Writable(id) => drop(self.writable.insert(id)),
                StreamEvent::Finished(id) => assert!(self.finished.insert(id)),
                StreamEvent::Opened(direction) => self.accept_all(direction, rng),
                StreamEvent::Available(_) => {}
                StreamEvent::Stopped(..) => panic!("nobody stops"),
            }
        }
        let writable: Vec<_> = self.writable.iter().copied().collect();
        for id in writable {
            self.write(id, rng);
        }
        let readable: Vec<_> = self.readable.iter().copied().collect();
        for id in readable {
            self.read(id, rng);
        }
    }

    fn accept_all(&mut self, direction: Direction, rng: &mut SmallRng) {
        while let Some(id) = self.streams.accept(direction) {
            if direction == BIDI {
                let bytes = rng.random_range(0..20_000);
                self.start_writing(id, bytes);
            }
        }
    }

    fn write(&mut self, id: StreamId, rng: &mut SmallRng) {
        let Some((written, total)) = self.writing.get_mut(&id) else {
            return;
        };
        if written == total {
            self.streams.finish(id).unwrap();
            self.writing.remove(&id);
            self.writable.remove(&id);
            return;
        }
        let count = rng.random_range(1..9000).min(*total - *written);
        let data: Vec<u8> = (*written..*written + count)
            .map(|offset| byte(self.side, id, offset))
            .collect();
        let result = if rng.random_bool(0.5) {
            self.streams.write(id, &data)
        } else {
            self.streams.write_chunk(id, &mut data.into())
        };
        match result {
            Ok(count) => *written += count as u64,
            Err(WriteError::Blocked) => drop(self.writable.remove(&id)),
            Err(error) => panic!("{error}"),
        }
    }

    fn read(&mut self, id: StreamId, rng: &mut SmallRng) {
        let mut buffer = vec![0; rng.random_range(1..4000)];
        let result = if rng.random_bool(0.5) {
            let count = self.streams.read(id, &mut buffer);
            count.map(|count| buffer[..count].to_vec())
        } else {
            let chunk = self.streams.read_chunk(id, buffer.len());
            chunk.map(|chunk| chunk.unwrap_or_default().to_vec())
        };
        match result {
            Ok(data) => self.check(id, &data),
            Err(ReadError::Blocked) => drop(self.readable.remove(&id)),
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&mut self, id: StreamId, data: &[u8]) {
        let offset = self.reading.entry(id).or_default();
        for &read in data {
            assert_eq!(read, byte(self.side.peer(), id, *offset));
            *offset += 1;
        }
        if data.is_empty() {
            self.readable.remove(&id);
            self.ended.insert(id, *offset);
        }
    }

    fn send(&mut self, rng: &mut SmallRng) {
        for _ in 0..rng.random_range(0..8) {
            let size = rng.random_range(100..1400);
            self.under_way.extend(packet(&mut self.streams, size));
        }
    }

    /// One packet arrives, or is lost, or both in the eyes of its sender.
    fn step(&mut self, peer: &mut Self, loss: f64, rng: &mut SmallRng) {
        if self.under_way.is_empty() {
            return;
        }
        let chosen = rng.random_range(0..self.under_way.len().min(10));
        let packet = self.under_way.remove(chosen);
        if rng.random_bool(loss) {
            return lose(&mut self.streams, &packet.contents);
        }
        receive(&mut peer.streams, &packet.payload).unwrap();
        if rng.random_bool(0.05) {
            receive(&mut peer.streams, &packet.payload).unwrap();
        }
        if rng.random_bool(0.1) {
            // Believed lost; perhaps the acknowledgement comes after all.
            lose(&mut self.streams, &packet.contents);
            if rng.random_bool(0.5) {
                return;
            }
        }
        acknowledge(&mut self.streams, &packet.contents);
    }

    fn is_done(&self) -> bool {
        self.writing.is_empty() && self.under_way.is_empty() && self.streams.all_delivered()
    }
}

fn converse(seed: u64, loss: f64, config: &TransportConfig) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (client, server) = pair(config);
    let mut client = End::new(Side::Client, client);
    let mut server = End::new(Side::Server, server);
    let mut sent = BTreeMap::new();
    for _ in 0..rng.random_range(1..12) {
        let direction = if rng.random_bool(0.5) { BIDI } else { UNI };
        if let Some(id) = client.streams.open(direction) {
            let bytes = rng.random_range(0..100_000);
            client.start_writing(id, bytes);
            sent.insert(id, bytes);
        }
    }
    let mut rounds = 0;
    while !(client.is_done() && server.is_done() && server.ended.len() == sent.len()) {
        rounds += 1;
        assert!(rounds < 200_000, "the conversation stands still");
        client.run(&mut rng);
        server.run(&mut rng);
        client.send(&mut rng);
        server.send(&mut rng);
        for _ in 0..6 {
            client.step(&mut server, loss, &mut rng);
            server.step(&mut client, loss, &mut rng);
        }
    }
    client.run(&mut rng);
    assert_eq!(server.ended, sent);
    assert!(sent.keys().all(|id| client.finished.contains(id)));
    assert_eq!(client.streams.buffered_bytes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everything_arrives_through_a_bad_network(seed: u64, loss in 0.0..0.4f64) {
        converse(seed, loss, &config());
    }

    #[test]
    fn everything_arrives_through_narrow_windows(
        seed: u64,
        loss in 0.0..0.4f64,
        window in 1000u64..20_000,
        share in 1u64..4,
        send_window in 500u64..20_000,
    ) {
        let config = TransportConfig {
            receive_window: window,
            stream_receive_window: window / share,
            send_window,
            ..config()
        };
        converse(seed, loss, &config);
    }
}
