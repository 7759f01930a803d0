//! TLS 1.3 over kernel TCP: rustls with aws-lc-rs, through tokio-rustls.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Congestion, Dialer, Incoming, Listener, Setup, Stream, tcp};
use crate::Failure;
use crate::identity;

struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

#[async_trait]
impl Listener for Server {
    async fn accept(&mut self) -> Result<Incoming, Failure> {
        let stream = tcp::accept(&self.listener).await?;
        let handshake = self.acceptor.accept(stream);
        Ok(Box::pin(async { Ok(Box::new(handshake.await?) as Stream) }))
    }
}

struct Client {
    address: SocketAddr,
    congestion: Congestion,
    connector: TlsConnector,
}

#[async_trait]
impl Dialer for Client {
    async fn connect(&mut self) -> Result<Stream, Failure> {
        let stream = tcp::connect(self.address, self.congestion).await?;
        let name = identity::server_name()?;
        Ok(Box::new(self.connector.connect(name, stream).await?))
    }
}

pub(super) fn listen(setup: &Setup) -> Result<Box<dyn Listener>, Failure> {
    let config = setup.identity.server_config()?;
    Ok(Box::new(Server {
        listener: tcp::bind(setup.address, setup.peer.congestion())?,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }))
}

pub(super) fn dialer(setup: &Setup) -> Result<Box<dyn Dialer>, Failure> {
    let config = setup.identity.client_config()?;
    Ok(Box::new(Client {
        address: setup.address,
        congestion: setup.peer.congestion(),
        connector: TlsConnector::from(Arc::new(config)),
    }))
}
