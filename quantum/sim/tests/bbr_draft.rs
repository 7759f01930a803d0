//! The example test cases of draft-ietf-ccwg-bbr (its last section, text of August 2026), in virtual
//! time.
//!
//! | The draft's case | Test |
//! |---|---|
//! | Exiting STARTUP on Bandwidth Plateau | `startup_ends_on_a_plateau` |
//! | Exiting STARTUP on Loss When Application-Limited | does not apply: decision 0006 lets Startup end by loss only where the bandwidth has stopped growing, which a flow does not learn that has less to send. Instead `startup_survives_loss_while_the_application_limits` |
//! | Exiting DRAIN Based on Inflight | `drain_ends_with_the_queue` |
//! | Exiting DRAIN Based on Time | `drain_ends_in_time` |
//! | Exiting PROBE_UP on Bandwidth Plateau | `a_probe_ends_on_a_plateau` |
//! | Exiting PROBE_UP on Loss When Application-Limited | `loss_ends_a_probe_that_the_application_limits` |
//! | Never Exiting PROBE_UP (or STARTUP) When Application-Limited With No Loss | `without_loss_a_probe_waits_for_the_application` |
//! | Exiting PROBE_DOWN on Inflight | `down_ends_with_the_queue` |
//! | Exiting PROBE_DOWN After Max Time | `down_ends_in_time` |
//! | Entering and Exiting PROBE_RTT | `probe_rtt_finds_a_longer_path` |
//! | Skipping PROBE_RTT Due to Application-Limited Sending | `idleness_takes_the_place_of_probe_rtt` |
//! | Achieving Expected STARTUP Bandwidth on a Link With Aggregation | `startup_fills_a_link_that_aggregates` |
//! | Achieving Expected Cruise Bandwidth on a Link With Aggregation | `aggregation_that_begins_later_stalls_nothing` |
//! | Correctly Managing Sub-Packet BDPs | `a_pipe_smaller_than_a_packet_is_kept_full` |
//! | Increasing Bandwidth 10x and Ensuring Full Bandwidth is Reached | `ten_times_the_bandwidth_is_found`, `ten_times_the_bandwidth_is_found_with_a_queue_of_half_a_product` |
//! | Decreasing Bandwidth 10x and Ensuring Max Bandwidth Adapts Down | `a_tenth_of_the_bandwidth_is_found` |
//! | Handling Token Bucket Policers | `a_policer_is_obeyed`, `a_policer_that_lets_more_pass_is_believed` |
//! | Handling Spurious Fast Recovery | `reordering_costs_nothing`; what resumes Startup and Up is tested beside the code (`bbr/tests/cycle.rs`) |
//! | Handling Spurious RTO Recovery | does not apply: a probe timeout declares nothing lost (RFC 9002 section 6.2). Instead `a_silence_that_was_only_late_costs_nothing` |
//! | Entering and Exiting PROBE_RTT During STARTUP | does not apply: an application that limits the flow takes the place of ProbeRTT |
//! | Handling Loss During PROBE_UP After inflight_longterm is Set | `loss_in_a_probe_lowers_the_bound` |
//! | Handling Application-Limited Sending During PROBE_REFILL | `a_pause_in_refill_is_no_loss_of_bandwidth` |
//!
//! Beyond the draft's: `a_shorter_path_makes_the_window_smaller`. Shallow buffers, loss at random and
//! in bursts are in `goodput.rs`, flows beside each other in `fairness.rs`.
//!
//! "Introduce packet loss when it enters PROBE_UP" becomes two runs of one seed: the first says when
//! that is, the second is the same until then.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod draft {
    pub(crate) mod course;

    mod application;
    mod changes;
    mod phases;
}
