//! What is sent: messages of one size, at one rate.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::peers::messages::MESSAGE_BYTES_MAX;

/// A message begins with its number.
pub(super) const NUMBER_BYTES: usize = size_of::<u32>();
/// Messages per second, at most.
const HERTZ_MAX: u32 = 2_000;

/// Messages of one size at one rate, written as `200x100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Flow {
    /// Bytes of each message.
    pub(crate) bytes: u32,
    /// Messages per second.
    pub(crate) hertz: u32,
}

impl FromStr for Flow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(bytes, hertz)| {
            let (bytes, hertz) = (bytes.parse().ok()?, hertz.parse().ok()?);
            Some(Self { bytes, hertz })
        });
        let fits = |flow: &Self| {
            (NUMBER_BYTES..=MESSAGE_BYTES_MAX).contains(&(flow.bytes as usize))
                && (1..=HERTZ_MAX).contains(&flow.hertz)
        };
        parsed.filter(fits).ok_or_else(|| {
            format!(
                "`{text}` is no flow; expected BYTESxHERTZ, {NUMBER_BYTES} to {MESSAGE_BYTES_MAX} \
                 bytes at 1 to {HERTZ_MAX} Hz: `200x100`"
            )
        })
    }
}

impl Flow {
    /// Nanoseconds from one message to the next.
    pub(super) fn interval(self) -> u64 {
        1_000_000_000 / u64::from(self.hertz)
    }

    /// For a heading.
    pub(crate) fn describe(self) -> String {
        format!("{} B at {} Hz", self.bytes, self.hertz)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.bytes, self.hertz)
    }
}

impl TryFrom<String> for Flow {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Flow> for String {
    fn from(flow: Flow) -> Self {
        flow.to_string()
    }
}

/// Whether a message waits for those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Delivery {
    /// It does not: a message or a stream of its own.
    Unordered,
    /// It does: one stream.
    Ordered,
}

/// What both ends of a run are told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) flow: Flow,
    pub(crate) delivery: Delivery,
    /// How many messages.
    pub(crate) messages: u32,
    /// When the link's time began.
    pub(crate) origin: u64,
}

impl Plan {
    /// When message `number` is due, after the first one.
    pub(super) fn offset(&self, number: u32) -> u64 {
        self.flow.interval() * u64::from(number)
    }

    /// The first message's time: a whole second of the link's time, at least `pause` after `now`.
    /// Bursts that come at fixed times meet every transport at the same place between messages.
    pub(super) fn first(&self, now: u64, pause: u64) -> u64 {
        let since = now.saturating_sub(self.origin) + pause;
        self.origin + since.next_multiple_of(1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_reads_as_it_is_written() {
        let flow: Flow = "200x100".parse().unwrap();
        assert_eq!((flow.bytes, flow.hertz), (200, 100));
        assert_eq!(flow.interval(), 10_000_000);
        assert_eq!(flow.to_string(), "200x100");
        for wrong in ["200", "3x100", "200x0", "200x2001", "70000x10", "ax10"] {
            let error = wrong.parse::<Flow>().unwrap_err();
            assert!(error.contains("BYTESxHERTZ"), "{error}");
        }
    }

    #[test]
    fn flows_begin_at_whole_seconds_of_their_link() {
        let plan = Plan {
            flow: "200x100".parse().unwrap(),
            delivery: Delivery::Ordered,
            messages: 3,
            origin: 5_300_000_000,
        };
        let first = plan.first(6_000_000_000, 1_200_000_000);
        assert_eq!(first, plan.origin + 2_000_000_000);
        assert_eq!(plan.offset(2), 20_000_000);
    }
}
