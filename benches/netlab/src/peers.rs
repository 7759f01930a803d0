//! The transports that are measured, each behind the same small interface.
//!
//! A peer is one file in `peers/` with two functions:
//!
//! - `listen(&Setup) -> Result<Box<dyn Listener>, Failure>` for the server's process,
//! - `dialer(&Setup) -> Result<Box<dyn Dialer>, Failure>` for the client's process,
//!
//! plus a variant of [`Peer`] for each way to run it, listed in [`Peer::ALL`], and an arm in
//! [`listen`] and in [`dialer`]. The workloads know nothing else:
//!
//! - A connection carries one bidirectional byte stream ([`Stream`]). The client opens it and sends
//!   first, so a transport that announces a stream only with its first byte works as well.
//! - [`Dialer::connect`] makes a new connection each time it is called and never resumes an earlier
//!   one, unless [`Wishes::early_data`] says so. It returns when the client may send.
//! - [`Listener::accept`] returns quickly; what takes round trips belongs into the [`Incoming`]
//!   future, which the server drives beside others.
//! - A stream keeps alive whatever it needs, and dropping it ends the connection.
//! - A transport that [can deliver without order](Peer::has_messages) also makes connections that
//!   carry [messages](messages) from client to server.
//! - Both processes run one tokio current-thread runtime.
//!
//! Settings follow `README.md`: the identity of [`Setup`] is verified, receive windows are 16 MiB
//! for a stream and 32 MiB for a connection, UDP sockets have 4 MiB of buffer, datagrams begin at
//! 1200 bytes and grow to 1472.

mod bare;
mod bare_tls;
mod kcp;
pub(crate) mod messages;
mod noq;
mod quantum;
mod quinn;
mod s2n;
mod socket;
mod tcp;
mod tls;

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Failure;
use crate::identity::Identity;
use messages::{MessageSink, MessageSource};

/// Receive window of a stream, for transports that have one.
const STREAM_WINDOW: u32 = 16 << 20;
/// Receive window of a connection, for transports that have one.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// Messages on their way, for transports that limit their number: seconds of the densest flow.
const MESSAGES_MAX: u32 = 1024;
/// The largest UDP payload that QUIC and Quantum look for: what fills an Ethernet packet of IPv4.
const DATAGRAM_BYTES_MAX: u16 = 1472;

/// A transport with its congestion control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    QuantumBbr,
    /// Without forward error correction.
    QuantumBbrNofec,
    QuantumCubic,
    TcpCubic,
    TcpBbr,
    TlsCubic,
    TlsBbr,
    QuinnCubic,
    QuinnBbr,
    NoqCubic,
    NoqBbr,
    S2nCubic,
    S2nBbr,
    Kcp,
    /// No transport: the floor of the handshake's table.
    Bare,
    /// The same, with the cryptography of a handshake.
    BareTls,
}

/// What decides how much may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Congestion {
    Cubic,
    Bbr,
}

impl Peer {
    /// All transports, each once for each congestion control, in the order of the tables.
    pub(crate) const ALL: [Self; 13] = [
        Self::QuantumBbr,
        Self::QuantumCubic,
        Self::TcpCubic,
        Self::TcpBbr,
        Self::TlsCubic,
        Self::TlsBbr,
        Self::QuinnCubic,
        Self::QuinnBbr,
        Self::NoqCubic,
        Self::NoqBbr,
        Self::S2nCubic,
        Self::S2nBbr,
        Self::Kcp,
    ];

    /// As written on the command line and in tables.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it can send data before a handshake is complete, and the lab knows how.
    pub(crate) fn has_early_data(self) -> bool {
        self.is_quantum() || matches!(self, Self::QuinnCubic | Self::QuinnBbr)
    }

    /// Whether it can deliver messages in no order, so that a lost one holds up no other.
    pub(crate) fn has_messages(self) -> bool {
        let has_streams = matches!(
            self,
            Self::QuinnCubic
                | Self::QuinnBbr
                | Self::NoqCubic
                | Self::NoqBbr
                | Self::S2nCubic
                | Self::S2nBbr
        );
        self.is_quantum() || has_streams
    }

