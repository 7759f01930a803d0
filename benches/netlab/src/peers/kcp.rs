//! KCP in its "turbo" mode: no encryption, no congestion control, a fixed window.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio_kcp::{KcpConfig, KcpListener, KcpNoDelayConfig, KcpStream};

use super::{Dialer, Incoming, Listener, Setup, Stream, socket};
use crate::Failure;

/// Packets under way, and packets the receiver buffers.
const WINDOW: u16 = 1024;

struct Server(KcpListener);

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let (stream, _) = self.0.accept().await?;
        Ok(Box::pin(async { Ok(Box::new(stream) as Stream) }))
    }
}

struct Client(SocketAddr);

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let socket = UdpSocket::from_std(socket::bind_any()?)?;
        let stream = KcpStream::connect_with_socket(&config(), socket, self.0).await?;
        Ok(Box::new(stream))
    }
}

pub(super) async fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let socket = UdpSocket::from_std(socket::bind(setup.address)?)?;
    let listener = KcpListener::from_socket(config(), socket).await?;
    Ok(Box::new(Server(listener)))
}

pub(super) fn dialer(setup: &Setup) -> Box<dyn Dialer> {
    Box::new(Client(setup.address))
}

fn config() -> KcpConfig {
    KcpConfig {
        mtu: 1400,
        nodelay: KcpNoDelayConfig {
            nodelay: true,
            interval: 10,
            resend: 2,
            nc: true,
        },
        wnd_size: (WINDOW, WINDOW),
        session_expire: Duration::from_secs(90),
        flush_write: true,
        flush_acks_input: true,
        stream: true,
        allow_recv_empty_packet: false,
    }
}
