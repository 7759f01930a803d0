mod deadlines;
mod hostile;
mod lossy;
mod timed;
mod urgency;

use std::time::Duration;

use super::*;
use crate::carried::Contents;
use crate::frame::{Frame, Frames};

/// A packet: its frames, and what its sender remembers of it.
struct Packet {
    payload: Vec<u8>,
    contents: Contents,
}

fn config() -> TransportConfig {
    TransportConfig::default()
}

fn pair(config: &TransportConfig) -> (Messages, Messages) {
    let mut pair = (Messages::new(config), Messages::new(config));
    for end in [&mut pair.0, &mut pair.1] {
        end.set_peer_limits(config.message_receive_window, config.message_bytes_max);
    }
    pair
}

fn packet(messages: &mut Messages, size: usize) -> Option<Packet> {
    packet_with(messages, &outlook(Instant::ORIGIN), size)
}

fn packet_with(messages: &mut Messages, outlook: &Outlook, size: usize) -> Option<Packet> {
    let (mut payload, mut contents) = (Vec::new(), Contents::new());
    let mut buffer = PacketBuffer {
        buffer: &mut payload,
        end: size,
        more: false,
        contents: &mut contents,
    };
    write(messages, outlook, &mut buffer);
    assert!(payload.len() <= size);
    (!payload.is_empty()).then_some(Packet { payload, contents })
}

/// Fills a packet with messages alone.
fn write(messages: &mut Messages, outlook: &Outlook, packet: &mut PacketBuffer<'_>) {
    messages.write_control(0, packet);
    if messages.next().is_some() {
        messages.write_time(outlook.now, packet);
    }
    while let Some((urgency, _)) = messages.next()
        && messages.write_next(urgency, outlook, packet)
    {}
    messages.write_endings(packet);
    messages.tell_blocked(packet);
}

/// Nothing delays anything.
fn outlook(now: Instant) -> Outlook {
    Outlook {
        now,
        least_delay: Duration::ZERO,
        queueing: Duration::ZERO,
        half_smoothed: Duration::ZERO,
        rate: u64::MAX,
        packet_time: Duration::ZERO,
        in_flight: true,
    }
}

/// Messages without a deadline, for which the time does not matter.
impl Messages {
    fn post(&mut self, data: Bytes, reliable: bool) -> Result<u64, SendMessageError> {
        let options = if reliable {
            MessageOptions::reliable()
        } else {
            MessageOptions::unreliable()
        };
        self.send(Instant::ORIGIN, data, &options)
    }

    fn take(&mut self) -> Option<Bytes> {
        self.receive(Instant::ORIGIN)
    }
}

fn receive(messages: &mut Messages, payload: &[u8]) -> Result<(), TransportError> {
    receive_at(messages, Instant::ORIGIN, payload)
}

fn receive_at(messages: &mut Messages, now: Instant, payload: &[u8]) -> Result<(), TransportError> {
    messages.on_packet();
    let mut frames = Frames::new(payload);
    for frame in &mut frames {
        match frame.unwrap() {
            Frame::Message(message) => messages.on_message(now, &message)?,
            Frame::Timestamp(sent) => messages.on_timestamp(now, sent),
            Frame::MessagesExpired(totals) => messages.on_messages_expired(totals),
            Frame::ResetMessage { id, size, reason } => {
                messages.on_reset_message(id, size, reason)?;
            }
            Frame::MaxMessageData { bytes } => messages.on_max_message_data(bytes),
            Frame::MessageDataBlocked { .. } => {}
            other => panic!("messages do not send {other:?}"),
        }
    }
    Ok(())
}

fn acknowledge(messages: &mut Messages, contents: &[Carried]) {
    for carried in contents {
        messages.on_delivered(carried);
    }
}

fn lose(messages: &mut Messages, contents: &[Carried]) {
    for carried in contents {
        messages.on_lost(carried);
    }
}

fn transfer(from: &mut Messages, to: &mut Messages) {
    while let Some(packet) = packet(from, 1200) {
        receive(to, &packet.payload).unwrap();
        acknowledge(from, &packet.contents);
    }
}

fn statistics(messages: &Messages) -> Statistics {
    let mut statistics = Statistics::default();
    messages.fill(&mut statistics);
    statistics
}

fn data(size: usize) -> Bytes {
    (0..size)
        .map(|index| (index ^ (index >> 8)) as u8)
        .collect()
}

#[test]
fn messages_of_every_size_arrive_whole() {
    let (mut sender, mut receiver) = pair(&config());
    for size in [0, 1, 63, 64, 1170, 1180, 1190, 1200, 2400, 100_000, 1 << 20] {
        for reliable in [true, false] {
            sender.post(data(size), reliable).unwrap();
            transfer(&mut sender, &mut receiver);
            assert_eq!(receiver.take(), Some(data(size)), "{size} bytes");
            transfer(&mut receiver, &mut sender);
        }
    }
    assert_eq!(receiver.take(), None);
    assert!(sender.all_delivered());
}

#[test]
fn a_message_behind_a_lost_one_does_not_wait() {
    let (mut sender, mut receiver) = pair(&config());
    sender.post(data(900), true).unwrap();
    let lost = packet(&mut sender, 1200).unwrap();
    sender.post(data(10), true).unwrap();
    transfer(&mut sender, &mut receiver);
    assert_eq!(receiver.take(), Some(data(10)));
    assert_eq!(receiver.take(), None);
    lose(&mut sender, &lost.contents);
    transfer(&mut sender, &mut receiver);
    assert_eq!(receiver.take(), Some(data(900)));
}

