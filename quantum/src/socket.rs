//! The UDP socket: batches in, batches out.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::task::{Context, Poll, ready};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};

use crate::driver::outbox::{Group, Sending};
use crate::protocol::EcnCodepoint;

mod options;
#[cfg(not(unix))]
#[path = "socket/unselected.rs"]
mod watched;
#[cfg(unix)]
mod watched;

pub use options::SocketOptions;
use watched::Watched;

/// Buffers per system call. With receive offload each takes up to 64 datagrams of one sender; so
/// one call takes about as much as one turn of the driver should handle.
pub(crate) const RECEIVE_SLOTS: usize = 16;

/// Bytes per buffer: the largest UDP payload there is.
const SLOT_BYTES: usize = 65_536;

/// A socket that tokio watches.
#[derive(Debug)]
pub(crate) struct Socket {
    io: Watched,
    state: UdpSocketState,
    local: SocketAddr,
}

/// Where received datagrams lie until they are handled.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    metas: [RecvMeta; RECEIVE_SLOTS],
    count: usize,
}

impl Inbox {
    /// An empty one. Pages of its memory are only taken when datagrams fill them.
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; RECEIVE_SLOTS * SLOT_BYTES],
            metas: [RecvMeta::default(); RECEIVE_SLOTS],
            count: 0,
        }
    }

    /// What was received: for each sender its datagrams, `stride` bytes each.
    pub(crate) fn batches(&mut self) -> impl Iterator<Item = (&RecvMeta, &mut [u8])> {
        let slots = self.bytes.chunks_exact_mut(SLOT_BYTES);
        let filled = self.metas.iter().zip(slots).take(self.count);
        filled.filter_map(|(meta, slot)| Some((meta, slot.get_mut(..meta.len)?)))
    }
}

impl Socket {
    /// Has the current runtime watch `socket`.
    ///
    /// # Errors
    ///
    /// If the system does not accept an option that is needed.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let io = Watched::new(socket)?;
        Ok(Self { io, state, local })
    }

    /// The address that it is bound to.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// How many datagrams one system call may carry, as far as is known.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments().max(1)
    }

    /// Receives what is there, and whether there may be more. Pending: nothing is there, and the
    /// task of `context` is woken when that changes.
    pub(crate) fn poll_receive(&self, inbox: &mut Inbox, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            let read = |socket: UdpSockRef<'_>| self.read(inbox, socket);
            let full = ready!(self.io.poll_read(context, read));
            if inbox.count > 0 {
                return Poll::Ready(full);
            }
        }
    }

    /// Ready when there is something to receive.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.io.poll_readable(context)
    }

    /// True: the batch is full.
    ///
    /// A batch that is not has emptied the socket: said to tokio at once, this saves the system
    /// call that would only find nothing. The same goes for an error, which belongs to a datagram
    /// sent before: the next datagram to arrive makes the socket readable again.
    fn read(&self, inbox: &mut Inbox, socket: UdpSockRef<'_>) -> bool {
        let mut slots = inbox.bytes.chunks_exact_mut(SLOT_BYTES);
        let mut slots: [IoSliceMut<'_>; RECEIVE_SLOTS] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let outcome = self.state.recv(socket, &mut slots, &mut inbox.metas);
        inbox.count = outcome.unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                tracing::debug!(%error, "receiving failed");
            }
            0
        });
        inbox.count == RECEIVE_SLOTS
    }

    /// Sends one group.
    pub(crate) fn send(&self, group: &Group, bytes: &[u8]) -> Sending {
        let outcome = self.try_send(group, bytes);
        match outcome {
            Ok(()) => Sending::Done,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sending::Blocked,
            Err(_) if group.datagrams() > 1 => Sending::Refused,
            Err(error) => {
                // As if the network had lost it: recovery and path discovery deal with that.
                tracing::debug!(%error, destination = %group.destination, "a datagram was not sent");
                Sending::Done
            }
        }
    }

    fn try_send(&self, group: &Group, bytes: &[u8]) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: group.destination,
            ecn: group.ecn.map(to_socket),
            contents: bytes,
            segment_size: (group.datagrams() > 1).then_some(group.segment),
            src_ip: group.source,
        };
        self.state.try_send(self.io.socket(), &transmit)
    }

    /// Ready when the socket may take datagrams again; to be called after [`Sending::Blocked`].
    pub(crate) fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.io.poll_writable(context)
    }
}

fn to_socket(ecn: EcnCodepoint) -> quinn_udp::EcnCodepoint {
    match ecn {
        EcnCodepoint::Ect0 => quinn_udp::EcnCodepoint::Ect0,
        EcnCodepoint::Ect1 => quinn_udp::EcnCodepoint::Ect1,
        EcnCodepoint::Ce => quinn_udp::EcnCodepoint::Ce,
    }
}

/// The mark that a datagram came with.
pub(crate) fn from_socket(ecn: quinn_udp::EcnCodepoint) -> EcnCodepoint {
    match ecn {
        quinn_udp::EcnCodepoint::Ect0 => EcnCodepoint::Ect0,
        quinn_udp::EcnCodepoint::Ect1 => EcnCodepoint::Ect1,
        quinn_udp::EcnCodepoint::Ce => EcnCodepoint::Ce,
    }
}
