use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn push(outbox: &mut Outbox, port: u16, size: usize, segment_size: Option<usize>) {
    let filled = outbox.buffer.len() + size;
    outbox.buffer.resize(filled, port as u8);
    let transmit = Transmit {
        destination: address(port),
        source: None,
        ecn: None,
        size,
        segment_size,
    };
    outbox.push(filled - size, &transmit, 64);
}

/// (port, bytes, segment) of each system call.
fn calls(outbox: &mut Outbox) -> Vec<(u16, usize, usize)> {
    let mut calls = Vec::new();
    let all = outbox.send(
        || 64,
        |group, bytes| {
            assert!(
                bytes
                    .iter()
                    .all(|byte| *byte == group.destination.port() as u8)
            );
            calls.push((group.destination.port(), bytes.len(), group.segment));
            Sending::Done
        },
    );
    assert!(all);
    calls
}

#[test]
fn equal_datagrams_of_many_connections_leave_in_one_call() {
    let mut outbox = Outbox::default();
    (0..64).for_each(|_| push(&mut outbox, 1, 90, None));
    assert_eq!(calls(&mut outbox), [(1, 64 * 90, 90)]);
    assert!(outbox.buffer.is_empty());
}

#[test]
fn a_smaller_datagram_ends_a_group() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 90, None);
    push(&mut outbox, 1, 80, None);
    push(&mut outbox, 1, 80, None);
    assert_eq!(calls(&mut outbox), [(1, 170, 90), (1, 80, 80)]);
}

#[test]
fn a_larger_datagram_begins_a_group() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 80, None);
    push(&mut outbox, 1, 90, None);
    assert_eq!(calls(&mut outbox), [(1, 80, 80), (1, 90, 90)]);
}

#[test]
fn batches_of_equal_segments_join_up_to_what_a_call_may_carry() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 14_000, Some(1400));
    push(&mut outbox, 1, 14_000, Some(1400));
    (0..3).for_each(|_| push(&mut outbox, 1, 28_000, Some(1400)));
    assert_eq!(calls(&mut outbox), [(1, 56_000, 1400), (1, 56_000, 1400)]);
}

#[test]
fn destinations_do_not_mix() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 90, None);
    push(&mut outbox, 2, 90, None);
    assert_eq!(calls(&mut outbox), [(1, 90, 90), (2, 90, 90)]);
}

#[test]
fn ecn_marks_do_not_mix() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 90, None);
    outbox.buffer.resize(180, 1);
    let marked = Transmit {
        destination: address(1),
        source: None,
        ecn: Some(EcnCodepoint::Ect0),
        size: 90,
        segment_size: None,
    };
    outbox.push(90, &marked, 64);
    assert_eq!(calls(&mut outbox).len(), 2);
}

#[test]
fn a_full_socket_keeps_the_rest_and_loses_nothing() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 90, None);
    push(&mut outbox, 2, 90, None);
    push(&mut outbox, 3, 90, None);
    let mut attempts = 0;
    let all = outbox.send(
        || 64,
        |_, _| {
            attempts += 1;
            if attempts == 1 {
                Sending::Done
            } else {
                Sending::Blocked
            }
        },
    );
    assert!(!all);
    assert_eq!(outbox.bytes(), 180);
    assert_eq!(calls(&mut outbox), [(2, 90, 90), (3, 90, 90)]);
}

#[test]
fn a_refused_batch_leaves_one_by_one() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 250, Some(100));
    let mut sizes = Vec::new();
    let all = outbox.send(
        || 64,
        |group, bytes| {
            if group.datagrams() > 1 {
                return Sending::Refused;
            }
            sizes.push(bytes.len());
            Sending::Done
        },
    );
    assert!(all);
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn a_transmit_larger_than_a_call_is_cut_at_a_datagram() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 1, 90_000, Some(9_000));
    assert_eq!(calls(&mut outbox), [(1, 63_000, 9_000), (1, 27_000, 9_000)]);
}

fn push_only(outbox: &mut Outbox, port: u16, size: usize) {
    let start = outbox.buffer.len();
    outbox.buffer.resize(start + size, port as u8);
    let transmit = Transmit {
        destination: address(port),
        source: None,
        ecn: None,
        size,
        segment_size: None,
    };
    outbox.push_only(start, &transmit, 64);
}

#[test]
fn datagrams_of_different_connections_are_brought_in_order() {
    let mut outbox = Outbox::default();
    for (port, size) in [
        (1, 90),
        (2, 91),
        (1, 91),
        (1, 90),
        (2, 90),
        (1, 91),
        (1, 90),
    ] {
        push_only(&mut outbox, port, size);
    }
    // Of one destination, a single smaller one ends a group; the others make their own.
    assert_eq!(
        calls(&mut outbox),
        [(1, 272, 91), (1, 180, 90), (2, 181, 91)]
    );
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn large_datagrams_keep_their_place() {
    let mut outbox = Outbox::default();
    push_only(&mut outbox, 1, 1_200);
    push_only(&mut outbox, 2, 1_200);
    push_only(&mut outbox, 1, 1_200);
    assert_eq!(calls(&mut outbox).len(), 3);
}

#[test]
fn a_single_datagram_is_not_copied() {
    let mut outbox = Outbox::default();
    push_only(&mut outbox, 1, 100);
    let all = outbox.send(
        || 64,
        |group, _| {
            assert_eq!(group.bytes, 0..100);
            Sending::Done
        },
    );
    assert!(all);
}
