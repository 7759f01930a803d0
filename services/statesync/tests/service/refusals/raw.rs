//! Calls of any method with any bytes.

use aetherflow_api::statesync::v1 as wire;
use futures::stream;
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use prost_reflect::MethodDescriptor;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use wire::apply_operations_response::Outcome;

use crate::world::{Identity, World, soon};

/// Somebody who can send whatever they like.
#[derive(Clone)]
pub(super) struct RawClient(InterceptedService<Channel, Identity>);

impl RawClient {
    pub(super) async fn new(world: &World, identity: Identity) -> Self {
        let channel = world.channel().await;
        Self(InterceptedService::new(channel, identity))
    }

    /// Sends this as the only message of a request, and takes the first message of the answer.
    pub(super) async fn call(
        &self,
        method: &MethodDescriptor,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        let service = method.parent_service().full_name();
        let path = format!("/{service}/{}", method.name());
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await.expect("the connection is there");
        let request = Request::new(stream::iter([request]));
        // On the wire a call with one message is a stream of one message.
        let called = grpc.streaming(request, path.parse().unwrap(), Bytes).await;
        let answer = soon(called?.into_inner().message()).await?;
        let answer = answer.expect("a message or an error");
        if method.is_client_streaming() {
            return of_stream(&answer);
        }
        Ok(answer)
    }
}

/// In a stream, one that is refused is one answer among others.
fn of_stream(answer: &[u8]) -> Result<Vec<u8>, Status> {
    let answered = wire::ApplyOperationsResponse::decode(answer).unwrap();
    match answered.outcome.expect("an outcome") {
        Outcome::Applied(applied) => Ok(applied.encode_to_vec()),
        Outcome::Failed(failed) => {
            let details = failed.encode_to_vec().into();
            Err(Status::with_details(
                failed.code.into(),
                failed.message,
                details,
            ))
        }
    }
}

/// Messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
