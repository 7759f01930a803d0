//! Kernel TCP without encryption: default sysctls, `TCP_NODELAY`.

use std::net::SocketAddr;

use async_trait::async_trait;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Congestion, Dialer, Incoming, Listener, Setup, Stream};
use crate::Failure;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

struct Server(TcpListener);

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let stream = accept(&self.0).await?;
        Ok(Box::pin(async { Ok(Box::new(stream) as Stream) }))
    }
}

struct Client {
    address: SocketAddr,
    congestion: Congestion,
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        Ok(Box::new(connect(self.address, self.congestion).await?))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let listener = bind(setup.address, setup.peer.congestion())?;
    Ok(Box::new(Server(listener)))
}

pub(super) fn dialer(setup: &Setup) -> Box<dyn Dialer> {
    Box::new(Client {
        address: setup.address,
        congestion: setup.peer.congestion(),
    })
}

/// A listener whose connections inherit `congestion`.
pub(super) fn bind(address: SocketAddr, congestion: Congestion) -> Result<TcpListener, Failure> {
    let socket = socket(congestion)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
}

pub(super) async fn accept(listener: &TcpListener) -> Result<TcpStream, Failure> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(super) async fn connect(
    address: SocketAddr,
    congestion: Congestion,
) -> Result<TcpStream, Failure> {
    let stream = socket(congestion)?.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn socket(congestion: Congestion) -> Result<TcpSocket, Failure> {
    let name: &str = match congestion {
        Congestion::Cubic => "cubic",
        Congestion::Bbr => "bbr",
    };
    let socket = TcpSocket::new_v4()?;
    SockRef::from(&socket)
        .set_tcp_congestion(name.as_bytes())
        .map_err(|error| {
            format!("this kernel has no TCP {name} (`modprobe tcp_{name}`): {error}")
        })?;
    Ok(socket)
}
