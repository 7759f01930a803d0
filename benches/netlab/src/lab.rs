//! Two namespaces and the link between them.

use std::net::Ipv4Addr;
use std::time::Duration;

use tun_rs::{DeviceBuilder, SyncDevice};

use crate::clock::monotonic;
use crate::counters::Counters;
use crate::emulator::Emulator;
use crate::failure::LabFailure;
use crate::link::{Link, LinkSettings};
use crate::namespace::Namespace;

/// Address of the client's end in every lab. Labs do not see each other.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// Address of the server's end in every lab.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// IP packets are at most this long.
pub const MTU: u16 = 1500;
/// Packets that a device holds for an emulator that is late; not part of the modelled queue.
const DEVICE_QUEUE: u32 = 10_000;

/// What a lab's link does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabSettings {
    /// From the client to the server.
    pub to_server: LinkSettings,
    /// From the server to the client.
    pub to_client: LinkSettings,
    /// Seed of losses and jitter, different in the two directions.
    pub seed: u64,
    /// The emulator does not sleep when a packet is due this soon: waking up takes longer than it
    /// should, and on an idle machine the more so. Costs the CPU time that others may need.
    pub spin: Duration,
}

/// A link without properties.
impl Default for LabSettings {
    fn default() -> Self {
        Self {
            to_server: LinkSettings::default(),
            to_client: LinkSettings::default(),
            seed: 0,
            spin: SPIN,
        }
    }
}

/// Little enough for several labs at once on two cores.
const SPIN: Duration = Duration::from_micros(15);

/// What was counted in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LabCounters {
    /// From the client to the server.
    pub to_server: Counters,
    /// From the server to the client.
    pub to_client: Counters,
    /// Packets that the kernel dropped because the emulator was late: none in a valid run.
    pub overrun: u64,
}

/// A running lab. It ends when it is dropped.
#[derive(Debug)]
pub struct Lab {
    /// Where the client lives.
    pub client: Namespace,
    /// Where the server lives.
    pub server: Namespace,
    /// When the links' time began, on the machine's [`monotonic`] clock.
    pub origin: u64,
    emulator: Emulator,
}

impl Lab {
    /// Makes the namespaces and starts the link.
    ///
    /// # Errors
    ///
    /// Without root's rights over networks, or without `/dev/net/tun`.
    pub fn new(settings: &LabSettings) -> Result<Self, LabFailure> {
        let client = Namespace::new()?;
        let server = Namespace::new()?;
        let client_device = device(&client, CLIENT)?;
        let server_device = device(&server, SERVER)?;
        let to_server = Link::new(settings.to_server, settings.seed.wrapping_mul(2));
        let to_client = Link::new(settings.to_client, settings.seed.wrapping_mul(2) + 1);
        let origin = monotonic();
        let emulator = Emulator::start(
            [client_device, server_device],
            [to_server, to_client],
            origin,
            settings.spin,
        )?;
        Ok(Self {
            client,
            server,
            origin,
            emulator,
        })
    }

    /// What was counted so far.
    pub fn counters(&self) -> LabCounters {
        let [to_server, to_client] = self.emulator.counters();
        let ends = [&self.client, &self.server];
        let overrun = ends.map(|end| end.run(device_drops).unwrap_or(0));
        LabCounters {
            to_server,
            to_client,
            overrun: overrun.iter().sum(),
        }
    }
}

/// A device in `namespace`, up, with `address`.
fn device(namespace: &Namespace, address: Ipv4Addr) -> Result<SyncDevice, LabFailure> {
    let build = move || {
        let device = DeviceBuilder::new()
            .name("lab")
            .mtu(MTU)
            .ipv4(address, 24, None)
            .with(|options| {
                options.tx_queue_len(DEVICE_QUEUE);
            })
            .build_sync()?;
        device.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(device)
    };
    namespace
        .run(build)?
        .map_err(LabFailure::refused("making a TUN device"))
}

/// Packets that the device of this thread's namespace dropped on their way to the emulator.
fn device_drops() -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    let line = table
        .lines()
        .find_map(|line| line.trim().strip_prefix("lab:"));
    // Eight columns of the receiving side, then bytes, packets, errors, drops of the sending side.
    let drops = line.and_then(|line| line.split_whitespace().nth(11));
    drops.and_then(|drops| drops.parse().ok()).unwrap_or(0)
}
