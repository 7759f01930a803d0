//! A client who listens, and goes on from what it has when a subscription ends.

use std::sync::Arc;
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use parking_lot::Mutex;
use tokio::sync::watch;
use tonic::{Status, Streaming};
use wire::document_event::Event as Wire;

use super::document::Document;
use super::{Shared, answers};
use crate::caller::{Caller, answer};
use crate::failure::Failure;
use crate::history::{Event, Told};
use crate::mirror::{BadEffect, Board, Mirror};

pub(super) struct Subscriber {
    pub(super) caller: Caller,
    pub(super) document: Arc<Document>,
    pub(super) mirror: Arc<Mutex<Mirror>>,
    pub(super) shared: Arc<Shared>,
    pub(super) leave: watch::Receiver<bool>,
    /// Whether it asks for the content first, and not for the log.
    pub(super) has_nothing: bool,
    pub(super) told: Told,
}

impl Subscriber {
    /// Listens until it may leave.
    pub(super) async fn listen(mut self) -> Result<(usize, Told), Failure> {
        let mut leave = self.leave.clone();
        tokio::select! {
            _ = leave.wait_for(|leave| *leave) => {}
            failed = self.subscribe_again_and_again() => failed?,
        }
        let mirror = self.mirror.lock();
        self.told.version = mirror.version;
        self.told.board = mirror.board();
        drop(mirror);
        Ok((self.document.index, self.told))
    }

    async fn subscribe_again_and_again(&mut self) -> Result<(), Failure> {
        loop {
            let ended = self.subscribe().await?;
            let reason = answers::reason(&ended)
                .unwrap_or_else(|| format!("{:?}: {}", ended.code(), ended.message()));
            self.told.events.push(Event::Ended { reason });
            self.caller.move_on();
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// One subscription, until it ends.
    async fn subscribe(&mut self) -> Result<Status, Failure> {
        let from = (!self.has_nothing).then(|| self.mirror.lock().version);
        let request = self.caller.stream_request(wire::SubscribeDocumentRequest {
            doc_id: self.document.doc_id.clone(),
            from_version: from,
            user_name: String::new(),
        });
        let mut client = self.caller.client()?;
        let events = answer(client.subscribe_document(request)).await;
        let mut events = match events {
            Ok(events) => events,
            Err(status) => return Ok(status),
        };
        self.told.events.push(Event::Began {
            at: self.shared.clock.now(),
            replica: self.caller.at(),
            from,
        });
        Ok(self.hear(&mut events).await)
    }

    async fn hear(&mut self, events: &mut Streaming<wire::DocumentEvent>) -> Status {
        loop {
            let told = match events.message().await {
                Ok(Some(told)) => told,
                Ok(None) => return Status::unavailable("the stream ended"),
                Err(status) => return status,
            };
            if let Err(error) = self.take(told) {
                let reason = error.to_string();
                self.told.events.push(Event::Broken { reason });
            }
        }
    }

    fn take(&mut self, told: wire::DocumentEvent) -> Result<(), BadEffect> {
        let (at, version) = (self.shared.clock.now(), told.version);
        match told.event {
            Some(Wire::OperationApplied(operation)) => {
                let taken = self.mirror.lock().take(&operation);
                let operation = Box::new(operation);
                self.told.events.push(Event::Operation {
                    at,
                    version,
                    operation,
                });
                taken
            }
            Some(Wire::Resync(content)) => {
                self.has_nothing = false;
                *self.mirror.lock() = Mirror::of(content.version, &content)?;
                let board = Box::new(Board::of(&content)?);
                self.told.events.push(Event::Content {
                    at,
                    version: content.version,
                    board,
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Before another replica is asked.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
