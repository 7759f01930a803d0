//! Clients of the service: many who read, and one who writes.

use std::time::{Duration, Instant};

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use tokio::task::JoinHandle;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use wire::document_event::Event;
use wire::operation_data::Kind;
use wire::state_sync_service_client::StateSyncServiceClient;

use super::PATIENCE;
use crate::Failure;
use crate::latency::Latencies;
use crate::material;

/// Connections that the readers share.
const CONNECTIONS: usize = 8;

/// The Yjs client that writes.
const AUTHOR: u32 = 1;

pub(crate) type Client = StateSyncServiceClient<InterceptedService<Channel, Identity>>;

/// Names the caller, as a gateway does.
#[derive(Clone)]
pub(crate) struct Identity(MetadataValue<Ascii>);

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("x-user-id", MetadataValue::from_static("alice"));
        metadata.insert("x-session-id", self.0.clone());
        Ok(request)
    }
}

pub(crate) fn client(channel: Channel) -> Client {
    const BYTES: usize = 64 * 1024 * 1024;
    let session = MetadataValue::try_from(Guuid::now().to_string());
    // An id is letters, digits and dashes.
    let session = session.unwrap_or(MetadataValue::from_static("session"));
    StateSyncServiceClient::with_interceptor(channel, Identity(session))
        .max_decoding_message_size(BYTES)
        .max_encoding_message_size(BYTES)
}

async fn connect(port: u16) -> Result<Client, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    Ok(client(endpoint.tcp_nodelay(true).connect().await?))
}

/// The events of a document from its beginning on. The first one, who is there, was read.
pub(crate) async fn subscribe(
    client: &mut Client,
    document: &str,
    name: &str,
) -> Result<Streaming<wire::DocumentEvent>, Failure> {
    let asked = wire::SubscribeDocumentRequest {
        doc_id: document.to_owned(),
        from_version: Some(0),
        user_name: name.to_owned(),
    };
    let mut events = client.subscribe_document(asked).await?.into_inner();
    events.message().await?.ok_or("no first event")?;
    Ok(events)
}

/// Who reads, and is quick about it. Each ends when it has everything.
pub(crate) struct Crowd(Vec<JoinHandle<Result<Arrivals, Failure>>>);

/// When which version was there, and how often the content came in place of what had led to it.
struct Arrivals {
    operations: Vec<(u64, Instant)>,
    resyncs: u32,
}

impl Crowd {
    /// So many come in, who will read until they have the version `last`.
    pub(crate) async fn enter(
        port: u16,
        document: &str,
        count: usize,
        last: u64,
    ) -> Result<Self, Failure> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS.min(count) {
            clients.push(connect(port).await?);
        }
        let mut readers = Vec::with_capacity(count);
        for index in 0..count {
            let client = &mut clients[index % CONNECTIONS];
            let name = format!("reader {index}");
            let events = subscribe(client, document, &name).await?;
            readers.push(tokio::spawn(read(events, last)));
        }
        Ok(Self(readers))
    }

    /// Waits until everybody has everything; how late each keystroke was for each of them.
    pub(crate) async fn latencies(self, due: &[Instant]) -> Result<Latencies, Failure> {
        let mut latencies = Latencies::default();
        for reader in self.0 {
            let arrivals = tokio::time::timeout(PATIENCE, reader).await???;
            let is_whole = arrivals.resyncs == 0 && arrivals.operations.len() == due.len();
            if !is_whole {
                return Err("a reader fell behind who should not have".into());
            }
            for ((_, arrived), due) in arrivals.operations.iter().zip(due) {
                latencies.note(arrived.saturating_duration_since(*due));
            }
        }
        Ok(latencies)
    }

    /// Waits until everybody has everything.
    pub(crate) async fn have_everything(self) -> Result<(), Failure> {
        for reader in self.0 {
            tokio::time::timeout(PATIENCE, reader).await???;
        }
        Ok(())
    }
}

async fn read(mut events: Streaming<wire::DocumentEvent>, last: u64) -> Result<Arrivals, Failure> {
    let mut arrivals = Arrivals {
        operations: Vec::new(),
        resyncs: 0,
    };
    loop {
        let event = events.message().await?.ok_or("the stream ended")?;
        match event.event {
            Some(Event::OperationApplied(operation)) => {
                arrivals
                    .operations
                    .push((operation.version, Instant::now()));
            }
            Some(Event::Resync(_)) => arrivals.resyncs += 1,
            // Who comes and goes, and how things were when one came in.
            _ => continue,
        }
        if event.version >= last {
            return Ok(arrivals);
        }
    }
}

/// Who writes, and the document that they made for it.
pub(crate) struct Writer {
    client: Client,
    document: String,
    typed: u32,
}

impl Writer {
    pub(crate) async fn new(port: u16) -> Result<Self, Failure> {
        let mut client = connect(port).await?;
        let create = wire::CreateDocumentRequest {
            name: "Bench".to_owned(),
            r#type: wire::DocumentType::Text.into(),
            public: wire::PublicAccess::Edit.into(),
        };
        let created = client.create_document(create).await?.into_inner();
        Ok(Self {
            client,
            document: created.document.ok_or("no document")?.id,
            typed: 0,
        })
    }

    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    fn insertion(&mut self, inserted: &str) -> wire::ApplyOperationRequest {
        let update = material::insertion(AUTHOR, self.typed, inserted);
        self.typed += inserted.len() as u32;
        wire::ApplyOperationRequest {
            doc_id: self.document.clone(),
            data: Some(wire::OperationData {
                kind: Some(Kind::YjsUpdate(update)),
            }),
            ..Default::default()
        }
    }

    /// Types, whether or not the last one was answered; when each keystroke was due.
    pub(crate) async fn type_by_the_clock(
        &mut self,
        keystrokes: u32,
        per_second: u32,
    ) -> Result<Vec<Instant>, Failure> {
        let began = Instant::now() + Duration::from_millis(100);
        let due = (0..keystrokes).map(|index| began + Duration::from_secs(1) * index / per_second);
        let due: Vec<Instant> = due.collect();
        let mut answers = Vec::with_capacity(due.len());
        for at in &due {
            let asked = self.insertion("x");
            tokio::time::sleep_until((*at).into()).await;
            let mut client = self.client.clone();
            answers.push(tokio::spawn(
                async move { client.apply_operation(asked).await },
            ));
        }
        for answer in answers {
            answer.await??;
        }
        Ok(due)
    }

    /// Puts in so many texts of this size, one after the other.
    pub(crate) async fn paste(&mut self, edits: usize, bytes: usize) -> Result<(), Failure> {
        let inserted = "x".repeat(bytes);
        for _ in 0..edits {
            let asked = self.insertion(&inserted);
            self.client.apply_operation(asked).await?;
        }
        Ok(())
    }
}
