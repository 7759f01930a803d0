use rand::SeedableRng;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn keeper() -> TokenKeeper {
    TokenKeeper::new(&[3; 32])
}

fn rng() -> StdRng {
    StdRng::from_seed([4; 32])
}

fn start() -> Instant {
    Instant::from_nanos(1_000_000_000_000)
}

fn client() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4433))
}

fn original() -> ConnectionId {
    ConnectionId::from_array([5; 8])
}

fn retry(keeper: &TokenKeeper) -> Vec<u8> {
    let token = keeper.seal_retry(start(), client(), &original(), &mut rng());
    token.expect("a token")
}

fn returning(keeper: &TokenKeeper) -> Vec<u8> {
    let token = keeper.seal_returning(start(), client().ip(), &mut rng());
    token.expect("a token")
}

#[test]
fn a_retry_token_proves_the_address_for_fifteen_seconds() {
    let mut keeper = keeper();
    let token = retry(&keeper);
    let original = original();
    for late in [0, 15] {
        let opened = keeper.open(start() + SECOND * late, client(), &token);
        assert_eq!(opened, Ok(Proof::Retry { original }));
    }
    let opened = keeper.open(start() + SECOND * 16, client(), &token);
    assert_eq!(opened, Err(TokenError::BadRetry));
}

#[test]
fn a_returning_token_lives_a_day_and_is_taken_once() {
    let mut keeper = keeper();
    let token = returning(&keeper);
    let day = SECOND * 24 * 3600;
    let late = keeper.open(start() + day + SECOND, client(), &token);
    assert_eq!(late, Err(TokenError::Unknown));
    assert_eq!(
        keeper.open(start() + day, client(), &token),
        Ok(Proof::Returning)
    );
    assert_eq!(
        keeper.open(start() + day, client(), &token),
        Err(TokenError::Unknown)
    );
}

#[test]
fn a_returning_token_is_good_for_any_port() {
    let mut keeper = keeper();
    let token = returning(&keeper);
    let other = SocketAddr::new(client().ip(), 1);
    assert_eq!(keeper.open(start(), other, &token), Ok(Proof::Returning));
}

#[test]
fn t03_a_token_from_the_future_proves_nothing() {
    let mut keeper = keeper();
    let before = Instant::from_nanos(start().as_nanos() - 1);
    let tokens = [retry(&keeper), returning(&keeper)];
    for token in tokens {
        assert!(keeper.open(before, client(), &token).is_err());
    }
}

#[test]
fn t03_no_flipped_bit_is_accepted() {
    let mut keeper = keeper();
    for token in [retry(&keeper), returning(&keeper)] {
        for bit in 0..8 * token.len() {
            let mut forged = token.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                keeper.open(start(), client(), &forged).is_err(),
                "bit {bit}"
            );
        }
        assert!(keeper.open(start(), client(), &token).is_ok());
    }
}

#[test]
fn t03_no_part_of_a_token_is_accepted() {
    let mut keeper = keeper();
    for token in [retry(&keeper), returning(&keeper)] {
        for length in 0..token.len() {
            assert!(keeper.open(start(), client(), &token[..length]).is_err());
        }
        let longer = [&token[..], &[0]].concat();
        assert!(keeper.open(start(), client(), &longer).is_err());
    }
}

#[test]
fn t03_another_address_is_refused() {
    let mut keeper = keeper();
    let (retry, returning) = (retry(&keeper), returning(&keeper));
    let port = SocketAddr::new(client().ip(), 4434);
    let host = SocketAddr::from(([192, 0, 2, 2], 4433));
    let opened = keeper.open(start(), port, &retry);
    assert_eq!(opened, Err(TokenError::BadRetry));
    assert_eq!(
        keeper.open(start(), host, &retry),
        Err(TokenError::BadRetry)
    );
    assert_eq!(
        keeper.open(start(), host, &returning),
        Err(TokenError::Unknown)
    );
}

#[test]
fn t03_one_kind_of_token_does_not_pass_for_the_other() {
    let mut keeper = keeper();
    for (mut token, kind) in [(retry(&keeper), RETURNING), (returning(&keeper), RETRY)] {
        token[NONCE_LEN] = kind;
        assert!(keeper.open(start(), client(), &token).is_err());
    }
}

#[test]
fn t03_a_token_of_another_key_is_unknown() {
    let other = TokenKeeper::new(&[9; 32]);
    let token = returning(&other);
    assert_eq!(
        keeper().open(start(), client(), &token),
        Err(TokenError::Unknown)
    );
}

#[test]
fn used_tokens_are_remembered_within_bounds() {
    let mut used = UsedTokens::default();
    for at in 0..2 * USED_MAX as u64 {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&at.to_be_bytes());
        assert!(used.insert(nonce));
        assert!(!used.insert(nonce));
    }
    assert_eq!(used.known.len(), USED_MAX);
    assert_eq!(used.order.len(), USED_MAX);
}
