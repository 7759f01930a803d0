//! What may happen.

use proptest::prelude::*;

pub(super) const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// `session` counts from the newest that was ever opened, `age` from the newest token of the
/// session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Open { user: usize },
    Authenticate { session: usize, age: usize },
    Rotate { session: usize, age: usize },
    Guess { session: usize },
    Touch { session: usize, packets: u64 },
    Attach { session: usize, connection: u64 },
    Detach { session: usize, connection: u64 },
    Disconnect { session: usize },
    Revoke { session: usize },
    RevokeUser { user: usize },
    Sweep,
    Advance { ms: u64 },
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    let session = 0_usize..6;
    let age = prop_oneof![5 => Just(0_usize), 3 => Just(1), 1 => 2_usize..5];
    prop_oneof![
        6 => (0..USERS.len()).prop_map(|user| Step::Open { user }),
        5 => (session.clone(), age.clone())
            .prop_map(|(session, age)| Step::Authenticate { session, age }),
        5 => (session.clone(), age).prop_map(|(session, age)| Step::Rotate { session, age }),
        1 => session.clone().prop_map(|session| Step::Guess { session }),
        3 => (session.clone(), 0_u64..3)
            .prop_map(|(session, packets)| Step::Touch { session, packets }),
        3 => (session.clone(), 0_u64..3)
            .prop_map(|(session, connection)| Step::Attach { session, connection }),
        2 => (session.clone(), 0_u64..3)
            .prop_map(|(session, connection)| Step::Detach { session, connection }),
        1 => session.clone().prop_map(|session| Step::Disconnect { session }),
        1 => session.prop_map(|session| Step::Revoke { session }),
        1 => (0..USERS.len()).prop_map(|user| Step::RevokeUser { user }),
        2 => Just(Step::Sweep),
        4 => prop_oneof![0_u64..12_000, 0_u64..60_000].prop_map(|ms| Step::Advance { ms }),
    ]
}
