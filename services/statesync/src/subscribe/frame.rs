//! Events as they are sent: what all subscribers are told is encoded once for all of them.

use aetherflow_api::statesync::v1 as wire;
use bytes::{BufMut, Bytes};
use prost::Message;
use statesync_core::{DocumentId, News};
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::{ProstCodec, ProstDecoder};

use super::event;

/// One event on its way to one subscriber.
pub(crate) enum Frame {
    /// An encoded event, that others are sent as well.
    Shared(Bytes),
    /// An event for this one.
    Own(Box<wire::DocumentEvent>),
}

impl Frame {
    /// The operation of a record, as all subscribers of its document are told it.
    pub(super) fn of_news(id: DocumentId, news: &News) -> Self {
        let frame = news.frame(|| {
            let event = wire::DocumentEvent {
                doc_id: id.to_string(),
                version: news.record.version.0,
                event: Some(event::of_record(id, &news.record)),
            };
            event.encode_to_vec().into()
        });
        Self::Shared(frame.clone())
    }

    /// The event.
    pub(crate) fn event(self) -> Result<wire::DocumentEvent, Status> {
        match self {
            Self::Own(event) => Ok(*event),
            Self::Shared(bytes) => wire::DocumentEvent::decode(bytes)
                .map_err(|error| Status::internal(error.to_string())),
        }
    }
}

/// Writes frames where the generated code would write events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameCodec;

/// See [`FrameCodec`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameEncoder;

impl Codec for FrameCodec {
    type Encode = Frame;
    type Decode = wire::SubscribeDocumentRequest;
    type Encoder = FrameEncoder;
    type Decoder = ProstDecoder<Self::Decode>;

    fn encoder(&mut self) -> Self::Encoder {
        FrameEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<wire::DocumentEvent, Self::Decode>::default().decoder()
    }
}

impl Encoder for FrameEncoder {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match frame {
            Frame::Shared(bytes) => buffer.put_slice(&bytes),
            Frame::Own(event) => event
                .encode(buffer)
                .map_err(|error| Status::internal(error.to_string()))?,
        }
        Ok(())
    }
}
