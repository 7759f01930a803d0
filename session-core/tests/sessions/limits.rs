//! Limits that contradict each other are refused.

use std::sync::Arc;
use std::time::Duration;

use guuid::{ManualClock, SeededEntropy};
use session_core::{Limits, LimitsError, Manager, MemoryStore, ROTATION_GRACE_MAX};

#[test]
fn defaults_make_sense() {
    assert_eq!(Limits::default().check(), Ok(()));
}

#[test]
fn contradictions_are_named() {
    refused(LimitsError::SlidingTimeout, |limits| {
        limits.sliding_timeout = Duration::ZERO
    });
    refused(LimitsError::SlidingTimeout, |limits| {
        limits.absolute_timeout = SECOND
    });
    refused(LimitsError::IdleAfter, |limits| {
        limits.sliding_timeout = SECOND
    });
    refused(LimitsError::TouchInterval, |limits| {
        limits.idle_after = SECOND
    });
    refused(LimitsError::RotationGrace, |limits| {
        limits.rotation_grace = ROTATION_GRACE_MAX + SECOND;
    });
    refused(LimitsError::Zero, |limits| limits.page_max = 0);
    refused(LimitsError::Zero, |limits| limits.sweep_batch_max = 0);
    refused(LimitsError::Zero, |limits| limits.update_attempts_max = 0);
    refused(LimitsError::Zero, |limits| limits.events_max = 0);
}

#[track_caller]
fn refused(error: LimitsError, change: impl FnOnce(&mut Limits)) {
    let mut limits = Limits::default();
    change(&mut limits);
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::default());
    let built = Manager::new(store, clock, Arc::new(SeededEntropy::new(0)), limits);
    assert_eq!(built.err(), Some(error));
}

const SECOND: Duration = Duration::from_secs(1);
