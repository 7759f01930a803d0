//! A client of the document service, as tonic generates it, and a reader that has nothing but events.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use wire::document_event::Event;
use wire::operation_data::Kind;
use wire::state_sync_service_client::StateSyncServiceClient;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Transact, Update};

use crate::patience::in_time;
use crate::rest::Person;
use crate::server::Server;

pub(crate) type Client = StateSyncServiceClient<InterceptedService<Channel, Credentials>>;

/// What a client sends with every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials(MetadataMap);

impl Credentials {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        let value: AsciiMetadataValue = value.parse().unwrap();
        self.0.insert(name, value);
        self
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        *request.metadata_mut() = self.0.clone();
        Ok(request)
    }
}

/// The access token of somebody who is logged in.
pub(crate) fn token(person: &Person) -> Credentials {
    let token = format!("Bearer {}", person.access_token);
    Credentials::default().with("authorization", &token)
}

/// A client with a connection of its own.
pub(crate) async fn connect(server: &Server, credentials: Credentials) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.statesync)).unwrap();
    let channel = in_time("a connection for calls", endpoint.connect());
    StateSyncServiceClient::with_interceptor(channel.await.unwrap(), credentials)
}

/// A request to type at a place of a text.
pub(crate) fn type_in(document: &str, position: u32, text: &str) -> wire::ApplyOperationRequest {
    let edit = wire::TextEdit {
        position,
        delete: 0,
        insert: text.to_owned(),
    };
    let kind = Kind::Text(wire::EditText {
        edits: vec![edit],
        ..Default::default()
    });
    wire::ApplyOperationRequest {
        doc_id: document.to_owned(),
        operation_id: Some(Guuid::now().to_string()),
        data: Some(wire::OperationData { kind: Some(kind) }),
        ..Default::default()
    }
}

/// Carries out an operation; the version that it made.
pub(crate) async fn apply(
    client: &mut Client,
    operation: wire::ApplyOperationRequest,
) -> Result<wire::ApplyOperationResponse, Status> {
    let answer = in_time(
        "an answer to an operation",
        client.apply_operation(operation),
    );
    answer.await.map(tonic::Response::into_inner)
}

/// The text of a document.
pub(crate) async fn content(client: &mut Client, document: &str) -> Result<wire::Content, Status> {
    let asked = wire::GetContentRequest {
        doc_id: document.to_owned(),
        ..Default::default()
    };
    let answer = in_time("the content", client.get_content(asked)).await?;
    Ok(answer.into_inner().content.unwrap())
}

/// Somebody who reads along.
pub(crate) struct Reader {
    events: Streaming<wire::DocumentEvent>,
    document: Doc,
}

impl Reader {
    /// Reads from the first version on.
    pub(crate) async fn begin(client: &mut Client, document: &str) -> Self {
        let asked = wire::SubscribeDocumentRequest {
            doc_id: document.to_owned(),
            from_version: Some(0),
            user_name: String::new(),
        };
        let answer = in_time("a subscription", client.subscribe_document(asked));
        Self {
            events: answer.await.unwrap().into_inner(),
            document: Doc::new(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let text = self.document.get_or_insert_text("content");
        text.get_string(&self.document.transact())
    }

    /// Takes in one event.
    pub(crate) async fn next(&mut self) -> Result<(), Status> {
        let told = in_time("an event", self.events.message()).await?;
        if let Some(Event::OperationApplied(operation)) = told.and_then(|told| told.event)
            && let Some(update) = operation.effect.and_then(|effect| effect.yjs_update)
        {
            let update = Update::decode_v1(&update).unwrap();
            let applied = self.document.transact_mut().apply_update(update);
            applied.unwrap();
        }
        Ok(())
    }

    /// Reads along until the text is this.
    pub(crate) async fn until(&mut self, text: &str) {
        while self.text() != text {
            self.next().await.expect("the stream goes on");
        }
    }

    /// Reads along until the server ends it, and says how.
    pub(crate) async fn ended(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}
