//! A path between two ends, in one word: `80/3/jitter=20` is a round trip of 80 ms, 3 % of loss, and
//! up to 20 ms of jitter.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use netlab::link::LinkSettings;
use netlab::loss::Loss;
use serde::{Deserialize, Serialize};

/// The longest round trip, in milliseconds.
const RTT_MAX: f64 = 10_000.0;
/// The most loss, in percent.
const LOSS_MAX: f64 = 90.0;
/// The most jitter, in milliseconds.
const JITTER_MAX: f64 = 1_000.0;
/// The most packets that are lost in a row on average.
const BURST_PACKETS_MAX: f64 = 1_000.0;
/// The longest mean burst, and the latest end of an outage, in milliseconds.
const SPAN_MAX: f64 = 600_000.0;
/// Least bytes of a queue that is given in products of rate and round-trip time.
const QUEUE_MIN: u64 = 64 << 10;

/// What a path is like, the same in both directions but for an outage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Path {
    pub(crate) rtt_ms: f64,
    pub(crate) loss_percent: f64,
    /// Each packet takes up to this much longer.
    pub(crate) jitter_ms: f64,
    /// Jitter changes the order of packets.
    pub(crate) reorder: bool,
    pub(crate) burst: Burst,
}

/// How losses follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Burst {
    /// They do not depend on each other.
    Independent,
    /// In a row, this many on average.
    Packets(f64),
    /// Whatever is sent in this many milliseconds, on average.
    Milliseconds(f64),
    /// All that the client sends in one span of time, in milliseconds from the link's beginning.
    Outage { from: f64, length: f64 },
}

/// How a path is written.
const NOTATION: &str = "RTT/LOSS in ms and %, then any of /jitter=MS, /reorder=MS (jitter that \
                        changes the order), /burst=PACKETS, /burst=MSms, /outage=FROM+LENGTH in \
                        ms: `80/3/jitter=20`";

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let rtt = parts.next().unwrap_or_default();
        let loss = parts.next();
        let loss = loss.ok_or_else(|| format!("`{text}` has no loss; expected {NOTATION}"))?;
        let mut path = Self {
            rtt_ms: number("round trip", rtt, 0.0, RTT_MAX)?,
            loss_percent: number("loss", loss, 0.0, LOSS_MAX)?,
            jitter_ms: 0.0,
            reorder: false,
            burst: Burst::Independent,
        };
        for part in parts {
            path.add(part)?;
        }
        Ok(path)
    }
}

impl Path {
    fn add(&mut self, part: &str) -> Result<(), String> {
        match part.split_once('=') {
            Some((key @ ("jitter" | "reorder"), value)) => {
                self.jitter_ms = number(key, value, 0.0, JITTER_MAX)?;
                self.reorder = key == "reorder";
            }
            Some(("burst", value)) => self.burst = burst(value)?,
            Some(("outage", value)) => self.burst = outage(value)?,
            _ => return Err(format!("`{part}` says nothing; expected {NOTATION}")),
        }
        Ok(())
    }

    fn loss(&self) -> Loss {
        let share = self.loss_percent / 100.0;
        match self.burst {
            _ if share == 0.0 => Loss::None,
            Burst::Independent | Burst::Outage { .. } => Loss::Random(share),
            Burst::Packets(mean) => Loss::percent(self.loss_percent, mean),
            Burst::Milliseconds(mean) => Loss::TimedBurst {
                share,
                mean_length: milliseconds(mean),
            },
        }
    }

    /// From the client to the server, and back. `queue` in products of rate and round-trip time.
    pub(crate) fn links(&self, rate_mbit: f64, queue: f64) -> [LinkSettings; 2] {
        let rate = rate_mbit * 1e6;
        let queue = rate / 8.0 * self.rtt_ms / 1e3 * queue;
        let back = LinkSettings {
            rate: Some(rate as u64),
            delay: milliseconds(self.rtt_ms / 2.0),
            jitter: milliseconds(self.jitter_ms),
            reorder: self.reorder,
            queue: Some((queue as u64).max(QUEUE_MIN)),
            loss: self.loss(),
        };
        let loss = match self.burst {
            Burst::Outage { from, length } => Loss::Outage {
                from: milliseconds(from),
                length: milliseconds(length),
            },
            _ => back.loss,
        };
        [LinkSettings { loss, ..back }, back]
    }

