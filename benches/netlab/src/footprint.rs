//! What a process holds and does, as the kernel counts it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Counts of a process and of its network namespace, at one time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Footprint {
    /// Resident memory in KiB.
    pub(crate) resident_kib: u64,
    /// Of that, what the process wrote and shares with nobody.
    pub(crate) private_dirty_kib: u64,
    /// How often its threads slept and were woken.
    pub(crate) wake_ups: u64,
    /// How often its threads lost the processor to others.
    pub(crate) preemptions: u64,
    /// User and system time.
    pub(crate) cpu_ticks: u64,
    /// IP packets that left anybody in the namespace.
    pub(crate) packets: u64,
}

impl Footprint {
    /// Of the process `id`, now.
    pub(crate) fn read(id: u32) -> Result<Self, Failure> {
        let process = PathBuf::from(format!("/proc/{id}"));
        let memory = fs::read_to_string(process.join("smaps_rollup"))?;
        let stat = fs::read_to_string(process.join("stat"))?;
        let snmp = fs::read_to_string(process.join("net/snmp"))?;
        let (wake_ups, preemptions) = switches(&process)?;
        Ok(Self {
            resident_kib: field(&memory, "Rss:"),
            private_dirty_kib: field(&memory, "Private_Dirty:"),
            wake_ups,
            preemptions,
            cpu_ticks: cpu_ticks(&stat),
            packets: packets_out(&snmp),
        })
    }
}

/// Voluntary and involuntary context switches of all threads.
fn switches(process: &Path) -> Result<(u64, u64), Failure> {
    let mut sums = (0, 0);
    for thread in fs::read_dir(process.join("task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        sums.0 += field(&status, "voluntary_ctxt_switches:");
        sums.1 += field(&status, "nonvoluntary_ctxt_switches:");
    }
    Ok(sums)
}

/// The number behind `name` at the beginning of a line.
fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let number = value.and_then(|value| value.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// User and system time: the 14th and 15th field; the second may contain spaces.
fn cpu_ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// `OutRequests` of the two lines of `Ip:`, names and values.
fn packets_out(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Ip:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return 0;
    };
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    let value = pairs.find(|(name, _)| *name == "OutRequests");
    value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t5\n";
        assert_eq!(field(status, "voluntary_ctxt_switches:"), 5);
        assert_eq!(field("Rss:    1234 kB\n", "Rss:"), 1234);
        assert_eq!(field("", "Rss:"), 0);
    }

    #[test]
    fn a_process_name_may_look_like_fields() {
        let stat = "9 (a) b) S 1 1 1 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 2 0 100";
        assert_eq!(cpu_ticks(stat), 42);
    }

    #[test]
    fn packets_are_found_by_their_column() {
        let snmp = "Ip: Forwarding OutRequests\nIp: 1 99\nUdp: OutDatagrams\nUdp: 3\n";
        assert_eq!(packets_out(snmp), 99);
    }

    #[test]
    fn this_process_has_a_footprint() {
        let footprint = Footprint::read(std::process::id()).unwrap();
        assert!(footprint.resident_kib > 0 && footprint.private_dirty_kib > 0);
    }
}
