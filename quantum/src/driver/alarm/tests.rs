use std::future::poll_fn;
use std::task::Poll;

use super::*;

/// Waits as the driver does, and says how often it looked.
async fn wait(alarm: &mut Alarm, clock: &Clock, deadline: Instant) -> u32 {
    let mut turns = 0;
    poll_fn(|context| {
        turns += 1;
        let now = clock.now();
        if now >= deadline {
            return Poll::Ready(());
        }
        if !alarm.set(Some(deadline), now, clock, context) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    turns
}

#[tokio::test]
async fn near_and_far_deadlines_wake_the_driver() {
    let (mut alarm, clock) = (Alarm::new(), Clock::start());
    for microseconds in [300, 5_000, 500, 1_999, 2_001, 100] {
        let deadline = clock.now() + Duration::from_micros(microseconds);
        wait(&mut alarm, &clock, deadline).await;
    }
}

#[tokio::test]
async fn sleeping_takes_no_turns() {
    let (mut alarm, clock) = (Alarm::new(), Clock::start());
    for milliseconds in [1, 50] {
        let deadline = clock.now() + Duration::from_millis(milliseconds);
        // The last microseconds are spent awake: they may take many turns, but not forty
        // milliseconds' worth.
        let turns = wait(&mut alarm, &clock, deadline).await;
        assert!(turns < 1_000, "{turns}");
    }
}

#[tokio::test]
async fn an_earlier_deadline_replaces_a_later_one() {
    let (mut alarm, clock) = (Alarm::new(), Clock::start());
    let hour = Duration::from_secs(3_600);
    poll_fn(|context| {
        let now = clock.now();
        assert!(alarm.set(Some(now + hour), now, &clock, context));
        Poll::Ready(())
    })
    .await;
    let deadline = clock.now() + Duration::from_millis(1);
    wait(&mut alarm, &clock, deadline).await;
}
