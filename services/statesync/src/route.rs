//! The service as the server calls it: the generated routes, but for subscriptions, whose events are encoded
//! once for all subscribers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aetherflow_api::statesync::v1 as wire;
use futures::Stream;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, BoxFuture, Service, StdError, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};
use wire::state_sync_service_server::{SERVICE_NAME, StateSyncServiceServer};

use crate::service::StateSync;
use crate::subscribe::{Frame, FrameCodec};

const SUBSCRIBE: &str = "/aetherflow.statesync.v1.StateSyncService/SubscribeDocument";

/// See the module.
#[derive(Clone)]
pub(crate) struct Routes {
    generated: StateSyncServiceServer<StateSync>,
    service: Arc<StateSync>,
    request_bytes_max: usize,
}

impl Routes {
    /// Routes to `service`, for requests of at most so many bytes.
    pub(crate) fn new(service: StateSync, request_bytes_max: usize) -> Self {
        let service = Arc::new(service);
        let generated = StateSyncServiceServer::from_arc(Arc::clone(&service));
        Self {
            generated: generated.max_decoding_message_size(request_bytes_max),
            service,
            request_bytes_max,
        }
    }
}

impl NamedService for Routes {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for Routes
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != SUBSCRIBE {
            return self.generated.call(request);
        }
        let subscribing = Subscribing(Arc::clone(&self.service));
        let mut grpc = Grpc::new(FrameCodec).max_decoding_message_size(self.request_bytes_max);
        Box::pin(async move { Ok(grpc.server_streaming(subscribing, request).await) })
    }
}

struct Subscribing(Arc<StateSync>);

impl ServerStreamingService<wire::SubscribeDocumentRequest> for Subscribing {
    type Response = Frame;
    type ResponseStream = Frames;
    type Future = BoxFuture<Response<Frames>, Status>;

    fn call(&mut self, request: Request<wire::SubscribeDocumentRequest>) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { service.frames(request).await })
    }
}

/// Frames of one subscription.
pub(crate) type Frames = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;
