//! UDP sockets for the transports that take one.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::SockRef;

use crate::Failure;

/// Bytes of the send buffer and of the receive buffer.
pub(crate) const BUFFER: usize = 4 << 20;

/// A socket at `address` with large buffers that does not block.
pub(crate) fn bind(address: SocketAddr) -> Result<UdpSocket, Failure> {
    let socket = UdpSocket::bind(address)?;
    let options = SockRef::from(&socket);
    options.set_recv_buffer_size(BUFFER)?;
    options.set_send_buffer_size(BUFFER)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket at any free port.
pub(crate) fn bind_any() -> Result<UdpSocket, Failure> {
    bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}
