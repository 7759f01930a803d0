//! A handshake under way.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::connection::Connection;
use crate::error::ConnectError;

type Handshake = dyn Future<Output = Result<Connection, ConnectError>> + Send;

/// A handshake under way: awaited, it becomes the connection.
///
/// Cancel safe: dropped before it is ready, the handshake is given up.
#[must_use = "the handshake is given up when this is dropped"]
pub struct Connecting(Pin<Box<Handshake>>);

impl Connecting {
    pub(super) fn new(begun: Result<Connection, ConnectError>) -> Self {
        Self(Box::pin(async {
            let connection = begun?;
            connection.established().await?;
            Ok(connection)
        }))
    }
}

impl Future for Connecting {
    type Output = Result<Connection, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
