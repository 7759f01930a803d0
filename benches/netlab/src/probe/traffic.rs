//! The traffic of the probe: UDP and TCP between the two ends of a lab, by threads of this process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use netlab::lab::{CLIENT, Lab, SERVER};
use netlab::namespace::Namespace;

use crate::Failure;

const PORT: u16 = 9000;
/// Payload of a UDP packet that fills the device's 1500 bytes.
pub(crate) const FULL: usize = 1472;
/// Bytes of IP and UDP headers.
const HEADERS: usize = 28;
/// No packet for this long: no more will come.
const SILENCE: Duration = Duration::from_millis(500);
/// Shorter sleeps are left out and made up for.
const SLEEP: Duration = Duration::from_micros(80);

/// Packets sent one way.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) packets: u64,
    pub(crate) payload: usize,
    pub(crate) interval: Duration,
}

impl Traffic {
    /// Full packets at `rate` bits per second for some seconds.
    pub(crate) fn at_rate(rate: u64, seconds: u64) -> Self {
        let bits = (FULL + HEADERS) as u64 * 8;
        Self {
            packets: rate * seconds / bits,
            payload: FULL,
            interval: Duration::from_nanos(bits * 1_000_000_000 / rate),
        }
    }
}

/// A packet that arrived. Times in nanoseconds since the traffic began.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    number: u64,
    sent: u64,
    received: u64,
    bytes: usize,
}

impl Arrival {
    pub(crate) fn delay_ms(&self) -> f64 {
        self.received.saturating_sub(self.sent) as f64 / 1e6
    }
}

fn bind(namespace: &Namespace, own: Ipv4Addr, other: Ipv4Addr) -> Result<UdpSocket, Failure> {
    let socket = namespace.run(move || {
        let socket = UdpSocket::bind((own, PORT))?;
        socket.connect((other, PORT))?;
        Ok::<_, std::io::Error>(socket)
    })??;
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    Ok(socket)
}

fn sockets(lab: &Lab) -> Result<(UdpSocket, UdpSocket), Failure> {
    let client = bind(&lab.client, CLIENT, SERVER)?;
    let server = bind(&lab.server, SERVER, CLIENT)?;
    client.set_read_timeout(Some(SILENCE))?;
    server.set_read_timeout(Some(SILENCE))?;
    Ok((client, server))
}

/// Sends from client to server and says what arrived, in the order of arrival.
pub(crate) fn one_way(lab: &Lab, traffic: Traffic) -> Result<Vec<Arrival>, Failure> {
    let (client, server) = sockets(lab)?;
    let origin = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| send_all(&client, traffic, origin));
        Ok(receive_all(&server, traffic, origin))
    })
}

fn send_all(socket: &UdpSocket, traffic: Traffic, origin: Instant) {
    let mut packet = vec![0; traffic.payload];
    let start = origin.elapsed();
    for number in 0..traffic.packets {
        let due = start + traffic.interval.mul_f64(number as f64);
        let wait = due.saturating_sub(origin.elapsed());
        if wait > SLEEP {
            std::thread::sleep(wait);
        }
        packet[..8].copy_from_slice(&number.to_le_bytes());
        packet[8..16].copy_from_slice(&nanoseconds(origin).to_le_bytes());
        // A full device queue refuses packets; the receiver will see that they are missing.
        let _ = socket.send(&packet);
    }
}

fn receive_all(socket: &UdpSocket, traffic: Traffic, origin: Instant) -> Vec<Arrival> {
    let mut packet = [0; 2048];
    let mut arrivals = Vec::new();
    while (arrivals.len() as u64) < traffic.packets {
        let Ok(length) = socket.recv(&mut packet) else {
            break;
        };
        arrivals.push(Arrival {
            number: number(&packet[..8]),
            sent: number(&packet[8..16]),
            received: nanoseconds(origin),
            bytes: length + HEADERS,
        });
    }
    arrivals
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn nanoseconds(origin: Instant) -> u64 {
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Round trips of 64-byte packets at 100 Hz, in milliseconds.
pub(crate) fn ping(lab: &Lab, count: u64) -> Result<Vec<f64>, Failure> {
    let (client, server) = sockets(lab)?;
    let traffic = Traffic {
        packets: count,
        payload: 64 - HEADERS,
        interval: Duration::from_millis(10),
    };
    let origin = Instant::now();
    let arrivals = std::thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        scope.spawn(|| send_all(&client, traffic, origin));
        receive_all(&client, traffic, origin)
    });
    Ok(arrivals.iter().map(Arrival::delay_ms).collect())
}

