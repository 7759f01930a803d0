use proptest::prelude::*;

use super::*;

fn byte(offset: u64) -> u8 {
    (offset ^ (offset >> 8)) as u8
}

fn bytes(range: Range<u64>) -> Vec<u8> {
    range.map(byte).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Write { count: usize, shared: bool },
    Send(u64),
    Deliver(usize),
    Lose(usize),
    DeliverLate(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0usize..100, any::<bool>()).prop_map(|(count, shared)| Step::Write { count, shared }),
        1 => (0usize..9000, any::<bool>()).prop_map(|(count, shared)| Step::Write { count, shared }),
        6 => (1u64..1500).prop_map(Step::Send),
        2 => any::<usize>().prop_map(Step::Deliver),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => any::<usize>().prop_map(Step::DeliverLate),
    ]
}

/// A buffer, the packets under way and those that are believed lost.
#[derive(Default)]
struct Sender {
    buffer: SendBuffer,
    under_way: Vec<Range<u64>>,
    lost: Vec<Range<u64>>,
    delivered: Vec<bool>,
}

impl Sender {
    fn write(&mut self, count: usize, shared: bool) {
        let data = bytes(self.buffer.end()..self.buffer.end() + count as u64);
        match shared {
            true => self.buffer.write_chunk(data.into()),
            false => self.buffer.write(&data),
        }
        self.delivered.resize(self.buffer.end() as usize, false);
    }

    fn send(&mut self, count: u64) -> Result<bool, TestCaseError> {
        let next = self.buffer.next_lost();
        let Some(range) = next.or_else(|| self.buffer.next_unsent(u64::MAX)) else {
            return Ok(false);
        };
        let range = range.start..range.end.min(range.start + count);
        let mut data = Vec::new();
        self.buffer.copy_to(range.clone(), &mut data);
        prop_assert_eq!(data, bytes(range.clone()));
        self.buffer.on_sent(range.clone());
        self.under_way.push(range);
        Ok(true)
    }

    fn deliver(&mut self, range: Range<u64>) {
        self.buffer.on_delivered(range.clone());
        self.delivered[range.start as usize..range.end as usize].fill(true);
    }

    fn missing(&self) -> u64 {
        let prefix = self.delivered.iter().take_while(|&&delivered| delivered);
        (self.delivered.len() - prefix.count()) as u64
    }
}

fn take(list: &mut Vec<Range<u64>>, choice: usize) -> Option<Range<u64>> {
    (!list.is_empty()).then(|| list.remove(choice % list.len()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everything_is_sent_until_it_is_delivered(steps in prop::collection::vec(step(), 1..200)) {
        let mut sender = Sender::default();
        for step in steps {
            match step {
                Step::Write { count, shared } => sender.write(count, shared),
                Step::Send(count) => {
                    sender.send(count)?;
                }
                Step::Deliver(choice) => {
                    if let Some(range) = take(&mut sender.under_way, choice) {
                        sender.deliver(range);
                    }
                }
                Step::Lose(choice) => {
                    if let Some(range) = take(&mut sender.under_way, choice) {
                        sender.buffer.on_lost(range.clone());
                        sender.lost.push(range);
                    }
                }
                Step::DeliverLate(choice) => {
                    if let Some(range) = take(&mut sender.lost, choice) {
                        sender.deliver(range);
                    }
                }
            }
            prop_assert_eq!(sender.buffer.buffered(), sender.missing());
        }
        for range in std::mem::take(&mut sender.under_way) {
            sender.buffer.on_lost(range);
        }
        while sender.send(1200)? {
            let range = sender.under_way.remove(0);
            prop_assert!(!sender.delivered[range.start as usize..range.end as usize]
                .iter()
                .all(|&delivered| delivered), "delivered bytes are not repeated");
            sender.deliver(range);
        }
        prop_assert!(sender.buffer.is_delivered());
        prop_assert_eq!(sender.buffer.chunks.len(), 0);
    }
}

#[test]
fn tiny_writes_share_chunks() {
    let mut buffer = SendBuffer::default();
    for _ in 0..100_000 {
        buffer.write(&[7]);
    }
    assert!(buffer.chunks.len() <= 100_000 / TAIL_BYTES + 1);
}

#[test]
fn large_chunks_are_not_copied() {
    let mut buffer = SendBuffer::default();
    let data = Bytes::from(vec![1; 10_000]);
    buffer.write_chunk(data.clone());
    assert_eq!(buffer.at(0).as_ptr(), data.as_ptr());
}

#[test]
fn restarting_sends_everything_again() {
    let mut buffer = SendBuffer::default();
    buffer.write(&[1; 100]);
    buffer.on_sent(0..60);
    buffer.on_lost(0..30);
    buffer.restart();
    assert_eq!(buffer.next_lost(), None);
    assert_eq!(buffer.next_unsent(u64::MAX), Some(0..100));
    // What recovery says later about the old packets changes nothing.
    buffer.on_lost(0..60);
    assert_eq!(buffer.next_lost(), None);
}
