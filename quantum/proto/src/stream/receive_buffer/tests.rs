use proptest::prelude::*;

use super::*;

/// The byte that belongs at `offset`.
fn byte(offset: u64) -> u8 {
    (offset ^ (offset >> 8) ^ (offset >> 16)) as u8
}

fn bytes(offset: u64, count: usize) -> Vec<u8> {
    (offset..offset + count as u64).map(byte).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Insert { offset: u64, count: usize },
    Read(usize),
    ReadChunk(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..150_000, 0usize..5000).prop_map(|(offset, count)| Step::Insert { offset, count }),
        1 => (0usize..40_000).prop_map(Step::Read),
        1 => (0usize..40_000).prop_map(Step::ReadChunk),
    ]
}

/// What a buffer does, done with one flag per byte.
#[derive(Default)]
struct Model {
    arrived: Vec<bool>,
    read: usize,
}

impl Model {
    fn insert(&mut self, offset: usize, count: usize) {
        let end = offset + count;
        self.arrived.resize(self.arrived.len().max(end), false);
        self.arrived[offset..end].fill(true);
    }

    fn readable(&self) -> usize {
        let unread = self.arrived.get(self.read..).unwrap_or(&[]);
        unread.iter().take_while(|&&arrived| arrived).count()
    }
}

fn check_read(model: &mut Model, data: &[u8]) -> Result<(), TestCaseError> {
    prop_assert_eq!(data, &bytes(model.read as u64, data.len())[..]);
    prop_assert!(data.len() <= model.readable());
    model.read += data.len();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_arrives_in_any_order_is_read_in_order(steps in prop::collection::vec(step(), 1..120)) {
        let (mut buffer, mut model) = (ReceiveBuffer::default(), Model::default());
        for step in steps {
            match step {
                Step::Insert { offset, count } => {
                    // Starts that meet the frontier are what senders do most.
                    let offset = if offset % 3 == 0 { buffer.contiguous() } else { offset };
                    buffer.insert(offset, &bytes(offset, count)).unwrap();
                    model.insert(offset as usize, count);
                }
                Step::Read(count) => {
                    let mut target = vec![0; count];
                    let expected = count.min(model.readable());
                    let filled = buffer.read(&mut target);
                    prop_assert_eq!(filled, expected);
                    check_read(&mut model, &target[..filled])?;
                }
                Step::ReadChunk(count) => {
                    let is_possible = count > 0 && model.readable() > 0;
                    let chunk = buffer.read_chunk(count);
                    prop_assert_eq!(chunk.is_some(), is_possible);
                    check_read(&mut model, &chunk.unwrap_or_default())?;
                }
            }
            prop_assert_eq!(buffer.readable(), model.readable() as u64);
            prop_assert_eq!(buffer.read_offset(), model.read as u64);
            let span = model.arrived.len().saturating_sub(model.read);
            prop_assert!(buffer.memory() <= span + 2 * BLOCK_BYTES as usize);
        }
    }
}

#[test]
fn one_byte_fragments_with_holes_are_refused_before_they_cost_memory() {
    let mut buffer = ReceiveBuffer::default();
    let refused = (1..100_000).find(|index| buffer.insert(index * 2, &[0]).is_err());
    assert_eq!(refused, Some(257));
    assert!(buffer.memory() < 2 << 10);
}

#[test]
fn one_lost_packet_in_twenty_is_not_fragmentation() {
    let mut buffer = ReceiveBuffer::default();
    let packet = [0; 1200];
    for index in (0..7000).filter(|index| index % 20 != 0) {
        buffer.insert(index * 1200, &packet).unwrap();
    }
}

#[test]
fn far_bytes_of_every_block_cost_no_more_than_the_span() {
    let mut buffer = ReceiveBuffer::default();
    let blocks = 100;
    for block in 1..=blocks {
        buffer.insert(block * BLOCK_BYTES - 1, &[0]).unwrap();
    }
    assert!(buffer.memory() as u64 <= blocks * BLOCK_BYTES);
}

#[test]
fn a_drained_stream_holds_little_memory() {
    let mut buffer = ReceiveBuffer::default();
    let mut target = vec![0; 64 << 10];
    for _ in 0..5 {
        buffer.insert(buffer.contiguous(), &[1; 33_333]).unwrap();
        assert_eq!(buffer.read(&mut target), 33_333);
        assert!(buffer.memory() <= KEPT_BYTES);
    }
    for _ in 0..5 {
        buffer.insert(buffer.contiguous(), &[1; 33_333]).unwrap();
        while buffer.read_chunk(usize::MAX).is_some() {}
        assert!(buffer.memory() <= KEPT_BYTES);
    }
}

#[test]
fn a_small_stream_costs_a_small_buffer() {
    let mut buffer = ReceiveBuffer::default();
    for _ in 0..100 {
        buffer.insert(buffer.contiguous(), &[1; 64]).unwrap();
        assert_eq!(buffer.read(&mut [0; 100]), 64);
    }
    assert!(buffer.memory() <= 128);
}

#[test]
fn discarded_bytes_count_as_read() {
    let mut buffer = ReceiveBuffer::default();
    buffer.insert(0, &[1; 100]).unwrap();
    buffer.insert(200, &[1; 100]).unwrap();
    buffer.discard();
    assert_eq!((buffer.read_offset(), buffer.readable()), (100, 0));
    assert_eq!(buffer.memory(), 0);
}
