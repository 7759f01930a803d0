//! A client of the service, which goes to another replica when one does not answer.

use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use tokio::sync::watch;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use wire::state_sync_service_client::StateSyncServiceClient;

use crate::failure::Failure;
use crate::servers::{Place, Servers};

pub(crate) type Client = StateSyncServiceClient<Channel>;

/// Who calls, and whom.
pub(crate) struct Caller {
    identity: MetadataMap,
    places: Vec<watch::Receiver<Place>>,
    /// Connections that were made, and to which process.
    connections: Vec<Option<(u64, Channel)>>,
    at: usize,
}

impl Caller {
    /// A user in a session of this name, who calls this replica first.
    pub(crate) fn new(servers: &Servers, name: &str, at: usize) -> Result<Self, Failure> {
        let value = |text: String| {
            let value = AsciiMetadataValue::try_from(text);
            value.map_err(|error| Failure::new(error.to_string()))
        };
        let mut identity = MetadataMap::new();
        identity.insert("x-user-id", value(name.to_owned())?);
        identity.insert("x-session-id", value(session(name))?);
        let places: Vec<_> = servers.replicas.iter().map(|it| it.place()).collect();
        Ok(Self {
            identity,
            connections: vec![None; places.len()],
            places,
            at,
        })
    }

    /// The replica that is called.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Goes to this one.
    pub(crate) fn go_to(&mut self, replica: usize) {
        self.at = replica % self.places.len();
    }

    /// Goes to the next one.
    pub(crate) fn move_on(&mut self) {
        self.go_to(self.at + 1);
    }

    /// A client of the replica, wherever it is now.
    pub(crate) fn client(&mut self) -> Result<Client, Failure> {
        let place = *self.places[self.at].borrow();
        let known = self.connections[self.at].as_ref();
        let known = known.filter(|(process, _)| *process == place.process);
        let channel = match known {
            Some((_, channel)) => channel.clone(),
            None => {
                let channel = endpoint(place)?.connect_lazy();
                self.connections[self.at] = Some((place.process, channel.clone()));
                channel
            }
        };
        Ok(StateSyncServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX))
    }

    /// A call that is given up after a while.
    pub(crate) fn request<Q>(&self, asked: Q) -> Request<Q> {
        let mut request = self.stream_request(asked);
        request.set_timeout(PATIENCE);
        request
    }

    /// One that goes on.
    pub(crate) fn stream_request<Q>(&self, asked: Q) -> Request<Q> {
        let mut request = Request::new(asked);
        *request.metadata_mut() = self.identity.clone();
        request
    }
}

/// The session of a user.
pub(crate) fn session(user: &str) -> String {
    format!("session of {user}")
}

/// The answer, or that there is none by the time at which the call is given up.
pub(crate) async fn answer<A>(
    call: impl Future<Output = Result<Response<A>, Status>>,
) -> Result<A, Status> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer")),
    }
}

fn endpoint(place: Place) -> Result<Endpoint, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{}", place.address));
    let endpoint = endpoint.map_err(|error| Failure::new(error.to_string()))?;
    Ok(endpoint
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true)
        // Streams find out that nobody is there any more.
        .http2_keep_alive_interval(PATIENCE)
        .keep_alive_timeout(PATIENCE)
        .keep_alive_while_idle(true))
}

/// How long to wait for an answer before another replica is asked.
const PATIENCE: Duration = Duration::from_secs(1);
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