fn echo(socket: &UdpSocket) {
    let mut packet = [0; 2048];
    while let Ok(length) = socket.recv(&mut packet) {
        let _ = socket.send(&packet[..length]);
    }
}

/// How many of `packets` did not arrive, and in how many bursts.
pub(crate) fn losses(arrivals: &[Arrival], packets: u64) -> (u64, u64) {
    let mut lost = 0;
    let mut bursts = 0;
    let mut expected = 0;
    let numbers = arrivals.iter().map(|arrival| arrival.number);
    for number in numbers.chain([packets]) {
        let missing = number.saturating_sub(expected);
        lost += missing;
        bursts += u64::from(missing > 0);
        expected = number + 1;
    }
    (lost, bursts)
}

/// Share of packets that arrived after a later one, 0 to 1.
pub(crate) fn overtaken(arrivals: &[Arrival]) -> f64 {
    let mut highest = 0;
    let mut count = 0_usize;
    for arrival in arrivals {
        count += usize::from(arrival.number < highest);
        highest = highest.max(arrival.number);
    }
    count as f64 / arrivals.len().max(1) as f64
}

/// Mbit/s of IP packets that were sent and that were received, between the first and the last that
/// arrived, without the first quarter: until then a slow sender may not have filled the link.
pub(crate) fn megabits_per_second(arrivals: &[Arrival]) -> [f64; 2] {
    let arrivals = &arrivals[arrivals.len() / 4..];
    let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else {
        return [0.0; 2];
    };
    let bytes: usize = arrivals.iter().skip(1).map(|arrival| arrival.bytes).sum();
    let sent_bytes = last.bytes as u64 * last.number.saturating_sub(first.number);
    let rate = |bytes: f64, from: u64, to: u64| bytes * 8e3 / to.saturating_sub(from) as f64;
    [
        rate(sent_bytes as f64, first.sent, last.sent),
        rate(bytes as f64, first.received, last.received),
    ]
}

/// Bits per second that a kernel TCP connection carries from server to client.
pub(crate) fn tcp(lab: &Lab, time: Duration) -> Result<f64, Failure> {
    let listener = lab.server.run(|| TcpListener::bind((SERVER, PORT)))??;
    let address = SocketAddr::from((SERVER, PORT));
    let mut client = lab.client.run(move || TcpStream::connect(address))??;
    client.set_read_timeout(Some(SILENCE))?;
    let (mut server, _) = listener.accept()?;
    let read = std::thread::scope(|scope| {
        scope.spawn(move || while server.write_all(&[0; 65536]).is_ok() {});
        let read = read_for(&mut client, time);
        drop(client);
        read
    });
    Ok(read as f64 * 8.0 / time.as_secs_f64())
}

fn read_for(client: &mut TcpStream, time: Duration) -> usize {
    let mut buffer = vec![0; 1 << 16];
    let start = Instant::now();
    let mut read = 0;
    while start.elapsed() < time {
        let Ok(length) = client.read(&mut buffer) else {
            break;
        };
        read += length;
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(numbers: &[u64]) -> Vec<Arrival> {
        let arrival = |&number| Arrival {
            number,
            sent: 0,
            received: number * 1_000_000_000,
            bytes: 100,
        };
        numbers.iter().map(arrival).collect()
    }

    #[test]
    fn losses_count_packets_and_bursts() {
        assert_eq!(losses(&arrivals(&[0, 3, 4, 6]), 9), (5, 3));
        assert_eq!(losses(&arrivals(&[]), 4), (4, 1));
        assert_eq!(losses(&arrivals(&[0, 1]), 2), (0, 0));
    }

    #[test]
    fn overtaken_packets_are_those_behind_a_later_one() {
        assert_eq!(overtaken(&arrivals(&[0, 2, 1, 3])), 0.25);
    }

    #[test]
    fn rates_count_from_first_to_last() {
        let mut arrivals = arrivals(&[0, 9, 11, 13]);
        for arrival in &mut arrivals {
            arrival.sent = arrival.number * 500_000_000;
        }
        // 100 bytes every half second sent; every other one arrives, one in two seconds.
        assert_eq!(megabits_per_second(&arrivals), [0.0016, 0.0004]);
        assert_eq!(megabits_per_second(&[]), [0.0; 2]);
    }
}
