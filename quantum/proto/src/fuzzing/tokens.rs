//! Address tokens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::script::Script;
use crate::connection_id::ConnectionId;
use crate::time::Instant;
use crate::token::{Proof, TokenKeeper};

/// No bytes but those that were sealed prove anything, and those only where and when they should.
pub(super) fn token(input: &[u8]) {
    let mut script = Script::new(input);
    let mut keeper = TokenKeeper::new(&[7; 32]);
    let mut rng = StdRng::from_seed([9; 32]);
    let now = Instant::from_nanos(1_000_000_000);
    let remote = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4433);
    assert!(keeper.open(now, remote, input).is_err(), "a forged token");

    let Some(original) = ConnectionId::new(script.bytes(ConnectionId::BYTES_MAX)) else {
        return;
    };
    let sealed = [
        keeper.seal_retry(now, remote, &original, &mut rng),
        keeper.seal_returning(now, remote.ip(), &mut rng),
    ];
    let [Some(retry), Some(returning)] = sealed else {
        return;
    };
    for token in [&retry, &returning] {
        let mut changed = token.clone();
        let bit = usize::from(script.short()) % (changed.len() * 8);
        if let Some(byte) = changed.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        assert!(
            keeper.open(now, remote, &changed).is_err(),
            "a changed token"
        );
    }
    let late = now + Duration::from_secs(24 * 3600 + 1 + u64::from(script.byte()));
    assert!(keeper.open(late, remote, &retry).is_err(), "a late token");
    assert!(
        keeper.open(late, remote, &returning).is_err(),
        "a late token"
    );
    assert_eq!(
        keeper.open(now, remote, &retry),
        Ok(Proof::Retry { original })
    );
    assert_eq!(keeper.open(now, remote, &returning), Ok(Proof::Returning));
    assert!(
        keeper.open(now, remote, &returning).is_err(),
        "a used token"
    );
}
