use super::*;

fn counts(ect0: u64, ect1: u64, ce: u64) -> Option<EcnCounts> {
    Some(EcnCounts { ect0, ect1, ce })
}

/// A path on which `sent` packets have been sent.
fn after(sent: u32) -> EcnValidation {
    let mut ecn = EcnValidation::new(true);
    (0..sent).for_each(|_| ecn.on_sent());
    ecn
}

#[test]
fn ten_packets_are_marked_until_an_answer_comes() {
    let mut ecn = EcnValidation::new(true);
    for _ in 0..10 {
        assert_eq!(ecn.mark(), Some(EcnCodepoint::Ect0));
        ecn.on_sent();
    }
    assert_eq!(
        ecn.state(),
        EcnState::Testing,
        "all of one transmit leave with one mark"
    );
    ecn.on_transmit();
    assert_eq!((ecn.mark(), ecn.state()), (None, EcnState::Unknown));
    assert_eq!(ecn.on_ack(3, counts(3, 0, 0), &mut EcnCounts::default()), 0);
    assert_eq!(
        (ecn.mark(), ecn.state()),
        (Some(EcnCodepoint::Ect0), EcnState::Capable)
    );
}

#[test]
fn new_congestion_marks_are_counted() {
    let (mut ecn, mut known) = (after(5), EcnCounts::default());
    assert_eq!(ecn.on_ack(4, counts(3, 0, 1), &mut known), 1);
    assert_eq!(ecn.on_ack(3, counts(3, 0, 4), &mut known), 3);
    assert_eq!(ecn.on_ack(0, counts(3, 0, 4), &mut known), 0);
    assert_eq!(ecn.state(), EcnState::Capable);
}

#[test]
fn broken_counts_turn_it_off() {
    for (name, acknowledged, answer) in [
        ("no counts", 1, None),
        ("marks erased", 4, counts(5, 0, 0)),
        ("ECT(0) falls", 1, counts(2, 0, 9)),
        ("CE falls", 1, counts(9, 0, 0)),
        ("re-marked to ECT(1)", 1, counts(4, 1, 1)),
    ] {
        let mut known = EcnCounts {
            ect0: 3,
            ect1: 0,
            ce: 1,
        };
        let mut ecn = after(9);
        assert_eq!(ecn.on_ack(acknowledged, answer, &mut known), 0, "{name}");
        assert_eq!(ecn.state(), EcnState::Failed, "{name}");
        assert_eq!(ecn.mark(), None, "{name}");
        assert_eq!(
            ecn.on_ack(1, counts(99, 0, 99), &mut known),
            0,
            "{name}: stays off"
        );
    }
}

#[test]
fn an_ack_of_unmarked_packets_needs_no_counts() {
    let mut ecn = after(5);
    assert_eq!(ecn.on_ack(0, None, &mut EcnCounts::default()), 0);
    assert_eq!(ecn.state(), EcnState::Testing);
}

#[test]
fn huge_counts_do_not_overflow() {
    let (mut ecn, mut known) = (after(5), EcnCounts::default());
    let max = u64::MAX;
    assert_eq!(ecn.on_ack(1, counts(max, 0, max), &mut known), max);
}

#[test]
fn what_is_off_stays_off() {
    let mut ecn = EcnValidation::new(false);
    ecn.on_sent();
    assert_eq!(ecn.on_ack(1, counts(1, 0, 1), &mut EcnCounts::default()), 0);
    assert_eq!((ecn.mark(), ecn.state()), (None, EcnState::Off));
}