#[test]
fn an_unreliable_message_is_given_up_and_its_credit_comes_back() {
    let config = TransportConfig {
        message_receive_window: 10_000,
        message_bytes_max: 5000,
        ..config()
    };
    let (mut sender, mut receiver) = pair(&config);
    for _ in 0..20 {
        sender.post(data(4000), false).unwrap();
        let lost = packet(&mut sender, 1200).unwrap();
        lose(&mut sender, &lost.contents);
        transfer(&mut sender, &mut receiver);
        assert_eq!(receiver.take(), None);
        assert!(sender.all_delivered());
        transfer(&mut receiver, &mut sender);
    }
    sender.post(data(5000), false).unwrap();
    transfer(&mut sender, &mut receiver);
    assert_eq!(receiver.take(), Some(data(5000)));
}

#[test]
fn a_lost_reset_is_repeated() {
    let (mut sender, mut receiver) = pair(&config());
    sender.post(data(4000), false).unwrap();
    let first = packet(&mut sender, 1200).unwrap();
    receive(&mut receiver, &first.payload).unwrap();
    let second = packet(&mut sender, 1200).unwrap();
    lose(&mut sender, &second.contents);
    let reset = packet(&mut sender, 1200).unwrap();
    assert_eq!(reset.contents[..], [Carried::ResetMessage { number: 0 }]);
    lose(&mut sender, &reset.contents);
    transfer(&mut sender, &mut receiver);
    assert!(sender.all_delivered());
    // Its bytes come late: nobody wants them any more.
    receive(&mut receiver, &second.payload).unwrap();
    assert_eq!(receiver.take(), None);
}

#[test]
fn messages_without_credit_wait_and_say_so_once() {
    let config = TransportConfig {
        message_receive_window: 2000,
        message_bytes_max: 1000,
        ..config()
    };
    let (mut sender, mut receiver) = pair(&config);
    for _ in 0..5 {
        sender.post(data(900), true).unwrap();
    }
    let is_blocked = |packet: &Packet| packet.contents.contains(&Carried::Blocked);
    let mut told = 0;
    while let Some(packet) = packet(&mut sender, 1200) {
        told += usize::from(is_blocked(&packet));
        receive(&mut receiver, &packet.payload).unwrap();
        acknowledge(&mut sender, &packet.contents);
    }
    assert_eq!((told, sender.has_pending()), (1, false));
    let mut received = 0;
    while receiver.take().is_some() {
        received += 1;
        transfer(&mut receiver, &mut sender);
        transfer(&mut sender, &mut receiver);
    }
    assert_eq!(received, 5);
}

#[test]
fn credit_is_renewed_before_it_is_too_little_for_the_largest_message() {
    let config = TransportConfig {
        message_receive_window: 5000,
        message_bytes_max: 4000,
        ..config()
    };
    let (mut sender, mut receiver) = pair(&config);
    for size in [1000, 4000] {
        sender.post(data(size), true).unwrap();
        transfer(&mut sender, &mut receiver);
        assert_eq!(receiver.take(), Some(data(size)));
        transfer(&mut receiver, &mut sender);
    }
}

#[test]
fn what_the_peer_never_takes_is_refused_at_once() {
    let mut sender = Messages::new(&config());
    assert_eq!(sender.post(data(10), true), Err(SendMessageError::Blocked));
    sender.set_peer_limits(1000, 5000);
    assert_eq!(sender.poll_event(), Some(MessageEvent::Writable));
    let refused = SendMessageError::TooLarge {
        bytes: 937,
        bytes_max: 936,
    };
    assert_eq!(sender.post(data(937), true), Err(refused));
    assert_eq!(sender.post(data(936), true), Ok(0));
    sender.set_peer_limits(0, 0);
    let refused = SendMessageError::TooLarge {
        bytes: 0,
        bytes_max: 0,
    };
    assert_eq!(sender.post(data(0), true), Err(refused));
}

#[test]
fn the_send_window_holds_senders_up_and_wakes_them() {
    let config = TransportConfig {
        send_window: 10_000,
        ..config()
    };
    let (mut sender, mut receiver) = pair(&config);
    let accepted = (0..100).take_while(|_| sender.post(data(1000), true).is_ok());
    assert_eq!(accepted.count(), 9);
    assert_eq!(sender.poll_event(), None);
    transfer(&mut sender, &mut receiver);
    assert_eq!(sender.poll_event(), Some(MessageEvent::Writable));
    assert_eq!(sender.poll_event(), None);
}

#[test]
fn rejected_early_data_is_sent_again() {
    let (mut sender, mut receiver) = pair(&config());
    for size in [10, 5000, 0, 70] {
        sender.post(data(size), size != 70).unwrap();
    }
    let lost = [packet(&mut sender, 1200), packet(&mut sender, 1200)];
    sender.restart();
    for packet in lost.iter().flatten() {
        lose(&mut sender, &packet.contents);
    }
    transfer(&mut sender, &mut receiver);
    let mut sizes: Vec<_> = std::iter::from_fn(|| receiver.take()).collect();
    sizes.sort_by_key(Bytes::len);
    assert!(sizes.contains(&data(5000)) && sizes.contains(&data(10)) && sizes.contains(&data(0)));
    assert!(sender.all_delivered());
}

#[test]
fn no_messages_cost_no_memory() {
    assert!(size_of::<Messages>() <= 600, "{}", size_of::<Messages>());
}