    fn is_quantum(self) -> bool {
        matches!(
            self,
            Self::QuantumBbr | Self::QuantumBbrNofec | Self::QuantumCubic
        )
    }

    fn congestion(self) -> Congestion {
        match self {
            Self::QuantumBbr
            | Self::QuantumBbrNofec
            | Self::TcpBbr
            | Self::TlsBbr
            | Self::QuinnBbr
            | Self::NoqBbr
            | Self::S2nBbr => Congestion::Bbr,
            // KCP in its fastest mode has none, and neither have bare datagrams.
            Self::QuantumCubic
            | Self::TcpCubic
            | Self::TlsCubic
            | Self::QuinnCubic
            | Self::NoqCubic
            | Self::S2nCubic
            | Self::Kcp
            | Self::Bare
            | Self::BareTls => Congestion::Cubic,
        }
    }
}

/// What both processes of a run are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) peer: Peer,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// The server's certificate and key; the client trusts the certificate alone.
    pub(crate) identity: Identity,
    /// What the workload wants to be different.
    pub(crate) wishes: Wishes,
}

/// What a workload may want to be different from a transport's own settings.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Wishes {
    /// Connections may be silent for this long.
    pub(crate) idle_timeout: Option<Duration>,
    /// The client sends something when nothing has happened for this long.
    pub(crate) keep_alive: Option<Duration>,
    /// Connections but the first send early data (0-RTT): see [`Peer::has_early_data`].
    pub(crate) early_data: bool,
}

/// Bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The byte stream of a connection.
pub(crate) type Stream = Box<dyn Duplex>;

/// A connection whose handshake is under way at the server.
pub(crate) type Incoming = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

/// The server's end.
#[async_trait]
pub(crate) trait Listener: Send {
    /// The next client that knocks.
    async fn accept(&mut self) -> Result<Incoming, Failure>;

    /// The next client's messages, when its handshake is complete.
    async fn accept_messages(&mut self) -> Result<Box<dyn MessageSource>, Failure> {
        Err("this transport only delivers in order".into())
    }
}

/// The client's end.
#[async_trait]
pub(crate) trait Dialer: Send {
    /// A new connection to the server.
    async fn connect(&mut self) -> Result<Stream, Failure>;

    /// A new connection for messages.
    async fn connect_messages(&mut self) -> Result<Box<dyn MessageSink>, Failure> {
        Err("this transport only delivers in order".into())
    }
}

/// Starts the server's end.
pub(crate) async fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    match setup.peer {
        Peer::TcpCubic | Peer::TcpBbr => tcp::listen(setup),
        Peer::TlsCubic | Peer::TlsBbr => tls::listen(setup),
        Peer::QuinnCubic | Peer::QuinnBbr => quinn::listen(setup),
        Peer::NoqCubic | Peer::NoqBbr => noq::listen(setup),
        Peer::QuantumBbr | Peer::QuantumBbrNofec | Peer::QuantumCubic => quantum::listen(setup),
        Peer::S2nCubic | Peer::S2nBbr => s2n::listen(setup),
        Peer::Kcp => kcp::listen(setup).await,
        Peer::Bare => bare::listen(setup),
        Peer::BareTls => bare_tls::listen(setup),
    }
}

/// Starts the client's end.
pub(crate) async fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    match setup.peer {
        Peer::TcpCubic | Peer::TcpBbr => Ok(tcp::dialer(setup)),
        Peer::TlsCubic | Peer::TlsBbr => tls::dialer(setup),
        Peer::QuinnCubic | Peer::QuinnBbr => quinn::dialer(setup),
        Peer::NoqCubic | Peer::NoqBbr => noq::dialer(setup),
        Peer::QuantumBbr | Peer::QuantumBbrNofec | Peer::QuantumCubic => quantum::dialer(setup),
        Peer::S2nCubic | Peer::S2nBbr => s2n::dialer(setup),
        Peer::Kcp => Ok(kcp::dialer(setup)),
        Peer::Bare => Ok(bare::dialer(setup)),
        Peer::BareTls => bare_tls::dialer(setup),
    }
}
