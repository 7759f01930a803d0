use super::*;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;

fn settings() -> LinkSettings {
    LinkSettings {
        rate: Some(50_000_000),
        delay: Duration::from_millis(20),
        queue: Some(250_000),
        ..LinkSettings::default()
    }
}

fn arrivals(link: &mut Link, packets: impl Iterator<Item = u64>) -> Vec<u64> {
    let fates = packets.map(|now| link.offer(now, 1500));
    let arrivals = fates.filter_map(|fate| match fate {
        Fate::Arrives { at, .. } => Some(at),
        Fate::Lost { .. } | Fate::QueueFull => None,
    });
    arrivals.collect()
}

#[test]
fn a_lone_packet_takes_its_transmission_and_the_delay() {
    let fate = Link::new(settings(), 1).offer(5, 1500);
    let at = 5 + 240_000 + 20 * MILLISECOND;
    assert_eq!(fate, Fate::Arrives { at, queued: 0 });
}

#[test]
fn packets_leave_at_the_rate() {
    let mut link = Link::new(settings(), 1);
    let arrivals = arrivals(&mut link, std::iter::repeat_n(0, 100));
    assert_eq!(arrivals[99] - arrivals[0], 99 * 240_000);
}

#[test]
fn an_uneven_rate_does_not_drift() {
    let mut link = Link::new(
        LinkSettings {
            rate: Some(7_777_777),
            queue: None,
            ..settings()
        },
        1,
    );
    let arrivals = arrivals(&mut link, std::iter::repeat_n(0, 10_000));
    let expected = 10_000 * 1500 * 8 * u128::from(SECOND) / 7_777_777;
    let measured = u128::from(arrivals[9_999] - 20 * MILLISECOND);
    assert_eq!(measured, expected);
}

#[test]
fn the_queue_holds_its_bytes_and_drops_the_tail() {
    let mut link = Link::new(settings(), 1);
    let fates: Vec<Fate> = (0..200).map(|_| link.offer(0, 1500)).collect();
    let kept = fates.iter().filter(|fate| **fate != Fate::QueueFull);
    assert_eq!(kept.count(), 250_000 / 1500);
    assert_eq!(fates[199], Fate::QueueFull);
    // A small packet still fits into the rest.
    assert_ne!(link.offer(0, 1000), Fate::QueueFull);
}

#[test]
fn a_drained_queue_has_room_again() {
    let mut link = Link::new(settings(), 1);
    for _ in 0..200 {
        link.offer(0, 1500);
    }
    let fate = link.offer(40 * MILLISECOND, 1500);
    assert!(matches!(fate, Fate::Arrives { queued: 0, .. }), "{fate:?}");
}

#[test]
fn a_lost_packet_has_used_the_link() {
    let lossy = LinkSettings {
        loss: Loss::Random(1.0),
        ..settings()
    };
    let mut link = Link::new(lossy, 1);
    assert_eq!(link.offer(0, 1500), Fate::Lost { queued: 0 });
    assert_eq!(link.offer(0, 1500), Fate::Lost { queued: 240_000 });
}

#[test]
fn no_rate_means_no_queue() {
    let open = LinkSettings {
        rate: None,
        ..settings()
    };
    let mut link = Link::new(open, 1);
    let arrivals = arrivals(&mut link, std::iter::repeat_n(3, 1_000));
    assert_eq!(arrivals, vec![3 + 20 * MILLISECOND; 1_000]);
}

#[test]
fn jitter_keeps_the_order_unless_told() {
    let jittery = LinkSettings {
        jitter: Duration::from_millis(20),
        ..settings()
    };
    let shaky = LinkSettings {
        reorder: true,
        ..jittery
    };
    let steps = || (0..1_000).map(|step| step * MILLISECOND);
    let kept = arrivals(&mut Link::new(jittery, 1), steps());
    assert!(kept.is_sorted());
    let shaken = arrivals(&mut Link::new(shaky, 1), steps());
    assert!(!shaken.is_sorted());
    let least = 240_000 + 20 * MILLISECOND;
    let late = shaken
        .iter()
        .zip(steps())
        .map(|(at, sent)| at - sent - least);
    assert!(late.clone().all(|late| late <= 20 * MILLISECOND));
    assert!(late.max().unwrap() > 19 * MILLISECOND);
}

#[test]
fn a_seed_repeats_and_jitter_leaves_losses_alone() {
    let lossy = LinkSettings {
        loss: Loss::Random(0.3),
        ..settings()
    };
    let jittery = LinkSettings {
        jitter: Duration::from_millis(5),
        ..lossy
    };
    let fates = |settings, seed| {
        let mut link = Link::new(settings, seed);
        let steps = (0..500).map(|step| step * MILLISECOND);
        steps.map(|now| link.offer(now, 1500)).collect::<Vec<_>>()
    };
    let lost = |fates: &[Fate]| -> Vec<bool> {
        let lost = fates.iter().map(|fate| matches!(fate, Fate::Lost { .. }));
        lost.collect()
    };
    assert_eq!(fates(lossy, 4), fates(lossy, 4));
    assert_ne!(fates(lossy, 4), fates(lossy, 5));
    assert_eq!(lost(&fates(lossy, 4)), lost(&fates(jittery, 4)));
}
