//! The thread that carries packets between the two devices of a lab.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::setpriority_process;
use rustix::thread::{gettid, set_current_timer_slack};
use tun_rs::SyncDevice;

use crate::clock::monotonic;
use crate::counters::Counters;
use crate::failure::LabFailure;
use crate::link::{Fate, Link};

/// Packets read from one device before the other one and what is due get their turn.
const BATCH: usize = 16;
/// How soon an idle emulator sees that it shall stop.
const IDLE: Duration = Duration::from_millis(50);
/// Longer than any packet of a device with an MTU of 1500.
const PACKET: usize = 2048;
/// Buffers kept for reuse.
const SPARE: usize = 4096;

/// A running emulator. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Emulator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    counters: Mutex<[Counters; 2]>,
}

impl Emulator {
    /// Carries what `devices[0]` sends over `links[0]` to `devices[1]`, and back over `links[1]`.
    /// The links' time begins at `origin` of the machine's [`monotonic`] clock. The last `spin`
    /// before a packet is due is not slept.
    pub(crate) fn start(
        devices: [SyncDevice; 2],
        links: [Link; 2],
        origin: u64,
        spin: Duration,
    ) -> Result<Self, LabFailure> {
        let shared = Arc::new(Shared::default());
        let carrier = Carrier {
            devices,
            directions: links.map(Direction::new),
            origin,
            spare: Vec::new(),
            spin,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("emulator".into())
            .spawn(move || carrier.run())
            .map_err(LabFailure::refused("starting a thread"))?;
        let thread = Some(thread);
        Ok(Self { shared, thread })
    }

    pub(crate) fn counters(&self) -> [Counters; 2] {
        let counters = self.shared.counters.lock();
        *counters.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A packet on its way. Ordered by time of arrival, then as they were sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: u64,
    number: u64,
    packet: Vec<u8>,
}

struct Direction {
    link: Link,
    flying: BinaryHeap<Reverse<Flying>>,
    number: u64,
    counters: Counters,
}

impl Direction {
    fn new(link: Link) -> Self {
        Self {
            link,
            flying: BinaryHeap::new(),
            number: 0,
            counters: Counters::default(),
        }
    }

    /// When the next packet arrives.
    fn due(&self) -> Option<u64> {
        self.flying.peek().map(|Reverse(next)| next.at)
    }

    /// Takes a packet from the sender; gives the buffer back if the packet goes no further.
    fn admit(&mut self, now: u64, packet: Vec<u8>) -> Option<Vec<u8>> {
        let fate = self.link.offer(now, packet.len());
        self.counters.on_offered(packet.len(), fate);
        let Fate::Arrives { at, .. } = fate else {
            return Some(packet);
        };
        let number = self.number;
        self.number += 1;
        self.flying.push(Reverse(Flying { at, number, packet }));
        None
    }

    /// The next packet whose time has come.
    fn land(&mut self, now: u64) -> Option<Flying> {
        if self.due()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse(landed)| landed)
    }
}

struct Carrier {
    devices: [SyncDevice; 2],
    directions: [Direction; 2],
    origin: u64,
    spare: Vec<Vec<u8>>,
    spin: Duration,
    shared: Arc<Shared>,
}

impl Carrier {
    fn run(mut self) {
        raise_priority();
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.deliver();
            let readable = self.wait();
            for (side, readable) in readable.into_iter().enumerate() {
                if readable {
                    self.collect(side);
                }
            }
            self.publish();
        }
    }

    fn now(&self) -> u64 {
        monotonic().saturating_sub(self.origin)
    }

    /// Sleeps until a device has packets or a packet is due; says which devices have packets.
    fn wait(&self) -> [bool; 2] {
        let due = self.directions.iter().filter_map(Direction::due).min();
        let wait = due.map_or(IDLE, |due| {
            let wait = Duration::from_nanos(due.saturating_sub(self.now()));
            wait.saturating_sub(self.spin).min(IDLE)
        });
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: wait.subsec_nanos().into(),
        };
        let [first, second] = &self.devices;
        let mut ready = [first, second].map(|device| PollFd::new(device, PollFlags::IN));
        if poll(&mut ready, Some(&timeout)).is_err() {
            return [false; 2];
        }
        ready.map(|device| device.revents().contains(PollFlags::IN))
    }

    /// Reads what a device's side has sent.
    fn collect(&mut self, side: usize) {
        for _ in 0..BATCH {
            let mut packet = self.spare.pop().unwrap_or_default();
            packet.resize(PACKET, 0);
            let Ok(length) = self.devices[side].recv(&mut packet) else {
                self.recycle(packet);
                return;
            };
            packet.truncate(length);
            let now = self.now();
            if let Some(packet) = self.directions[side].admit(now, packet) {
                self.recycle(packet);
            }
        }
    }

    /// Hands over what is due, in both directions.
    fn deliver(&mut self) {
        for side in [0, 1] {
            loop {
                let now = self.now();
                let Some(landed) = self.directions[side].land(now) else {
                    break;
                };
                self.hand_over(side, now, landed);
            }
        }
    }

    fn hand_over(&mut self, side: usize, now: u64, landed: Flying) {
        let counters = &mut self.directions[side].counters;
        match self.devices[1 - side].send(&landed.packet) {
            Ok(_) => counters.on_delivered(landed.packet.len(), now - landed.at),
            Err(_) => counters.refused += 1,
        }
        self.recycle(landed.packet);
    }

    fn recycle(&mut self, packet: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(packet);
        }
    }

    fn publish(&self) {
        let counters = self.shared.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        for (shared, own) in counters.iter_mut().zip(&self.directions) {
            *shared = own.counters;
        }
    }
}

/// Wakes this thread exactly and before others, as far as the system allows.
///
/// Real time needs `chrt` of util-linux; without it the highest ordinary priority has to do.
fn raise_priority() {
    let _ = set_current_timer_slack(NonZeroU64::new(1));
    let thread = gettid();
    let _ = setpriority_process(Some(thread), -20);
    let _ = Command::new("chrt")
        .args(["--fifo", "--pid", "10"])
        .arg(thread.as_raw_nonzero().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
