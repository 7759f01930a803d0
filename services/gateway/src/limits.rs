//! What the gateway takes from one address, one user and one connection, before and after it
//! knows who they are.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

/// Bounds of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests and connections that one address may begin each second, before anything is known
    /// about it (IPv6: one /64 network).
    pub address_requests_per_second: NonZeroU32,
    /// How many of them may come at once.
    pub address_requests_burst: NonZeroU32,
    /// Open TCP connections in all that have not become sockets.
    pub connections_max: usize,
    /// How many of them one address may have (IPv6: one /64 network).
    pub connections_per_address_max: usize,
    /// Open sockets in all.
    pub sockets_max: usize,
    /// Open sockets of one user.
    pub sockets_per_user_max: usize,
    /// Sockets that were refused and are being told why.
    pub refusals_max: usize,
    /// Longest time for the head of a request to arrive.
    pub head_timeout: Duration,
    /// Longest time for an answer that is not a socket.
    pub request_timeout: Duration,
    /// Largest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// Largest frame on a socket, in bytes.
    pub frame_bytes_max: usize,
    /// Messages that one frame may hold.
    pub frame_messages_max: usize,
    /// What a socket may spend each second: a frame costs 1, and 1 more for each KiB. Who spends
    /// more is read from more slowly; nothing is lost.
    pub frame_cost_per_second: u32,
    /// How much of it may be spent at once.
    pub frame_cost_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        const fn positive(value: u32) -> NonZeroU32 {
            match NonZeroU32::new(value) {
                Some(value) => value,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            address_requests_per_second: positive(200),
            address_requests_burst: positive(1_000),
            connections_max: 10_000,
            connections_per_address_max: 1_000,
            sockets_max: 50_000,
            sockets_per_user_max: 256,
            refusals_max: 256,
            head_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            body_bytes_max: 64 * 1024,
            // An edit of 1 MiB, and the bytes around it.
            frame_bytes_max: 1024 * 1024 + 64,
            frame_messages_max: 64,
            frame_cost_per_second: 10_000,
            frame_cost_burst: 20_000,
        }
    }
}

/// What one socket may still spend: the generic cell rate algorithm (ITU-T I.371 annex A), with
/// debt instead of refusal.
pub(crate) struct FrameBudget {
    cost_interval: Duration,
    tolerance: Duration,
    /// When everything that was spent is paid for.
    paid_at: Instant,
}

impl FrameBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        let cost_interval = Duration::from_secs(1) / limits.frame_cost_per_second.max(1);
        Self {
            cost_interval,
            tolerance: cost_interval * limits.frame_cost_burst,
            paid_at: Instant::now(),
        }
    }

    /// Spends the cost of one frame; answers until when nothing more may be read, if so.
    pub(crate) fn spend(&mut self, frame_bytes: usize) -> Option<Instant> {
        const KIB: usize = 1024;
        let now = Instant::now();
        let cost = u32::try_from(1 + frame_bytes / KIB).unwrap_or(u32::MAX);
        self.paid_at = self.paid_at.max(now) + self.cost_interval * cost;
        let until = self.paid_at.checked_sub(self.tolerance)?;
        (until > now).then_some(until)
    }
}

/// How fast each address may begin something.
pub(crate) struct AddressLimiter {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl AddressLimiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = Quota::per_second(limits.address_requests_per_second)
            .allow_burst(limits.address_requests_burst);
        Self {
            limiter: RateLimiter::keyed(quota),
        }
    }

    /// Counts one beginning. `Err` says how long the address has to wait.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.limiter
            .check_key(&network_of(address))
            .map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets addresses that have been quiet. To be called every few seconds.
    pub(crate) fn sweep(&self) {
        self.limiter.retain_recent();
    }
}

/// What counts as one address: of IPv6, the network of 64 bits that one customer usually has.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_may_spend_its_burst_and_then_its_rate() {
        let limits = Limits {
            frame_cost_per_second: 10,
            frame_cost_burst: 3,
            ..Limits::default()
        };
        let mut budget = FrameBudget::new(&limits);
        assert_eq!(
            [budget.spend(0), budget.spend(0), budget.spend(0)],
            [None; 3]
        );
        let until = budget.spend(0).unwrap();
        assert_eq!(until - Instant::now(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(budget.spend(2 * 1024), None, "3 cells: one frame and 2 KiB");
        assert!(budget.spend(0).is_some());
    }

    #[test]
    fn one_address_does_not_use_up_another_ones_rate() {
        let limits = Limits {
            address_requests_burst: NonZeroU32::MIN,
            ..Limits::default()
        };
        let limiter = AddressLimiter::new(&limits);
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        assert!(limiter.check(one).is_ok());
        assert!(limiter.check(one).is_err());
        assert!(limiter.check(other).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let address = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }
}