    /// For a heading: `RTT 80 ms, loss 3 %, jitter 0-20 ms`.
    pub(crate) fn describe(&self) -> String {
        let burst = match self.burst {
            Burst::Independent => String::new(),
            Burst::Packets(mean) => format!(" in bursts of {mean} packets"),
            Burst::Milliseconds(mean) => format!(" in bursts of {mean} ms"),
            Burst::Outage { length, .. } => format!(", and nothing arrives for {length} ms"),
        };
        let jitter = match (self.jitter_ms, self.reorder) {
            (0.0, _) => String::new(),
            (most, false) => format!(", jitter 0-{most} ms"),
            (most, true) => format!(", jitter 0-{most} ms that reorders"),
        };
        let (rtt, loss) = (self.rtt_ms, self.loss_percent);
        format!("RTT {rtt} ms, loss {loss} %{burst}{jitter}")
    }
}

/// As it was written, in one order.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.rtt_ms, self.loss_percent)?;
        if self.jitter_ms > 0.0 {
            let key = if self.reorder { "reorder" } else { "jitter" };
            write!(formatter, "/{key}={}", self.jitter_ms)?;
        }
        match self.burst {
            Burst::Independent => Ok(()),
            Burst::Packets(mean) => write!(formatter, "/burst={mean}"),
            Burst::Milliseconds(mean) => write!(formatter, "/burst={mean}ms"),
            Burst::Outage { from, length } => write!(formatter, "/outage={from}+{length}"),
        }
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

fn burst(value: &str) -> Result<Burst, String> {
    Ok(match value.strip_suffix("ms") {
        Some(value) => Burst::Milliseconds(number("burst", value, 0.1, SPAN_MAX)?),
        None => Burst::Packets(number("burst", value, 1.0, BURST_PACKETS_MAX)?),
    })
}

fn outage(value: &str) -> Result<Burst, String> {
    let parts = value.split_once('+');
    let (from, length) = parts.ok_or_else(|| format!("`{value}` is not FROM+LENGTH"))?;
    Ok(Burst::Outage {
        from: number("outage", from, 0.0, SPAN_MAX)?,
        length: number("outage", length, 0.0, SPAN_MAX)?,
    })
}

fn number(what: &str, text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{what} `{text}` is not a number from {least} to {most}"))
}

fn milliseconds(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_is_written() {
        let written = [
            "50/1",
            "10/0.1",
            "80/3/jitter=20",
            "80/3/reorder=20",
            "50/3/burst=3",
            "50/3/burst=30ms",
            "50/1/outage=6000+150",
            "80/3/reorder=20/burst=2.5",
        ];
        for text in written {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = [
            ("50", "no loss"),
            ("50/x", "loss `x` is not a number from 0 to 90"),
            ("50/91", "from 0 to 90"),
            ("-1/0", "round trip `-1`"),
            ("NaN/0", "round trip `NaN`"),
            ("50/1/wobble=3", "`wobble=3` says nothing"),
            ("50/1/jitter=5000", "from 0 to 1000"),
            ("50/1/burst=0.5", "from 1 to 1000"),
            ("50/1/outage=3", "FROM+LENGTH"),
        ];
        for (text, part) in wrong {
            let error = text.parse::<Path>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn only_the_way_to_the_server_has_the_outage() {
        let path: Path = "50/0/outage=6000+150".parse().unwrap();
        let [to_server, to_client] = path.links(20.0, 1.0);
        assert!(matches!(to_server.loss, Loss::Outage { .. }));
        assert_eq!(to_client.loss, Loss::None);
        assert_eq!(to_client.delay, Duration::from_millis(25));
        assert_eq!(to_client.queue, Some(125_000));
    }

    #[test]
    fn a_short_path_has_a_queue_all_the_same() {
        let path: Path = "10/0.1".parse().unwrap();
        assert_eq!(path.links(20.0, 1.0)[0].queue, Some(64 << 10));
    }
}
