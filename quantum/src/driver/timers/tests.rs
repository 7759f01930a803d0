use super::*;

const A: ConnectionHandle = ConnectionHandle(0);
const B: ConnectionHandle = ConnectionHandle(7);

fn at(nanoseconds: u64) -> Instant {
    Instant::from_nanos(nanoseconds)
}

#[test]
fn the_earliest_deadline_comes_first() {
    let mut timers = Timers::default();
    timers.set(A, Some(at(20)));
    timers.set(B, Some(at(10)));
    assert_eq!(timers.next(), Some(at(10)));
    assert_eq!(timers.pop_due(at(30)), Some(B));
    assert_eq!(timers.pop_due(at(30)), Some(A));
    assert_eq!(timers.pop_due(at(30)), None);
    assert_eq!(timers.next(), None);
}

#[test]
fn nothing_is_due_before_its_time() {
    let mut timers = Timers::default();
    timers.set(A, Some(at(20)));
    assert_eq!(timers.pop_due(at(19)), None);
    assert_eq!(timers.pop_due(at(20)), Some(A));
}

#[test]
fn a_deadline_that_moves_earlier_replaces_the_entry() {
    let mut timers = Timers::default();
    timers.set(A, Some(at(20)));
    timers.set(A, Some(at(10)));
    assert_eq!(timers.pop_due(at(30)), Some(A));
    assert_eq!(timers.pop_due(at(30)), None);
}

#[test]
fn a_deadline_that_moves_later_keeps_its_one_entry() {
    let mut timers = Timers::default();
    timers.set(A, Some(at(10)));
    (20..1_000).for_each(|deadline| timers.set(A, Some(at(deadline))));
    assert_eq!(timers.order.len(), 1);
    assert_eq!(timers.next(), Some(at(10)));
}

#[test]
fn a_removed_connection_never_fires() {
    let mut timers = Timers::default();
    timers.set(A, Some(at(10)));
    timers.set(B, Some(at(11)));
    timers.set(A, None);
    timers.remove(B);
    assert_eq!(timers.pop_due(at(30)), None);
}
