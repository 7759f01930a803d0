//! How the UDP socket is made.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Options of the UDP socket.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    send_buffer: usize,
    receive_buffer: usize,
    only_v6: bool,
    reuse_address: bool,
    reuse_port: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            // 25 ms at 1.3 Gbit/s: as long as a busy machine may leave the driver waiting.
            send_buffer: 4 << 20,
            receive_buffer: 4 << 20,
            only_v6: false,
            reuse_address: false,
            reuse_port: false,
        }
    }
}

impl SocketOptions {
    /// Bytes that the system should keep for sending. Default: 4 MiB. The system may give less
    /// (Linux: `net.core.wmem_max`).
    #[must_use]
    pub fn with_send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// Bytes that the system should keep for receiving. Default: 4 MiB. The system may give less
    /// (Linux: `net.core.rmem_max`).
    #[must_use]
    pub fn with_receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// Whether an IPv6 socket refuses IPv4. Default: no; one socket serves both.
    #[must_use]
    pub fn with_only_v6(mut self, only_v6: bool) -> Self {
        self.only_v6 = only_v6;
        self
    }

    /// Whether an address may be bound that another socket just left. Default: no.
    #[must_use]
    pub fn with_reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// Whether several sockets may share the port. Default: no: the system spreads datagrams by
    /// address, so a client whose address changes would reach another socket.
    #[must_use]
    pub fn with_reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Binds a socket with these options.
    ///
    /// # Errors
    ///
    /// If the system refuses the address or an option.
    pub fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(self.only_v6)?;
        }
        socket.set_reuse_address(self.reuse_address)?;
        #[cfg(unix)]
        socket.set_reuse_port(self.reuse_port)?;
        self.enlarge(&socket);
        socket.bind(&address.into())?;
        Ok(socket.into())
    }

    /// The system may refuse or give less: slower, but not wrong.
    fn enlarge(&self, socket: &Socket) {
        let outcome = socket
            .set_send_buffer_size(self.send_buffer)
            .and_then(|()| socket.set_recv_buffer_size(self.receive_buffer));
        if let Err(error) = outcome {
            tracing::debug!(%error, "the socket keeps its default buffers");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_serves_both_families_unless_told_otherwise() {
        let address = SocketAddr::from(([0_u16; 8], 0));
        let both = SocketOptions::default().bind(address).unwrap();
        assert!(!socket2::SockRef::from(&both).only_v6().unwrap());
        let one = SocketOptions::default().with_only_v6(true).bind(address);
        assert!(socket2::SockRef::from(&one.unwrap()).only_v6().unwrap());
    }

    #[test]
    fn a_port_is_shared_only_on_request() {
        let options = SocketOptions::default().with_reuse_port(true);
        let first = options.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = first.local_addr().unwrap();
        assert!(SocketOptions::default().bind(address).is_err());
        assert!(options.bind(address).is_ok());
    }
}
