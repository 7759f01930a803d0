mod hostile;
mod life;
mod lossy;

use super::*;
use crate::carried::{Carried, Contents, PacketBuffer};
use crate::error::TransportError;
use crate::frame::{self, Frame, Frames};

const BIDI: Direction = Direction::Bidirectional;
const UNI: Direction = Direction::Unidirectional;

/// A packet: its frames, and what its sender remembers of it.
#[derive(Clone)]
struct Packet {
    payload: Vec<u8>,
    contents: Contents,
}

fn config() -> TransportConfig {
    TransportConfig::default()
}

fn limits(config: &TransportConfig) -> PeerLimits {
    PeerLimits {
        data: config.receive_window,
        bidi_local: config.stream_receive_window,
        bidi_remote: config.stream_receive_window,
        uni: config.stream_receive_window,
        streams_bidi: config.bidirectional_streams_max,
        streams_uni: config.unidirectional_streams_max,
    }
}

/// A client and a server that know each other's limits.
fn pair(config: &TransportConfig) -> (Streams, Streams) {
    let mut client = Streams::new(Side::Client, config);
    let mut server = Streams::new(Side::Server, config);
    client.set_peer_limits(limits(config));
    server.set_peer_limits(limits(config));
    (client, server)
}

/// The next packet of up to `size` bytes, if there is something to send.
fn packet(streams: &mut Streams, size: usize) -> Option<Packet> {
    let (mut payload, mut contents) = (Vec::new(), Contents::new());
    let mut buffer = PacketBuffer {
        buffer: &mut payload,
        end: size,
        more: false,
        contents: &mut contents,
    };
    streams.write_control(&mut buffer);
    while let Some((urgency, _)) = streams.next()
        && streams.write_next(urgency, &mut buffer)
    {}
    streams.tell_blocked();
    assert!(payload.len() <= size);
    (!payload.is_empty()).then_some(Packet { payload, contents })
}

fn receive(streams: &mut Streams, payload: &[u8]) -> Result<(), TransportError> {
    let mut frames = Frames::new(payload);
    for frame in &mut frames {
        handle(streams, frame.unwrap())?;
    }
    Ok(())
}

fn handle(streams: &mut Streams, frame: Frame<'_>) -> Result<(), TransportError> {
    match frame {
        Frame::Stream(stream) => streams.on_stream(&stream),
        Frame::ResetStream {
            id,
            error,
            final_size,
        } => streams.on_reset_stream(id, error, final_size),
        Frame::StopSending { id, error } => streams.on_stop_sending(id, error),
        Frame::MaxStreamData { id, bytes } => streams.on_max_stream_data(id, bytes),
        Frame::StreamDataBlocked { id, .. } => streams.on_stream_data_blocked(id),
        Frame::MaxData { bytes } => {
            streams.on_max_data(bytes);
            Ok(())
        }
        Frame::MaxStreams { direction, count } => {
            streams.on_max_streams(direction, count);
            Ok(())
        }
        Frame::DataBlocked { .. } | Frame::StreamsBlocked { .. } => Ok(()),
        other => panic!("streams do not send {other:?}"),
    }
}

fn acknowledge(streams: &mut Streams, contents: &[Carried]) {
    for carried in contents {
        streams.on_delivered(carried);
    }
}

fn lose(streams: &mut Streams, contents: &[Carried]) {
    for carried in contents {
        streams.on_lost(carried);
    }
}

/// Delivers and acknowledges everything that `from` has to send.
fn transfer(from: &mut Streams, to: &mut Streams) {
    while let Some(packet) = packet(from, 1200) {
        receive(to, &packet.payload).unwrap();
        acknowledge(from, &packet.contents);
    }
}

fn events(streams: &mut Streams) -> Vec<StreamEvent> {
    std::iter::from_fn(|| streams.poll_event()).collect()
}

fn stream(id: StreamId, offset: u64, data: &[u8], fin: bool) -> frame::Stream<'_> {
    frame::Stream {
        id,
        offset,
        fin,
        data,
    }
}
