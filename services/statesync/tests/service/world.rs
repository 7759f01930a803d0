//! A service on a free port of loopback, and clients of it.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use guuid::SystemClock;
use statesync::server::{Parts, serve};
use statesync::{CallLimits, ServiceSecret, TrustedGateway};
use statesync_core::{DocumentStore, Library, Limits, MemoryStore};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use wire::state_sync_service_client::StateSyncServiceClient;

use crate::places::library;

pub(crate) const SECRET: &str = "a secret that is only for tests!".trim_ascii();

pub(crate) type Client = StateSyncServiceClient<InterceptedService<Channel, Identity>>;

/// Who a client says that it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity(pub(crate) MetadataMap);

impl Identity {
    pub(crate) fn of(user: &str, session: &str) -> Self {
        let mut metadata = MetadataMap::new();
        metadata.insert("x-user-id", user.parse().unwrap());
        metadata.insert("x-session-id", session.parse().unwrap());
        let token = format!("Bearer {}", secret());
        metadata.insert("authorization", token.parse().unwrap());
        Self(metadata)
    }
}

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for entry in self.0.iter() {
            if let tonic::metadata::KeyAndValueRef::Ascii(key, value) = entry {
                request.metadata_mut().insert(key, value.clone());
            }
        }
        Ok(request)
    }
}

fn secret() -> String {
    SECRET.replace(' ', "-")
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    _kept: Box<dyn Any + Send>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::bounded(Limits::default(), CallLimits::default()).await
    }

    pub(crate) async fn bounded(limits: Limits, calls: CallLimits) -> Self {
        Self::over(Arc::new(MemoryStore::new()), limits, calls).await
    }

    /// Something that is there as long as the service is.
    pub(crate) fn with(mut self, kept: impl Any + Send) -> Self {
        self._kept = Box::new(kept);
        self
    }

    pub(crate) async fn over(
        store: Arc<dyn DocumentStore>,
        limits: Limits,
        calls: CallLimits,
    ) -> Self {
        Self::of(library(store, Arc::new(SystemClock), limits), calls).await
    }

    pub(crate) async fn of(library: Library, calls: CallLimits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let secret = ServiceSecret::new(&secret()).unwrap();
        let parts = Parts {
            library: Arc::new(library),
            authenticate: Arc::new(TrustedGateway::new(Some(secret))),
            limits: calls,
        };
        let stop = CancellationToken::new();
        let serving = serve(listener, parts, stop.clone());
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            stop,
            server,
            _kept: Box::new(()),
        }
    }

    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A client of this user, with a connection of its own.
    pub(crate) async fn client(&self, user: &str) -> Client {
        self.client_as(Identity::of(user, &format!("session of {user}")))
            .await
    }

    pub(crate) async fn client_as(&self, identity: Identity) -> Client {
        connect(self.address, identity).await
    }
}

/// A client with a connection of its own.
pub(crate) async fn connect(address: SocketAddr, identity: Identity) -> Client {
    const BYTES: usize = 64 * 1024 * 1024;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    StateSyncServiceClient::with_interceptor(channel, identity)
        .max_decoding_message_size(BYTES)
        .max_encoding_message_size(BYTES)
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What comes within a time that is only there so that a mistake does not hang the tests.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("this should have come long ago")
}
