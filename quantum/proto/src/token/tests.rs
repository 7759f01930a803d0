//! T3: tokens prove what they should, and nothing else.

use rand::SeedableRng;

use super::*;

const NOW: Instant = Instant::from_nanos(1_800_000_000_000_000_000);

struct Bench {
    keeper: TokenKeeper,
    rng: StdRng,
    remote: SocketAddr,
}

fn bench() -> Bench {
    Bench {
        keeper: TokenKeeper::new(&[7; 32]),
        rng: StdRng::seed_from_u64(1),
        remote: "192.0.2.1:4000".parse().expect("an address"),
    }
}

fn original() -> ConnectionId {
    ConnectionId::from_array([9; 8])
}

impl Bench {
    fn retry(&mut self) -> Vec<u8> {
        let token = self
            .keeper
            .seal_retry(NOW, self.remote, &original(), &mut self.rng);
        token.expect("a token")
    }

    fn returning(&mut self, now: Instant) -> Vec<u8> {
        let token = self
            .keeper
            .seal_returning(now, self.remote.ip(), &mut self.rng);
        token.expect("a token")
    }

    fn open(&mut self, after: Duration, token: &[u8]) -> Result<Proof, TokenError> {
        self.keeper.open(NOW + after, self.remote, token)
    }
}

const MOMENT: Duration = Duration::from_millis(30);

#[test]
fn t03_a_retry_token_gives_the_first_id_back() {
    let mut bench = bench();
    let token = bench.retry();
    let proof = Proof::Retry {
        original: original(),
    };
    assert_eq!(bench.open(MOMENT, &token), Ok(proof));
    assert_eq!(bench.open(RETRY_LIFETIME, &token), Ok(proof));
}

#[test]
fn t03_a_retry_token_expires() {
    let mut bench = bench();
    let token = bench.retry();
    let late = RETRY_LIFETIME + Duration::from_millis(1);
    assert_eq!(bench.open(late, &token), Err(TokenError::BadRetry));
}

#[test]
fn t03_a_retry_token_is_good_for_its_address_and_port_alone() {
    let mut bench = bench();
    let token = bench.retry();
    for other in ["192.0.2.1:4001", "192.0.2.2:4000", "[2001:db8::1]:4000"] {
        bench.remote = other.parse().expect("an address");
        assert_eq!(bench.open(MOMENT, &token), Err(TokenError::BadRetry));
    }
}

#[test]
fn t03_a_returning_client_may_have_another_port_but_not_another_address() {
    let mut bench = bench();
    let (one, other) = (bench.returning(NOW), bench.returning(NOW));
    bench.remote.set_port(1);
    assert_eq!(bench.open(MOMENT, &one), Ok(Proof::Returning));
    bench.remote = "192.0.2.2:4000".parse().expect("an address");
    assert_eq!(bench.open(MOMENT, &other), Err(TokenError::Unknown));
}

#[test]
fn t03_a_returning_clients_token_expires() {
    let mut bench = bench();
    let (one, other) = (bench.returning(NOW), bench.returning(NOW));
    assert_eq!(bench.open(RETURNING_LIFETIME, &one), Ok(Proof::Returning));
    let late = RETURNING_LIFETIME + Duration::from_millis(1);
    assert_eq!(bench.open(late, &other), Err(TokenError::Unknown));
}

#[test]
fn t03_a_returning_clients_token_is_taken_once() {
    let mut bench = bench();
    let token = bench.returning(NOW);
    assert_eq!(bench.open(MOMENT, &token), Ok(Proof::Returning));
    assert_eq!(bench.open(MOMENT, &token), Err(TokenError::Unknown));
}

#[test]
fn t03_a_token_from_the_future_is_refused() {
    let mut bench = bench();
    let token = bench.returning(NOW + Duration::from_secs(2));
    assert_eq!(bench.open(Duration::ZERO, &token), Err(TokenError::Unknown));
}

#[test]
fn t03_every_flipped_bit_spoils_a_token() {
    let mut bench = bench();
    for token in [bench.retry(), bench.returning(NOW)] {
        for bit in 0..token.len() * 8 {
            let mut forged = token.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(bench.open(MOMENT, &forged).is_err(), "bit {bit}");
        }
        assert!(bench.open(MOMENT, &token).is_ok());
    }
}

#[test]
fn t03_a_token_that_is_cut_or_extended_is_refused() {
    let mut bench = bench();
    let token = bench.retry();
    for length in 0..token.len() {
        assert!(bench.open(MOMENT, &token[..length]).is_err(), "{length}");
    }
    let longer = [&token[..], &[0]].concat();
    assert!(bench.open(MOMENT, &longer).is_err());
}

#[test]
fn t03_a_token_of_another_server_counts_as_none() {
    let mut bench = bench();
    let token = bench.returning(NOW);
    bench.keeper = TokenKeeper::new(&[8; 32]);
    assert_eq!(bench.open(MOMENT, &token), Err(TokenError::Unknown));
}

#[test]
fn t03_one_kind_does_not_pass_for_the_other() {
    let mut bench = bench();
    let mut token = bench.returning(NOW);
    token[NONCE_LEN] = RETRY;
    assert_eq!(bench.open(MOMENT, &token), Err(TokenError::BadRetry));
    let mut token = bench.retry();
    token[NONCE_LEN] = RETURNING;
    assert_eq!(bench.open(MOMENT, &token), Err(TokenError::Unknown));
}

#[test]
fn t03_used_tokens_are_never_taken_again_and_take_bounded_memory() {
    let mut used = UsedTokens::default();
    let nonce = |at: u64| {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&at.to_be_bytes());
        nonce
    };
    let count = USED_MAX as u64 + 100;
    for at in 0..count {
        assert!(used.insert(Instant::from_nanos(at), nonce(at)), "{at}");
    }
    assert_eq!(used.known.len(), USED_MAX);
    for at in 0..count {
        assert!(!used.insert(Instant::from_nanos(at), nonce(at)), "{at}");
    }
    assert!(
        !used.insert(Instant::ORIGIN, nonce(count)),
        "older than what is known"
    );
}
